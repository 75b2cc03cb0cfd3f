"""Attributes that mean something only together, or several things at once. Pure.

A key of ``KEYS`` fills one column with one value. What is here is read in a second step, for those
spans alone that say any of it: JSON objects of usage, flattened metadata, evaluations, ids that
tell what kind of span it is. Columns that a key filled stay as they are; everything stays in the
attributes too.
"""

import datetime
import re
from collections.abc import Callable, Container, Iterator
from typing import Any

import msgspec

from tracking.adapters.dialects import (
    assay,
    evaluations,
    langfuse,
    langsmith,
    mlflow,
    traceloop,
    vercel,
)
from tracking.adapters.dialects.codecs import METADATA
from tracking.adapters.dialects.message_parts import decode_json
from tracking.adapters.dialects.provider_metadata import columns_of_metadata
from tracking.adapters.dialects.usage import columns_of_usage
from tracking.cleaning import clean_error, clean_name
from tracking.events import Kind

MARK = "$compound"
"""Stands where an attribute's warning stands: this span needs the second step."""

MAX_JSON = 100_000  # characters: more is no object of usage
MAX_DEPTH = 20

Columns = dict[str, Any]  # a column's own type
Attributes = dict[str, object]

COST_PARTS = ("llm.cost.prompt", "llm.cost.completion")
METADATA_FAMILIES = (
    traceloop.PROPERTIES,
    vercel.METADATA,
    vercel.CONTEXT,
    *langfuse.METADATA,
    langsmith.METADATA,
    mlflow.METADATA,
)
_FAMILIES = METADATA_FAMILIES + evaluations.FAMILIES
_OWN_TAGS = {key.name: key for key in assay.KEYS}


class Beyond(msgspec.Struct):
    """What attributes say of the span itself, against what its own fields say."""

    environment: str = ""
    release: str = ""
    is_error: bool = False
    error: str = ""
    first_token_us: int | None = None  # moment, microseconds since 1970
    uncached_input: int | None = None  # a count of input tokens that leaves the cached ones out
    unreasoned_output: int | None = None  # a count of output tokens that leaves thoughts out


def is_compound(name: str) -> bool:
    return name in _NAMED or name.startswith(_FAMILIES)


def read_compounds(columns: Columns, attributes: Attributes, keys: Container[str]) -> Beyond | None:
    """Fill the columns that are still empty. ``keys``: names that have a column of their own."""
    beyond = Beyond()
    for name, read in COMPOUNDS.items():
        if name in attributes:
            for column, value in read(attributes[name], attributes).items():
                if column in _BEYOND:
                    setattr(beyond, column, value)
                else:
                    columns.setdefault(column, value)
    _read_families(columns, attributes, keys)
    return beyond if beyond != Beyond() else None


def _read_families(columns: Columns, attributes: Attributes, keys: Container[str]) -> None:
    """Gather metadata into one object; our own tags among it are tags of the span."""
    gathered: Attributes = {}
    for label, value in _metadata_among(attributes, keys):
        if label in _OWN_TAGS:
            own = _OWN_TAGS[label]
            found = own.codec.read(value)[0]
            if found is not None:
                columns.setdefault(own.column, found)
        elif label:
            gathered[label] = value
    if gathered:
        said = columns.get("metadata")
        merged = {**gathered, **msgspec.json.decode(said)} if said else gathered
        text = METADATA.read(merged)[0]
        if text is not None:
            columns["metadata"] = text


def _metadata_among(attributes: Attributes, keys: Container[str]) -> Iterator[tuple[str, object]]:
    """Metadata that came as objects, then what came flattened."""
    for name in langfuse.METADATA_OBJECTS:
        yield from _object(attributes.get(name)).items()
    for name, raw in attributes.items():
        prefix = next((p for p in METADATA_FAMILIES if name.startswith(p)), None)
        if prefix is not None and name not in keys and name not in COMPOUNDS:
            yield name[len(prefix) :], _unquote(raw)


def _unquote(raw: object) -> object:
    """A value that was encoded as JSON, if it is a text in quotes."""
    if isinstance(raw, str) and raw[:1] == raw[-1:] == '"' and len(raw) > 1:
        try:
            return msgspec.json.decode(raw, type=str)
        except ValueError:
            return raw
    return raw


def _object(raw: object) -> Attributes:
    """An object, or the JSON text of one; empty when it is neither or too long."""
    if isinstance(raw, str):
        if len(raw) > MAX_JSON or raw.count("{") + raw.count("[") > MAX_JSON // 100:
            return {}
        try:
            raw = msgspec.json.decode(raw)
        except (ValueError, RecursionError):
            return {}
    return raw if isinstance(raw, dict) else {}


def _usage(raw: object, _: Attributes) -> Columns:
    return columns_of_usage(_object(raw))


def _cost(raw: object, _: Attributes) -> Columns:
    """Dollars: the total, else the sum of what is said of input and output."""
    costs = {
        name: float(value)
        for name, value in _object(raw).items()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    }
    for name in ("total", "total_cost"):
        if name in costs:
            return {"cost_reported": costs[name]}
    return {"cost_reported": sum(costs.values())} if costs else {}


_counts_in = re.compile(r"'(\w{1,64})': (\d{1,13})\b").findall


def _token_details(raw: object, _: Attributes) -> Columns:
    """LangSmith's client writes these objects as Python does: ``{'cache_read': 8}``."""
    said = _object(raw)
    if isinstance(raw, str) and raw[:2] == "{'" and len(raw) < MAX_JSON:
        said = {name: int(count) for name, count in _counts_in(raw)}
    found = columns_of_usage(said)
    return {name: found[name] for name in found if name not in {"tokens_in", "tokens_out"}}


def _provider_metadata(raw: object, _: Attributes) -> Columns:
    return columns_of_metadata({name: _object(told) for name, told in _object(raw).items()})


def cost_of_parts(attributes: Attributes) -> Columns:
    """OpenInference's cost of input and output, for where no total is said. No compound: half of
    all spans may have them, beside a total."""
    return _cost({name: attributes.get(name) for name in COST_PARTS}, attributes)


def _mlflow_usage(raw: object, _: Attributes) -> Columns:
    """Usage in Anthropic's names, but with the cached tokens among the input ones."""
    said = _object(raw)
    return columns_of_usage({**said, "prompt_tokens": said.get("input_tokens")})


def _linked_prompt(raw: object, attributes: Attributes) -> Columns:
    """The prompt that MLflow loaded within a span; of several none is the span's."""
    prompts = _list(raw)
    return _named_prompt(prompts[0], attributes) if len(prompts) == 1 else {}


def _list(raw: object) -> list[object]:
    """A list, or the JSON text of one, which MLflow writes as JSON again."""
    for _ in range(2):
        if isinstance(raw, str) and len(raw) < MAX_JSON and raw[:1] in ('"', "["):
            raw = decode_json(raw)
    return raw if isinstance(raw, list) else []


def _usage_metadata(raw: object, attributes: Attributes) -> Columns:
    """LangChain's usage, with what it cost."""
    said = _object(raw)
    total = {name: said[name] for name in ("total_cost",) if name in said}
    return {**columns_of_usage(said), **(_cost(total, attributes) if total else {})}


def _named_prompt(raw: object, _: Attributes) -> Columns:
    said = _object(raw)
    name, version = said.get("name"), said.get("version")
    columns: Columns = {}
    if isinstance(name, str) and name:
        columns["prompt_key"] = clean_name(name)
    if isinstance(version, int | str) and not isinstance(version, bool) and version != "":
        columns["prompt_version"] = clean_name(str(version))
    return columns


_OPERATIONS = {
    "doGenerate": (Kind.LLM, "chat"),
    "doStream": (Kind.LLM, "chat"),
    "doEmbed": (Kind.EMBEDDING, "embeddings"),
    "doRerank": (Kind.RETRIEVER, "rerank"),
    "doDecide": (Kind.LLM, "decide"),
}


def _operation_id(raw: object, _: Attributes) -> Columns:
    if not isinstance(raw, str) or not raw:
        return {}
    if raw == "ai.toolCall":
        return {"kind": int(Kind.TOOL), "operation": "execute_tool"}
    kind, operation = _OPERATIONS.get(raw.rpartition(".")[2], (Kind.CHAIN, clean_name(raw)))
    return {"kind": int(kind), "operation": operation}


def _of_kind(kind: Kind, operation: str) -> "Reader":
    said: Columns = {"kind": int(kind), "operation": operation}
    return lambda raw, _: said if isinstance(raw, str) and raw else {}


def _adk_event(_: object, attributes: Attributes) -> Columns:
    """Within ``call_llm``, which names its session and counts, ADK makes a span of the same call
    that does not; tools are told by their operation."""
    is_counted = "gcp.vertex.agent.session_id" in attributes or "gen_ai.tool.name" in attributes
    return {} if is_counted else {"kind": int(Kind.CHAIN)}


def _metric_span(raw: object, attributes: Attributes) -> Columns:
    """ai.matey sends each recorded metric as a span of its own."""
    value = attributes.get("metric.value")
    if not isinstance(raw, str) or not raw or isinstance(value, bool):
        return {}
    if not isinstance(value, int | float) or abs(value) > evaluations.MAX_SCORE:
        return {}
    return {"metrics": ((clean_name(raw), float(value)),), "kind": int(Kind.CHAIN)}


def _level(raw: object, attributes: Attributes) -> Columns:
    message = attributes.get("langfuse.observation.status_message")
    if raw != "ERROR":
        return {}
    return {"is_error": True, "error": clean_error(message) if isinstance(message, str) else ""}


def _moment(raw: object, _: Attributes) -> Columns:
    try:
        moment = datetime.datetime.fromisoformat(str(_unquote(raw)))
    except ValueError:
        return {}
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return {"first_token_us": (moment - epoch) // datetime.timedelta(microseconds=1)}


def _named(column: str) -> "Reader":
    return lambda raw, _: {column: clean_name(raw)} if isinstance(raw, str) and raw else {}


Reader = Callable[[object, Attributes], Columns]
_BEYOND = frozenset(Beyond.__struct_fields__)

COMPOUNDS: dict[str, Reader] = {
    "langfuse.observation.usage_details": _usage,
    "langfuse.observation.cost_details": _cost,
    "langfuse.observation.completion_start_time": _moment,
    "langfuse.observation.level": _level,
    "langfuse.environment": _named("environment"),
    "langfuse.release": _named("release"),
    "ai.operationId": _operation_id,
    "ai.response.providerMetadata": _provider_metadata,
    "ai.telemetry.metadata.langfusePrompt": _named_prompt,
    "ai.request.id": _of_kind(Kind.LLM, "chat"),
    "metric.name": _metric_span,
    "dogpile.call.id": _of_kind(Kind.LLM, "chat"),
    "dogpile.agent.id": _of_kind(Kind.AGENT, "invoke_agent"),
    "dogpile.run.id": _of_kind(Kind.CHAIN, "invoke_workflow"),
    "gcp.vertex.agent.event_id": _adk_event,
    "pydantic_ai.all_messages": _of_kind(Kind.AGENT, "invoke_agent"),
    "all_messages_events": _of_kind(Kind.AGENT, "invoke_agent"),
    "langsmith.metadata.usage_metadata": _usage_metadata,
    "gen_ai.usage.input_token_details": _token_details,
    "gen_ai.usage.output_token_details": _token_details,
    "mlflow.chat.tokenUsage": _mlflow_usage,
    "mlflow.linkedPrompts": _linked_prompt,
    "mlflow.llm.cost": _cost,
}
"""By name, the more telling first."""

_NAMED = frozenset({*COMPOUNDS, *langfuse.METADATA_OBJECTS})
