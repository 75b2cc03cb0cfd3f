import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from prompts.acting import PromptError
from prompts.drafts import Draft, create_draft
from prompts.labels import decide, move_label, protect_label, roll_back, withdraw
from prompts.models import LabelMove, LabelRequest, PromptLabel

pytestmark = pytest.mark.django_db


def serving(label="production"):
    version = PromptLabel.objects.get(name=label).version
    return version.number if version else None


def code_of(call, *args, **kwargs):
    with pytest.raises(PromptError) as refused:
        call(*args, **kwargs)
    return refused.value.code


def test_a_label_moves_with_a_reason_and_is_remembered(prompt, versions, writer):
    move_label(prompt, "production", 1, "first", writer)
    move_label(prompt, "production", 3, "better", writer)

    assert serving() == 3
    moves = LabelMove.objects.order_by("id").values_list("from_number", "to_number", "reason")
    assert list(moves) == [(0, 1, "first"), (1, 3, "better")]


def test_a_label_is_not_put_onto_a_draft_or_nothing(prompt, versions, writer):
    draft = create_draft(prompt, Draft(user_template="four"), writer)

    assert code_of(move_label, prompt, "production", draft.number, "why", writer) == "not_published"
    assert code_of(move_label, prompt, "production", 99, "why", writer) == "no_such_version"
    assert code_of(move_label, prompt, "production", 1, "  ", writer) == "reason_missing"
    assert LabelMove.objects.count() == 0


def test_a_move_to_where_a_label_is_is_no_move(prompt, versions, writer):
    move_label(prompt, "production", 1, "first", writer)

    assert code_of(move_label, prompt, "production", 1, "again", writer) == "no_change"


@pytest.mark.parametrize("label", ["", "Production", "a b", "-a", "a" * 41])
def test_a_malformed_label_is_refused(prompt, versions, writer, label):
    with pytest.raises(ValidationError):
        move_label(prompt, label, 1, "why", writer)


@pytest.fixture
def request_of_writer(prompt, versions, writer, approver):
    move_label(prompt, "production", 1, "first", writer)
    protect_label(prompt, "production", approver, protected=True)
    return move_label(prompt, "production", 2, "better", writer)


def test_a_protected_label_waits_for_a_second_person(request_of_writer, writer, approver):
    assert isinstance(request_of_writer, LabelRequest)
    assert serving() == 1
    assert code_of(decide, request_of_writer, writer, approve=True) == "own_request"

    move = decide(request_of_writer, approver, approve=True, note="read it")

    assert serving() == 2
    assert (move.actor, move.approved_by, move.reason) == (writer.user, approver.user, "better")


def test_a_rejected_request_changes_nothing(request_of_writer, approver):
    assert decide(request_of_writer, approver, approve=False, note="no") is None

    assert serving() == 1
    assert code_of(decide, request_of_writer, approver, approve=True) == "request_closed"


def test_a_label_has_one_request_at_a_time(prompt, request_of_writer, writer):
    assert code_of(move_label, prompt, "production", 3, "even better", writer) == "request_pending"

    withdraw(request_of_writer, writer)
    assert move_label(prompt, "production", 3, "even better", writer).to_number == 3


def test_a_request_that_was_overtaken_is_not_approved(prompt, request_of_writer, writer, approver):
    protect_label(prompt, "production", approver, protected=False)
    move_label(prompt, "production", 3, "at once", writer)

    assert code_of(decide, request_of_writer, approver, approve=True) == "request_stale"
    assert serving() == 3


def test_a_request_stays_overtaken_when_the_label_comes_back(
    prompt, request_of_writer, writer, approver
):
    protect_label(prompt, "production", approver, protected=False)
    move_label(prompt, "production", 3, "at once", writer)
    roll_back(prompt, "production", "worse", writer)
    protect_label(prompt, "production", approver, protected=True)

    assert serving() == 1  # as when it was asked
    assert code_of(decide, request_of_writer, approver, approve=True) == "request_stale"
    assert move_label(prompt, "production", 2, "again", writer).state == "pending"


def test_a_request_that_an_older_version_left_pending_is_not_approved(
    prompt, request_of_writer, approver
):
    """Its label had moved before moves closed requests."""
    LabelRequest.objects.filter(pk=request_of_writer.pk).update(from_number=3)

    assert code_of(decide, request_of_writer, approver, approve=True) == "request_stale"
    assert serving() == 1
    assert decide(request_of_writer, approver, approve=False) is None


def test_a_roll_back_of_a_protected_label_waits_for_a_second_person(
    prompt, request_of_writer, writer, approver
):
    decide(request_of_writer, approver, approve=True)

    asked = roll_back(prompt, "production", "worse", writer, seen=2)

    assert (asked.from_number, asked.to_number, serving()) == (2, 1, 2)
    assert code_of(decide, asked, writer, approve=True) == "own_request"
    move = decide(asked, approver, approve=True)
    assert serving() == 1
    assert (move.from_number, move.to_number, move.approved_by) == (2, 1, approver.user)
    assert LabelRequest.objects.filter(state="pending").count() == 0


def test_a_roll_back_says_which_request_stands_before_it(prompt, versions, writer, approver):
    move_label(prompt, "production", 1, "first", writer)
    move_label(prompt, "production", 2, "second", writer)
    protect_label(prompt, "production", approver, protected=True)
    move_label(prompt, "production", 3, "forward", writer)

    with pytest.raises(PromptError, match="to v3 waits for approval already") as refused:
        roll_back(prompt, "production", "worse", writer)

    assert refused.value.code == "request_pending"
    assert serving() == 2


def test_a_label_rolls_back_to_where_it_was(prompt, versions, writer):
    assert code_of(roll_back, prompt, "production", "", writer) == "nothing_before"
    move_label(prompt, "production", 1, "first", writer)
    move_label(prompt, "production", 3, "better", writer)

    roll_back(prompt, "production", "worse after all", writer)

    assert serving() == 1


@pytest.mark.parametrize(
    "statement", ["UPDATE prompts_labelmove SET reason = 'x'", "DELETE FROM prompts_labelmove"]
)
def test_the_database_refuses_to_change_a_move(prompt, versions, writer, statement):
    move_label(prompt, "production", 1, "first", writer)

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)


def test_a_label_that_others_moved_meanwhile_is_not_rolled_back_blindly(prompt, versions, writer):
    for number in (1, 2, 3):
        move_label(prompt, "production", number, "on", writer)

    assert code_of(roll_back, prompt, "production", "", writer, seen=2) == "label_moved"
    assert serving() == 3
