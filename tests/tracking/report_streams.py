"""OTLP requests in which several instrumentations tell of the same calls."""

import hashlib
import json
import random
import time
from typing import Any

from tests.flows import digest_all

Told = tuple[str, dict[str, Any]]
"""(scope, span as OTLP/JSON)."""

START_NS = (time.time_ns() // 10**9 - 7_200) * 10**9
MODELS = ["gpt-4o", "gpt-4o-2024-08-06", "claude-sonnet-4-5"]


def tell(
    name: str,
    parent: str = "",
    *,
    scope: str = "client",
    at: float = 0.0,
    seconds: float = 1.0,
    trace: str = "t",
    failed: bool = False,
    **attributes: Any,
) -> Told:
    """A span; one with a model is a call of it. Underscores in names of attributes are dots."""
    start = START_NS + int(at * 1e9)
    said = {key.replace("__", "."): value for key, value in attributes.items()}
    return scope, {
        "traceId": id_of(trace, 32),
        "spanId": id_of(name, 16),
        "parentSpanId": id_of(parent, 16) if parent else "",
        "name": name,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + int(seconds * 1e9)),
        "attributes": [{"key": key, "value": _value(value)} for key, value in said.items()],
        "status": {"code": 2 if failed else 0},
    }


def tell_call(
    name: str,
    parent: str = "",
    *,
    model: str = "gpt-4o",
    tokens: tuple[int, int] | None = (10, 5),
    response: str = "",
    **more: Any,
) -> Told:
    said: dict[str, Any] = {"gen_ai__operation__name": "chat", "gen_ai__request__model": model}
    if tokens:
        said["gen_ai__usage__input_tokens"], said["gen_ai__usage__output_tokens"] = tokens
    if response:
        said["gen_ai__response__id"] = response
    return tell(name, parent, **said, **more)


def id_of(name: str, length: int) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:length]


def _value(value: object) -> dict[str, Any]:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def request_of(told: list[Told]) -> bytes:
    """A request as exporters in JavaScript write it."""
    scopes: dict[str, list[dict[str, Any]]] = {}
    for scope, span in told:
        scopes.setdefault(scope, []).append(span)
    groups = [{"scope": {"name": name}, "spans": spans} for name, spans in scopes.items()]
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": groups}]}).encode()


def make_reports(seed: int, *, n_traces: int = 2) -> list[Told]:
    """Traces with calls told once, twice and three times, nested and side by side; ids of answers
    that are of one call, of several, or of none; prompts; spans told again, otherwise."""
    rng = random.Random(seed)
    told = []
    for number in range(n_traces):
        told += _trace(rng, f"{seed} {number}")
    return told + [_again(rng, each) for each in rng.sample(told, 3)]


def _trace(rng: random.Random, trace: str) -> list[Told]:
    root = tell("root", trace=trace, seconds=10, **_prompt(rng))
    calls = [each for n in range(4) for each in _call(rng, trace, f"{n}")]
    return [root, *calls, *_crowd(rng, trace)]


def _call(rng: random.Random, trace: str, name: str) -> list[Told]:
    """A call with up to three reports of it, one below the other or beside it."""
    at, tokens, model = rng.uniform(0, 5), (rng.randrange(50), rng.randrange(20)), MODELS[0]
    response, parent, reports = rng.choice(["", "", f"id-{name}", "id"]), "root", []
    for depth in range(rng.randint(1, 3)):
        name = f"{name}.{depth}"
        reports.append(
            tell_call(
                name,
                parent,
                trace=trace,
                scope=rng.choice(["framework", "client", "gateway"]),
                at=at + depth / 100,
                seconds=1 - depth / 10,
                model=rng.choice([model, model, rng.choice(MODELS)]),
                tokens=rng.choice([tokens, tokens, None, (7, 7)]),
                response=response,
                failed=rng.random() < 0.1,
                **_prompt(rng),
                **_audio(rng),
            )
        )
        parent = rng.choice([name, name, "root"])
    return reports


def _prompt(rng: random.Random) -> dict[str, Any]:
    if rng.random() >= 0.2:
        return {}
    return {"assay__prompt": rng.choice(["plan", "answer"]), "assay__prompt_version": "1"}


def _audio(rng: random.Random) -> dict[str, Any]:
    if rng.random() >= 0.3:
        return {}
    return {"gen_ai__usage__audio__input_tokens": rng.randrange(1, 9)}


def _crowd(rng: random.Random, trace: str) -> list[Told]:
    """Calls that begin within moments of each other: too many of them are not told apart."""
    return [
        tell_call(
            f"crowd-{n}",
            "root",
            trace=trace,
            scope=rng.choice(["framework", "client"]),
            at=6 + rng.random() / 10,
            seconds=rng.choice([0.1, 0.2]),
            tokens=(3, 3),
        )
        for n in range(rng.choice([0, 6, 14]))
    ]


def _again(rng: random.Random, told: Told) -> Told:
    """The same span, told once more with another end, parent or usage."""
    scope, span = told
    span = {**span, "endTimeUnixNano": str(int(span["endTimeUnixNano"]) + rng.randrange(10**9))}
    change = rng.choice(["end", "parent", "usage", "scope"])
    if change == "parent":
        span["parentSpanId"] = id_of(rng.choice(["root", "0.0", "nowhere"]), 16)
    elif change == "usage":
        kept = [each for each in span["attributes"] if "usage" not in each["key"]]
        usage = {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "9"}}
        span["attributes"] = [*kept, usage]
    return ("client" if change == "scope" else scope), span


def digest(sender, *told):
    answer = sender.post("/v1/traces", request_of(list(told)), content_type="application/json")
    assert answer.status_code == 200, answer.content
    digest_all()
