import json
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import Problem
from core.keys import issue_key
from core.models import ApiKey
from tests.cast import make_client

requests = RequestFactory()


class EchoView(APIView):
    required_scope = {"GET": "read", "POST": "ingest"}
    failure: Exception | None = None

    def get(self, request):
        if self.failure:
            raise self.failure
        return Response({"project": request.auth.project_slug})

    def post(self, request):
        return Response(request.data)


class UnscopedView(APIView):
    def get(self, request):
        return Response({})


def ask(view=EchoView, method="get", *, key="", failure=None, **options):
    if key:
        options.setdefault("headers", {"authorization": f"Bearer {key}"})
    request = getattr(requests, method)("/api/v1/echo", **options)
    response = view.as_view(**({"failure": failure} if failure else {}))(request)
    response.render()
    return response


def problem_of(response):
    assert response["Content-Type"] == "application/problem+json"
    return json.loads(response.content)


def test_a_key_opens_its_project(alpha_key):
    assert ask(key=alpha_key).data == {"project": "alpha"}


@pytest.mark.parametrize(
    "headers",
    [{"X-API-Key": "{}"}, {"authorization": "bearer {}"}, {"authorization": "Bearer  {}"}],
)
def test_it_takes_the_key_from_either_header(alpha_key, headers):
    sent = {name: value.format(alpha_key) for name, value in headers.items()}

    assert ask(headers=sent).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer unknown"},
        {"authorization": "Bearer"},
        {"authorization": "Basic dXNlcjpwYXNz"},
        {"authorization": "Token {}"},
        {"X-API-Key": ""},
    ],
    ids=str,
)
def test_it_refuses_a_request_without_a_good_key(alpha_key, headers):
    sent = {name: value.format(alpha_key) for name, value in headers.items()}

    response = ask(headers=sent)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="assay"'
    assert problem_of(response)["title"] == "Unauthorized"


@pytest.mark.parametrize(
    "change",
    [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(1)}],
    ids=list,
)
def test_it_refuses_a_key_that_ended(alpha_key, change):
    ApiKey.objects.update(**change)

    assert problem_of(ask(key=alpha_key))["detail"] == (
        "The API key is unknown, revoked or expired."
    )


def test_it_says_how_a_key_is_sent(client):
    bare = client.get("/api/v1/totals", headers={"authorization": "ak_without_a_scheme"})

    assert "Authorization: Bearer <key>" in problem_of(ask())["detail"]
    assert problem_of(bare)["detail"] == ("Authorization has another form than Bearer <key>.")


def test_it_names_the_scope_that_is_missing(make_key):
    response = ask(key=make_key("ingest"))

    assert response.status_code == 403
    assert problem_of(response) == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "This needs an API key with the scope 'read'.",
    }


def test_a_view_without_a_scope_is_closed(alpha_key):
    assert ask(UnscopedView, key=alpha_key).status_code == 403


@pytest.mark.parametrize(
    ("failure", "status", "detail"),
    [
        (Http404("secret"), 404, "Not found"),
        (PermissionDenied("not yours"), 403, "not yours"),
        (Problem(413, "21 MiB are more than 20 MiB"), 413, "21 MiB"),
        (Problem(409, "started already", code="conflict"), 409, "started already"),
        (ValidationError({"name": ["missing"]}), 400, "not valid"),
        (OperationalError("password=canary"), 503, "database is away"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_error_is_a_problem(alpha_key, failure, status, detail):
    response = ask(key=alpha_key, failure=failure)

    assert response.status_code == problem_of(response)["status"] == status
    assert detail in problem_of(response)["detail"]
    assert b"canary" not in response.content


def test_a_problem_carries_its_code_errors_and_headers(alpha_key):
    failure = Problem(
        429, "slower", code="rate", errors=[{"index": 3}], headers={"Retry-After": "7"}
    )

    response = ask(key=alpha_key, failure=failure)

    assert response["Retry-After"] == "7"
    assert problem_of(response)["type"] == "urn:assay:problem:rate"
    assert problem_of(response)["errors"] == [{"index": 3}]


def test_a_database_away_asks_for_another_try(alpha_key):
    assert ask(key=alpha_key, failure=OperationalError("gone"))["Retry-After"] == "1"


def test_an_error_nobody_foresaw_is_passed_on(alpha_key):
    with pytest.raises(ZeroDivisionError):
        ask(key=alpha_key, failure=ZeroDivisionError())


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"data": "<a/>", "content_type": "application/xml"}, 415),
    ],
)
def test_bad_bodies_are_problems(alpha_key, options, status):
    response = ask(method="post", key=alpha_key, **options)

    assert problem_of(response)["status"] == status


def test_a_wrong_method_is_a_problem(alpha_key):
    response = ask(method="delete", key=alpha_key)

    assert response.status_code in {403, 405}
    assert problem_of(response)["status"] == response.status_code


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v1/nothing/", "/api/", "/k/x/nothing", "/fallom/x"]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_unknown_api_paths_are_problems_and_never_redirect(client, db, path, method):
    response = getattr(client, method)(path)

    assert response.status_code == 404
    assert problem_of(response)["status"] == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_otlp_signal_is_told_in_the_words_of_otlp(client, db, method):
    response = getattr(client, method)("/v1/nothing", content_type="application/json")

    assert response.status_code == 404
    assert response.json()["code"] == 5  # google.rpc.Code.NOT_FOUND


@pytest.mark.parametrize("path", ["/api/schema", "/api/schema/", "/api/docs", "/api/docs/"])
def test_schema_and_docs_answer_with_and_without_a_slash(client, db, path):
    assert client.get(path).status_code == 200


def test_the_docs_have_no_inline_script_or_style(client, db):
    page = client.get("/api/docs/").content.decode()

    assert "<style" not in page
    assert "<script>" not in page
    assert "https://" not in page
    script = client.get("/api/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")


def test_an_unforeseen_error_on_an_api_path_is_a_problem(alpha, alpha_key, settings):
    settings.ROOT_URLCONF = "tests.core.failing_urls"
    client = make_client(key=alpha_key, raise_request_exception=False)

    broken, away = client.get("/api/broken"), client.get("/api/away")

    assert (broken.status_code, away.status_code) == (500, 503)
    assert problem_of(broken)["detail"] == "Something went wrong. The error was logged."
    assert away["Retry-After"] == "1"


def test_an_unforeseen_error_on_a_page_is_a_plain_page(db, settings):
    settings.ROOT_URLCONF = "tests.core.failing_urls"
    client = make_client(raise_request_exception=False)

    response = client.get("/broken")

    assert response.status_code == 500
    assert b"Something went wrong" in response.content
    assert client.get("/away").status_code == 503


def test_a_session_means_nothing_to_the_api(alice):
    request = requests.get("/api/v1/echo")
    request.user = alice

    response = EchoView.as_view()(request)

    assert response.status_code == 401


def test_a_key_of_another_project_opens_only_that(beta):
    raw = issue_key(beta, "k", ["read"], None)[1]

    assert ask(key=raw).data == {"project": "beta"}
