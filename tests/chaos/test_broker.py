"""The file broker under a burst: bells wake workers, they do not queue up."""

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.answering import broker
from tests.benchmarks.frames import Store
from tests.benchmarks.installation import Installation, running_installation
from tests.benchmarks.run import Run

pytestmark = pytest.mark.chaos


@pytest.fixture
def installation() -> Iterator[Installation]:
    with running_installation() as installation:
        yield installation


def test_bells_do_not_pile_up_while_workers_are_busy(
    installation: Installation, tmp_path: Path
) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    run = Run(
        installation, Store(tmp_path, today), 0, is_quick=True, is_full=False, first_start_s=0.0
    )

    rows = {row.what: row for row in broker(run)}

    assert rows["samples"].value > 50
    assert rows["most messages at once"].value < 50
    assert rows["answers that were no success"].value == 0
