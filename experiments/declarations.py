"""What a declared experiment says: its parts, what is filled in, what is wrong with it. Pure."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from experiments.metrics import METRICS

KINDS = ("model", "prompt", "grid", "custom", "offline")
UNITS = ("session", "run")
HASHES = ("salted-1", "fallom-1")
ROLES = ("goal", "guardrail", "secondary")
MARGIN_KINDS = ("relative", "absolute")

MIN_VARIANTS, MAX_VARIANTS = 2, 20
MAX_KEY = 200
MAX_NAME = 600
MAX_TEXT = 2_000
MAX_CONFIG = 20_000
MIN_ALPHA, MAX_ALPHA = 0.0001, 0.5
MIN_PLANNED, MAX_PLANNED = 10, 10**9
MAX_MARGIN = 1e9
PLANNED_UNITS = 5_000
ALPHA = 0.05
# How much worse a guardrail may get when nobody says: what the verdict takes for negligible.
MARGINS = {"rate": 0.02, "ms": 0.05, "usd": 0.05, "tokens": 0.05}
RESERVED = "new"  # the address of the form
# What stands behind a key in addresses of the API: a key that ends so could not be read there.
RESERVED_ENDS = ("/", "/results", "/analyse", "/sessions", "/start", "/pause", "/stop")
WEIGHT_SLACK = 0.2  # 33.3 three times is all the traffic
MIN_WEIGHT = 0.001  # but for none at all; what is far less is no share that can be computed with

_unkeepable = re.compile("[\x00\ud800-\udfff]").search  # neither is text to PostgreSQL
_control = re.compile(r"[\x00-\x1f\x7f]").search


class Fault(NamedTuple):
    """What is wrong, and where: ``variants.1.weight``."""

    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredVariant:
    """``weight`` is percent of the traffic; ``prompt`` a prompt's key, ``prompt_version`` a number
    of it or None for whatever it serves."""

    key: str
    name: str = ""
    weight: float | None = None
    is_control: bool = False
    model: str = ""
    prompt: str = ""
    prompt_version: int | None = None
    config: dict[str, Any] | None = None  # any JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredMetric:
    metric: str
    role: str = "goal"
    margin: float | None = None
    margin_kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    key: str
    name: str = ""
    kind: str = "custom"
    unit: str = "session"
    hash: str = "salted-1"
    hypothesis: str = ""
    environment: str = ""
    alpha: float = ALPHA
    planned_units: int = PLANNED_UNITS
    variants: tuple[DeclaredVariant, ...] = ()
    metrics: tuple[DeclaredMetric, ...] = ()


def complete(said: Declaration) -> Declaration:
    """Fill in what need not be said: even weights, the first as control, success as the goal."""
    variants = said.variants
    if variants and all(variant.weight is None for variant in variants):
        even = 100 / len(variants)
        variants = tuple(replace(variant, weight=even) for variant in variants)
    if variants and not any(variant.is_control for variant in variants):
        variants = (replace(variants[0], is_control=True), *variants[1:])
    metrics = said.metrics or (DeclaredMetric(metric="success_rate"),)
    return replace(
        said, variants=variants, metrics=tuple(_complete_metric(metric) for metric in metrics)
    )


def _complete_metric(said: DeclaredMetric) -> DeclaredMetric:
    known = METRICS.get(said.metric)
    if said.role != "guardrail" or known is None:
        return said
    kind = "absolute" if known.unit in {"rate", "score"} else "relative"
    margin = MARGINS.get(known.unit) if said.margin is None else said.margin
    return replace(said, margin=margin, margin_kind=said.margin_kind or kind)


def find_faults(said: Declaration) -> list[Fault]:
    """Return everything that is wrong with a completed declaration."""
    return [
        *_faults_of_texts(said),
        *_faults_of_choices(said),
        *_faults_of_plan(said),
        *_faults_of_variants(said),
        *_faults_of_metrics(said.metrics),
    ]


def _faults_of_texts(said: Declaration) -> Iterator[Fault]:
    yield from _faults_of_key("key", said.key)
    if said.key == RESERVED:
        yield Fault("key", f"'{RESERVED}' is the address of the form: choose another key.")
    if said.key.endswith(RESERVED_ENDS):
        ends = ", ".join(RESERVED_ENDS)
        yield Fault("key", f"The API's own addresses end in {ends}: choose another key.")
    yield from _faults_of_text("name", said.name, MAX_NAME)
    yield from _faults_of_text("hypothesis", said.hypothesis, MAX_TEXT)
    yield from _faults_of_text("environment", said.environment, MAX_KEY)


def _faults_of_key(field: str, key: str) -> Iterator[Fault]:
    if not key.strip():
        yield Fault(field, "Say a key: the name that spans carry.")
    elif key != key.strip() or _control(key):
        yield Fault(field, "A key has no spaces around it and no control characters.")
    else:
        yield from _faults_of_text(field, key, MAX_KEY)


def _faults_of_text(field: str, text: str, most: int) -> Iterator[Fault]:
    if len(text) > most:
        yield Fault(field, f"At most {most:,} characters.")
    if _unkeepable(text):
        yield Fault(field, "It holds a character that cannot be stored (NUL or half a surrogate).")


def _faults_of_choices(said: Declaration) -> Iterator[Fault]:
    if said.unit == "user":
        yield Fault("unit", "Users are not measured as units: choose session or run.")
    chosen = (("kind", KINDS), ("unit", (*UNITS, "user")), ("hash", HASHES))
    for field, allowed in chosen:
        if getattr(said, field) not in allowed:
            yield Fault(field, f"Must be one of: {', '.join(allowed)}.")


def _faults_of_plan(said: Declaration) -> Iterator[Fault]:
    if not MIN_ALPHA <= said.alpha <= MAX_ALPHA:  # NaN too
        yield Fault("alpha", f"Must lie between {MIN_ALPHA} and {MAX_ALPHA}.")
    if not MIN_PLANNED <= said.planned_units <= MAX_PLANNED:
        yield Fault("planned_units", f"Must lie between {MIN_PLANNED} and {MAX_PLANNED:,}.")


def _faults_of_variants(said: Declaration) -> Iterator[Fault]:
    if not MIN_VARIANTS <= len(said.variants) <= MAX_VARIANTS:
        yield Fault("variants", f"Name {MIN_VARIANTS} to {MAX_VARIANTS} variants.")
    if sum(variant.is_control for variant in said.variants) > 1:
        yield Fault("variants", "Only one variant is the control.")
    yield from _faults_of_weights(said.variants)
    keys = [variant.key for variant in said.variants]
    for at, variant in enumerate(said.variants):
        place = f"variants.{at}"
        yield from _faults_of_key(f"{place}.key", variant.key)
        if variant.key in keys[:at]:
            yield Fault(f"{place}.key", f"Another variant is called '{variant.key}'.")
        yield from _faults_of_text(f"{place}.name", variant.name, MAX_NAME)
        yield from _faults_of_text(f"{place}.model", variant.model, MAX_KEY)
        yield from _faults_of_subject(place, said.kind, variant)
        yield from _faults_of_config(f"{place}.config", variant.config)


def _faults_of_weights(variants: Iterable[DeclaredVariant]) -> Iterator[Fault]:
    weights = [variant.weight for variant in variants]
    said = [weight for weight in weights if weight is not None]
    wrong = False
    for at, weight in enumerate(weights):
        if weight is None:
            yield Fault(f"variants.{at}.weight", "Give every variant a weight, or none.")
        elif not _is_weight(weight):
            yield Fault(f"variants.{at}.weight", f"Percent: 0, or {MIN_WEIGHT} to 100.")
        wrong = wrong or weight is None or not _is_weight(weight)
    if said and not wrong and abs(math.fsum(said) - 100) > WEIGHT_SLACK:
        yield Fault("variants", f"The weights add up to {math.fsum(said):g} %, not 100 %.")


def _is_weight(weight: float) -> bool:
    return weight == 0 or MIN_WEIGHT <= weight <= 100  # not NaN


def _faults_of_subject(place: str, kind: str, variant: DeclaredVariant) -> Iterator[Fault]:
    if kind == "prompt" and not variant.prompt:
        yield Fault(f"{place}.prompt", "Name the prompt of this variant.")
    if kind == "model" and not variant.model:
        yield Fault(f"{place}.model", "Name the model of this variant.")
    if variant.prompt_version is not None and not variant.prompt:
        yield Fault(f"{place}.prompt", "A version belongs to a prompt: name it.")


def _faults_of_config(field: str, config: dict[str, Any] | None) -> Iterator[Fault]:
    if config is None:
        return
    try:
        text = json.dumps(config, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        yield Fault(field, "It holds a number or a depth that JSON does not have.")
        return
    if len(text) > MAX_CONFIG:
        yield Fault(field, f"At most {MAX_CONFIG:,} characters of JSON.")
    if _unkeepable(text) or "\\u0000" in text:
        yield Fault(field, "It holds a character that cannot be stored (NUL or half a surrogate).")


def _faults_of_metrics(metrics: tuple[DeclaredMetric, ...]) -> Iterator[Fault]:
    if not any(metric.role == "goal" for metric in metrics):
        yield Fault("metrics", "Name at least one goal.")
    keys = [metric.metric for metric in metrics]
    for at, metric in enumerate(metrics):
        place = f"metrics.{at}"
        if metric.metric not in METRICS:
            yield Fault(f"{place}.metric", f"Must be one of: {', '.join(METRICS)}.")
        elif metric.metric in keys[:at]:
            yield Fault(f"{place}.metric", f"'{metric.metric}' is named twice.")
        if metric.role not in ROLES:
            yield Fault(f"{place}.role", f"Must be one of: {', '.join(ROLES)}.")
        yield from _faults_of_margin(place, metric)


def _faults_of_margin(place: str, metric: DeclaredMetric) -> Iterator[Fault]:
    if metric.role != "guardrail":
        if metric.margin is not None or metric.margin_kind:
            yield Fault(f"{place}.margin", "Only a guardrail has a margin.")
        return
    if metric.margin is None:
        yield Fault(f"{place}.margin", "Say how much worse it may get, in the metric's unit.")
    elif not 0 <= metric.margin <= MAX_MARGIN:  # NaN too
        yield Fault(f"{place}.margin", "A margin is 0 or more.")
    if metric.margin_kind and metric.margin_kind not in MARGIN_KINDS:
        yield Fault(f"{place}.margin_kind", f"Must be one of: {', '.join(MARGIN_KINDS)}.")
