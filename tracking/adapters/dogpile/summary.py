"""What lists show of a run. Pure."""

from typing import Any

import msgspec

from tracking.adapters.dogpile.columns import owner_of, stop_reason
from tracking.adapters.dogpile.record import CANCELLED, COMPLETED, Run, total_cost
from tracking.adapters.dogpile.timeline import TURN, Timeline
from tracking.adapters.dogpile.values import (
    NO_COST,
    Cost,
    JsonObject,
    canonical,
    cost_of,
    count_of,
    first_text,
    moment_of,
    number_of,
    object_of,
    objects_of,
    text_of,
)
from tracking.cleaning import clean_name
from tracking.identity import content_identity
from tracking.previews import shorten

MOST_BENCHMARKS = 20
MOST_DIMENSIONS = 12

Summary = dict[str, Any]  # a flat JSON object; ``benchmarks`` is a list of such


def summarise(run: Run, line: Timeline) -> Summary:
    cost = _cost_so_far(run, line)
    trouble = run.troubles[-1] if run.troubles and run.status != COMPLETED else {}
    audit = run.material.audits[0] if run.material.audits else {}
    summary: Summary = {
        "intent": shorten(run.intent),
        "protocol": clean_name(run.protocol),
        "tier": clean_name(run.tier),
        "provider_id": clean_name(run.provider_id),
        "status": run.status,
        "stop": clean_name(stop_reason(run)),
        "cost_usd": cost.usd,
        "tokens_in": cost.tokens_in,
        "tokens_out": cost.tokens_out,
        "turns": len(line.turns) or count_of(audit.get("turnCount")) or 0,
        "calls": len(line.calls),
        "tools": len(line.tools),
        "agents": len(run.agents) or count_of(audit.get("agentCount")) or 0,
        "sub_runs": len(run.children),
        "errors": sum(tool.has_failed for tool in line.tools)
        + (len(run.errors) if run.status != CANCELLED else 0),
        "error": shorten(text_of(trouble.get("message"))),
        "quality": run.quality,
        "output": shorten(run.output),
        "duration_ms": (line.end_us - line.start_us) / 1000,
        "received_us": run.latest_us,
        "session_id": owner_of(run).session,
        "has_trace": bool(run.trace),
    }
    benchmarks = [describe_benchmark(each) for each in run.material.benchmarks[:MOST_BENCHMARKS]]
    if benchmarks:
        summary["benchmarks"] = benchmarks
    return summary


def _cost_so_far(run: Run, line: Timeline) -> Cost:
    """What the run says it cost; while it runs, at least what its calls did."""
    if run.cost is not None:
        return run.cost
    calls = NO_COST
    for call in line.calls:
        usage = cost_of(call.response.get("usage")) or NO_COST
        usd = number_of(call.response.get("costUsd")) or 0.0
        calls = calls.plus(msgspec.structs.replace(usage, usd=usd))
    return max(total_cost(run), calls)


def benchmark_id(artifact: JsonObject) -> str:
    return content_identity(canonical(artifact), 0).hex()[:16]


def describe_benchmark(artifact: JsonObject) -> Summary:
    """A row of the board: task × protocol × model with its score and what it took."""
    settings = object_of(artifact.get("reproducibility"))
    task, score = object_of(settings.get("task")), object_of(artifact.get("score"))
    protocol = object_of(settings.get("protocol"))
    cost = cost_of(artifact.get("cost")) or NO_COST
    log = object_of(artifact.get("trace")) or object_of(artifact.get("eventLog"))
    start, end = moment_of(artifact.get("startedAt")), moment_of(artifact.get("completedAt"))
    return {
        "id": benchmark_id(artifact),
        "task": clean_name(first_text(task.get("id"))),
        "title": shorten(first_text(task.get("title"), task.get("intent"))),
        "level": clean_name(first_text(task.get("level"))),
        "suite": clean_name(first_text(object_of(settings.get("benchmarkMetadata")).get("suite"))),
        "protocol": clean_name(first_text(protocol.get("kind"), score.get("protocol"))),
        "model": clean_name(first_text(settings.get("modelProviderId"))),
        "tier": clean_name(first_text(object_of(settings.get("budget")).get("tier"))),
        "score": number_of(score.get("score")),
        "max_score": number_of(score.get("maxScore")),
        "normalized": number_of(score.get("normalizedScore")),
        "source": clean_name(first_text(score.get("source"))),
        "dimensions": [
            {
                "name": clean_name(first_text(each.get("name"))),
                "score": number_of(each.get("score")),
                "max_score": number_of(each.get("maxScore")),
            }
            for each in objects_of(score.get("dimensions"))[:MOST_DIMENSIONS]
        ],
        "quality": number_of(artifact.get("quality")),
        "cost_usd": cost.usd,
        "tokens": cost.tokens,
        "turns": sum(event.get("type") == TURN for event in objects_of(log.get("events"))),
        "duration_ms": (end - start) / 1000 if start and end and end >= start else None,
    }
