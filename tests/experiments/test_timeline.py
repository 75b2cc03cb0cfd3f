from datetime import UTC, datetime, timedelta

import pytest

from experiments.brackets import Run, assign_runs, pair_points
from experiments.timeline import Moment, build_timeline

BASE = datetime(2026, 3, 4, 9, tzinfo=UTC)
NOW = BASE + timedelta(hours=1)


def at(seconds):
    return BASE + timedelta(seconds=seconds)


def moments_of(run, began, ended, *, measured=None, failed=False):
    found = [Moment(run, "variant.start", at(began), {})]
    if ended is not None:
        kind = "variant.error" if failed else "variant.complete"
        found.append(Moment(run, kind, at(ended), {}, "boom" if failed else ""))
    if measured is not None:
        found.append(Moment(run, "metric.computed", at(measured), {"metric_value": 0.5}))
    return found


def timeline_of(*runs, length=10, ended=True):
    """``runs``: (name, began, ended, options of moments_of)."""
    points = [("experiment.start", at(0), {"variantCount": len(runs)})]
    if ended:
        told = {"totalDuration": length * 1000, "successCount": len(runs)}
        points.append(("experiment.complete", at(length), told))
    (bracket,) = pair_points(points)
    moments = [m for name, began, end, opts in runs for m in moments_of(name, began, end, **opts)]
    known = [
        Run(name, name, at(began), at(end or began), end is not None, not opts.get("failed"), None)
        for name, began, end, opts in runs
    ]
    assign_runs([bracket], known)
    return build_timeline(bracket, bracket.runs, moments, now=NOW, names={"a": "Variant A"})


def test_a_bar_lies_between_start_and_end():
    (bar,) = timeline_of(("a", 1, 3, {})).bars

    assert (bar.offset, bar.duration_ms, bar.state) == (0.1, 2000.0, "succeeded")
    assert bar.width == pytest.approx(0.2)
    assert bar.name == "Variant A"


def test_a_metric_may_be_computed_after_the_end_of_its_run():
    (bar,) = timeline_of(("a", 1, 3, {"measured": 4})).bars

    assert bar.measured == 0.4
    assert bar.measured > bar.offset + bar.width


def test_chunks_of_max_concurrency_are_waves():
    runs = [("a", 0, 3, {}), ("b", 0, 4, {}), ("c", 4, 6, {}), ("d", 4, 5, {}), ("e", 6, 7, {})]

    timeline = timeline_of(*runs)

    assert [bar.wave for bar in timeline.bars] == [1, 1, 2, 2, 3]
    assert (timeline.n_waves, timeline.widest_wave) == (3, 2)


def test_a_failed_run_tells_its_error():
    (bar,) = timeline_of(("a", 1, 3, {"failed": True})).bars

    assert (bar.state, bar.error) == ("failed", "boom")


def test_a_run_without_end_runs_while_its_execution_does():
    over, running = timeline_of(("a", 1, None, {})), timeline_of(("a", 1, None, {}), ended=False)

    assert (over.bars[0].state, over.bars[0].width) == ("lost", 0.9)
    assert running.bars[0].state == "running"
    assert running.length_ms == 3_600_000.0


def test_an_execution_without_runs_has_an_empty_axis():
    timeline = timeline_of()

    assert (timeline.bars, timeline.n_waves, timeline.ticks[-1]) == ([], 0, 10_000.0)
