"""Loads the demo data through the web server, once, and waits until it can be seen."""

import json
import time
from datetime import UTC, datetime
from importlib import import_module
from urllib.request import Request, urlopen

from django.conf import settings
from django.core.management import call_command

from core.bootstrap import DEMO_SLUG
from core.embedded.first_start import read_state, write_state

LOADER = "core.demo"  # loaded late: its texts are only needed once
DIGEST_SECONDS = 180.0


def load_demo_data(base_url: str, key: str) -> str:
    """What was done, in a line.

    An interrupted load is repeated with its first date: what is sent again has the same identity,
    so nothing is stored twice.
    """
    state = read_state(settings.DATA_DIR)
    dated = state.get("now", "")
    if not dated and has_data(base_url, key):
        write_state(settings.DATA_DIR, "ready")
        return "the project has data already"
    now = datetime.fromisoformat(dated) if dated else datetime.now(UTC)
    write_state(settings.DATA_DIR, "demo", now=now.isoformat())
    demo = import_module(LOADER)
    demo.load_demo(base_url, key, now)
    call_command(
        "start_experiment", demo.RUNNING["key"], project=DEMO_SLUG, at=demo.running_since(now)
    )
    wait_until_digested(base_url, key)
    write_state(settings.DATA_DIR, "ready")
    return "the demo data is loaded"


def ingest_status(base_url: str, key: str) -> dict[str, int]:
    request = Request(f"{base_url}/api/v1/ingest/status", headers={"X-API-Key": key})  # noqa: S310
    with urlopen(request, timeout=10) as answer:
        status: dict[str, int] = json.load(answer)
    return status


def has_data(base_url: str, key: str) -> bool:
    status = ingest_status(base_url, key)
    return status["stored_events"] > 0 or status["pending_batches"] > 0


def wait_until_digested(base_url: str, key: str) -> None:
    deadline = time.monotonic() + DIGEST_SECONDS
    while ingest_status(base_url, key)["pending_batches"] > 0:
        if time.monotonic() > deadline:
            raise TimeoutError("the demo data was accepted but not digested; see logs/digest.log")
        time.sleep(0.25)
