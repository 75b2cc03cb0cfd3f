"""Two instrumentations that tell of one call, and calls that only look alike."""

import itertools
import random

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from tests.flows import drift_of
from tests.tracking.business_state import states_of_projects
from tests.tracking.incoming import make_fact
from tests.tracking.report_streams import digest, id_of, make_reports, request_of, tell, tell_call
from tests.tracking.streams import drain_with_three_workers, key_of, requests_of, shuffled_batches
from tracking.corrections import apply_deltas
from tracking.events import Kind, Status
from tracking.models import Event, Session, Trace, UsageRollup
from tracking.receive import accept_batch
from tracking.reports import find_duplicates, response_of
from tracking.staging import unix_us

FIRST, PROJECTS = 20_000, 40

CALL = int(Kind.LLM)


def call(name, parent="", *, origin=1, at=0, us=100, model="m", tokens=(10, 5), **fields):
    usage = {"tokens_in": tokens[0], "tokens_out": tokens[1]} if tokens else {}
    return make_fact(
        name,
        at,
        kind=CALL,
        span_id=name,
        parent_span_id=parent,
        origin=origin,
        duration_us=us,
        model=model,
        **usage,
        **fields,
    )


def outer(**fields):
    return call("outer", **{"us": 200, "origin": 2, **fields})


def inner(**fields):
    return call("inner", "outer", **{"at": 50, **fields})


def names(*facts, responses=None):
    """Which calls do not count, and by whose report, in every order."""
    found = set()
    for order in itertools.permutations(facts):
        held = [(fact, (responses or {}).get(fact.event.name, 0)) for fact in order]
        duplicates = find_duplicates(held)
        by_id = {fact.event.id: fact.event.name for fact in facts}
        told = {
            f.event.name: by_id[duplicates[f.event_key]] for f in facts if f.event_key in duplicates
        }
        found.add(tuple(sorted(told.items())))
    assert len(found) == 1
    return dict(found.pop())


SAME = {
    "equal": (outer(), inner()),
    "a dated model": (outer(model="gpt-4o"), inner(model="openai/gpt-4o-2024-08-06")),
    "cached tokens apart": (
        outer(tokens=(20, 5)),
        inner(tokens=(30, 5), tokens_cache_read=8, tokens_cache_write=2),
    ),
    "both failed": (
        outer(tokens=None, status=int(Status.ERROR)),
        inner(tokens=None, status=int(Status.ERROR)),
    ),
    "the answer was not usable": (outer(status=int(Status.ERROR)), inner()),
    "no model, but the same usage": (outer(model=""), inner()),
    "rounded times": (outer(at=600), inner()),
}


@pytest.mark.parametrize("facts", SAME.values(), ids=SAME)
def test_a_call_within_a_call_of_another_reporter_is_the_same(facts):
    assert len(names(*facts)) == 1


OTHER = {
    "one reporter": (outer(origin=1), inner()),
    "an embedding": (
        outer(),
        make_fact(
            "inner",
            50,
            kind=int(Kind.EMBEDDING),
            span_id="inner",
            parent_span_id="outer",
            origin=1,
            duration_us=100,
            tokens_in=10,
            tokens_out=5,
            model="m",
        ),
    ),
    "another model": (outer(model="gpt-4o"), inner(model="gpt-4o-mini", tokens=(10, 6))),
    "a newer model": (
        outer(model="claude-sonnet-4"),
        inner(model="claude-sonnet-4-5", tokens=None),
    ),
    "other tokens": (outer(tokens=(10, 6)), inner()),
    "more tokens": (outer(tokens=(100, 5)), inner()),
    "no output": (outer(), inner(tokens=(10, None))),
    "beyond its parent": (outer(us=60), inner(us=5_000)),
    "a failed attempt": (outer(), inner(tokens=None, status=int(Status.ERROR))),
    "no model, no usage": (outer(model="", tokens=None), inner()),
    "not below it": (outer(), call("inner", "another", at=50)),
}


@pytest.mark.parametrize("facts", OTHER.values(), ids=OTHER)
def test_in_doubt_both_count(facts):
    assert names(*facts) == {}


def test_the_report_that_says_tokens_counts_and_of_two_the_inner_one():
    silent = {"tokens": None}
    assert names(outer(**silent), inner()) == {"outer": "inner"}
    assert names(outer(), inner(**silent)) == {"inner": "outer"}
    assert names(outer(cost_reported=0.1, prompt_key="p"), inner()) == {"outer": "inner"}


def test_of_three_reports_one_counts():
    deep = call("deep", "inner", origin=3, at=60, us=20)

    assert names(outer(), inner(), deep) == {"outer": "inner", "inner": "deep"}


@pytest.mark.parametrize("tokens", [None, (10, 5)])
def test_each_of_several_calls_below_counts(tokens):
    tries = [inner(), call("inner2", "outer", at=50)]

    assert set(names(outer(tokens=tokens), *tries)) == {"outer"}


def test_parents_of_each_other_do_not_both_yield():
    one, other = call("one", "other", us=100), call("other", "one", origin=2, us=100)

    assert len(names(one, other)) == 1


def beside(name, **fields):
    return call(name, "root", **fields)


def test_calls_beside_each_other_that_begin_together_and_say_the_same_are_one():
    wrapper = beside("wrapper", origin=2, us=40_000)
    client = beside("client", at=10_000, us=20_000)

    assert names(wrapper, client) == {"wrapper": "client"}


BESIDE = {
    "one reporter": {"origin": 2},
    "other tokens": {"tokens": (10, 6)},
    "no tokens": {"tokens": None},
    "another model": {"model": "n"},
    "no model": {"model": ""},
    "not within": {"us": 90_000},
    "failed": {"status": int(Status.ERROR)},
}


@pytest.mark.parametrize("fields", BESIDE.values(), ids=BESIDE)
def test_calls_beside_each_other_count_when_in_doubt(fields):
    wrapper = beside("wrapper", origin=2, us=40_000)

    assert names(wrapper, beside("client", **{"at": 10_000, "us": 20_000, **fields})) == {}


def test_calls_that_begin_apart_are_two():
    wrapper = beside("wrapper", origin=2, us=400_000)

    assert names(wrapper, beside("client", at=60_000, us=20_000)) == {}


def test_many_calls_at_once_are_not_told_apart():
    wrapper = beside("wrapper", origin=2, us=40_000)
    crowd = [beside(f"client{n}", at=n, us=20_000) for n in range(8)]

    assert find_duplicates([(fact, 0) for fact in (wrapper, *crowd[:7])]) != {}
    assert find_duplicates([(fact, 0) for fact in (wrapper, *crowd)]) == {}


def test_very_many_calls_at_once_take_no_time_to_speak_of():
    calls = [(beside(f"{n}", origin=n % 2, us=n), 0) for n in range(33_000)]

    assert find_duplicates(calls) == {}


def test_answers_of_one_id_are_one_call():
    ids = {"outer": 7, "inner": 7}
    apart = call("inner", "root", at=50, tokens=(11, 6))

    assert len(names(outer(), apart, responses=ids)) == 1
    assert len(names(outer(tokens=(1, 2)), inner(), responses=ids)) == 1


def test_answers_of_different_ids_are_different_calls():
    assert names(outer(), inner(), responses={"outer": 7, "inner": 8}) == {}


def test_an_id_that_a_reporter_names_twice_is_none():
    calls = [outer(), call("a", "root", at=50), call("b", "root", at=60)]

    assert names(*calls, responses={"outer": 7, "a": 7, "b": 7}) == {}


def test_answers_of_one_id_at_different_times_are_no_one_call():
    late = call("late", "root", at=5_000_000)

    assert names(outer(), late, responses={"outer": 7, "late": 7}) == {}


@pytest.mark.parametrize("said", [None, {}, {"gen_ai.response.id": ""}, {"gen_ai.response.id": 7}])
def test_an_answer_without_a_name_has_none(said):
    assert response_of(said) == 0


def test_the_id_of_an_answer_is_read_from_any_of_its_names():
    names = ("gen_ai.response.id", "ai.response.id")

    assert len({response_of({name: "msg_1"}) for name in names}) == 1
    assert response_of({names[0]: "msg_1"}) != response_of({names[0]: "msg_2"})


# Below: through the door.


@pytest.fixture
def sender(sender, no_drift):
    return sender


def counts():
    """(model calls, input tokens) by session, by trace and by hour."""
    session, trace = Session.objects.get(), Trace.objects.get()
    hours = UsageRollup.objects.filter(family=UsageRollup.Family.ALL)
    calls = hours.filter(kind=CALL).aggregate(n=Sum("n"))["n"]
    tokens = hours.aggregate(n=Sum("tokens_in"))["n"]
    found = {
        (session.n_llm, session.tokens_in),
        (trace.n_llm, trace.tokens_in),
        (calls or 0, tokens or 0),
    }
    assert len(found) == 1
    return found.pop()


ROOT = tell("root", seconds=10)
FRAMEWORK = tell_call("framework", "root", scope="framework", seconds=2)
CLIENT = tell_call("client", "framework", at=0.5, seconds=1)


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_a_call_that_two_tell_counts_once_in_whatever_order_they_come(sender, order):
    for index in order:
        digest(sender, [ROOT, FRAMEWORK, CLIENT][index])

    assert counts() == (1, 10)
    assert Trace.objects.get().n_spans == 3
    assert Event.objects.filter(same_as=None).count() == 2


def test_it_does_when_they_come_together(sender):
    digest(sender, ROOT, FRAMEWORK, CLIENT)

    assert counts() == (1, 10)


def test_it_does_below_a_prompt_that_came_before_any_call(sender):
    named = {"assay__prompt": "plan", "assay__prompt_version": "1"}
    digest(sender, tell("root", seconds=10, **named))

    digest(sender, FRAMEWORK, CLIENT)

    assert counts() == (1, 10)


def test_each_counts_again_when_one_is_told_to_be_another(sender):
    digest(sender, ROOT, FRAMEWORK, CLIENT)

    scope, client = CLIENT
    end = str(int(client["endTimeUnixNano"]) + 10**8)
    digest(sender, (scope, {**client, "parentSpanId": id_of("root", 16), "endTimeUnixNano": end}))

    assert counts() == (2, 20)
    assert not Event.objects.exclude(same_as=None).exists()


def test_each_counts_again_when_the_other_is_erased(alpha, sender):
    digest(sender, ROOT, FRAMEWORK, CLIENT)
    counting = Event.objects.get(same_as=None, kind=CALL)

    key = (unix_us(counting.occurred_at) or 0, counting.id.bytes)
    apply_deltas(alpha.pk, retract=[key], now=timezone.now())

    assert counts() == (1, 10)


def test_the_id_of_an_answer_is_found_where_it_came_before_the_second_report(sender):
    digest(sender, ROOT, tell_call("a", "root", response="msg_1", tokens=(11, 6)))
    digest(sender, tell_call("b", "root", scope="other", response="msg_1"))
    assert counts() == (1, 11)

    digest(sender, tell_call("c", "root", scope="third", response="msg_1", at=0.1))
    assert counts() == (1, 11)

    digest(sender, tell_call("d", "root", scope="third", response="msg_1", at=0.2))
    assert counts() == (4, 41)


def test_what_does_not_count_passes_its_prompt_down_to_what_does(sender):
    named = {"assay__prompt": "plan", "assay__prompt_version": "1"}
    digest(sender, ROOT, CLIENT)

    digest(
        sender, tell_call("framework", "root", scope="framework", tokens=None, seconds=2, **named)
    )

    usage = UsageRollup.objects.filter(family=UsageRollup.Family.PROMPT, kind=CALL).exclude(n=0)
    assert list(usage.values_list("key_a", "n", "tokens_in")) == [("plan", 1, 10)]


def test_the_span_api_says_which_report_counts(sender):
    digest(sender, ROOT, FRAMEWORK, tell_call("client", "framework", at=0.5, tokens=None))

    spans = sender.get(f"/api/v1/traces/{id_of('t', 32)}").json()["spans"]

    told = {span["name"]: span for span in spans}
    assert told["client"]["duplicate_of"] == told["framework"]["id"]
    assert told["framework"]["duplicate_of"] is None


@pytest.mark.usefixtures("open_pipeline")
def test_reports_end_in_one_state_whatever_the_order_split_and_number_of_workers():
    streams = [make_reports(seed) for seed in range(15)]
    queues = [
        [(FIRST + number, request) for request in requests_of(number, streams)]
        for number in range(PROJECTS)
    ]
    with transaction.atomic():
        for project_id, request in filter(None, itertools.chain(*itertools.zip_longest(*queues))):
            accept_batch(
                key_of(project_id),
                format="otlp-json",
                body=request_of(request),
                encoding="",
                headers={},
                now=timezone.now(),
            )

    drain_with_three_workers()

    states = states_of_projects()
    assert Event.objects.filter(project_id=FIRST).exclude(same_as=None).count() > 20
    for number in range(1, PROJECTS):
        assert states[FIRST + number] == states[FIRST], number
    assert [d for number in range(3) for d in drift_of(FIRST + number)] == []


@pytest.mark.parametrize("seed", range(4))
def test_nothing_drifts_whatever_comes_and_goes(alpha, sender, seed):
    rng = random.Random(seed)
    for batch in shuffled_batches(seed, make_reports(seed)):
        digest(sender, *batch)
        stored = Event.objects.values_list("occurred_at", "id")
        keys = [(unix_us(at) or 0, identity.bytes) for at, identity in stored]
        gone = rng.sample(keys, min(2, len(keys)))
        apply_deltas(alpha.pk, retract=gone, now=timezone.now())

        assert drift_of(alpha.pk) == []
