"""Uploads that end before their length: nothing of them is stored, though a part could be read."""

import io
import json

import pytest
from django.test.client import ClientHandler

from core.keys import issue_key
from core.models import Scope
from tests.flows import digest_all, status_of
from tests.tracking.report_streams import request_of, tell
from tracking.models import InboxBatch

pytestmark = pytest.mark.usefixtures("pipeline")
LINES = b"\n".join(json.dumps({"type": "note", "id": f"{n}"}).encode() for n in range(20)) + b"\n"


def post_cut(key, path, body, *, length, kind="application/json"):
    """What the server makes of a request whose connection ended after ``body``."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "CONTENT_LENGTH": str(length),
        "CONTENT_TYPE": kind,
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
    }
    response = ClientHandler()(environ)
    return response.status_code, response.content


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/events/", "/api/analytics/batch"])
def test_lines_that_came_before_the_cut_are_not_taken_for_all(alpha, path):
    _, key = issue_key(alpha, "test", list(Scope), actor=None)
    head = LINES[: LINES.index(b"\n") * 3]

    status, text = post_cut(key, path, head, length=len(LINES))

    assert status == 400
    assert f"ended after {len(head)} of {len(LINES)} bytes".encode() in text
    assert InboxBatch.objects.count() == 0
    status, _ = post_cut(key, path, LINES, length=len(LINES))
    digest_all()
    assert (status, status_of(alpha).stored_events) == (202, 20)


def test_a_cut_export_is_refused_in_the_words_of_otlp(alpha):
    _, key = issue_key(alpha, "test", list(Scope), actor=None)
    body = request_of([tell("a")])

    status, text = post_cut(key, "/v1/traces", b"{}", length=len(body))

    assert (status, json.loads(text)["code"]) == (400, 3)
    assert InboxBatch.objects.count() == 0
