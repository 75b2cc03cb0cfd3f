"""Mergeable histograms of durations: any quantile within one percent, added and taken away exactly.

Buckets grow by ``GAMMA`` = 1.01 / 0.99: bucket *i* holds the values in (GAMMA^(i-1), GAMMA^i], and
the value that stands for it is at most 1 % from each of them (the DDSketch of Masson, Rim and Lee,
PVLDB 12(12), 2019, without its collapsing: all 64-bit values take 2,185 buckets). A sketch is one
sorted ``int8[]`` of ``bucket << 32 | count``; the low half is signed, so a delta can take counts
away, and an entry that reaches zero disappears.

The SQL functions do in PostgreSQL exactly what :func:`merge_sketches` does here. Pure.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

ZERO_BUCKET = -1
"""Holds the values of zero and below, which no power of GAMMA reaches."""

MAX_COUNT = 2**31 - 1
"""Counts of one bucket saturate here, so that a sum never spills into the bucket's number."""

_LOW_HALF = 0xFFFFFFFF
_SIGN_BIT = 0x80000000
_GREATEST = 2**63 - 1


def _build_edges() -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the greatest whole number and the standing value of each bucket.

    In integers, not logarithms: the same on every machine, or sums could drift by a bucket.
    """
    edges: list[int] = []
    middles: list[float] = []
    power = 1 << 128
    while not edges or edges[-1] < _GREATEST:
        edges.append(power >> 128)
        # Between both edges in the relative sense: GAMMA^i * 2 / (1 + GAMMA).
        middles.append(power * 99 // 100 / (1 << 128))
        power = power * 101 // 99
    return tuple(edges), tuple(middles)


_EDGES, _MIDDLES = _build_edges()


def bucket_of(value: int) -> int:
    return bisect_left(_EDGES, value) if value > 0 else ZERO_BUCKET


def sketch_of_counts(counts: dict[int, int]) -> list[int]:
    """Return the sketch of counts by bucket; counts may be negative in a delta."""
    return [
        bucket << 32 | max(min(count, MAX_COUNT), -MAX_COUNT) & _LOW_HALF
        for bucket, count in sorted(counts.items())
        if count
    ]


def merge_sketches(*sketches: Sequence[int] | None) -> list[int]:
    """Add sketches up; one of None adds nothing."""
    counts: Counter[int] = Counter()
    for sketch in sketches:
        for entry in sketch or ():
            counts[entry >> 32] += _signed(entry)
    return sketch_of_counts(counts)


def sketch_size(sketch: Iterable[int] | None) -> int:
    """Return how many values a sketch stands for."""
    return sum(map(_signed, sketch or ()))


def quantiles(sketch: Sequence[int] | None, shares: Sequence[float]) -> list[float | None]:
    """Return the values below which ``shares`` (0–1, ascending) lie; None of an empty sketch."""
    if any(later < earlier for earlier, later in pairwise(shares)):
        raise ValueError("shares must be ascending")
    size = sketch_size(sketch)
    if not sketch or size <= 0:
        return [None] * len(shares)
    found: list[float | None] = []
    entries = iter(sketch)
    bucket, seen = ZERO_BUCKET, 0
    for share in shares:
        # The value of this rank, counted from zero, is the sample quantile.
        rank = share * (size - 1)
        while seen <= rank and (entry := next(entries, None)) is not None:
            bucket, seen = entry >> 32, seen + _signed(entry)
        found.append(value_of(bucket))
    return found


def value_of(bucket: int) -> float:
    """Return the value that stands for a bucket."""
    return 0.0 if bucket < 0 else _MIDDLES[min(bucket, len(_MIDDLES) - 1)]


def _signed(entry: int) -> int:
    return ((entry & _LOW_HALF) ^ _SIGN_BIT) - _SIGN_BIT


MERGE_FUNCTION_SQL = """
CREATE OR REPLACE FUNCTION assay_sketch_merge(a int8[], b int8[]) RETURNS int8[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN a IS NULL THEN b WHEN b IS NULL THEN a ELSE ARRAY(
        SELECT (bucket << 32) | (greatest(least(n, 2147483647), -2147483647) & 4294967295)
        FROM (
            SELECT entry >> 32 AS bucket, sum((entry << 32) >> 32)::int8 AS n
            FROM unnest(a || b) AS entry GROUP BY entry >> 32
        ) AS summed
        WHERE n <> 0 ORDER BY bucket
    ) END
$$
"""
MERGE_FUNCTION_DROP_SQL = "DROP FUNCTION IF EXISTS assay_sketch_merge(int8[], int8[])"

# Merging at every row costs a sort a row: rows are put end to end and merged once a few thousand
# entries are together, which is four times faster over a month of rollups.
SUM_AGGREGATE_SQL = """
CREATE OR REPLACE FUNCTION assay_sketch_gather(a int8[], b int8[]) RETURNS int8[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN cardinality(a) > 4096 THEN assay_sketch_merge(a, b) ELSE a || b END
$$;
CREATE OR REPLACE FUNCTION assay_sketch_finish(a int8[]) RETURNS int8[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT assay_sketch_merge(a, '{}')
$$;
CREATE OR REPLACE AGGREGATE assay_sketch_sum(int8[]) (
    SFUNC = assay_sketch_gather, STYPE = int8[], COMBINEFUNC = assay_sketch_gather,
    FINALFUNC = assay_sketch_finish, PARALLEL = SAFE
)
"""
SUM_AGGREGATE_DROP_SQL = """
DROP AGGREGATE IF EXISTS assay_sketch_sum(int8[]);
DROP FUNCTION IF EXISTS assay_sketch_finish(int8[]);
DROP FUNCTION IF EXISTS assay_sketch_gather(int8[], int8[])
"""
