"""How many different names: close to the truth, added up and taken back exactly."""

import pytest

from tracking.distinct import NONE, REGISTERS, cell_of, estimate, registers_of, union


def registers(numbers):
    return registers_of(cell_of(f"user-{number}") for number in numbers)


@pytest.mark.parametrize("n", [0, 1, 2, 10])
def test_few_names_are_counted_as_they_are(n):
    assert estimate(registers(range(n))) == n


@pytest.mark.parametrize("n", [100, 1_000, 2_600, 10_000, 200_000])
def test_many_names_are_told_within_three_standard_errors(n):
    assert estimate(registers(range(n))) == pytest.approx(n, rel=3 * 1.04 / REGISTERS**0.5)


def test_a_name_said_again_counts_once():
    assert registers([*range(50), *range(50)]) == registers(range(50))


def test_parts_are_as_one_however_they_overlap():
    parts = [registers(range(0, 600)), registers(range(400, 1_000)), NONE]

    assert union(parts) == registers(range(1_000))
    assert union([]) == NONE


def test_a_cell_is_the_same_for_ever():
    """Cells are stored: another hash would count every user twice."""
    assert [cell_of(name) for name in ("", "user-1", "Ünal")] == [26177, 64001, 20930]
