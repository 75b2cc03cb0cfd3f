"""Events with their content → the thread of messages people read. Pure.

Calls repeat the whole conversation so far in their input: a message is shown where it first
appears. Tool calls are paired with their results. In each turn the last input and the final output
are what people look for; everything between is marked to be shown collapsed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tracking.shapes import SpanDetail


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    call_id: str
    name: str
    arguments: str  # as sent: mostly JSON text
    result: str | None  # None: no result was seen
    is_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the thread. ``role``: system, user, assistant, tool, event."""

    role: str
    text: str
    span: SpanDetail  # where it was seen first: for links, tokens, cost, errors
    is_main: bool  # a turn's last input or final output: shown open
    tools: list[ToolUse] = field(default_factory=list)
    images: list[str] = field(default_factory=list)  # addresses or media types, never loaded
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one trace added to the conversation."""

    trace_id: str
    started_at: datetime
    entries: list[Entry]


def build_thread(events: Sequence[SpanDetail], *, is_continuation: bool = False) -> list[Turn]:
    """Build the turns of a session window (``events`` by time).

    ``is_continuation``: the window does not begin with the session, so the history that its first
    call repeats was shown before.
    """
    raise NotImplementedError
