"""What is posted to /v1/traces: OTLP, alone or with Fallom's headers, or Fallom's flat spans. Pure.

Two products chose the same path. The keys at the top of a JSON body tell them apart.
"""

import msgspec

from tracking.adapters import fallom, otlp
from tracking.adapters.fallom_headers import complete, read_headers
from tracking.events import Batch, Receipt, Rejection


def check(body: bytes, *, json: bool, receipt: Receipt) -> tuple[int, list[Rejection]]:
    if json and fallom.is_flat(body):
        return fallom.check(body, receipt=receipt)
    return otlp.check(body, json=json, receipt=receipt)


def read(body: bytes, *, json: bool, receipt: Receipt) -> Batch:
    if json and fallom.is_flat(body):
        return fallom.read(body, receipt=receipt)
    batch = otlp.read(body, json=json, receipt=receipt)
    told = read_headers(receipt.headers)
    if told is None:
        return batch
    events = [complete(event, told, is_json=json) for event in batch.events]
    return msgspec.structs.replace(batch, events=events)
