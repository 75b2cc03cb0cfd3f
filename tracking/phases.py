"""What happened within one span, as its sender timed it. Pure.

AI SDK's wrapper of Fallom times the model's and the tools' turns of one call
(``fallom.raw.timings``): milliseconds from the start of the request, some of them only estimated.
"""

import msgspec

from tracking.adapters.fallom_raw import TIMINGS, read_object
from tracking.adapters.json_values import JsonObject, objects, text

MAX_PHASES = 100
_LONGEST_MS = 1e12
_KINDS = {"llm": "llm", "tool": "tool", "response": "llm", "ttft": "llm"}


class Phase(msgspec.Struct, frozen=True):
    """``offset`` and ``width`` are shares (0–1) of the whole span."""

    kind: str  # of a span: what its bar looks like
    label: str
    offset: float
    width: float
    duration_ms: float
    is_accurate: bool
    note: str


def list_phases(attributes: dict[str, object], duration_ms: float | None) -> list[Phase]:
    """Return the phases in their order of start; none where nothing more than the whole is told."""
    timings = read_object(attributes.get(TIMINGS))
    told = objects(timings.get("phases")) or list(
        map(_of_tool, objects(timings.get("toolTimings")))
    )
    timed = [(_ms(each.get("startMs")), _ms(each.get("endMs")), each) for each in told[:MAX_PHASES]]
    known = [
        (start, end, each)
        for start, end, each in timed
        if start is not None and end is not None and start <= end
    ]
    whole = max([duration_ms or 0.0, *(end for _, end, _ in known)])
    known.sort(key=lambda phase: phase[:2])
    return [_phase(each, start, end, whole) for start, end, each in known if whole > 0]


def _of_tool(timing: JsonObject) -> JsonObject:
    """The time of a tool as a phase."""
    limits = {"startMs": timing.get("startTime"), "endMs": timing.get("endTime")}
    return {"type": "tool", "label": timing.get("name"), **limits}


def _ms(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < _LONGEST_MS else None


def _phase(told: JsonObject, start: float, end: float, whole: float) -> Phase:
    kind = text(told.get("type"))
    return Phase(
        _KINDS.get(kind, "chain"),
        text(told.get("label")) or kind or "phase",
        start / whole,
        (end - start) / whole,
        end - start,
        told.get("accurate") is not False,
        text(told.get("note")),
    )
