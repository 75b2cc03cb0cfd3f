"""What the pages of runs show."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.http import Http404

from core.numerals import read_whole
from core.paging import moment_and_id, take_page
from tracking.adapters.dogpile.record import Run
from tracking.adapters.dogpile.summary import describe_benchmark, summarise
from tracking.adapters.dogpile.timeline import Timeline, build_timeline
from tracking.adapters.dogpile.values import JsonObject, json_text, object_of, text_of
from tracking.charts import FORMATS
from tracking.runs.accounts import read_audit, read_snapshot
from tracking.runs.charting import cost_charts
from tracking.runs.comparing import (
    compare_outcomes,
    compare_settings,
    find_frontier,
    list_settings,
)
from tracking.runs.facts import list_decisions, list_errors
from tracking.runs.listing import (
    STATUSES,
    Position,
    RunFilter,
    find_run_row,
    list_benchmarks,
    list_loose,
    list_runs,
)
from tracking.runs.reading import find_benchmark, find_sub_run, read_loose, read_run
from tracking.runs.replaying import events_of, list_answers_under_way, step_through
from tracking.runs.turns import (
    describe_condition,
    explain_stop,
    list_lanes,
    list_phases,
    list_rounds,
    list_turns,
)
from tracking.runs.verifying import find_anomalies, utilisation, verify_run

Context = dict[str, Any]  # a template context: values of any type, read by name

TABS = (("runs", "Runs"), ("benchmarks", "Benchmarks"), ("unattached", "Unattached"))
PROTOCOLS = ("sequential", "coordinator", "broadcast", "shared")
TIERS = ("fast", "balanced", "quality")
PAGE_SIZE = 50
TURNS_SHOWN = 50
DECISIONS_SHOWN = 100
ERRORS_SHOWN = 20


def describe_list(project_id: int, params: Mapping[str, str], *, now: datetime) -> Context:
    tab = params.get("tab", "")
    tab = tab if tab in dict(TABS) else "runs"
    context: Context = {"tab": tab, "tabs": TABS, "error": ""}
    if tab == "benchmarks" and params.get("a") and params.get("b"):
        return {**context, **_compare(project_id, params["a"], params["b"])}
    flt = RunFilter(*(params.get(name, "") for name in ("status", "protocol", "tier", "q")))
    if flt.status and flt.status not in STATUSES:
        flt = replace(flt, status="")
        context["error"] = f"No such status. One of {', '.join(STATUSES)}."
    rows, context["next_cursor"] = take_page(
        params.get("cursor", ""),
        lambda after, n: _rows_of(
            project_id, tab, flt, after=moment_and_id(after), limit=n, now=now
        ),
        position_of=lambda row: [row.position[0].isoformat(), row.position[1]],
        size=PAGE_SIZE,
        project_id=project_id,
        filters=f"runs?{tab}&{flt}",
    )
    if tab == "benchmarks":
        context["frontier"] = find_frontier(
            [(one.key, one.facts) for run in rows for one in run.rows]
        )
    if tab == "unattached":
        rows = [(row, read_loose(project_id, row.key)) for row in rows]
    return {**context, "rows": rows, "flt": flt, **_choices()}


def _choices() -> Context:
    return {"statuses": STATUSES, "protocols": PROTOCOLS, "tiers": TIERS}


def _rows_of(
    project_id: int, tab: str, flt: RunFilter, *, after: Position | None, limit: int, now: datetime
) -> list[Any]:  # rows of one of three kinds, each with a position
    if tab == "benchmarks":
        return list_benchmarks(project_id, limit=limit, after=after)
    if tab == "unattached":
        return list_loose(project_id, limit=limit, after=after)
    return list_runs(project_id, flt, limit=limit, now=now, after=after)


def _compare(project_id: int, a: str, b: str) -> Context:
    """Two artifacts of the board, named ``id~run``."""
    sides = [_find_artifact(project_id, name) for name in (a, b)]
    (left, _), (right, _) = sides
    return {
        "comparing": True,
        "sides": sides,
        "outcomes": [
            (label, FORMATS[unit](one), FORMATS[unit](other), one == other)
            for label, unit, one, other in compare_outcomes(left, right)
        ],
        "settings": compare_settings(left, right),
    }


def _find_artifact(project_id: int, name: str) -> tuple[JsonObject, str]:
    wanted, _, run_id = name.partition("~")
    run = read_run(project_id, run_id)
    artifact = find_benchmark(run, wanted) if run else {}
    if not artifact:
        raise Http404("no such benchmark artifact")
    return artifact, run_id


def describe_run(
    project_id: int, run_id: str, params: Mapping[str, str], *, now: datetime
) -> Context:
    """A run, or with ``sub`` one of the runs below it."""
    row = find_run_row(project_id, run_id, now=now)
    whole = read_run(project_id, run_id) if row else None
    if row is None or whole is None:
        raise Http404("no such run")
    sub = params.get("sub", "")
    run, prefix = _choose(whole, sub)
    line = build_timeline(run)
    context: Context = {"row": row, "run": run, "line": line, "sub": sub, "whole": whole}
    context |= {"facts": summarise(run, line), "lanes": list_lanes(run, line, prefix=prefix)}
    context |= _describe_replay(run, params)
    return {**context, **_describe_parts(run, line, params)}


def _choose(whole: Run, sub: str) -> tuple[Run, str]:
    found = find_sub_run(whole, sub) if sub else (whole, "")
    if found is None:
        raise Http404("no such sub-run")
    return found


def describe_replay(project_id: int, run_id: str, params: Mapping[str, str]) -> Context:
    """The stepper alone."""
    whole = read_run(project_id, run_id)
    if whole is None:
        raise Http404("no such run")
    sub = params.get("sub", "")
    run, _ = _choose(whole, sub)
    return {"run": run, "sub": sub, "whole": whole, **_describe_replay(run, params)}


def _describe_replay(run: Run, params: Mapping[str, str]) -> Context:
    type_, agent = params.get("type", ""), params.get("agent", "")
    index = read_whole(params.get("step", "")) or 0
    replay = step_through(run, events_of(run), index, type_=type_, agent=agent)
    return {"replay": replay, "replay_type": type_, "replay_agent": agent}


def _describe_parts(run: Run, line: Timeline, params: Mapping[str, str]) -> Context:
    turns = list_turns(run, line)
    first, first_decision = (read_whole(params.get(name, "")) or 0 for name in ("turn", "decision"))
    return {
        "duration_ms": (line.end_us - line.start_us) / 1000,
        "turns": turns[first : first + TURNS_SHOWN],
        "n_turns": len(turns),
        "under_way": list_answers_under_way(run),
        "next_turn": _next(first, TURNS_SHOWN, len(turns)),
        "rounds": list_rounds(line)[:TURNS_SHOWN],
        "phases": list_phases(turns),
        "stop": explain_stop(run),
        "charts": cost_charts(run),
        "caps": _flat(run.caps),
        "config": _flat({k: v for k, v in run.protocol_config.items() if k != "kind"}),
        "policy": describe_condition(
            run.termination_policy or object_of(run.stop.get("rootCondition"))
        ),
        "utilisation": utilisation(run),
        "errors": list_errors(run.troubles[:ERRORS_SHOWN]),
        "rationale": text_of(run.evaluation.get("rationale")),
        "seed": json_text(run.seed["value"]) if run.seed.get("value") is not None else "",
        "decisions": list_decisions(
            run.decisions[first_decision : first_decision + DECISIONS_SHOWN]
        ),
        "n_decisions": len(run.decisions),
        "next_decision": _next(first_decision, DECISIONS_SHOWN, len(run.decisions)),
        "checks": verify_run(run, line),
        "anomalies": find_anomalies(run, line),
        "has_health": bool(run.health),
        "health_stats": object_of(run.health.get("stats")),
        "artifacts": [
            (describe_benchmark(each), list_settings(each)) for each in run.material.benchmarks[:5]
        ],
        "audit": next(map(read_audit, run.material.audits), None),
        "metrics": list(map(read_snapshot, run.metrics)),
    }


def _flat(values: JsonObject) -> list[tuple[str, str]]:
    """Pairs to show: a template asks an object for its key "items" before its method."""
    return [(name, json_text(value)) for name, value in values.items()]


def _next(first: int, shown: int, n: int) -> int | None:
    return first + shown if first + shown < n else None
