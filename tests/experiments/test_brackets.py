from datetime import UTC, datetime, timedelta

import pytest

from experiments.brackets import Run, assign_runs, pair_points

BASE = datetime(2026, 3, 4, 9, tzinfo=UTC)
NOW = BASE + timedelta(hours=1)


def at(seconds):
    return BASE + timedelta(seconds=seconds)


def start(seconds, **data):
    return ("experiment.start", at(seconds), {"variantCount": 2} | data)


def end(seconds, took=None, **data):
    told = {} if took is None else {"totalDuration": took * 1000}
    return (
        "experiment.complete",
        at(seconds),
        {"successCount": 2, "failureCount": 0} | told | data,
    )


def states(points, now=NOW):
    return [
        ((each.started_at - BASE).total_seconds(), each.status(now)) for each in pair_points(points)
    ]


def test_a_start_and_its_end_are_one_execution():
    assert states([start(0), end(2, took=2)]) == [(0, "complete")]


def test_the_order_of_arrival_means_nothing():
    assert states([end(2, took=2), start(0)]) == [(0, "complete")]


def test_executions_one_after_the_other():
    points = [start(0), end(2, took=2), start(10), end(12, took=2)]

    assert states(points) == [(0, "complete"), (10, "complete")]


def test_overlapping_executions_are_told_apart_by_how_long_they_took():
    points = [start(0), start(1), end(5, took=4), end(7, took=7)]

    brackets = pair_points(points)

    assert [(b.started_at, b.finished_at) for b in brackets] == [
        (at(0), at(7)),
        (at(1), at(5)),
    ]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([start(0)], [(0, "running")]),
        ([start(0), start(60), end(62, took=2)], [(0, "abandoned"), (60, "complete")]),
        ([start(-90_000)], [(-90_000, "abandoned")]),
        ([end(2, took=2)], [(0, "complete")]),
        ([end(2)], [(2, "complete")]),
        ([start(0), end(2, took=2, successCount=0, failureCount=1)], [(0, "stopped early")]),
        ([start(0), end(3)], [(0, "complete")]),
    ],
    ids=[
        "running",
        "abandoned by a later one",
        "too old",
        "start lost",
        "start and length lost",
        "stopped",
        "no length",
    ],
)
def test_states(points, expected):
    assert states(points) == expected


def test_an_end_far_from_an_open_start_is_not_its_own():
    assert states([start(0), end(3000, took=2)]) == [(0, "abandoned"), (2998, "complete")]


def test_the_same_execution_told_live_and_by_a_summary_is_one():
    points = [start(0, parallel=True), start(0), end(2, took=2), end(2, took=2, owner="x")]

    (bracket,) = pair_points(points)

    assert bracket.is_parallel is True
    assert bracket.status(NOW) == "complete"


def test_a_start_and_an_end_of_the_same_moment():
    assert states([end(0, took=0), start(0)]) == [(0, "complete")]


def run(name, variant, seconds, value=None, *, ok=True):
    return Run(name, variant, at(seconds), at(seconds + 1), True, ok, value)


def test_runs_belong_to_the_execution_they_began_in():
    brackets = pair_points([start(0), end(2, took=2), start(10), end(12, took=2)])
    runs = [run("1", "a", 0.1), run("2", "b", 0.1), run("3", "a", 10.1), run("4", "a", 5)]

    outside = assign_runs(brackets, runs)

    assert [[one.id for one in bracket.runs] for bracket in brackets] == [["1", "2"], ["3"]]
    assert outside == 1


def test_overlapping_executions_share_out_the_runs_of_a_variant():
    brackets = pair_points([start(0), start(1), end(5, took=4), end(7, took=7)])

    assign_runs(brackets, [run("1", "a", 2), run("2", "a", 2.1)])

    assert [[one.id for one in bracket.runs] for bracket in brackets] == [["2"], ["1"]]


def test_the_best_run_succeeded_and_came_first_among_equals():
    (bracket,) = pair_points([start(0), end(9, took=9)])
    assign_runs(
        [bracket],
        [
            run("1", "a", 1, 0.5),
            run("2", "b", 2, 0.9, ok=False),
            run("3", "c", 3, 0.8),
            run("4", "d", 4, 0.8),
            run("5", "e", 5),
        ],
    )

    assert bracket.best() == "c"


def test_nothing_scored_has_no_best():
    (bracket,) = pair_points([start(0)])

    assert bracket.best() is None


@pytest.mark.parametrize("value", [True, "3", -1, 10**12, None, float("nan")], ids=str)
def test_absurd_counts_and_lengths_mean_nothing(value):
    points = [start(0, variantCount=value), end(2, successCount=value)]
    points[1][2]["totalDuration"] = value if value != 10**12 else "x"

    assert [state for _, state in states(points)] == ["complete"]
