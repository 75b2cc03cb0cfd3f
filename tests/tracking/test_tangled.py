"""Spans of one trace that share ids: tied where they come, in any order, as if they came whole."""

import random

import pytest

from tests.flows import digest_all, drift_of, make_sender
from tests.tracking.report_streams import digest, request_of, tell, tell_call
from tests.tracking.streams import shuffled_batches
from tracking import tying
from tracking.models import Event, Trace
from tracking.ties import REPORTED, TANGLED, TIED

NAMES = ["root", "a", "b", "c", "d"]


def make_tangle(seed, *, n=24):
    """Spans of few ids: each is the parent of others, of itself maybe; some name prompts, some are
    calls, which two reporters may tell."""
    rng = random.Random(seed)
    told = [tell("root", seconds=30, assay__prompt="plan", assay__prompt_version="1")]
    for number in range(n):
        name, parent = rng.choice(NAMES), rng.choice([*NAMES, "", "nowhere"])
        named = {}
        if rng.random() < 0.3:
            named = {"assay__prompt": rng.choice(["plan", "answer"]), "assay__prompt_version": "2"}
        fields = {"at": number / 4 + rng.random(), "seconds": rng.uniform(0.5, 4), **named}
        scope = rng.choice(["framework", "client"])
        if rng.random() < 0.6:
            response = rng.choice(["", "", f"id-{number // 3}"])
            told.append(tell_call(name, parent, scope=scope, response=response, **fields))
        else:
            told.append(tell(name, parent, scope=scope, **fields))
    return told


@pytest.mark.parametrize("seed", range(25))
def test_ties_are_those_of_the_whole_after_each_batch(alpha, pipeline, seed):
    sender = make_sender(alpha)
    for batch in shuffled_batches(seed, make_tangle(seed)):
        digest(sender, *batch)

        assert [str(found) for found in drift_of(alpha.pk)] == []

    assert Trace.objects.get().ties & TANGLED


@pytest.mark.parametrize("seed", range(8))
def test_they_are_where_spans_come_in_the_order_of_their_times(alpha, pipeline, seed):
    sender = make_sender(alpha)
    spans = sorted(make_tangle(seed, n=40), key=lambda told: told[1]["startTimeUnixNano"])
    for first in range(0, len(spans), 3):
        digest(sender, *spans[first : first + 3])

    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize("n_ids", [1, 50])
def test_later_spans_of_an_id_ask_for_no_whole_trace(alpha, pipeline, monkeypatch, n_ids):
    asked = []
    load = tying.load_trace_facts

    def noting(cursor, project_id, trace_ids):
        asked.extend(trace_ids)
        return load(cursor, project_id, trace_ids)

    monkeypatch.setattr(tying, "load_trace_facts", noting)
    sender = make_sender(alpha)
    named = {"assay__prompt": "plan", "assay__prompt_version": "1"}
    digest(sender, tell("root", seconds=100, **named), tell("x0", at=0.5), tell("x0", at=0.6))
    digest(sender, tell_call("y", "root", scope="a"), tell_call("z", "y", scope="b", tokens=(7, 7)))
    asked.clear()

    for turn in range(1, 9):
        calls = [
            tell_call(f"x{n % n_ids}", f"x{(n + 1) % n_ids}", at=turn + n / 100) for n in range(60)
        ]
        sender.post("/v1/traces", request_of(calls), content_type="application/json")
        digest_all()

    assert asked == []
    assert Trace.objects.get().ties == TIED | REPORTED | TANGLED
    assert Event.objects.count() == 5 + 8 * 60
    assert drift_of(alpha.pk) == []
