"""Calls of tools and what they gave, paired over the turns of a conversation. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tracking.adapters.dialects.message_parts import Part


@dataclass(slots=True, kw_only=True)
class ToolUse:
    call_id: str
    name: str
    arguments: str  # as sent: mostly JSON text
    result: str | None = None  # None: no result was seen
    is_error: bool = False


class ToolUses:
    """What was called so far. A turn is a trace; some clients (Fallom's) trace each model call
    alone, and tell the result of a call in the next turn."""

    def __init__(self) -> None:
        self._uses: list[ToolUse] = []  # of this turn
        self._earlier: dict[str, ToolUse] = {}  # by id, else by name: the latest of other turns
        self._names: dict[str, str] = {}  # by id, of any call that was told, shown or not

    def begin_turn(self) -> None:
        self._earlier |= {use.call_id or use.name: use for use in self._uses}
        self._uses = []

    def add(self, *uses: ToolUse) -> None:
        self._uses += uses

    def note(self, parts: Sequence[Part]) -> None:
        """Remember the names of calls that a message repeats."""
        self._names |= {part.call_id: part.name for part in parts if part.arguments}

    def name_of(self, result: Part) -> str:
        return result.name or self._names.get(result.call_id, "")

    def find(self, call_id: str, name: str) -> ToolUse | None:
        """The call with this id, which some say of each turn's first; without one, the first
        unanswered call of this tool."""
        same = [use for use in self._uses if call_id and use.call_id == call_id]
        if same:
            return next((use for use in same if use.result is None), same[0])
        for use in self._uses:
            is_open = use.result is None and not (call_id and use.call_id)
            if is_open and use.name and use.name == name:
                return use
        return None

    def find_for(self, result: Part) -> ToolUse | None:
        """The call of a result, in this turn or an earlier one: by name only if it still waits."""
        found = self.find(result.call_id, result.name)
        if found is not None:
            return found
        use = self._earlier.get(result.call_id or result.name)
        return use if use is not None and (result.call_id or use.result is None) else None

    def answer(self, result: str) -> bool:
        """Pair a result that names no call (LangChain's messages as Fallom sends them): with the
        call that is known to have given it, else with the first that waits, if any."""
        given = [use for use in self._uses if use.result == result]
        waiting = [use for use in self._uses if use.result is None]
        for use in (given or waiting)[:1]:
            use.result = result
        return bool(given or waiting)
