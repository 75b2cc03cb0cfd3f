import pytest

from experiments.grid import (
    Point,
    draw_heat_map,
    find_dimensions,
    measure_effects,
    parse_name,
    plain_dimensions,
)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("model=gpt-4o, temperature=0.2", {"model": "gpt-4o", "temperature": "0.2"}),
        ("tone=warm, brief, temperature=0", {"tone": "warm, brief", "temperature": "0"}),
        ("a=1=2", {"a": "1=2"}),
        ("empty=", {"empty": ""}),
        ("Warm reply", {}),
        ("warm, a=1", {}),
        ("=x", {}),
        ("", {}),
        (", ".join(f"k{n}={n}" for n in range(9)), {}),
    ],
)
def test_it_reads_settings_from_names(name, settings):
    assert parse_name(name) == settings


@pytest.mark.parametrize(
    ("told", "settings"),
    [
        (
            {"model": "m", "n": 2, "t": 0.5, "on": True},
            {"model": "m", "n": "2", "t": "0.5", "on": "true"},
        ),
        ({"deep": {}, "none": None, "long": "x" * 201, "ok": "y"}, {"ok": "y"}),
        ("text", {}),
        (None, {}),
    ],
)
def test_it_reads_settings_from_events(told, settings):
    assert plain_dimensions(told) == settings


def point(name, n, mean):
    return Point(name, parse_name(name), n, mean)


GRID = [
    point("model=a, t=10", 10, 0.2),
    point("model=a, t=9", 30, 0.6),
    point("model=b, t=10", 10, 0.9),
    point("model=b, t=9", 0, None),
]


def test_settings_are_those_that_all_name_and_that_differ():
    assert find_dimensions(GRID) == ["model", "t"]
    assert find_dimensions([point("m=a, t=1", 1, 0), point("m=b, t=1", 1, 0)]) == ["m"]
    assert find_dimensions([*GRID, point("control", 5, 0.1)]) == []
    assert find_dimensions(GRID[:1]) == []


def test_the_effect_of_a_setting_pools_the_units_of_the_others():
    model, temperature = measure_effects(GRID, is_higher_better=True)

    assert [(value, pooled.n) for value, pooled in model.values] == [("a", 40), ("b", 10)]
    assert [pooled.mean for _, pooled in model.values] == pytest.approx([0.5, 0.9])
    assert model.spread == pytest.approx(0.4)
    assert [value for value, _ in temperature.values] == ["9", "10"]  # numbers by size


def test_a_heat_map_shades_from_worst_to_best():
    heat = draw_heat_map(GRID, "model", "t", is_higher_better=True)

    assert (heat.columns, [row for row, _ in heat.rows]) == (["9", "10"], ["a", "b"])
    shades = {row: [cell.shade for cell in cells] for row, cells in heat.rows}
    assert shades == {"a": [3, 1], "b": [0, 5]}
    assert [cell.is_best for _, cells in heat.rows for cell in cells] == [False, False, False, True]


def test_where_lower_is_better_the_lowest_is_best():
    heat = draw_heat_map(GRID, "model", "t", is_higher_better=False)

    assert heat.rows[0][1][1].is_best is True
    assert heat.rows[0][1][1].shade == 5


def test_equal_means_are_not_shaded():
    heat = draw_heat_map(
        [point("a=1, b=1", 1, 0.5), point("a=2, b=2", 1, 0.5)], "a", "b", is_higher_better=True
    )

    assert {cell.shade for _, cells in heat.rows for cell in cells} == {0}
