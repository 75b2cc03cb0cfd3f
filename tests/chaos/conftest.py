from collections.abc import Iterator

import pytest

from tests.benchmarks.installation import Installation, running_installation


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """One web process and one that digests, for all tests of a file."""
    with running_installation(ASSAY_WEB_WORKERS="1", ASSAY_DIGEST_WORKERS="1") as installation:
        yield installation
