"""Requests by way of ai.matey in the demo: routed, streamed, changed on the way, tried again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from core.demo.protocols import texts

Json = dict[str, Any]  # any JSON object

N_SESSIONS, DAYS = 11, 9.5
STAFF = ("anna", "ines", "tom", "yusuf")
MIDDLEWARE = ["logging", "caching"]


@dataclass(frozen=True, slots=True)
class Backend:
    """``share``: of the requests that are routed there."""

    name: str
    model: str
    share: int
    tokens_a_second: int
    capabilities: Json


def _can(**said: Any) -> Json:  # any JSON
    base = {"streaming": True, "multiModal": True, "tools": True, "supportsTemperature": True}
    return base | {"supportsTopP": True, "supportsMultipleSystemMessages": False} | said


BACKENDS = (
    Backend(
        "anthropic",
        "claude-sonnet-4-5",
        5,
        70,
        _can(
            systemMessageStrategy="separate-parameter",
            supportsTopK=True,
            supportsSeed=False,
            supportsFrequencyPenalty=False,
            maxContextTokens=200_000,
            maxStopSequences=8191,
        ),
    ),
    Backend(
        "openai",
        "gpt-4o-mini",
        4,
        110,
        _can(
            systemMessageStrategy="in-messages",
            supportsMultipleSystemMessages=True,
            supportsTopK=False,
            supportsSeed=True,
            supportsFrequencyPenalty=True,
            maxContextTokens=128_000,
            maxStopSequences=4,
        ),
    ),
    Backend(
        "ollama",
        "fjell-7b-instruct",  # a model of their own, whose price nobody knows
        2,
        38,
        _can(
            multiModal=False,
            tools=False,
            systemMessageStrategy="in-messages",
            supportsSeed=True,
            supportsFrequencyPenalty=False,
            maxContextTokens=8192,
            maxStopSequences=4,
            supportedModels=["fjell-7b-instruct"],
        ),
    ),
)


@dataclass(slots=True)
class Talk:
    """A session of somebody who writes texts for the shop, while it is made up."""

    id: str
    user: str
    frontend: str
    at: datetime
    rng: Random


def chat_items(now: datetime, rng: Random) -> Iterator[Json]:
    """Yield what is posted to /api/v1/chats."""
    for backend in BACKENDS:
        yield {"backend": backend.name, "capabilities": backend.capabilities}
    for number in range(N_SESSIONS):
        began_at = now - timedelta(days=DAYS * (N_SESSIONS - number) / N_SESSIONS, minutes=9)
        talk = Talk(
            id=f"studio-{began_at:%m%d}-{rng.getrandbits(24):06x}",
            user=f"staff_{rng.choice(STAFF)}",
            frontend=rng.choice(("openai", "openai", "anthropic")),
            at=began_at,
            rng=rng,
        )
        yield from _session(talk)
    yield from _specials(now - timedelta(hours=5), rng)


def _session(talk: Talk) -> Iterator[Json]:
    questions = texts()["chat"]["questions"]
    for question, answer in talk.rng.sample(questions, talk.rng.randrange(2, 5)):
        shares = [backend.share for backend in BACKENDS]
        (backend,) = talk.rng.choices(BACKENDS, shares)
        if talk.rng.random() < 0.4:
            yield _streamed(talk, backend, question, answer)
        else:
            yield _answered(talk, backend, question, answer)
        talk.at += timedelta(seconds=talk.rng.randrange(20, 110))


def _metadata(talk: Talk, request_id: str, **more: Any) -> Json:  # any JSON
    custom = {"sessionId": talk.id, "userId": talk.user, "team": "content"}
    stamp = int(talk.at.timestamp() * 1000)
    return {"requestId": request_id, "timestamp": stamp, "custom": custom, **more}


def _request(talk: Talk, backend: Backend, request_id: str, content: object) -> Json:
    return {
        "messages": [
            {"role": "system", "content": "You write for Harbor & Pine: plain, short, no hype."},
            {"role": "user", "content": content},
        ],
        "parameters": {
            "model": "gpt-4o" if backend.name == "ollama" else backend.model,
            "temperature": 1.2,
            "maxTokens": 400,
            "seed": 7,
        },
        "metadata": _metadata(talk, request_id, provenance={"frontend": talk.frontend}),
    }


def _provenance(talk: Talk, backend: Backend) -> Json:
    route = {"middleware": MIDDLEWARE, "router": "studio-router", "backend": backend.name}
    return {"frontend": talk.frontend, **route}


def _warnings(talk: Talk, backend: Backend) -> list[Json]:
    """What changed on the way, as the backend's adapter tells it."""
    source, found = f"{backend.name}-backend", []
    if backend.name == "anthropic":
        found.append(_warning("parameter-unsupported", "seed is dropped", "seed", {"from": 7}))
        if talk.frontend == "openai":
            text = "the system message moved to its own parameter"
            found.append(_warning("system-message-transformed", text, "messages", {}))
            text = "temperature is scaled from 0–2 to 0–1"
            scaled = {"from": 1.2, "to": 0.6}
            found.append(_warning("parameter-normalized", text, "temperature", scaled))
    if backend.name == "ollama":
        swapped = {"from": "gpt-4o", "to": backend.model}
        found.append(_warning("model-substituted", "gpt-4o is not served here", "model", swapped))
    return [each | {"source": source} for each in found]


def _warning(category: str, message: str, field: str, values: Json) -> Json:
    """``values``: what the field held before (``from``) and after (``to``)."""
    names = {"from": "originalValue", "to": "transformedValue"}
    is_harmless = category in ("system-message-transformed", "parameter-normalized")
    severity = "info" if is_harmless else "warning"
    said = {"category": category, "severity": severity, "message": message, "field": field}
    return said | {names[name]: value for name, value in values.items()}


def _usage(question: str, answer: str) -> Json:
    prompt, completion = 30 + len(question) // 4, len(answer) // 4
    tokens = {"promptTokens": prompt, "completionTokens": completion}
    return tokens | {"totalTokens": prompt + completion}


def _milliseconds(talk: Talk, backend: Backend, answer: str) -> int:
    return round((420 + len(answer) / 4 / backend.tokens_a_second * 1000) * talk.rng.uniform(1, 2))


def _answered(
    talk: Talk,
    backend: Backend,
    question: str,
    answer: str,
    *,
    finish: str = "stop",
    request_id: str = "",
) -> Json:
    request_id = request_id or f"req-{talk.rng.getrandbits(40):010x}"
    told = {"provenance": _provenance(talk, backend), "warnings": _warnings(talk, backend)}
    return {
        "request": _request(talk, backend, request_id, question),
        "response": {
            "message": {"role": "assistant", "content": answer},
            "finishReason": finish,
            "usage": _usage(question, answer),
            "metadata": _metadata(talk, request_id, **told),
        },
        "durationMs": _milliseconds(talk, backend, answer),
    }


def _streamed(
    talk: Talk, backend: Backend, question: str, answer: str, *, breaks_off: bool = False
) -> Json:
    request_id = f"req-{talk.rng.getrandbits(40):010x}"
    told = {"provenance": _provenance(talk, backend), "warnings": _warnings(talk, backend)}
    start = {"type": "start", "sequence": 0, "metadata": _metadata(talk, request_id, **told)}
    words = answer.split(" ")
    pieces = [word if not place else f" {word}" for place, word in enumerate(words)]
    chunks = [start] + [
        {"type": "content", "sequence": place, "delta": piece, "role": "assistant"}
        for place, piece in enumerate(pieces, 1)
    ]
    request = _request(talk, backend, request_id, question) | {"stream": True}
    duration = _milliseconds(talk, backend, answer)
    timing = {"durationMs": duration, "ttftMs": round(duration * talk.rng.uniform(0.2, 0.4))}
    if breaks_off:
        return {"request": request, "chunks": chunks[: len(chunks) // 2], **timing}
    usage = _usage(question, answer)
    done = {"type": "done", "sequence": len(chunks), "finishReason": "stop", "usage": usage}
    return {"request": request, "chunks": [*chunks, done], **timing}


def _specials(at: datetime, rng: Random) -> Iterator[Json]:
    """One each of what is rare: a failover, a stream cut short, a photo, a tool, an orphan."""
    talk = Talk(f"studio-{at:%m%d}-{rng.getrandbits(24):06x}", "staff_ines", "openai", at, rng)
    anthropic, openai, ollama = BACKENDS
    said = texts()["chat"]
    question, answer = said["questions"][2]
    yield from _failover(talk, openai, anthropic, question, answer)
    question, answer = said["questions"][6]
    talk.at += timedelta(minutes=2)
    yield _streamed(talk, ollama, question, answer, breaks_off=True)
    talk.at += timedelta(minutes=1)
    yield _answered(talk, anthropic, question, answer[:60], finish="length")
    talk.at += timedelta(minutes=3)
    yield _photo(talk, anthropic, said["photo"], said["photo_answer"])
    talk.at += timedelta(minutes=1)
    yield _tool_use(talk, openai, said["stock_question"])
    yield _warning("stop-sequences-truncated", "4 of 5 are sent", "stopSequences", {"from": 5})


def _failover(
    talk: Talk, first: Backend, second: Backend, question: str, answer: str
) -> list[Json]:
    """The first backend is out of quota, the router takes the next: one request, two attempts."""
    failed = _answered(talk, first, question, "")
    request_id = failed["request"]["metadata"]["requestId"]
    route = _metadata(talk, request_id, provenance=_provenance(talk, first))
    error = {"code": "RATE_LIMIT_EXCEEDED", "message": "429: the quota is used up"}
    failed = {
        "request": failed["request"] | {"metadata": route},
        "error": error | {"isRetryable": True},
        "durationMs": 310,
        "attempt": 1,
    }
    talk.at += timedelta(milliseconds=330)
    good = _answered(talk, second, question, answer, request_id=request_id)
    return [failed, good | {"attempt": 2}]


def _photo(talk: Talk, backend: Backend, question: str, answer: str) -> Json:
    exchange = _answered(talk, backend, question, answer)
    source = {"type": "url", "url": "https://photos.example/returns/48213.jpg"}
    blocks = [{"type": "text", "text": question}, {"type": "image", "source": source}]
    exchange["request"]["messages"][1]["content"] = blocks
    return exchange


def _tool_use(talk: Talk, backend: Backend, question: str) -> Json:
    schema = {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]}
    tool = {"name": "stock_level", "description": "Pieces in stock by size", "parameters": schema}
    exchange = _answered(talk, backend, question, "", finish="tool_calls")
    exchange["request"] |= {"tools": [tool], "toolChoice": "auto"}
    use = {"type": "tool_use", "id": "call_1", "name": "stock_level", "input": {"sku": "TINDEN-43"}}
    exchange["response"]["message"]["content"] = [use]
    exchange["response"]["usage"] = _usage(question, str(use))
    return exchange
