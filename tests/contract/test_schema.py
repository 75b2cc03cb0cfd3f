"""All that the OpenAPI schema allows, and what it does not, is asked of the API: it never fails.

The requests are made by schemathesis from docs/openapi.yaml, the same ones every time; each is sent
as it is, and once more with ids that exist.
"""

import logging
from contextlib import contextmanager
from pathlib import Path

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from core.wsgi import application
from tests.flows import digest_all, drift_of, make_sender, send_events
from tests.tracking.streams import make_stream

pytestmark = pytest.mark.usefixtures("pipeline")

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = schemathesis.openapi.from_path(str(ROOT / "docs" / "openapi.yaml"))
SCHEMA.app = application
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
N_EXAMPLES = 4
"""Of each operation and mode: what a test run has time for. Raise it by hand to look for more."""

ASK = settings(
    max_examples=N_EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
EXISTING = {"session_id": "session-1", "key": "exp-0", "span_id": "span-1", "run_id": "run-1"}


@pytest.fixture
def stored(alpha):
    """Ids that exist, by the name of their path parameter."""
    events = make_stream(1)
    send_events(make_sender(alpha), events)
    digest_all()
    traces = (each["data"].get("trace_id") for each in events)
    return {**EXISTING, "trace_id": next(filter(None, traces))}


@contextmanager
def one_connection():
    """As Django's own test client does: a request must not close the test's connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_it_never_fails(alpha, alpha_key, stored, mode, caplog):
    caplog.set_level(logging.CRITICAL)  # refusals are many, and as they should be
    headers = {"Authorization": f"Bearer {alpha_key}"}
    failed = {}

    def send(case):
        answer = case.call(headers=headers)
        if answer.status_code >= 500:
            failed[case.operation.label] = case.as_curl_command()

    with one_connection():
        for operation in OPERATIONS:

            @ASK
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case):
                send(case)
                known = {name: stored[name] for name in case.path_parameters if name in stored}
                if known:
                    case.path_parameters |= known
                    send(case)

            ask()
    digest_all()

    assert failed == {}
    assert len(OPERATIONS) >= 29
    assert drift_of(alpha.pk) == []
