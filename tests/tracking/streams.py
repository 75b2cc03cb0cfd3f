"""Random but reproducible streams of spans and points that meet every rule of the data core."""

import datetime
import random

from tests.flows import Event, make_span

START = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(hours=3)
MODELS = [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("local", "llama")]


def make_stream(seed: int, *, n_traces: int = 5) -> list[Event]:
    """Traces whose session and user are named by any span or none, at the root or below; wrappers
    with and without calls; arms, metrics, errors; runs; items said twice with different content."""
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
            data["parent_span_id"] = f"span-{rng.randrange(number)}"
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
    """The same span, told once more with another end, session, or usage."""
    data = dict(event["data"])
    change = rng.choice(["end", "session", "usage"])
    if change == "end":
        data["end"] = (START + _seconds(8000 + rng.random())).isoformat()
    elif change == "session":
        data["session_id"] = f"session-{rng.randrange(5)}"
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
