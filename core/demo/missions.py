"""Runs of Dogpile in the demo: every protocol and tier, ways to end, and a benchmark."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from random import Random

from core.demo.protocols import PROTOCOLS, Mission, missions, plan, synthesise
from core.demo.recording import Json, Recording, stamp

GPT, MINI, SONNET = "openai:gpt-4o", "openai:gpt-4o-mini", "anthropic:claude-sonnet-4-5"
SUITE = "shop-decisions"
BENCHMARK_DAYS_AGO = 2.3
QUALITIES = {"sequential": 0.74, "coordinator": 0.86, "broadcast": 0.8, "shared": 0.7}


@dataclass(frozen=True, slots=True)
class Plan:
    """``ends``: "" when the protocol does, else budget, judge or convergence."""

    mission: str
    protocol: str
    tier: str
    model: str
    days_ago: float
    ends: str = ""
    quality: float | None = None


PLANS = (
    Plan("returns", "sequential", "balanced", GPT, 11.2),
    Plan("newsletter", "broadcast", "fast", MINI, 9.6, ends="convergence"),
    Plan("refunds", "coordinator", "balanced", SONNET, 7.9, quality=0.83),
    Plan("outage", "coordinator", "quality", SONNET, 6.1, ends="judge", quality=0.91),
    Plan("newsletter", "shared", "fast", MINI, 4.4),
    Plan("refunds", "broadcast", "quality", GPT, 3.2, ends="judge", quality=0.78),
    Plan("returns", "broadcast", "balanced", GPT, 1.7, ends="budget"),
    Plan("newsletter", "sequential", "fast", MINI, 0.4),
)


def run_items(now: datetime, rng: Random) -> Iterator[Json]:
    """Yield what is posted to /api/v1/runs: traces, events of streams, artifacts, what is loose."""
    for each in PLANS:
        run, output = _record(each, now - timedelta(days=each.days_ago), rng)
        run.finish(output, **_end_of(each, run))
        yield run.trace()
    yield _delegated(now - timedelta(days=5.3), rng).trace()
    yield from _failed(now - timedelta(days=2.8), rng)
    yield from _cancelled(now - timedelta(days=0.9), rng)
    yield from _running(now - timedelta(seconds=25), rng)
    for number, (key, protocol, model) in enumerate(
        product(("returns", "outage"), ("sequential", "coordinator", "broadcast"), (GPT, MINI))
    ):
        began_at = now - timedelta(days=BENCHMARK_DAYS_AGO, minutes=-3 * number)
        yield _benchmark(Plan(key, protocol, "balanced", model, 0), began_at, rng)
    yield _loose_metrics()
    yield _error_before_start(now - timedelta(hours=30))


def _record(each: Plan, began_at: datetime, rng: Random) -> tuple[Recording, str]:
    mission = missions()[each.mission]
    run = _open(mission, each, began_at, rng)
    return run, PROTOCOLS[each.protocol][1](run, mission)


def _open(mission: Mission, each: Plan, began_at: datetime, rng: Random) -> Recording:
    caps = {"budget": {"maxUsd": 0.05, "maxTokens": 1100}}.get(each.ends, {"maxUsd": 0.05})
    return Recording(
        intent=mission.intent,
        protocol=PROTOCOLS[each.protocol][0],
        tier=each.tier,
        model=each.model,
        agents=mission.agents,
        began_at=began_at,
        rng=rng,
        caps=caps,
        termination=_condition(each, mission),
    )


def _condition(each: Plan, mission: Mission) -> Json:
    if each.ends == "judge":
        return {"kind": "judge", "rubric": mission.rubric, "minScore": 0.75}
    if each.ends == "convergence":
        return {"kind": "convergence", "stableTurns": 2, "minSimilarity": 0.6}
    return {"kind": "budget", "maxTokens": 1100} if each.ends == "budget" else {}


def _end_of(each: Plan, run: Recording) -> Json:
    """What a run's last event says beside its answer: how good it was, and why it stopped."""
    said: Json = {}
    if each.quality is not None:
        rationale = "Names cost, risk and a date; the second look is concrete."
        metadata = {"judge": "gpt-4o", "rubric": "v3"}
        evaluation = {"quality": each.quality, "rationale": rationale, "metadata": metadata}
        said = {"quality": each.quality, "evaluation": evaluation}
    if not each.ends:
        return said
    condition = run.termination
    stop = {"kind": "termination-stop", "rootCondition": condition, "firedCondition": condition}
    reasons: dict[str, Json] = {
        "judge": {"normalizedReason": "judge:score-threshold", "judgeReason": "score-threshold"},
        "budget": {"normalizedReason": "budget:tokens", "budgetReason": "tokens"},
        "convergence": {"normalizedReason": "convergence"},
    }
    return said | {"termination": stop | {"reason": each.ends} | reasons[each.ends]}


def _delegated(began_at: datetime, rng: Random) -> Recording:
    """A coordinator that hands a question to a run of its own (Dogpile 0.4)."""
    mission, asked = missions()["outage"], missions()["refunds"]
    each = Plan("outage", "coordinator", "quality", SONNET, 0)
    run = _open(mission, each, began_at, rng)
    run.assign_roles()
    lead = run.agents[0]
    delegate = {"type": "delegate", "protocol": "sequential", "intent": asked.intent}
    plan(run, lead, mission.says[0][0], decision=delegate)
    child, output = _record(
        Plan("refunds", "sequential", "balanced", MINI, 0), _later(run, 20), rng
    )
    child.finish(output)
    told = {"childRunId": child.run_id, "parentRunId": run.run_id, "parentDecisionId": "1"}
    about = {"protocol": "sequential", "intent": asked.intent, "depth": 1}
    run.ms += 10
    run.emit("sub-run-started", "start-sub-run", said=told | about, decided=told)
    run.ms += child.ms + 20
    result = {"output": output, "trace": child.trace(), "cost": child.cost}
    run.emit(
        "sub-run-completed", "complete-sub-run", said=told | {"subResult": result}, decided=told
    )
    run.usd += child.usd
    run.tokens_in += child.tokens_in
    run.tokens_out += child.tokens_out
    synthesise(run, lead, mission.answer)
    run.finish(mission.answer)
    return run


def _later(run: Recording, ms: float) -> datetime:
    return run.began_at + timedelta(milliseconds=run.ms + ms)


def _failed(began_at: datetime, rng: Random) -> list[Json]:
    """A stream that ends with the provider's silence: no trace, its events and the error."""
    run, _ = _record(Plan("refunds", "sequential", "balanced", SONNET, 0), began_at, rng)
    detail = {"code": "provider-timeout", "providerId": SONNET, "retryable": True}
    error = {"name": "DogpileError", "message": "The provider gave no answer within 30000 ms."}
    kept = run.events[:7]
    ended_at = {"runId": run.run_id, "at": run.at(run.ms + 30_000)}
    return [*kept, {"type": "error", **ended_at, **error, "detail": detail | {"timeoutMs": 30_000}}]


def _cancelled(began_at: datetime, rng: Random) -> list[Json]:
    run, _ = _record(Plan("newsletter", "broadcast", "quality", GPT, 0), began_at, rng)
    detail = {"code": "aborted", "providerId": GPT, "retryable": False, "status": "cancelled"}
    error = {"name": "DogpileError", "message": "The operation was aborted."}
    kept = run.events[:5]
    ended_at = {"runId": run.run_id, "at": run.at(run.ms)}
    return [*kept, {"type": "error", **ended_at, **error, "detail": detail}]


def _running(began_at: datetime, rng: Random) -> list[Json]:
    """A stream that goes on while the demo is loaded: the second agent is in the middle of it."""
    run, _ = _record(Plan("returns", "sequential", "balanced", GPT, 0), began_at, rng)
    turns = [place for place, each in enumerate(run.events) if each["type"] == "agent-turn"]
    kept = run.events[: turns[0] + 1]
    agent, text = run.agents[1], missions()["returns"].says[1][0]
    words = text.split(" ")[:12]
    chunks = [
        {
            "type": "model-output-chunk",
            "runId": run.run_id,
            "at": run.calls[1]["startedAt"],
            **agent.named,
            "input": f"Mission: {run.intent}",
            "chunkIndex": index,
            "text": f"{word} ",
            "output": " ".join(words[: index + 1]) + " ",
        }
        for index, word in enumerate(words)
    ]
    return [*kept, *chunks]


def _benchmark(each: Plan, began_at: datetime, rng: Random) -> Json:
    mission = missions()[each.mission]
    run, output = _record(each, began_at, rng)
    worse = 0.12 if each.model == MINI else 0.0
    quality = round(min(QUALITIES[each.protocol] - worse + rng.uniform(-0.04, 0.04), 1.0), 2)
    run.finish(output, quality=quality)
    budget = {"tier": each.tier, "maxUsd": 0.05, "maxTotalTokens": 4000, "qualityWeight": 0.7}
    trace = run.trace()
    total = run.tokens_in + run.tokens_out
    return {
        "kind": "benchmark-run",
        "schemaVersion": "1.0",
        "runId": run.run_id,
        "startedAt": run.at(0),
        "completedAt": run.now,
        "reproducibility": _reproducibility(each, mission, run, budget),
        "output": output,
        "transcript": run.transcript,
        "eventLog": {
            "kind": "benchmark-streaming-event-log",
            "runId": run.run_id,
            "protocol": each.protocol,
            "eventTypes": [event["type"] for event in run.events],
            "eventCount": len(run.events),
            "events": run.events,
        },
        "trace": trace,
        "accounting": {
            "kind": "benchmark-cost-accounting",
            "tier": each.tier,
            "budget": budget,
            "cost": run.cost,
            "usdCapUtilization": round(run.usd / 0.05, 4),
            "totalTokenCapUtilization": round(total / 4000, 4),
        },
        "score": _score(each, quality),
        "cost": run.cost,
        "quality": quality,
    }


def _reproducibility(each: Plan, mission: Mission, run: Recording, budget: Json) -> Json:
    task = {"id": mission.key, "intent": mission.intent, "level": mission.level}
    return {
        "task": task | {"rubric": mission.rubric},
        "budget": budget,
        "protocol": {"kind": each.protocol, "config": run.protocol},
        "modelProviderId": each.model,
        "temperature": 0.2,
        "agents": [agent.spec for agent in run.agents],
        "benchmarkMetadata": {"suite": SUITE},
    }


def _score(each: Plan, quality: float) -> Json:
    score = round(quality * 100)
    return {
        "kind": "benchmark-protocol-score",
        "protocol": each.protocol,
        "score": score,
        "normalizedScore": quality,
        "maxScore": 100,
        "source": "run-quality",
        "dimensions": [{"name": "run_quality", "score": score, "maxScore": 100}],
    }


def _loose_metrics() -> Json:
    """Dogpile's metrics name no run: what nobody attaches is listed apart."""
    tokens = {"inputTokens": 1840, "outputTokens": 412, "costUsd": 0.0087}
    totals = {"totalInputTokens": 1840, "totalOutputTokens": 412, "totalCostUsd": 0.0087}
    return {"outcome": "completed", **tokens, **totals, "turns": 4, "durationMs": 8730}


def _error_before_start(at: datetime) -> Json:
    """A run that failed before it had an id."""
    error = {"name": "TypeError", "message": "fetch failed"}
    return {"type": "error", "runId": "", "at": stamp(at), **error}
