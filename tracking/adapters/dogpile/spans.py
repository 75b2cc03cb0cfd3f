"""A run as spans and points: root, rounds, turns, calls and tools, and what happened between. Pure.

Tokens and money stand on the calls. The root repeats the run's total and turns repeat their share:
they count only for a run whose calls nobody told (tracking.folding), and then the root alone.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from tracking.adapters.dogpile.calls import Call, Tool
from tracking.adapters.dogpile.columns import (
    Owner,
    money_of,
    owner_of,
    participation_tags,
    payload_of_call,
    run_attributes,
    score_of,
    status_of_call,
    stop_reason,
    trouble_of,
    turn_attributes,
    usage_columns,
)
from tracking.adapters.dogpile.moments import moments_of
from tracking.adapters.dogpile.record import CANCELLED, COMPLETED, FAILED, Run, total_cost
from tracking.adapters.dogpile.timeline import Round, Timeline, Turn, build_timeline
from tracking.adapters.dogpile.values import (
    JsonObject,
    canonical,
    cost_of,
    first_text,
    json_text,
    number_of,
    object_of,
    text_of,
    time_of,
)
from tracking.cleaning import clean_error, clean_name
from tracking.events import IncomingEvent, Kind, Payload, Status
from tracking.identity import content_rank, given_identity

ROOT_NAME, SUB_RUN_NAME = "dogpile.run", "dogpile.sub-run"

_REPEATED = frozenset({"input", "output", "kind", "protocol"})
_STATUS = {COMPLETED: Status.OK, FAILED: Status.ERROR}


def spans_of(run: Run, line: Timeline) -> list[IncomingEvent]:
    """The events of a document: of its run and of all sub-runs below it, in one trace."""
    return list(_Telling(run, line, owner_of(run), parent="", prefix="").events())


class _Telling:
    """One run being told as events. ``prefix`` keeps the ids of sub-runs apart."""

    def __init__(self, run: Run, line: Timeline, owner: Owner, *, parent: str, prefix: str) -> None:
        self.run, self.line, self.owner = run, line, owner
        self.parent, self.prefix = parent, prefix
        self.root = clean_name(f"{prefix}run")

    def events(self) -> Iterator[IncomingEvent]:
        yield self._root()
        for index, round_ in enumerate(self.line.rounds):
            yield self._round(round_, index)
        for turn in self.line.turns:
            yield self._turn(turn)
        for call in self.line.calls:
            yield self._call(call)
        for tool in self.line.tools:
            yield self._tool(tool)
        yield from self._points()
        for child in self.run.children:
            prefix = f"{self.prefix}{child.run_id}:"
            line = build_timeline(child)
            below = _Telling(child, line, self.owner, parent=self.root, prefix=prefix)
            yield from below.events()

    # --- spans ---

    def _root(self) -> IncomingEvent:
        run = self.run
        trouble = trouble_of(run)
        metrics = [("quality", run.quality)]
        metrics += [("benchmark_score", score_of(each)) for each in run.material.benchmarks[:1]]
        return self._event(
            self.root,
            kind=Kind.AGENT,
            name=SUB_RUN_NAME if self.parent else ROOT_NAME,
            start_us=self.line.start_us,
            end_us=self.line.end_us,
            parent=self.parent,
            status=_STATUS.get(run.status, Status.UNSET),
            error_type=clean_name(first_text(object_of(trouble.get("detail")).get("code"))),
            error=clean_error(text_of(trouble.get("message"))),
            metrics=tuple((name, float(value)) for name, value in metrics if value is not None),
            arms=() if self.parent else self.owner.arms,
            metadata=self._metadata(),
            finish_reason=clean_name(stop_reason(run)),
            warnings=run.clock_warnings,
            payload=Payload(
                input=run.intent or None,
                output=run.output or None,
                attributes=run_attributes(run),
            ),
            **usage_columns(total_cost(run)),
        )

    def _metadata(self, **more: str) -> str:
        said = {"protocol": self.run.protocol, "tier": self.run.tier, **more}
        flat = {name: clean_name(text) for name, text in said.items() if text}
        return canonical(flat).decode() if flat else ""

    def _round(self, round_: Round, index: int) -> IncomingEvent:
        contributions = [
            {"role": each.get("role"), "content": text_of(each.get("output"))}
            for each in round_.contributions
        ]
        return self._event(
            self._round_id(index),
            kind=Kind.CHAIN,
            name=f"round {round_.number}",
            start_us=round_.start_us,
            end_us=round_.end_us,
            parent=self.root,
            status=Status.OK,
            payload=Payload(
                output=json_text(contributions) if contributions else None,
                attributes={
                    "dogpile.round": round_.number,
                    "dogpile.contributions": len(round_.contributions),
                },
            ),
        )

    def _turn(self, turn: Turn) -> IncomingEvent:
        return self._event(
            self._turn_id(turn),
            kind=Kind.AGENT,
            name=clean_name(turn.role or turn.agent or "turn"),
            operation="invoke_agent",
            start_us=turn.start_us,
            end_us=turn.end_us,
            parent=self._round_id(turn.round) if turn.round >= 0 else self.root,
            status=Status.OK,
            metadata=self._metadata(agent=turn.agent, phase=turn.phase),
            tags=participation_tags(turn.decision),
            payload=Payload(
                input=turn.input or None,
                output=turn.output or None,
                attributes=turn_attributes(turn),
            ),
            **usage_columns(turn.added),
        )

    def _call(self, call: Call) -> IncomingEvent:
        provider, _, model = call.provider_id.rpartition(":")
        model = clean_name(call.model_id or model)
        response = call.response
        usage = cost_of(response.get("usage"))
        return self._event(
            clean_name(f"{self.prefix}{call.id}"),
            kind=Kind.LLM,
            name=f"chat {model}" if model else "chat",
            operation="chat",
            start_us=call.start_us,
            end_us=call.end_us,
            parent=self._parent_of(call.turn),
            status=Status.UNSET if call.is_open else status_of_call(response),
            provider=clean_name(provider),
            model_requested=model,
            model=model,
            tokens_in=usage.tokens_in if usage else None,
            tokens_out=usage.tokens_out if usage else None,
            cost_reported=money_of(number_of(response.get("costUsd"))),
            finish_reason=clean_name(text_of(response.get("finishReason"))),
            ttft_us=None if call.first_us is None else call.first_us - call.start_us,
            metadata=self._metadata(agent=call.agent, phase=text_of(call.said.get("phase"))),
            payload=payload_of_call(call),
        )

    def _tool(self, tool: Tool) -> IncomingEvent:
        error = tool.error
        output = tool.result.get("output", tool.result.get("error", tool.result or None))
        return self._event(
            clean_name(f"{self.prefix}{tool.id}"),
            kind=Kind.TOOL,
            name=clean_name(tool.name),
            operation="execute_tool",
            start_us=tool.start_us,
            end_us=tool.end_us,
            parent=self._parent_of(tool.turn),
            status=self._tool_status(tool),
            error_type=clean_name(text_of(error.get("code"))),
            error=clean_error(text_of(error.get("message"))),
            metadata=self._metadata(agent=tool.agent),
            payload=Payload(
                input=None if tool.input is None else json_text(tool.input),
                output=None if output is None else json_text(output),
                attributes={
                    "gen_ai.tool.name": tool.name,
                    "gen_ai.tool.call.id": tool.id,
                    "dogpile.tool": tool.identity,
                    **({"dogpile.agent": tool.agent} if tool.agent else {}),
                },
            ),
        )

    def _tool_status(self, tool: Tool) -> Status:
        if tool.has_failed:
            return Status.ERROR
        return Status.OK if tool.result else Status.UNSET

    # --- points ---

    def _points(self) -> Iterator[IncomingEvent]:
        for key, name, said in moments_of(self.run):
            yield self._point(key, name, said)
        for number, error in enumerate(self.run.errors):
            yield self._error_point(f"error:{number}", error)

    def _point(self, key: str, name: str, said: JsonObject) -> IncomingEvent:
        attributes = {k: v for k, v in said.items() if k not in _REPEATED}
        return self._event(
            clean_name(f"{self.prefix}{key}"),
            kind=Kind.EVENT,
            name=clean_name(name),
            start_us=self.run.settle(time_of(said) or self.run.completed_us),
            end_us=None,
            parent=self.root,
            status=Status.ERROR if name == "sub-run-failed" else Status.UNSET,
            metadata=self._metadata(agent=text_of(said.get("agentId"))),
            error=clean_error(text_of(object_of(said.get("error")).get("message"))),
            payload=Payload(attributes=attributes or None),
        )

    def _error_point(self, key: str, error: JsonObject) -> IncomingEvent:
        detail = object_of(error.get("detail"))
        is_cancel = detail.get("status") == CANCELLED or detail.get("code") == "aborted"
        return self._event(
            clean_name(f"{self.prefix}{key}"),
            kind=Kind.EVENT,
            name="error",
            start_us=self.run.settle(time_of(error)),
            end_us=None,
            parent=self.root,
            status=Status.UNSET if is_cancel else Status.ERROR,
            error_type=clean_name(first_text(detail.get("code"), error.get("name"))),
            error=clean_error(text_of(error.get("message"))),
            metadata=self._metadata(),
            payload=Payload(attributes=error),
        )

    # --- all of them ---

    def _round_id(self, index: int) -> str:
        return clean_name(f"{self.prefix}round:{index + 1}")

    def _turn_id(self, turn: Turn) -> str:
        return clean_name(f"{self.prefix}turn:{turn.agent}:{turn.number}")

    def _parent_of(self, turn: int) -> str:
        return self._turn_id(self.line.turns[turn]) if turn >= 0 else self.root

    def _event(
        self,
        key: str,
        *,
        start_us: int,
        end_us: int | None,
        parent: str,
        **columns: Any,  # columns of IncomingEvent, each of its own type
    ) -> IncomingEvent:
        owner = self.owner
        is_point = end_us is None
        own: dict[str, Any] = {k: int(v) if k in _ENUMS else v for k, v in columns.items()}
        event = IncomingEvent(
            id=given_identity(f"dogpile\0{owner.trace_id}\0{columns['kind']}\0{key}"),
            occurred_us=start_us,
            duration_us=None if is_point else max(0, (end_us or 0) - start_us),
            content_rank=0,
            trace_id=owner.trace_id,
            span_id="" if is_point else key,
            parent_span_id=parent,
            session_own=owner.session,
            user_own=owner.user,
            environment=owner.environment,
            run_id=owner.trace_id,
            **own,
        )
        rank = content_rank(msgspec.json.encode(event))
        return msgspec.structs.replace(event, content_rank=rank)


_ENUMS = frozenset({"kind", "status"})
