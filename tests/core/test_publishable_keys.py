import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from core.keys import authenticate_key, issue_publishable_key
from core.logs import mask_keys
from core.models import ApiKey, AuditEntry
from core.publishable import OriginError, read_origins
from tests.cast import make_client

EVENT = b'{"type": "n", "data": {}}'
APP = "https://app.example.com"
KEYS = "/p/alpha/settings/keys/"


@pytest.fixture
def key(alpha):
    return issue_publishable_key(alpha, "shop", None)


@pytest.fixture
def bound(alpha):
    return issue_publishable_key(alpha, "shop", None, origins=[APP])


def post(key, path="/api/analytics", origin="https://anywhere.example"):
    headers = {"origin": origin} if origin else {}
    text = key if isinstance(key, str) else key.public_text
    return make_client().post(f"/k/{text}{path}", EVENT, content_type="text/plain", headers=headers)


@pytest.mark.parametrize("path", ["/api/analytics", "/api/analytics/batch/", "/api/v1/events"])
def test_it_sends_without_a_header(key, path):
    answer = post(key, path)

    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Vary"] == "Origin"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Access-Control-Allow-Credentials" not in answer


def test_scores_come_in_by_it_too(key):
    score = b'{"session_id": "s", "name": "thumbs", "value": true, "source": "user"}'

    answer = make_client().post(f"/k/{key.public_text}/api/v1/scores", score, "text/plain")

    assert answer.status_code == 202
    assert make_client().get(f"/k/{key.public_text}/api/v1/scores").status_code == 403


def test_only_pages_of_its_origins_may_use_it(bound):
    allowed, refused, none = post(bound, origin=APP), post(bound), post(bound, origin="")

    assert allowed.status_code == 202
    assert allowed["Access-Control-Allow-Origin"] == APP
    assert refused.status_code == 403
    assert "Access-Control-Allow-Origin" not in refused
    assert refused["Vary"] == "Origin"
    assert none.status_code == 202


def preflight(key, origin):
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    return make_client().options(f"/k/{key}/api/analytics", headers=headers)


def test_a_preflight_is_answered_without_credentials(bound):
    allowed, refused = (
        preflight(bound.public_text, APP),
        preflight(bound.public_text, "https://x.io"),
    )

    assert allowed.status_code == 204
    assert allowed["Access-Control-Allow-Origin"] == APP
    assert allowed["Access-Control-Allow-Methods"] == "POST"
    assert "content-type" in allowed["Access-Control-Allow-Headers"].lower()
    assert "Access-Control-Allow-Origin" not in refused


def test_a_page_may_read_why_its_key_does_not_work(alpha_key):
    for wrong in ("pk_unknown", alpha_key):
        answer = post(wrong)
        assert answer.status_code == 401
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert answer["Content-Type"] == "application/problem+json"


def test_beyond_its_rate_a_page_is_told_when_to_try_again(alpha):
    key = issue_publishable_key(alpha, "slow", None, rate_limit=1)

    first, second = post(key), post(key)

    assert (first.status_code, second.status_code) == (202, 429)
    assert second["Retry-After"] == "1"
    assert second["Access-Control-Allow-Origin"] == "*"
    assert second["Access-Control-Expose-Headers"] == "Retry-After"


def test_it_reads_nothing(key):
    client = make_client(key=key.public_text)

    for path in ("/api/v1/totals", "/api/v1/sessions", "/api/v1/ingest/status", "/api/v1/scores"):
        assert client.get(path).status_code == 403, path
    assert client.post("/v1/traces", b"", content_type="application/x-protobuf").status_code == 403


@pytest.mark.parametrize(
    ("line", "origin"),
    [
        ("https://app.example.com", APP),
        ("  HTTPS://App.Example.com/ ", APP),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_origins_are_read_as_people_write_them(line, origin):
    assert read_origins([line, "", line]) == [origin]


@pytest.mark.parametrize(
    "line", ["app.example.com", "*", "https://", "https://a.b/path", "javascript:x", "https://a b"]
)
def test_what_is_no_origin_is_refused(line):
    with pytest.raises(OriginError, match="no origin like"):
        read_origins([line])


def test_the_database_keeps_publishable_keys_harmless(key):
    for wrong in ({"scopes": ["read"]}, {"rate_limit": None}, {"public_text": "ak_1"}):
        with pytest.raises(IntegrityError, match="publishable_is_harmless"), transaction.atomic():
            ApiKey.objects.filter(pk=key.pk).update(**wrong)


def test_logs_do_not_hold_it(key):
    for text in (
        f"GET /k/{key.public_text}/api/analytics 202",
        f"the key {key.public_text} failed",
    ):
        assert key.public_text not in mask_keys(text)


def test_the_page_makes_it_and_shows_it_again(alice_client):
    fields = {
        "publishable-name": "shop",
        "publishable-origins": f"{APP}/\nhttp://localhost:3000",
        "publishable-rate_limit": "20",
    }
    response = alice_client.post(f"{KEYS}publishable/", fields, follow=True)

    key = ApiKey.objects.get()
    assert (key.origins, key.rate_limit) == (["http://localhost:3000", APP], 20)
    assert authenticate_key(key.public_text).is_publishable is True
    assert key.public_text in response.content.decode()
    assert key.public_text in alice_client.get(KEYS).content.decode()
    assert AuditEntry.objects.get().detail["kind"] == "publishable"


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"origins": "example"}, {"rate_limit": ""}, {"rate_limit": "0"}],
    ids=str,
)
def test_the_page_makes_none_from_a_bad_form(alice_client, wrong):
    fields = {"name": "shop", "origins": "", "rate_limit": "100"} | wrong
    sent = {f"publishable-{name}": value for name, value in fields.items()}

    assert alice_client.post(f"{KEYS}publishable/", sent).status_code == 400
    assert not ApiKey.objects.exists()


def test_a_secret_key_may_have_a_rate(alice_client):
    alice_client.post(KEYS, {"name": "server", "scopes": ["read"], "rate_limit": "7"})

    assert ApiKey.objects.get().rate_limit == 7


def test_the_command_makes_one(alpha, capsys):
    call_command("create_key", "alpha", "shop", publishable=True, origins=[APP], rate_limit=5)

    text = capsys.readouterr().out.strip()
    info = authenticate_key(text)
    assert (info.is_publishable, info.origins, info.rate_limit) == (True, (APP,), 5)
    with pytest.raises(CommandError, match="no origin"):
        call_command("create_key", "alpha", "shop", publishable=True, origins=["x"])
