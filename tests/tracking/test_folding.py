import itertools

from tests.tracking.incoming import make_fact
from tracking.events import Kind, Status
from tracking.folding import (
    COST,
    ERRORS,
    LLM,
    ROOT_ERRORS,
    SPANS,
    TOKENS,
    TraceState,
    fold,
)


def state_of(*facts):
    state = TraceState("t")
    fold(state, facts)
    return state


def test_a_trace_belongs_to_the_session_named_nearest_to_its_root():
    deep = make_fact("deep", 1, parent_span_id="x", session_own="late")
    root = make_fact("root", 5, session_own="right")

    assert state_of(deep, root).claim_session == "right"


def test_of_equals_the_earliest_names_the_session():
    facts = [make_fact(f"s{n}", n, parent_span_id="x", session_own=f"{n}") for n in (3, 1, 2)]

    assert state_of(*facts).claim_session == "1"


def test_spans_without_a_session_follow_the_claim():
    state = state_of(make_fact("a", session_own="s"), make_fact("b", parent_span_id="a"))

    assert [(p.session_own, p.session_id, p.is_implicit) for p in state.parts.values()] == [
        ("s", "s", False),
        ("", "s", False),
    ]


def test_a_trace_that_names_no_session_is_one():
    (part,) = state_of(make_fact("a")).parts.values()

    assert (part.session_id, part.is_implicit, part.is_trace_of_session) == ("trace:t", True, True)


def test_points_neither_name_a_trace_nor_count_as_its_spans():
    state = state_of(make_fact("point", 0, duration_us=None), make_fact("span", 5))

    assert (state.name, state.total(SPANS)) == ("span", 1)


def test_errors_below_the_root_are_no_root_errors():
    failed = {"status": int(Status.ERROR)}
    state = state_of(make_fact("a", **failed), make_fact("b", parent_span_id="a", **failed))

    assert (state.total(ERRORS), state.total(ROOT_ERRORS)) == (2, 1)


def test_calls_count_instead_of_their_wrapper_in_any_order():
    facts = [
        make_fact("wrapper", 0, kind=int(Kind.AGENT), tokens_in=100, cost=9),
        make_fact("inner", 1, parent_span_id="wrapper", kind=int(Kind.CHAIN), tokens_in=50),
        make_fact("call", 2, parent_span_id="inner", kind=int(Kind.LLM), tokens_in=40, cost=7),
    ]

    for order in itertools.permutations(facts):
        state = state_of(*order)
        assert (state.total(TOKENS), state.total(COST), state.total(LLM)) == (40, 7, 1)


def test_a_wrapper_counts_for_calls_nobody_sent():
    state = state_of(make_fact("w", kind=int(Kind.AGENT), tokens_in=100, cost=9))

    assert (state.total(TOKENS), state.total(COST), state.total(LLM)) == (100, 9, 0)


def test_metrics_too_great_to_square_are_left_out():
    (part,) = state_of(make_fact("a", metrics=(("m", 1e200), ("n", 2.0)))).parts.values()

    assert list(part.metrics) == ["n"]
