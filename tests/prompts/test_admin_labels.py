"""Labels in the prompts' admin: moved, rolled back, protected, asked for and decided."""

import pytest

from core.models import Membership, Role
from prompts.drafts import Draft, create_draft
from prompts.models import LabelMove, LabelRequest, Prompt, PromptLabel
from tests.cast import make_client
from tests.prompts.admin_pages import BASE, read

pytestmark = pytest.mark.django_db


def serving(label="production"):
    row = PromptLabel.objects.filter(name=label).select_related("version").first()
    return row.version.number if row and row.version else None


def test_a_label_moves_with_a_reason_and_rolls_back_in_one_click(editor, prompt, send, versions):
    for number in (1, 3):
        send(editor, "labels/move/", label="production", version=number, reason="better")
    assert "Roll back to v1" in read(editor, prompt)

    told = send(editor, "labels/rollback/", label="production", seen=3)

    assert told == (200, ["production serves v1 now."])
    assert serving() == 1
    last = LabelMove.objects.first()
    assert (last.from_number, last.to_number, last.reason) == (3, 1, "Roll back from v3.")
    assert last.actor_label == "erin"


def test_a_label_that_moved_meanwhile_is_not_rolled_back(editor, prompt, send, versions):
    for number in (1, 2, 3):
        send(editor, "labels/move/", label="production", version=number, reason="on")

    assert send(editor, "labels/rollback/", label="production", seen=2)[1] == [
        "'production' is on v3 by now."
    ]
    assert serving() == 3


def test_a_label_is_taken_off(editor, prompt, send, versions):
    send(editor, "labels/move/", label="staging", version=1, reason="try")

    told = send(editor, "labels/move/", label="staging", version=0, reason="done")

    assert told == (200, ["staging serves no version now."])
    assert serving("staging") is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"label": "production", "version": 1}, "reason: This field is required."),
        ({"label": "Not a label", "version": 1, "reason": "x"}, "Use a–z, 0–9"),
        ({"label": "production", "version": 9, "reason": "x"}, "There is no v9."),
        ({"label": "production", "version": 4, "reason": "x"}, "v4 is a draft"),
        ({"label": "production", "version": "x", "reason": "x"}, "version: Enter a whole"),
    ],
)
def test_a_move_that_cannot_be_changes_nothing(
    editor, prompt, send, versions, writer, fields, said
):
    create_draft(prompt, Draft(user_template="four"), writer)

    status, told = send(editor, "labels/move/", **fields)

    assert status == 200
    assert said in told[0]
    assert LabelMove.objects.count() == 0


def test_a_protected_one_needs_a_second_person(editor, admin, alpha, prompt, send, versions):
    send(admin, "labels/protect/", label="production", on=1)
    told = send(admin, "labels/move/", label="production", version=2, reason="better")[1]
    assert told == ["production is protected: its move to v2 waits for a second person."]
    asked = LabelRequest.objects.get()
    decide = f"requests/{asked.pk}/decide/"

    assert send(admin, decide, decision="approve")[1] == ["A second person must approve."]
    assert send(editor, decide, decision="approve")[0] == 403
    assert serving() is None
    assert "A second person approves it." in read(admin, prompt)
    assert "An admin approves it." in read(editor, prompt)


def test_a_request_is_approved_by_another_admin(editor, admin, dana, prompt, send, versions):
    send(admin, "labels/protect/", label="production", on=1)
    send(editor, "labels/move/", label="production", version=2, reason="better")
    asked = LabelRequest.objects.get()
    assert "Approve" in read(admin, prompt)

    told = send(admin, f"requests/{asked.pk}/decide/", decision="approve", note="read it")

    assert told == (200, ["production serves v2 now."])
    move = LabelMove.objects.get()
    assert (move.actor_label, move.approved_by) == ("erin", dana)
    assert "approved by dana" in read(editor, prompt)


def test_a_request_is_rejected_and_remembered(editor, admin, prompt, send, versions):
    send(admin, "labels/protect/", label="production", on=1)
    send(editor, "labels/move/", label="production", version=2, reason="better")
    asked = LabelRequest.objects.get()

    told = send(admin, f"requests/{asked.pk}/decide/", decision="reject", note="too warm")

    assert told == (200, ["The request is rejected."])
    assert serving() is None
    assert "too warm" in read(editor, prompt)


def test_a_request_is_withdrawn_by_who_asked_or_an_admin(
    editor, admin, alpha, charlie, prompt, send, versions
):
    send(admin, "labels/protect/", label="production", on=1)
    send(editor, "labels/move/", label="production", version=2, reason="better")
    Membership.objects.create(project=alpha, user=charlie, role=Role.EDITOR)
    path = f"requests/{LabelRequest.objects.get().pk}/withdraw/"

    assert send(make_client(charlie), path)[0] == 403
    assert send(editor, path) == (200, ["The request is withdrawn."])
    assert send(admin, path)[1] == ["The request is Withdrawn."]


def test_an_overtaken_request_says_so(editor, admin, prompt, send, versions):
    send(admin, "labels/protect/", label="production", on=1)
    send(editor, "labels/move/", label="production", version=2, reason="better")
    send(admin, "labels/protect/", label="production", on=0)
    send(admin, "labels/move/", label="production", version=3, reason="at once")

    assert "Overtaken by another move" in read(admin, prompt)
    assert "asks to move" not in read(admin, prompt)
    path = f"requests/{LabelRequest.objects.get().pk}/decide/"
    assert send(admin, path, decision="approve")[1] == [
        "'production' moved meanwhile and is on v3: ask anew."
    ]


def test_a_request_of_another_prompt_is_not_there(admin, alpha, prompt, send, writer):
    other = Prompt.objects.create(project=alpha, key="other")
    asked = LabelRequest.objects.create(
        prompt=other, label="production", from_number=0, to_number=1, reason="x"
    )

    response = admin.post(f"{BASE}{prompt.pk}/requests/{asked.pk}/decide/")

    assert response.status_code == 404
