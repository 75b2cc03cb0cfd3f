import random

import pytest

from tests.tracking.span_samples import make_row
from tracking.waterfall import build_waterfall


def shape(rows):
    return [(row.span.span_id, row.depth) for row in rows]


def test_it_puts_children_below_their_parent_in_order_of_start():
    spans = [
        make_row("late", "root", at_ms=30),
        make_row("root", at_ms=0),
        make_row("leaf", "early", at_ms=20),
        make_row("early", "root", at_ms=10),
    ]

    rows = build_waterfall(spans)

    assert shape(rows) == [("root", 0), ("early", 1), ("leaf", 2), ("late", 1)]
    assert [row.n_below for row in rows] == [3, 1, 0, 0]
    assert [row.has_children for row in rows] == [True, True, False, False]


def test_bars_are_shares_of_the_whole():
    spans = [
        make_row("root", duration_ms=200.0),
        make_row("call", "root", at_ms=50, duration_ms=100.0, ttft_ms=20.0),
    ]

    root, call = build_waterfall(spans)

    assert (root.offset, root.width, root.lead) == (0, 1, None)
    assert (call.offset, call.width, call.lead) == pytest.approx((0.25, 0.5, 0.1))


def test_a_child_that_outlasts_its_parent_stays_within_the_whole():
    rows = build_waterfall(
        [make_row("root", duration_ms=10.0), make_row("b", "root", at_ms=5, duration_ms=95.0)]
    )

    assert rows[1].offset + rows[1].width == pytest.approx(1)


def test_a_missing_parent_makes_an_orphan_root():
    rows = build_waterfall([make_row("root"), make_row("lost", "nowhere", at_ms=1)])

    assert [(row.depth, row.is_orphan) for row in rows] == [(0, False), (0, True)]


def test_a_circle_is_cut_at_its_earliest_span():
    spans = [make_row("a", "c", at_ms=1), make_row("b", "a", at_ms=2), make_row("c", "b", at_ms=3)]

    rows = build_waterfall(spans)

    assert shape(rows) == [("a", 0), ("b", 1), ("c", 2)]
    assert rows[0].is_orphan is True


def test_a_span_that_is_its_own_parent_is_shown_once():
    assert shape(build_waterfall([make_row("a", "a")])) == [("a", 0)]


def test_repeated_ids_hang_their_children_on_the_first():
    spans = [
        make_row("a", id="1"),
        make_row("a", id="2", at_ms=1),
        make_row("child", "a", at_ms=2),
    ]

    assert [(row.span.id, row.n_children) for row in build_waterfall(spans)] == [
        ("1", 1),
        ("id-child", 0),
        ("2", 0),
    ]


def test_points_without_an_id_have_no_children():
    spans = [make_row("", id="p", duration_ms=None), make_row("", id="q", duration_ms=None)]

    rows = build_waterfall(spans)

    assert [(row.depth, row.width) for row in rows] == [(0, 0), (0, 0)]


def test_nothing_makes_no_rows():
    assert build_waterfall([]) == []


def test_it_shows_every_span_of_any_graph_once():
    rng = random.Random(7)
    for _round in range(50):
        spans = [
            make_row(f"s{rng.randrange(12)}", f"s{rng.randrange(16)}", at_ms=n, id=str(n))
            for n in range(20)
        ]

        rows = build_waterfall(spans)

        assert sorted(row.span.id for row in rows) == sorted(span.id for span in spans)


def test_a_chain_of_ten_thousand_needs_no_recursion():
    spans = [make_row(f"s{n}", f"s{n - 1}" if n else "", at_ms=n) for n in range(10_000)]

    rows = build_waterfall(spans)

    assert rows[-1].depth == 9_999
    assert rows[0].n_below == 9_999
