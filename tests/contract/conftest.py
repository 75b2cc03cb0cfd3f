"""What tests of real clients share: the providers they call, and a way to run them."""

import os
import subprocess
import sys
import time
from functools import partial
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from django.db import connection

from tests.benchmarks.installation import free_port
from tests.contract.fake_providers import running_providers
from tests.contract.running_clients import ROOT, run_client
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


@pytest.fixture(scope="module")
def web_server(django_db_setup):
    """The web server as it is shipped: exporters in Node send chunks, which Django's own test
    server does not read."""
    target, port = connection.settings_dict, free_port()
    url = f"postgresql://{quote(target['USER'])}:{quote(target['PASSWORD'])}@/{target['NAME']}"
    where = f"?host={quote(target['HOST'], safe='')}&port={target['PORT']}"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "core.embedded.web", "127.0.0.1", str(port), "1"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url + where},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(60)


def wait_until_healthy(address, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the web server ended"
        try:
            with urlopen(f"{address}/healthz", timeout=10):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the web server does not answer")
