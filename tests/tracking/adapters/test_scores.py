"""What the door of scores takes, refuses, and makes of it."""

import json

import pytest

from tracking.adapters.scores import FORM, SYSTEM, check, derive, read
from tracking.events import BadBodyError, Kind, Part, Receipt

DAY_US = 86_400_000_000
NOW_US = 1_780_000_000_000_000
RECEIPT = Receipt(NOW_US, NOW_US - 30 * DAY_US)
GOOD = {"session_id": "s", "name": "helpful", "value": True}


def parts_of(*scores, receipt=RECEIPT):
    return read(json.dumps(scores).encode(), receipt=receipt).parts


def event_of(score, key="k"):
    return derive(key, parts_of(score)).events[0]


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(GOOD),
        json.dumps([GOOD]),
        json.dumps({"scores": [GOOD]}),
        f"{json.dumps(GOOD)}\n",
    ],
    ids=["one", "array", "wrapped", "a line"],
)
def test_each_shape_of_a_body_holds_the_score(body):
    assert check(body.encode(), receipt=RECEIPT) == (1, [])
    assert [part.system for part in read(body.encode(), receipt=RECEIPT).parts] == [SYSTEM]


def test_lines_hold_a_score_each():
    body = "\n".join(json.dumps({**GOOD, "value": n}) for n in range(3)).encode()

    assert check(body, receipt=RECEIPT) == (3, [])


@pytest.mark.parametrize("body", [b"", b"3", b'{"scores": 1}'])
def test_a_body_that_is_none_is_refused_with_words(body):
    with pytest.raises(BadBodyError) as caught:
        check(body, receipt=RECEIPT)

    assert "score" in str(caught.value)
    assert FORM.wrapper == "scores"


REFUSED = {
    "target_missing": {"name": "a", "value": 1},
    "name_missing": {"session_id": "s", "name": " ", "value": 1},
    "name_too_long": {"session_id": "s", "name": "x" * 201, "value": 1},
    "value_invalid": {"session_id": "s", "name": "a", "value": None},
    "source_unknown": {**GOOD, "source": "dog"},
    "comment_invalid": {**GOOD, "comment": 3},
    "comment_too_long": {**GOOD, "comment": "x" * 50_001},
    "timestamp_invalid": {**GOOD, "at": "soon"},
    "expired": {**GOOD, "at": "1999-01-01"},
    "not_an_object": "score",
}


@pytest.mark.parametrize(("code", "score"), REFUSED.items(), ids=REFUSED)
def test_a_bad_score_is_refused_and_costs_no_neighbour(code, score):
    n_items, rejections = check(json.dumps([GOOD, score, GOOD]).encode(), receipt=RECEIPT)

    assert n_items == 3
    assert [(r.index, r.code) for r in rejections] == [(1, code)]
    assert len(parts_of(GOOD, score, {**GOOD, "value": False})) == 2


@pytest.mark.parametrize("value", [[1], {"a": 1}, "", " ", 1e151, "x" * 513])
def test_a_value_is_a_number_a_truth_or_a_label(value):
    _, rejections = check(json.dumps({**GOOD, "value": value}).encode(), receipt=RECEIPT)

    assert [r.code for r in rejections] == ["value_invalid"]


@pytest.mark.parametrize("written", ["NaN", "-Infinity", "1e400", "-1e999", "9" * 5_000])
def test_what_is_no_finite_number_is_no_label_either(written):
    label = {"user_id": "u", "name": "a", "value": "NaN"}
    body = f'[{{"user_id": "u", "name": "a", "value": {written}}}, {json.dumps(label)}]'

    _, rejections = check(body.encode(), receipt=RECEIPT)

    assert [(r.index, r.code) for r in rejections] == [(0, "value_invalid")]
    assert "finite" in rejections[0].message


@pytest.mark.parametrize(
    ("value", "metric"),
    [
        (0.5, ("score:helpful", 0.5)),
        (-3, ("score:helpful", -3.0)),
        (True, ("score:helpful", 1.0)),
        (False, ("score:helpful", 0.0)),
        ("great", ("score:helpful=great", 1.0)),
    ],
)
def test_a_value_becomes_a_metric(value, metric):
    event = event_of({**GOOD, "value": value})

    assert event.metrics == (metric,)
    assert (event.kind, event.duration_us, event.is_score) == (Kind.EVALUATOR, None, True)


SPAN, TRACE = "b" * 16, "a" * 32
PLACES = {
    "session": ({"session_id": "s"}, ("session:s", "s", "", "")),
    "implicit session": ({"session_id": f"trace:{TRACE}"}, (TRACE, "", "", "")),
    "trace": ({"trace_id": TRACE.upper()}, (TRACE, "", "", "")),
    "span": ({"trace_id": TRACE, "span_id": SPAN}, (TRACE, "", SPAN, "")),
    "span alone": ({"span_id": SPAN}, (f"span:{SPAN}", "", SPAN, "")),
    "run": ({"run_id": "r"}, ("r", "", "", "")),
    "user": ({"user_id": "u"}, ("user:u", "", "", "u")),
    "trace of a session": ({"trace_id": TRACE, "session_id": "s"}, (TRACE, "s", "", "")),
    "camel case": ({"sessionId": "s", "userId": "u"}, ("session:s", "s", "", "")),
}


@pytest.mark.parametrize(("target", "place"), PLACES.values(), ids=PLACES)
def test_a_score_belongs_to_what_it_judges(target, place):
    event = event_of({**target, "name": "a", "value": 1})

    assert (event.trace_id, event.session_own, event.parent_span_id, event.user_own) == place


def test_equal_scores_of_a_request_are_several_and_of_two_requests_the_same():
    first, second = parts_of(GOOD, GOOD), parts_of(GOOD, GOOD)

    assert first[0].key != first[1].key
    assert [p.key for p in first] == [p.key for p in second]


def test_a_request_with_an_identity_lends_it_to_its_scores():
    receipt = Receipt(NOW_US, 0, {"idempotency-key": "abc"})

    one, other = parts_of(GOOD, receipt=receipt), parts_of({**GOOD, "value": 3}, receipt=receipt)

    assert one[0].key == other[0].key


def test_what_means_nothing_here_is_kept():
    event = event_of({**GOOD, "comment": "well", "judge": {"model": "gpt-4o"}})

    assert event.payload.attributes == {
        "name": "helpful",
        "value": True,
        "source": "code",
        "comment": "well",
        "judge": {"model": "gpt-4o"},
    }


def word(value, *, at=None, received=NOW_US):
    score = {**GOOD, "id": "k", "value": value, **({"at": at} if at else {})}
    return parts_of(score, receipt=Receipt(received, 0))[0]


def test_the_latest_word_counts_whatever_came_first():
    early, late = word(1, at="2026-05-01"), word(2, at="2026-05-02")

    for parts in ([early, late], [late, early]):
        assert derive("k", parts).events[0].metrics == (("score:helpful", 2.0),)


def test_without_a_time_the_one_received_last_counts():
    parts = [word(1, received=NOW_US), word(2, received=NOW_US + 1)]

    assert derive("k", parts).events[0].metrics == (("score:helpful", 2.0),)


def test_at_one_moment_the_content_decides():
    parts = [word(1, at="2026-05-01"), word(2, at="2026-05-01")]
    expected = max(parts, key=lambda part: part.body)

    assert derive("k", parts[::-1]) == derive("k", parts)
    assert derive("k", parts).events == derive("k", [expected]).events


def test_a_time_ahead_is_that_of_its_receipt():
    event = derive("k", [word(1, at="2096-05-01")]).events[0]

    assert (event.occurred_us, event.warnings) == (NOW_US, ("clock_ahead",))


def test_a_clock_far_ahead_has_not_the_last_word():
    parts = [word(1, at="2096-05-01"), word(2, received=NOW_US + 1)]

    assert derive("k", parts).events[0].metrics == (("score:helpful", 2.0),)


def test_text_that_a_database_cannot_hold_is_replaced():
    event = event_of({"session_id": "a\0b", "name": "n\0", "value": "v\ud800"})

    assert event.session_own == "a\N{REPLACEMENT CHARACTER}b"
    assert event.metrics[0][0].isprintable()


def test_a_part_is_the_same_bytes_however_it_was_written():
    one = read(b'{"name": "a", "value": 1, "session_id": "s"}', receipt=RECEIPT).parts[0]
    other = read(b' {"session_id":"s","value":1.0,"name":"a"}', receipt=RECEIPT).parts[0]

    assert one == other
    assert isinstance(one, Part)
