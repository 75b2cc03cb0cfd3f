"""What several scores say together."""

import datetime

import pytest

from tracking.score_chips import ScoreRow, sum_up

AT = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)


def make_score(value, name="a", comment="", source="judge"):
    return ScoreRow(
        id="1", target={}, name=name, value=value, source=source, comment=comment, at=AT
    )


def test_numbers_have_a_mean():
    (chip,) = sum_up([make_score(1.0), make_score(0.5)])

    assert (chip.name, chip.n, chip.mean, chip.tone) == ("a", 2, 0.75, "")


@pytest.mark.parametrize(
    ("values", "share", "tone"),
    [([True], 1.0, "good"), ([True, False], 0.5, "good"), ([True, False, False], 1 / 3, "bad")],
)
def test_truths_have_a_share(values, share, tone):
    (chip,) = sum_up(list(map(make_score, values)))

    assert (chip.share, chip.mean, chip.tone) == (share, None, tone)


def test_of_labels_the_latest_is_shown():
    (chip,) = sum_up([make_score("fine"), make_score("rude")])

    assert (chip.label, chip.n) == ("fine", 2)


def test_names_and_types_stand_apart_in_order():
    chips = sum_up([make_score(1.0, "b"), make_score(True), make_score("x"), make_score(2.0)])

    assert [(chip.name, chip.n) for chip in chips] == [("a", 1), ("a", 1), ("a", 1), ("b", 1)]


def test_a_note_says_from_whom_and_what():
    (one,) = sum_up([make_score(1.0, comment="x" * 400, source="human")])

    assert one.note == f"1 score, from human: {'x' * 300}…"
    assert sum_up([make_score(1.0), make_score(2.0)])[0].note == "2 scores, from judge"


def test_labels_beyond_the_latest_scores_are_no_names():
    metrics = {"score:tone=rude": 1.0, "score:tone=calm": 1.0, "score:tone": 0.5}

    chips = sum_up([make_score("calm", "tone")], metrics)

    assert [(chip.name, chip.label, chip.mean) for chip in chips] == [
        ("tone", "calm", None),
        ("tone", "", 0.5),
    ]


def test_evaluations_that_nobody_sent_as_scores_are_shown_as_well():
    metrics = {"score:a": 0.5, "score:b": 0.25, "score:c=good": 1.0, "duration_ms": 9.0}
    chips = sum_up([make_score(1.0), make_score("good", "c")], metrics)

    assert [(chip.name, chip.mean) for chip in chips] == [("a", 1.0), ("c", None), ("b", 0.25)]
    assert chips[-1].note == "the latest of its evaluations"
