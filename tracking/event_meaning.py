"""What a point says, in a line that everybody understands. Pure.

Types and fields are those of ai-experiments' tracking, of Assay's scores, of Fallom's session
metrics, of ai.matey's intermediate representation and of Dogpile's run events. Any other point says
its own short fields. Values come from strangers: another type than expected counts as absent.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from tracking.adapters.json_values import JsonObject, number, obj, objects, text

LONGEST = 240
LONGEST_VALUE = 80
MOST_FIELDS = 4

Metrics = Sequence[tuple[str, float]]

_IDS = ("id", "Id", "ID")
_WHO = {"user": "a user", "human": "a human", "judge": "a judge"}
_PLACES = ("env", "environment", "timestamp", "type", "at", "stack")


class Said(msgspec.Struct, frozen=True):
    """What is known of a point. ``target``: what a score judges, in words."""

    type: str
    attributes: JsonObject
    metrics: Metrics = ()
    target: str = ""


def meaning_of(said: Said) -> str:
    """A line of at most LONGEST characters; "" when the type says it all."""
    read = _READERS.get(said.type, _other)
    return _shorten(read(said), LONGEST)


def meaning_of_score(said: Said) -> str:
    told = said.attributes
    value = told.get("value")
    shown = ("yes" if value else "no") if isinstance(value, bool) else _show(value)
    line = f"{_show(told.get('name'))} = {shown}"
    if source := text(told.get("source")):
        line += f", by {_WHO.get(source, source)}"
    if said.target:
        line += f", for the {said.target}"
    comment = _quote(told.get("comment"))
    return _shorten(f"{line}: {comment}" if comment else line, LONGEST)


def _started(said: Said) -> str:
    told = said.attributes
    n = number(told.get("variantCount"))
    with_variants = f"with {n:g} variant{'' if n == 1 else 's'}" if n is not None else ""
    together = "at once" if told.get("parallel") is True else ""
    return _join(_quote(told.get("experimentName")), "began", with_variants, together)


def _completed(said: Said) -> str:
    told = said.attributes
    counts = [
        f"{n:g} {word}"
        for key, word in (("successCount", "succeeded"), ("failureCount", "failed"))
        if (n := number(told.get(key))) is not None
    ]
    best = _show(told.get("bestVariant")) if told.get("bestVariant") else ""
    line = _join(_quote(told.get("experimentName")), "ended", _after(told.get("totalDuration")))
    line += ": " + ", ".join(counts) if counts else ""
    return f"{line}; best: {best}" if best else line


def _run_started(said: Said) -> str:
    named = _quote(said.attributes.get("variantName"))
    return f"run of {named} began" if named else ""


def _run_ended(said: Said) -> str:
    if said.attributes.get("success") is False:
        return _run_failed(said)
    line = _join("run succeeded", _after(_duration(said)))
    return f"{line}, {_numbers(said)}" if _numbers(said) else line


def _run_failed(said: Said) -> str:
    return _join("run failed", _after(_duration(said)))


def _result(said: Said) -> str:
    result = said.attributes.get("result")
    return _join("result:", _quote(result) or _show(result) or "(an object)")


def _metric(said: Said) -> str:
    return _numbers(said) or _other(said)


def _decision(said: Said) -> str:
    told = said.attributes
    n, score = number(told.get("optionCount")), number(told.get("selectedScore"))
    chosen = _quote(told.get("selected")) or "an option"
    among = f"of {n:g}" if n is not None else ""
    by = text(told.get("strategy"))
    line = _join("chose", chosen, among, f"by {by}" if by else "")
    details = [f"score {score:g}"] if score is not None else []
    details += [
        f"{key} {value:g}"
        for key in ("sample", "ucb", "mean", "epsilon")
        if (value := number(told.get(key))) is not None
    ]
    line += f" ({', '.join(details)})" if details else ""
    context = text(told.get("context"))
    return f"{_shorten(context, LONGEST_VALUE)}: {line}" if context else line


def _warnings(said: Said) -> str:
    """ai.matey: what a backend could not do as it was asked."""
    warnings = next((objects(v) for k, v in said.attributes.items() if k.endswith("warnings")), [])
    lines = [
        _join(text(each.get("category")), f"({text(each.get('severity')) or 'warning'}):")
        + f" {_shorten(text(each.get('message')), LONGEST_VALUE)}"
        for each in warnings
    ]
    return "; ".join(lines)


def _chunk(said: Said) -> str:
    chunk = next((obj(v) for k, v in said.attributes.items() if k.endswith("chunk")), {})
    kind, sequence = text(chunk.get("type")), number(chunk.get("sequence"))
    place = f"no. {sequence:g}" if sequence is not None else ""
    return _join(kind, place, _quote(chunk.get("delta")))


def _stopped(said: Said) -> str:
    """Dogpile: why a run ended before its turn."""
    told = said.attributes
    reason = text(told.get("normalizedReason")) or text(told.get("reason"))
    detail = obj(told.get("detail"))
    seen, limit = number(detail.get("observed")), number(detail.get("limit"))
    amount = f"{seen:g} of {limit:g}" if seen is not None and limit is not None else ""
    line = _join("stopped:", reason, amount, _quote(told.get("detail")))
    return line if reason else _other(said)


def _assigned(said: Said) -> str:
    told = said.attributes
    agent, role = _show(told.get("agentId")), _show(told.get("role"))
    return f"{agent} plays {role}" if agent and role else _other(said)


def _turn_chosen(said: Said) -> str:
    """Dogpile's decisions, as its protocol took them."""
    turn = number(said.attributes.get("turn"))
    return _join(_agent(said), "speaks", f"in turn {turn:g}" if turn is not None else "")


def _tool_called(said: Said) -> str:
    return _join(_agent(said), "calls", _show(said.attributes.get("tool")) or "a tool")


def _tool_answered(said: Said) -> str:
    return _join(_show(said.attributes.get("tool")) or "a tool", "answered", _agent(said))


def _model_called(said: Said) -> str:
    return _join(_agent(said), "asks", _show(said.attributes.get("providerId")) or "a model")


def _model_answered(said: Said) -> str:
    return _join(_show(said.attributes.get("providerId")) or "a model", "answered", _agent(said))


def _round_collected(said: Said) -> str:
    told = said.attributes
    round_, n = number(told.get("round")), number(told.get("contributionCount"))
    words = f"{n:g} contribution{'' if n == 1 else 's'}" if n is not None else "contributions"
    return _join(f"round {round_:g}:" if round_ is not None else "", words)


def _budget_ended(said: Said) -> str:
    reason = _show(said.attributes.get("budgetReason"))
    return f"stopped: {reason}" if reason else _other(said)


def _finalized(said: Said) -> str:
    n = number(said.attributes.get("transcriptEntryCount"))
    return f"output of {n:g} contribution{'' if n == 1 else 's'}" if n is not None else "output"


def _agent(said: Said) -> str:
    agent, role = _show(said.attributes.get("agentId")), _show(said.attributes.get("role"))
    return f"{agent} ({role})" if agent and role else agent or role or "somebody"


def _error(said: Said) -> str:
    """What kind of error: the log shows its message below."""
    told = said.attributes
    code = _show(obj(told.get("detail")).get("code")) or _show(told.get("code"))
    return ": ".join(word for word in (_show(told.get("name")), code) if word) or _other(said)


def _broadcast(said: Said) -> str:
    told = said.attributes
    n, round_ = len(objects(told.get("contributions"))), number(told.get("round"))
    place = f"round {round_:g}:" if round_ is not None else ""
    return _join(place, f"{n} contribution{'' if n == 1 else 's'}")


def _other(said: Said) -> str:
    """The metrics, else the first short fields that are no ids."""
    if said.metrics:
        return _numbers(said)
    shown = [
        f"{name} = {_show(value)}"
        for name, value in said.attributes.items()
        if not name.endswith(_IDS) and name not in _PLACES and _is_short(value)
    ]
    return ", ".join(shown[:MOST_FIELDS])


def _is_short(value: object) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and value != "")


def _numbers(said: Said) -> str:
    """Metrics by name, without what is said in words: durations and outcomes of runs."""
    told = {"duration_ms", "run_completed", "run_failed"}
    named = [(name, value) for name, value in said.metrics if name not in told]
    if len(named) > 1:  # a metric with a name of its own is said under both names
        named = [pair for pair in named if pair[0] != "metric_value"]
    shown = ", ".join(f"{name} = {value:g}" for name, value in named[:MOST_FIELDS])
    return shown.replace("metric_value = ", "metric = ")


def _duration(said: Said) -> float | None:
    return next((value for name, value in said.metrics if name == "duration_ms"), None)


def _after(ms: object) -> str:
    length = number(ms)
    if length is None or length < 0:
        return ""
    return f"after {length:g} ms" if length < 1_000 else f"after {length / 1_000:g} s"


def _quote(value: object) -> str:
    said = text(value)
    return f"“{_shorten(said, LONGEST_VALUE)}”" if said else ""


def _show(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        found = number(value)
        return f"{found:g}" if found is not None else ""
    return _shorten(text(value), LONGEST_VALUE)


def _shorten(said: str, length: int) -> str:
    said = " ".join(said[: length * 4].split())
    return said if len(said) <= length else f"{said[: length - 1]}…"


def _join(*words: str) -> str:
    return " ".join(word for word in words if word)


Reader = Callable[[Said], str]
_READERS: Mapping[str, Reader] = {
    "experiment.start": _started,
    "experiment.complete": _completed,
    "variant.start": _run_started,
    "variant.complete": _run_ended,
    "variant.error": _run_failed,
    "variant.result": _result,
    "metric.computed": _metric,
    "decision.made": _decision,
    "ai.matey warning": _warnings,
    "ai.matey chunk": _chunk,
    "budget-stop": _stopped,
    "termination-stop": _stopped,
    "role-assignment": _assigned,
    "broadcast": _broadcast,
    "assign-role": _assigned,
    "select-agent-turn": _turn_chosen,
    "start-model-call": _model_called,
    "complete-model-call": _model_answered,
    "start-tool-call": _tool_called,
    "complete-tool-call": _tool_answered,
    "collect-broadcast-round": _round_collected,
    "stop-for-budget": _budget_ended,
    "finalize-output": _finalized,
    "error": _error,
}
