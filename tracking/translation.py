"""How a request was carried to the model that answered it, as its span says. Pure, for pages.

ai.matey translates a request from one provider's format to another's: the provenance chain, what it
changed on the way (its warnings), the parameters that were asked for.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tracking.adapters.json_values import name, obj, objects, text
from tracking.adapters.matey_spans import PREFIX

MAX_SHOWN = 200
SHORT = 300
SEVERITIES = ("error", "warning", "info")
REQUEST_ID = "ai.request.id"
FRONTENDS = ("ai.frontend",)
BACKENDS = ("ai.response.backend", "ai.backend")


@dataclass(frozen=True, slots=True)
class IrWarning:
    """``original`` and ``transformed``: JSON text; "" where it was not said."""

    category: str
    severity: str
    message: str
    field: str
    original: str
    transformed: str
    source: str
    details: object


@dataclass(frozen=True, slots=True)
class Hop:
    role: str  # frontend | middleware | router | backend
    name: str


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str
    schema: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    hops: list[Hop]
    warnings: list[IrWarning]
    parameters: list[tuple[str, str]]
    tools: list[Tool]
    facts: list[tuple[str, str]]  # label and value of what else is known
    request_id: str  # as a span of ai.matey's OpenTelemetry middleware names it

    @property
    def backend(self) -> str:
        return next((hop.name for hop in self.hops if hop.role == "backend"), "")


def describe_translation(attributes: Mapping[str, Any]) -> Translation | None:
    """What a span's attributes say of its translation; None when they say nothing."""
    said = {
        key.removeprefix(PREFIX): value
        for key, value in attributes.items()
        if key.startswith(PREFIX)
    }
    found = Translation(
        hops=_hops(said, attributes),
        warnings=warnings_of(said.get("warnings")),
        parameters=_parameters(said.get("parameters")),
        tools=_tools(said.get("tools")),
        facts=_facts(said),
        request_id=name(attributes.get(REQUEST_ID)),
    )
    is_empty = not (found.hops or found.warnings or found.parameters or found.tools)
    return None if is_empty and not found.facts else found


def _hops(said: dict[str, Any], attributes: Mapping[str, Any]) -> list[Hop]:
    chain = obj(said.get("provenance"))
    middleware = chain.get("middleware")
    layers = middleware if isinstance(middleware, list) else []
    frontend = name(chain.get("frontend")) or _first(attributes, FRONTENDS)
    backend = name(chain.get("backend")) or _first(attributes, BACKENDS)
    hops = [
        Hop("frontend", frontend),
        *(Hop("middleware", name(each)) for each in layers[:MAX_SHOWN]),
        Hop("router", name(chain.get("router"))),
        Hop("backend", backend),
    ]
    return [hop for hop in hops if hop.name]


def _first(attributes: Mapping[str, Any], keys: Iterable[str]) -> str:
    return next((said for key in keys if (said := name(attributes.get(key)))), "")


def warnings_of(value: object) -> list[IrWarning]:
    """The gravest first."""
    found = [
        IrWarning(
            category=text(each.get("category")) or "no category",
            severity=text(each.get("severity")),
            message=text(each.get("message")),
            field=text(each.get("field")),
            original=_json(each, "originalValue"),
            transformed=_json(each, "transformedValue"),
            source=text(each.get("source")),
            details=each.get("details"),
        )
        for each in objects(value)[:MAX_SHOWN]
    ]
    return sorted(found, key=lambda warning: _gravity(warning.severity))


def _gravity(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _json(sent: dict[str, Any], key: str) -> str:
    return shown(sent[key]) if key in sent else ""


def shown(value: object) -> str:
    """A value in a few words: text as it is, anything else as JSON."""
    said = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return said if len(said) <= SHORT else said[: SHORT - 1] + "…"


def _parameters(value: object) -> list[tuple[str, str]]:
    """Parameters by name, those of ``custom`` under ``custom.``."""
    sent = obj(value)
    custom = obj(sent.get("custom"))
    own = [(key, each) for key, each in sent.items() if not (key == "custom" and custom)]
    own += [(f"custom.{key}", each) for key, each in custom.items()]
    return [(key, shown(each)) for key, each in own[:MAX_SHOWN]]


def _tools(value: object) -> list[Tool]:
    return [
        Tool(text(each.get("name")), text(each.get("description")), each.get("parameters"))
        for each in objects(value)[:MAX_SHOWN]
    ]


def _facts(said: dict[str, Any]) -> list[tuple[str, str]]:
    labels = (
        ("attempt", "Attempt"),
        ("attempts", "Attempts"),
        ("asked_in", "Asked as in"),
        ("tool_choice", "Tool choice"),
        ("response_format", "Response format"),
        ("stream_mode", "Stream mode"),
        ("provider_response_id", "Id at the provider"),
    )
    facts = [(label, shown(said[key])) for key, label in labels if key in said]
    if stream := obj(said.get("stream")):
        facts.append(("Stream", _stream(stream)))
    return facts


def _stream(stream: dict[str, Any]) -> str:
    told = f"{stream.get('chunks', 0)} chunks, {stream.get('content_chunks', 0)} with text"
    missing = stream.get("missing")
    if isinstance(missing, list) and missing:
        told += f"; missing {', '.join(str(each) for each in missing)}"
    return told if stream.get("ended") else f"{told}; it did not end"


@dataclass(slots=True)
class Tally:
    """The translations of several spans, counted. ``key``: of the first span that warned so."""

    warnings: dict[IrWarning, tuple[int, str, str]] = field(default_factory=dict)
    chains: Counter[tuple[Hop, ...]] = field(default_factory=Counter)
    parameters: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, translation: Translation, trace_id: str, key: str) -> None:
        if translation.hops:
            self.chains[tuple(translation.hops)] += 1
        for warning in translation.warnings:
            plain = IrWarning(**{**_fields(warning), "details": None})
            n, *where = self.warnings.get(plain, (0, trace_id, key))
            self.warnings[plain] = (n + 1, where[0], where[1])
        for parameter, value in translation.parameters:
            self.parameters.setdefault(parameter, Counter())[value] += 1

    @property
    def backends(self) -> list[str]:
        return sorted({hop.name for chain in self.chains for hop in chain if hop.role == "backend"})

    def list_warnings(self) -> list[tuple[IrWarning, int, str, str]]:
        """(warning, how often, trace and key of the first span): the gravest first."""
        rows = [(warning, *where) for warning, where in self.warnings.items()]
        return sorted(rows, key=lambda row: (_gravity(row[0].severity), -row[1], row[0].category))

    def list_parameters(self) -> list[tuple[str, list[tuple[str, int]]]]:
        return [(key, values.most_common(5)) for key, values in sorted(self.parameters.items())]


def _fields(warning: IrWarning) -> dict[str, Any]:
    return {name: getattr(warning, name) for name in IrWarning.__slots__}
