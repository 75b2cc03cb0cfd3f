"""Prompts named above model calls, through the real door: nearest first, in any order."""

import datetime
import io
import itertools

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tests.flows import digest, digest_all, drift_of, make_sender, make_span
from tests.tracking.incoming import make_fact
from tests.tracking.maintenance import apply_retention, keep, reprice, set_price
from tracking import repricing
from tracking.corrections import apply_deltas
from tracking.events import Kind
from tracking.filters import EventFilter
from tracking.folding import Tie
from tracking.listing import list_sessions, list_spans, list_traces
from tracking.models import Event, Quarantined, Trace, UsageRollup
from tracking.reading import read_span
from tracking.staging import open_cursor, unix_us
from tracking.tied_rows import BY_SPAN, CALLS_BELOW, CALLS_BESIDE
from tracking.ties import TANGLED, TIED, UNTIED, tie_trace

START = timezone.now().replace(microsecond=0) - datetime.timedelta(hours=2)
AGENT, CALL, CHAIN = int(Kind.AGENT), int(Kind.LLM), int(Kind.CHAIN)


def fact(name, parent="", *, kind=CALL, prompt="", at=0, **fields):
    return make_fact(
        name,
        at,
        kind=kind,
        span_id=name,
        parent_span_id=parent,
        prompt_key=prompt,
        prompt_version="1" if prompt else "",
        **fields,
    )


def above(*facts):
    """The prompt named above each fact, by name."""
    _, ties = tie_trace(facts, {})
    return {f.event.name: tie.prompt_key for f in facts if (tie := ties[f.event_key])}


ROOT = fact("root", kind=AGENT, prompt="plan")


def test_a_call_takes_the_prompt_of_its_nearest_ancestor_that_names_one():
    inner = fact("inner", "root", kind=CHAIN, prompt="answer")
    silent = fact("silent", "inner", kind=CHAIN)
    deep, near = fact("deep", "silent"), fact("near", "root")

    assert above(ROOT, inner, silent, deep, near) == {
        "root": "",
        "inner": "plan",
        "silent": "answer",
        "deep": "answer",
        "near": "plan",
    }


def test_a_prompt_passes_neither_up_nor_sideways_nor_from_a_call():
    branch = fact("branch", "root", kind=CHAIN, prompt="branch")
    root, sibling = fact("root", kind=AGENT), fact("sibling", "root")
    call, under = fact("call", "root", prompt="own"), fact("under", "call")

    found = above(root, branch, sibling, call, under)

    assert set(found.values()) == {""}


def test_a_point_neither_passes_a_prompt_down_nor_takes_one():
    point = fact("root", kind=0, prompt="plan", duration_us=None)

    assert tie_trace([point, fact("call", "root")], {}) == (UNTIED, {})


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([fact("a", "a", kind=AGENT, prompt="p"), fact("c", "a")], {"a": "p", "c": "p"}),
        ([fact("a", "b"), fact("b", "a"), ROOT], {"a": "", "b": "", "root": ""}),
        ([fact("a", "gone"), ROOT], {"a": "", "root": ""}),
        (
            [fact("a", "b"), fact("b", "c", kind=CHAIN), fact("c", "b", kind=AGENT, prompt="p")],
            {"a": "p", "b": "p", "c": "p"},
        ),
    ],
    ids=["own parent", "each other's", "missing", "circle with a prompt"],
)
def test_odd_parents_are_harmless(facts, expected):
    for order in itertools.permutations(facts):
        assert above(*order) == expected


def test_the_first_of_two_spans_of_one_id_is_the_parent():
    first = fact("twin", kind=AGENT, prompt="first", at=1)
    later = fact("twin", kind=AGENT, prompt="later", at=2)

    for order in itertools.permutations([first, later, fact("call", "twin")]):
        level, ties = tie_trace(order, {})
        assert (level, ties[order_key(order, "call")]) == (TIED | TANGLED, Tie("first", "1"))


def order_key(facts, name):
    return next(f.event_key for f in facts if f.event.name == name)


def test_a_chain_of_many_spans_is_walked_once():
    n = 33_000
    chain = [fact(f"{i}", f"{i - 1}", kind=CHAIN, at=i) for i in range(1, n)]

    level, ties = tie_trace([fact("0", kind=AGENT, prompt="p"), *reversed(chain)], {})

    assert level == TIED
    assert sum(tie.prompt_key == "p" for tie in ties.values() if tie) == n - 1


# Below: through the door.


@pytest.fixture
def sender(sender, no_drift):
    return sender


def span(name, parent="", *, prompt="", version="1", trace="t", **data):
    named = {"prompt": prompt, "prompt_version": version} if prompt else {}
    kind = data.pop("kind", "llm" if name.startswith("call") else "chain")
    if kind == "llm":
        data.setdefault("tokens", {"input": 5})
    start = data.pop("start", START)
    parts = {"parent_span_id": parent} if parent else {}
    return make_span(trace, name, start=start, kind=kind, **parts, **named, **data)


def used(kind=CALL):
    """Calls and tokens by prompt and version."""
    rows = UsageRollup.objects.filter(family=UsageRollup.Family.PROMPT, kind=kind)
    sums = {}
    for key, version, n, tokens in rows.values_list("key_a", "key_b", "n", "tokens_in"):
        counts = sums.get((key, version), (0, 0))
        sums[key, version] = (counts[0] + n, counts[1] + tokens)
    return {f"{k}@{v}" if k else "": held for (k, v), held in sums.items() if any(held)}


SPANS = (
    span("root", prompt="plan", session_id="s"),
    span("mid", "root"),
    span("inner", "mid", prompt="answer", version="2"),
    span("call-a", "mid"),
    span("call-b", "inner"),
    span("call-c", "inner", prompt="own"),
)
EXPECTED = {"plan@1": (1, 5), "answer@2": (1, 5), "own@1": (1, 5)}


@pytest.mark.parametrize("seed", range(12))
def test_calls_count_under_the_prompt_above_them_in_whatever_order_they_come(sender, seed):
    order = list(itertools.permutations(SPANS))[seed * 59]

    for each in order:
        digest(sender, each)

    assert used() == EXPECTED
    assert used(kind=CHAIN) == {"plan@1": (1, 0), "answer@2": (1, 0), "": (1, 0)}


@pytest.mark.parametrize("cut", [1, 3, 6])
def test_they_do_in_batches_too(sender, cut):
    digest(sender, *SPANS[cut:])
    digest(sender, *SPANS[:cut], *SPANS[cut:])

    assert used() == EXPECTED


def test_a_span_told_again_passes_on_what_it_names_now(sender):
    digest(sender, *SPANS)

    digest(sender, span("root", prompt="other", session_id="s", seconds=2))
    assert used()["other@1"] == (1, 5)
    assert "plan@1" not in used()

    digest(sender, span("root", session_id="s", seconds=3))
    assert used()[""] == (1, 5)

    digest(sender, span("inner", "root", seconds=4))
    assert used() == {"": (2, 10), "own@1": (1, 5)}
    assert Trace.objects.get().ties == UNTIED
    assert not Event.objects.filter(is_tied=True).exists()


def test_a_span_told_again_under_another_parent_moves_those_below_it(sender):
    digest(sender, *SPANS, span("side", prompt="side"))

    digest(sender, span("mid", "side", seconds=2))

    assert (used().get("plan@1"), used()["side@1"]) == (None, (1, 5))


def key_of(name):
    event = Event.objects.get(name=name)
    return unix_us(event.occurred_at), event.id.bytes


def test_what_an_erased_span_named_counts_no_more(alpha, sender):
    digest(sender, *SPANS)

    apply_deltas(alpha.pk, retract=[key_of("inner")], now=timezone.now())

    # Its parent is missing now: nobody knows who was above.
    assert used() == {"plan@1": (1, 5), "": (1, 5), "own@1": (1, 5)}


def test_a_later_twin_of_a_parent_changes_nothing_and_an_earlier_one_does(sender):
    digest(sender, *SPANS)
    late, early = (START + datetime.timedelta(seconds=s) for s in (5, -5))

    digest(sender, span("root", prompt="late", start=late))
    assert used() == EXPECTED

    digest(sender, span("root", prompt="early", start=early))
    assert used()["early@1"] == (1, 5)
    digest(sender, span("call-d", "root"))
    assert used()["early@1"] == (2, 10)
    assert Trace.objects.get().ties == TIED | TANGLED


def test_a_span_of_another_trace_is_no_parent(sender):
    digest(sender, span("root", prompt="plan"), span("call-a", "root", trace="t2"))

    assert used() == {"": (1, 5)}


def test_a_point_of_no_span_is_stored_beside_tied_ones(alpha, sender):
    digest(sender, *SPANS)

    score = {"trace_id": "t", "name": "helpful", "value": 1}
    answer = sender.post("/api/v1/scores", score, content_type="application/json")
    assert answer.status_code == 202, answer.content
    digest_all()

    assert not Quarantined.objects.exists()
    assert Event.objects.filter(operation="score").count() == 1
    assert used() == EXPECTED


def test_lists_filters_and_spans_tell_the_prompt_above(alpha, sender):
    digest(sender, *SPANS, span("call-x", trace="t2", session_id="s2"))
    flt = EventFilter(prompt="plan", prompt_version="1")

    spans = {row.name: row.prompt for row in list_spans(alpha.pk, flt).rows}

    assert {name: prompt.inherited for name, prompt in spans.items()} == {
        "root": False,
        "call-a": True,
    }
    assert [row.trace_id for row in list_traces(alpha.pk, flt).rows] == ["t"]
    assert [row.id for row in list_sessions(alpha.pk, flt).rows] == ["s"]
    assert list_sessions(alpha.pk, flt).rows[0].prompts == ["answer@2", "own@1", "plan@1"]
    assert read_span(alpha.pk, "t", "mid").span.prompt is None
    assert read_span(alpha.pk, "t", "call-b").span.prompt.key == "answer"


def test_the_span_api_says_where_a_prompt_comes_from(sender, alpha):
    digest(sender, *SPANS)

    found = sender.get("/api/v1/traces/t").json()["spans"]

    prompts = {each["name"]: each["prompt"] for each in found}
    assert prompts["call-a"] == {"key": "plan", "version": "1", "inherited": True}
    assert prompts["call-c"] == {"key": "own", "version": "1", "inherited": False}
    assert prompts["mid"] is None


def test_what_expired_above_a_call_stays_said(alpha, sender):
    old, young = (timezone.now() - datetime.timedelta(days=days) for days in (40, 2))
    digest(sender, span("root", prompt="plan", start=old), span("mid", "root", start=young))
    digest(sender, span("call-a", "mid", start=young))
    keep(alpha, 30)
    apply_retention()

    digest(sender, span("call-b", "mid", start=young), span("call-c", "root", start=young))
    digest(sender, span("call-a", "mid", start=young, seconds=3))

    # Who comes now finds what is still there: nobody knows any more what the root named.
    assert used() == {"plan@1": (2, 10), "": (1, 5)}


def test_what_expired_above_a_call_stays_said_when_it_is_priced_anew(alpha, sender, monkeypatch):
    monkeypatch.setattr(repricing, "SETTLED_AFTER", 0.0)
    old, young = (timezone.now() - datetime.timedelta(days=days) for days in (40, 2))
    digest(sender, span("root", prompt="plan", start=old), span("mid", "root", start=young))
    digest(sender, span("call-a", "mid", start=young, model="my-llama"))
    keep(alpha, 30)
    apply_retention()

    set_price(alpha)
    assert reprice(alpha)["changed"] == 1

    assert used() == {"plan@1": (1, 5)}
    assert Event.objects.get(name="call-a").above_key == "plan"


def test_verification_finds_and_repairs_ties_that_are_not_what_the_spans_say(alpha, open_pipeline):
    digest(make_sender(alpha), *SPANS)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tracking_event SET above_key = 'else' WHERE name = 'call-a'")

    found = [str(difference) for difference in drift_of(alpha.pk)]
    assert any(text.startswith("tracking_event") and "'else'" in text for text in found)

    call_command("verify_rollups", "--repair", stdout=io.StringIO())
    assert drift_of(alpha.pk) == []
    assert used() == EXPECTED


@pytest.mark.parametrize(
    ("query", "values", "column"),
    [
        (BY_SPAN, (["t"], ["mid-7"]), "span_id"),
        (CALLS_BELOW, (["t"], ["mid-7"]), "parent_span_id"),
        (CALLS_BESIDE, (["t"], ["mid-7"], [5], [5], [START], [START]), "parent_span_id"),
    ],
    ids=["spans", "calls below", "calls beside"],
)
def test_what_grows_looks_at_what_it_touches_by_index(alpha, open_pipeline, query, values, column):
    calls = [span(f"call-{n}", f"mid-{n}") for n in range(600)]
    digest(make_sender(alpha), *SPANS, *calls, *(span(f"mid-{n}", "root") for n in range(600)))
    reach = (START - datetime.timedelta(hours=1), START + datetime.timedelta(hours=1))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tracking_event")

    with open_cursor() as cursor:
        plan = cursor.execute(f"EXPLAIN {query}", (*values, alpha.pk, *reach)).fetchall()

    looked_up = [line for (line,) in plan if "Index Cond" in line]
    assert any(f"({column} = " in line for line in looked_up)
