"""What tests of real clients share: the providers they call, and a way to run them."""

from functools import partial

import pytest

from tests.contract.fake_providers import running_providers
from tests.contract.running_clients import run_client
from tests.flows import forget_process_caches
from tests.tracking.conftest import pipeline, weeks_ahead  # noqa: F401


@pytest.fixture
def providers():
    """OpenAI and Anthropic, locally."""
    with running_providers() as server:
        yield server


@pytest.fixture
def run(providers, live_server, alpha_key):
    """``run(script)``: a client's script against the live server, with a key of alpha."""
    forget_process_caches()
    yield partial(run_client, url=live_server.url, key=alpha_key, providers_url=providers.url)
    forget_process_caches()
