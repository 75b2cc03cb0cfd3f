"""Events with their content → the thread of messages people read. Pure.

Calls repeat the whole conversation so far in their input: a message is shown where it first
appears. Tool calls are paired with their results. In each turn the last input and the final output
are what people look for; everything between is marked to be shown collapsed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tracking.adapters.dialects.langchain_messages import printed_result
from tracking.adapters.dialects.message_parts import Message, Part, decode_json
from tracking.adapters.dialects.messages import messages_of
from tracking.adapters.dialects.model_bodies import lone_text
from tracking.events import Payload
from tracking.message_points import put_back
from tracking.shapes import SpanDetail
from tracking.tool_uses import ToolUse, ToolUses

CALL = "llm"
TOOL = "tool"
POINT = "event"
REASONING = "reasoning"
WRAPPERS = frozenset({"agent", "chain"})
CALL_IDS = ("gen_ai.tool.call.id", "ai.toolCall.id")
TOOL_NAMES = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "traceloop.entity.name")
ROLES = {
    "human": "user",
    "model": "assistant",
    "ai": "assistant",
    "developer": "system",
    "function": "tool",
}

Key = tuple[str, str]


@dataclass(slots=True, kw_only=True)
class Entry:
    """One line of the thread. ``role``: system, user, assistant, tool, event."""

    role: str
    text: str
    span: SpanDetail  # where it was seen first: for links, tokens, cost, errors
    is_main: bool = False  # a turn's last input or final output: shown open
    is_answer: bool = False  # the last its span made: what that took and cost is said there, once
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
    by_trace: dict[str, list[SpanDetail]] = {}
    for event in put_back(events):
        by_trace.setdefault(event.span.trace_id, []).append(event)
    thread = _Thread(skips_history=is_continuation)
    turns = []
    for trace_id, members in by_trace.items():
        entries = thread.read_turn(members)
        if entries:
            turns.append(
                Turn(trace_id=trace_id, started_at=members[0].span.started_at, entries=entries)
            )
    return turns


def _find_repeated(events: Sequence[SpanDetail]) -> set[str]:
    """Of a call that two spans tell, the one that need not be shown: what does not count, unless
    it alone holds what was said."""
    calls = {event.span.id: event for event in events}
    repeated = set()
    for event in events:
        if (counted := calls.get(event.span.duplicate_of or "")) is not None:
            is_silent = not _says_anything(counted) and _says_anything(event)
            repeated.add(counted.span.id if is_silent else event.span.id)
    return repeated


def _says_anything(event: SpanDetail) -> bool:
    return bool(_messages(event, "input") or _messages(event, "output"))


class _Thread:
    """What was shown so far, and the entries of the turn being read."""

    def __init__(self, *, skips_history: bool) -> None:
        self.shown: Counter[Key] = Counter()
        self.skips_history = skips_history
        self.entries: list[Entry] = []
        self.uses = ToolUses()

    def read_turn(self, events: Sequence[SpanDetail]) -> list[Entry]:
        self.entries = []
        self.uses.begin_turn()
        is_first, repeated = True, _find_repeated(events)
        for event in events:
            if event.span.id in repeated:
                continue
            if event.span.kind == CALL:
                self._read_call(event, is_first=is_first)
                is_first = False
            elif event.span.kind == TOOL:
                self._read_tool(event)
            elif event.span.kind == POINT:
                self._add(event, POINT, error=event.span.error)
        if not any(entry.text for entry in self.entries):
            self._read_wrapper(events)
        _mark_main(self.entries)
        return self.entries

    def _read_call(self, event: SpanDetail, *, is_first: bool) -> None:
        inputs, outputs = _messages(event, "input"), _messages(event, "output")
        self._read_inputs(event, inputs, is_first=is_first)
        n_before = len(self.entries)
        self._read_outputs(event, outputs)
        if event.span.status == "error" or not outputs:
            self._add(event, "assistant", error=event.span.error or event.span.error_type)
        _mark_answer(self.entries[n_before:])

    def _read_inputs(self, event: SpanDetail, inputs: Sequence[Message], *, is_first: bool) -> None:
        seen: Counter[Key] = Counter()
        latest = _index_of_last_user(inputs)
        for index, message in enumerate(inputs):
            self.uses.note(message.parts)
            key = _key(message)
            seen[key] += 1
            is_old = seen[key] <= self.shown[key] or (self.skips_history and index < latest)
            # What a turn was asked is shown, even where the same was asked before.
            is_asked = is_first and index == latest
            self.shown[key] = max(self.shown[key], seen[key])
            if is_asked or not is_old:
                self._add_message(event, message, _role(message))
        self.skips_history = False

    def _read_outputs(self, event: SpanDetail, outputs: Sequence[Message]) -> None:
        for message in outputs:
            self.shown[_key(message)] += 1
            self._add_message(event, message, "assistant")

    def _add_message(self, event: SpanDetail, message: Message, role: str) -> None:
        by_type: dict[str, list[str]] = {}
        uses: list[ToolUse] = []
        for part in message.parts:
            if part.type == "tool_result":
                self._pair(event, part)
            elif part.type == "tool_call":
                uses.append(ToolUse(call_id=part.call_id, name=part.name, arguments=part.arguments))
            else:
                group = REASONING if part.name == REASONING else part.type
                by_type.setdefault(group, []).append(part.text)
        self.uses.add(*uses)
        if thoughts := by_type.get(REASONING):
            self._add(event, REASONING, "\n".join(thoughts))
        text = "\n".join([*by_type.get("text", ()), *by_type.get("other", ())])
        images = by_type.get("image", [])
        if role == TOOL and text and self.uses.answer(text):
            return
        if text or images or uses:
            self._add(event, role, text, tools=uses, images=images)

    def _pair(self, event: SpanDetail, result: Part) -> None:
        use = self.uses.find_for(result)
        if use is None:
            name = self.uses.name_of(result)
            use = ToolUse(call_id=result.call_id, name=name, arguments="")
            self._add(event, TOOL, tools=[use])
            self.uses.add(use)
        if use.result is None:
            use.result, use.is_error = result.text, result.is_error

    def _read_tool(self, event: SpanDetail) -> None:
        """A tool's own span: the result of the call that asked for it, or a line of its own."""
        span, content = event.span, event.content
        result = _plain(content.output)
        printed = printed_result(result or "")
        result, printed_id = printed or (result, "")
        call_id, name = _attribute(event, CALL_IDS) or printed_id, _tool_name(event)
        use = self.uses.find(call_id, name)
        if use is None:
            use = ToolUse(call_id=call_id, name=name, arguments=_plain(content.input) or "")
            self._add(event, TOOL, tools=[use])
            self.uses.add(use)
        if use.result is None:
            use.result = result if result is not None else span.error or None
        use.is_error = span.status == "error"

    def _read_wrapper(self, events: Sequence[SpanDetail]) -> None:
        """No call tells what was said: the outermost span that does is shown."""
        for event in events:
            inputs, outputs = _messages(event, "input"), _messages(event, "output")
            if event.span.kind in WRAPPERS and (inputs or outputs):
                self._read_inputs(event, inputs, is_first=True)
                n_before = len(self.entries)
                self._read_outputs(event, outputs)
                _mark_answer(self.entries[n_before:])
                return

    def _add(
        self,
        event: SpanDetail,
        role: str,
        text: str = "",
        *,
        tools: Sequence[ToolUse] = (),
        images: Sequence[str] = (),
        error: str = "",
    ) -> None:
        entry = Entry(role=role, text=text, span=event, error=error)
        entry.tools += tools
        entry.images += images
        self.entries.append(entry)


def _messages(event: SpanDetail, direction: Literal["input", "output"]) -> list[Message]:
    content = event.content
    payload = Payload(
        input=content.input,
        output=content.output,
        system=content.system,
        span_events=content.span_events,
    )
    return messages_of(payload, content.attributes, direction)


def _role(message: Message) -> str:
    role = message.role.lower()
    return ROLES.get(role, role) or "user"


def _key(message: Message) -> Key:
    """What makes two messages the same one, repeated: thoughts are rarely sent back."""
    said = [
        part.text or f"{part.call_id} {part.name} {part.arguments}"
        for part in message.parts
        if part.name != REASONING
    ]
    return _role(message), "\0".join(said)


def _index_of_last_user(messages: Sequence[Message]) -> int:
    indexes = [index for index, message in enumerate(messages) if _role(message) == "user"]
    return indexes[-1] if indexes else len(messages) - 1


def _tool_name(event: SpanDetail) -> str:
    # LangChain's tracers call a tool's span after it.
    return _attribute(event, TOOL_NAMES) or event.span.name.removeprefix("tool.")


def _attribute(event: SpanDetail, names: Sequence[str]) -> str:
    """The first of these attributes that says anything."""
    said = (event.content.attributes.get(name) for name in names)
    return next((str(value) for value in said if value), "")


def _plain(text: str | None) -> str | None:
    """What a tool took or gave: the text that recorders quote or wrap in JSON, else as sent."""
    if text is None or not text.startswith(("{", '"')):
        return text
    found = lone_text(decode_json(text))
    return text if found is None else found


def _mark_answer(entries: Sequence[Entry]) -> None:
    for entry in [entry for entry in entries if entry.role == "assistant"][-1:]:
        entry.is_answer = True


def _mark_main(entries: Sequence[Entry]) -> None:
    for role in ("user", "assistant"):
        said = [entry for entry in entries if entry.role == role and entry.text]
        if said:
            said[-1].is_main = True
