"""Random but reproducible streams of spans and points that meet every rule of the data core."""

import datetime
import itertools
import multiprocessing
import random
import time

from django.db import connections

from core.keys import KeyInfo
from tests.flows import Event, make_span
from tracking.draining import drain
from tracking.models import InboxBatch

START = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(hours=3)
MODELS = [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("local", "llama")]


def make_stream(seed: int, *, n_traces: int = 5) -> list[Event]:
    """Traces whose session and user are named by any span or none, at the root or below; wrappers
    with and without calls; prompts named by calls and above them; parents that are missing or each
    other's children; arms, metrics, errors; runs; items said twice with different content."""
    rng = random.Random(seed)
    events: list[Event] = []
    for number in range(n_traces):
        events += _trace(rng, f"{seed:08x}{number:024x}", START + _seconds(rng.uniform(0, 7000)))
    events += _run(rng, f"run-{seed}")
    events += [_changed(rng, event) for event in rng.sample(events, 3) if event["type"] == "span"]
    return events


def _seconds(n: float) -> datetime.timedelta:
    return datetime.timedelta(microseconds=int(n * 1e6))


def _trace(rng: random.Random, trace: str, start: datetime.datetime) -> list[Event]:
    sessions = [f"session-{rng.randrange(3)}", ""]
    spans = []
    n_spans = rng.randint(2, 6)
    for number in range(n_spans):
        kind = rng.choice(["llm", "tool", "agent", "chain"]) if number else "agent"
        data: Event = {"kind": kind, "start": start + _seconds(number * rng.random())}
        if number:
            data["parent_span_id"] = _parent(rng, number)
        data |= _prompt(rng, kind)
        if rng.random() < 0.4:
            data["session_id"] = rng.choice(sessions)
        if rng.random() < 0.3:
            data["user_id"] = f"user-{rng.randrange(4)}"
        if kind == "llm" or rng.random() < 0.3:
            data["tokens"] = {"input": rng.randrange(1000), "output": rng.randrange(500)}
            data["cost_usd"] = rng.randrange(10_000) / 1e6
        if kind == "llm":
            data["provider"], data["model"] = rng.choice(MODELS)
            data["input"], data["output"] = f"question {number}", f"answer {rng.random()}"
        if rng.random() < 0.2:
            data["status"] = "error"
        data |= _arm(rng)
        spans.append(make_span(trace, f"span-{number}", seconds=rng.uniform(0, 5), **data))
    return spans


def _parent(rng: random.Random, number: int) -> str:
    """Mostly a span before it; or itself, one after it, one that never comes."""
    if rng.random() < 0.1:
        return rng.choice([f"span-{number}", f"span-{number + 1}", "nowhere"])
    return f"span-{rng.randrange(number)}"


def _prompt(rng: random.Random, kind: str) -> Event:
    if rng.random() >= (0.15 if kind == "llm" else 0.3):
        return {}
    return {"prompt": rng.choice(["answer", "plan"]), "prompt_version": f"{rng.randrange(3)}"}


def _arm(rng: random.Random) -> Event:
    if rng.random() >= 0.3:
        return {}
    arm = {"assay.experiment": f"exp-{rng.randrange(2)}", "assay.variant": rng.choice("ab")}
    return {"attributes": arm}


def _run(rng: random.Random, run: str) -> list[Event]:
    data = {"experimentId": "tone", "variantId": rng.choice(["warm", "terse"]), "runId": run}
    at = START + _seconds(rng.uniform(0, 1000))

    def event(kind: str, after: float, **more: object) -> Event:
        stamp = (at + _seconds(after)).isoformat()
        # With an id: equal items of one request that have none are two items, by their ordinal.
        return {"id": f"{run} {kind}", "type": kind, "timestamp": stamp, "data": {**data, **more}}

    value = rng.random()
    return [
        event("variant.start", 0),
        event("variant.complete", 1, duration=1000, metricValue=value, success=True),
        event("metric.computed", 1.1, metricValue=value),
    ]


def _changed(rng: random.Random, event: Event) -> Event:
    """The same span, told once more with another end, session, usage, prompt or parent."""
    data = dict(event["data"])
    change = rng.choice(["end", "session", "usage", "prompt", "parent"])
    if change == "end":
        data["end"] = (START + _seconds(8000 + rng.random())).isoformat()
    elif change == "session":
        data["session_id"] = f"session-{rng.randrange(5)}"
    elif change == "prompt":
        data["prompt"] = rng.choice(["", "answer", "rewrite"])
        data["prompt_version"] = "4" if data["prompt"] else ""
    elif change == "parent":
        data["parent_span_id"] = _parent(rng, 4)
    else:
        data["tokens"] = {"input": 7, "output": 7}
    return {**event, "data": data}


def shuffled_batches(seed: int, events: list[Event]) -> list[list[Event]]:
    """The events in another order, cut into requests, some sent twice, some overlapping."""
    rng = random.Random(seed)
    events = events + rng.sample(events, len(events) // 3)
    rng.shuffle(events)
    batches = []
    while events:
        size = rng.randint(1, max(1, len(events) // 2))
        batches.append(events[:size])
        events = events[size:]
    return batches + rng.sample(batches, len(batches) // 4)


def drain_in_process(slot: int) -> None:
    connections.close_all()
    while InboxBatch.objects.exists():
        drain(slot=slot)
        time.sleep(0.02)  # what lost a deadlock waits a second
    connections.close_all()


def drain_with_three_workers() -> None:
    connections.close_all()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=drain_in_process, args=(slot,)) for slot in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(600)
        assert worker.exitcode == 0


def key_of(project_id: int) -> KeyInfo:
    return KeyInfo(1, project_id, "p", "p", frozenset({"ingest"}), None, True)


def requests_of(number: int, streams: list[list[Event]]) -> list[list[Event]]:
    """The streams as requests: each shuffled and split, then parts of all of them sent together."""
    rng = random.Random(number)
    cut = [shuffled_batches(rng.randrange(2**32), stream) for stream in streams]
    together = [
        list(itertools.chain(*parts)) for parts in itertools.zip_longest(*cut, fillvalue=[])
    ]
    for request in together:
        rng.shuffle(request)
    return together
