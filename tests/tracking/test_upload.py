"""Files of events: parts that a script sends, and whole files from a form."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.cast import make_client
from tests.flows import digest_all, drift_of, status_of

pytestmark = pytest.mark.usefixtures("pipeline")

PAGE = "/p/alpha/events/upload/"
FILE = (Path(__file__).parent.parent / "payloads/ai-experiments/file-backend.jsonl").read_bytes()
BROKEN = b'{"type": "a"}\n{"type": "b"\n{"data": {}}\n{"type": "c"}\n'


@pytest.fixture
def editor(erin):
    return make_client(erin)


def send_part(client, body):
    return client.post(PAGE, body, content_type="application/x-ndjson")


def send_form(client, body):
    return client.post(PAGE, {"file": SimpleUploadedFile("events.jsonl", body)})


def test_a_part_is_stored_and_answered(alpha, editor):
    answer = send_part(editor, FILE)
    digest_all()

    assert (answer.status_code, answer.json()) == (200, {"accepted": 15, "rejected": []})
    assert status_of(alpha).stored_events == 15
    assert drift_of(alpha.pk) == []


def test_broken_lines_are_named_and_cost_no_other(alpha, editor):
    said = send_part(editor, BROKEN).json()
    digest_all()

    assert said["accepted"] == 2
    assert [(each["index"], each["code"]) for each in said["rejected"]] == [
        (1, "json_invalid"),
        (2, "type_missing"),
    ]
    assert status_of(alpha).stored_events == 2


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [(b"", 400, "empty"), (b"no json", 400, "not JSON"), (b" " * (20 * 1024**2 + 1), 413, "limit")],
    ids=["empty", "text", "large"],
)
def test_what_cannot_be_read_is_said(editor, body, status, words):
    answer = send_part(editor, body)

    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_sending_a_file_again_changes_nothing(alpha, editor):
    send_part(editor, FILE)
    send_part(editor, FILE)
    digest_all()

    status = status_of(alpha)
    assert (status.stored_events, status.duplicate_events) == (15, 15)


def test_a_form_takes_a_file_without_javascript(alpha, editor):
    page = send_form(editor, FILE + BROKEN).content.decode()
    digest_all()

    assert "17 accepted, 2 rejected" in page
    assert "item 17: not JSON" in page
    assert status_of(alpha).stored_events == 17


def test_a_form_says_what_is_wrong(editor):
    assert "Choose a file." in editor.post(PAGE, {"x": "y"}, format="multipart").content.decode()
    answer = send_form(editor, b"no json")
    assert answer.status_code == 400
    assert "not JSON" in answer.content.decode()


def test_the_ingestion_page_leads_to_it(bob_client, editor):
    address = "/p/alpha/settings/ingestion/"

    assert PAGE in editor.get(address).content.decode()
    assert PAGE not in bob_client.get(address).content.decode()


def test_editors_and_no_viewers_may_send(bob_client, editor):
    assert editor.get(PAGE).status_code == 200
    assert bob_client.get(PAGE).status_code == 403
    assert send_part(bob_client, FILE).status_code == 403
