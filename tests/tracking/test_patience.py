"""How many wait for a slow database."""

from contextlib import ExitStack, suppress

import pytest

from tracking.patience import FEW, Patience, SlowError


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def patience(clock):
    return Patience(now=clock)


def enter(patience, n):
    stack = ExitStack()
    for _ in range(n):
        stack.enter_context(patience.turn())
    return stack


def n_let_in(patience, n):
    """How many of so many may wait at once."""
    n_in = 0
    with ExitStack() as stack, suppress(SlowError):
        while n_in < n:
            stack.enter_context(patience.turn())
            n_in += 1
    return n_in


def test_any_number_waits_for_a_quick_database(patience):
    assert n_let_in(patience, 50) == 50


def test_few_wait_for_one_that_has_not_answered_for_long(patience, clock):
    waiting = enter(patience, 5)
    clock.seconds = 1.5

    with pytest.raises(SlowError):
        enter(patience, 1)
    waiting.close()


def test_few_wait_for_one_that_took_long_for_the_last(patience, clock):
    slow = enter(patience, 1)
    clock.seconds = 1.5
    slow.close()

    with enter(patience, FEW), pytest.raises(SlowError):
        enter(patience, 1)


def test_all_may_wait_again_as_soon_as_one_was_quick(patience, clock):
    slow = enter(patience, 1)
    clock.seconds = 1.5
    slow.close()
    assert n_let_in(patience, 50) == FEW
    enter(patience, 1).close()

    assert n_let_in(patience, 50) == 50


def test_one_that_failed_waits_no_longer(patience, clock):
    def fail():
        with patience.turn():
            clock.seconds = 0.5
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()

    assert n_let_in(patience, 50) == 50
