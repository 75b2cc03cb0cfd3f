"""Dogpile's example messages, moved to yesterday, and what makes more of them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.flows import digest_all
from tracking.adapters.dogpile import read
from tracking.adapters.dogpile.values import canonical
from tracking.events import Receipt
from tracking.staging import unix_us

PAYLOADS = Path(__file__).resolve().parent.parent / "payloads" / "dogpile"
RUN_ID = "3f6c2a10-7a4e-4d55-9f0a-5f1d2c3b4a00"
DAY = (datetime.now(UTC) - timedelta(days=1)).date()
START = datetime(DAY.year, DAY.month, DAY.day, 9, 15, tzinfo=UTC)
START_US = unix_us(START)
RECEIVED_US = START_US + 3_600_000_000
PATH = "/api/v1/runs"


def names():
    return sorted(path.name for path in PAYLOADS.iterdir())


def text_of(name):
    return (PAYLOADS / name).read_text().replace("2026-03-04", DAY.isoformat())


def load(name):
    return json.loads(text_of(name))


def stream():
    """The events of the example run, as they were streamed."""
    return [json.loads(line) for line in text_of("stream-log.jsonl").splitlines() if line]


def at(seconds):
    moment = START + timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(type_, seconds, *, run_id=RUN_ID, **fields):
    return {"type": type_, "runId": run_id, "at": at(seconds), **fields}


def turn(agent, seconds, usd, tokens, *, run_id=RUN_ID, **fields):
    """``usd`` and ``tokens``: what the run had cost by then."""
    cost = {"usd": usd, "inputTokens": tokens - 10, "outputTokens": 10, "totalTokens": tokens}
    said = {"agentId": agent, "role": f"role of {agent}", "input": "in", "output": f"{agent} said"}
    return event("agent-turn", seconds, run_id=run_id, **{**said, "cost": cost, **fields})


def parts_of(*values, received_us=RECEIVED_US):
    batch = read(canonical(list(values)), receipt=Receipt(received_us, 1))
    assert (batch.rejections, batch.failures) == ([], [])
    return batch.parts


def post(client, value):
    body = value if isinstance(value, str | bytes) else json.dumps(value)
    return client.post(PATH, body, content_type="application/json")


def sending(client):
    """Posts and digests values, one request each."""

    def send(*values):
        answers = [post(client, value) for value in values]
        assert [answer.status_code for answer in answers] == [202] * len(values), answers
        digest_all()
        return answers

    return send
