"""Spans as reading gives them, for tests of pure modules."""

import datetime
from typing import Any

from tracking.shapes import SpanContent, SpanDetail, SpanRow, Tokens

START = datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC)


def make_row(span_id: str, parent: str = "", *, at_ms: float = 0, **fields: Any) -> SpanRow:
    texts = (
        "session_id user_id run_id error_type error provider model_requested model operation"
        " finish_reason environment release"
    )
    defaults: dict[str, Any] = {
        **dict.fromkeys(texts.split(), ""),
        "id": f"id-{span_id}",
        "trace_id": "trace",
        "kind": "llm",
        "name": span_id,
        "started_at": START + datetime.timedelta(milliseconds=at_ms),
        "duration_ms": 100.0,
        "ttft_ms": None,
        "status": "ok",
        "tokens": Tokens(input=1, output=1, cache_read=None, cache_write=None, reasoning=None),
        "cost_usd": None,
        "cost_source": "none",
        "prompt": None,
        "arms": {},
        "tags": [],
        "metadata": {},
        "metrics": {},
        "warnings": [],
    }
    return SpanRow(span_id=span_id, parent_span_id=parent, **{**defaults, **fields})


def make_detail(
    span_id: str,
    *,
    input: str | None = None,
    output: str | None = None,
    system: str | None = None,
    attributes: dict[str, object] | None = None,
    **fields: Any,
) -> SpanDetail:
    content = SpanContent(
        input=input,
        output=output,
        system=system,
        attributes=attributes or {},
        span_events=[],
        links=[],
        resource={},
    )
    return SpanDetail(make_row(span_id, **fields), content)
