"""ai.matey's messages for tests: the payloads, and shorthand for exchanges and chunks."""

import json
from pathlib import Path

from tracking.adapters import DERIVERS, matey
from tracking.events import Receipt

PAYLOADS = Path(__file__).parent.parent / "payloads" / "ai-matey"
STARTED_MS = 1772615700000
RECEIVED_US = 1_795_275_000_000_000
RECEIPT = Receipt(RECEIVED_US, RECEIVED_US - 1_096 * 86_400_000_000)
WARNINGS = sorted(path.name for path in PAYLOADS.glob("warning-*.json"))


def payload(name):
    return (PAYLOADS / name).read_bytes()


def metadata(request_id="req-1", **more):
    return {"requestId": request_id, "timestamp": STARTED_MS, **more}


def request(text="Hello?", **more):
    said = {"messages": [{"role": "user", "content": text}], "metadata": metadata()}
    return {**said, **more}


def response(text="Hello!", finish="stop", **more):
    message = {"role": "assistant", "content": text}
    return {"message": message, "finishReason": finish, "metadata": metadata(), **more}


def start(request_id="req-1", **more):
    return {"type": "start", "sequence": 0, "metadata": metadata(request_id, **more)}


def content(sequence, delta, **more):
    return {"type": "content", "sequence": sequence, "delta": delta, **more}


def done(sequence, finish="stop", **more):
    return {"type": "done", "sequence": sequence, "finishReason": finish, **more}


def stream():
    return [json.loads(line) for line in payload("stream.jsonl").splitlines()]


def lines(*items):
    return "\n".join(json.dumps(item) for item in items).encode()


def parts_of(*items, **headers):
    """The parts of items sent each in a request of its own."""
    receipt = Receipt(RECEIPT.received_us, RECEIPT.horizon_us, headers)
    bodies = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
    return [part for body in bodies for part in matey.read(body, receipt=receipt).parts]


def derive(*items, **headers):
    """What items mean that make up one document."""
    parts = parts_of(*items, **headers)
    (document,) = {(part.system, part.key) for part in parts}
    return DERIVERS[document[0]](document[1], parts)


def spans(*items, **headers):
    return derive(*items, **headers).events


def answer_of(span):
    """The blocks, or the text, of a span's output."""
    (message,) = json.loads(span.payload.output)
    return message["content"]
