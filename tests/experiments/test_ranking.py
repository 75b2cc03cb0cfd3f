import pytest

from experiments.ranking import rank_variants


def arm(variant, n, mean):
    return {"variant": variant, "n": n, "mean": mean}


def results(**metrics):
    keys = ["a", "b", "c"]
    return {
        "variants": [{"key": key, "name": key.upper()} for key in keys],
        "metrics": [
            {"key": key, "arms": [arm(*row) for row in zip(keys, *rows, strict=True)]}
            for key, rows in metrics.items()
        ],
    }


FULL = results(
    metric_value=([9, 9, 2], [0.2, 0.5, 0.9]),
    success_rate=([10, 10, 3], [0.9, 0.8, 1.0]),
    duration=([9, 9, 2], [300.0, 100.0, 200.0]),
)


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ({}, ["c", "b", "a"]),
        ({"order": "lower"}, ["a", "b", "c"]),
        ({"best": "success_rate"}, ["c", "a", "b"]),
        ({"best": "duration"}, ["b", "c", "a"]),
        ({"best": "duration", "order": "higher"}, ["a", "c", "b"]),
        ({"best": "nonsense", "order": "x", "min_runs": "-1"}, ["c", "b", "a"]),
    ],
    ids=str,
)
def test_it_ranks_as_asked(asked, order):
    assert [row.variant for row in rank_variants(FULL, asked).rows] == order


def test_too_few_runs_have_no_place():
    rows = rank_variants(FULL, {"min_runs": "5"}).rows

    assert [(row.place, row.variant) for row in rows] == [(1, "b"), (2, "a"), (None, "c")]


def test_a_metric_that_nobody_measured_is_no_choice():
    found = rank_variants(
        results(metric_value=([0, 0, 0], [None] * 3), success_rate=([1, 1, 1], [1, 0, 1])), {}
    )

    assert (found.metric.key, [each.key for each in found.choices]) == (
        "success_rate",
        ["success_rate"],
    )
    assert rank_variants(results(metric_value=([0, 0, 0], [None] * 3)), {}) is None


@pytest.mark.parametrize("text", ["", "0", "x", "9" * 30, "²", "1.5"])
def test_absurd_minimums_are_one(text):
    assert rank_variants(FULL, {"min_runs": text}).minimum == 1
