"""Spans as JSON events, read one at a time."""

import json

import tracking.adapters.analytics as analytics
from tracking.events import Receipt

RECEIPT = Receipt(received_us=1_772_700_000_000_000, horizon_us=1_700_000_000_000_000)
START, END = "2026-03-04T09:15:00.000Z", "2026-03-04T09:15:01.500Z"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def read_span(**data):
    data = {"trace_id": TRACE, "span_id": SPAN, "name": "work", "start": START, "end": END} | data
    body = json.dumps({"type": "span", "data": data}).encode()
    assert analytics.check(body, receipt=RECEIPT) == (1, [])
    batch = analytics.read(body, receipt=RECEIPT)
    assert batch.failures == []
    return batch.events[0]
