"""What an experiment's page says of its declaration: what varies, what is measured, how to tag."""

import json
from dataclasses import dataclass

from core.formats import decimal, percent
from experiments.metrics import METRICS
from experiments.models import Experiment, ExperimentMetric, Variant
from experiments.wording import plain_amount, unit_word

# State → what can be done: (action, word, icon, what it means).
ACTIONS = {
    "draft": [
        ("start", "Start", "player-play", "From now on its {unit}s count; what varies stays."),
        ("discard", "Discard", "trash", "The draft is gone then."),
    ],
    "running": [
        ("pause", "Pause", "player-pause", "No new {unit} counts until it goes on."),
        ("stop", "Stop", "x", "It ends for good. What was counted stays."),
    ],
    "paused": [
        ("start", "Go on", "player-play", "New {unit}s count again."),
        ("stop", "Stop", "x", "It ends for good. What was counted stays."),
    ],
}


@dataclass(frozen=True, slots=True)
class Action:
    name: str
    word: str
    icon: str
    meaning: str

    @property
    def is_final(self) -> bool:
        return self.name in {"stop", "discard"}

    @property
    def takes_note(self) -> bool:
        return self.name != "discard"


@dataclass(frozen=True, slots=True)
class VariantLine:
    variant: Variant
    weight: str
    version: int | None
    compared_to: int | None  # the control's version of the same prompt, when it is another one
    config: str


@dataclass(frozen=True, slots=True)
class MetricLine:
    name: str
    role: str
    margin: str


@dataclass(frozen=True, slots=True)
class Definition:
    variants: list[VariantLine]
    metrics: list[MetricLine]
    actions: list[Action]
    snippet: str  # "" once it has ended


def describe_definition(experiment: Experiment) -> Definition:
    variants = list(experiment.variants.all())
    control = next((variant for variant in variants if variant.is_control), None)
    actions = ACTIONS.get(experiment.status, [])
    return Definition(
        variants=[_variant_line(variant, control) for variant in variants],
        metrics=[_metric_line(metric) for metric in experiment.metrics.all()],
        actions=[
            Action(name, word, icon, meaning.format(unit=experiment.unit))
            for name, word, icon, meaning in actions
        ],
        snippet=write_snippet(experiment, variants) if actions else "",
    )


def _variant_line(variant: Variant, control: Variant | None) -> VariantLine:
    version = variant.prompt_version.number if variant.prompt_version else None
    base = control.prompt_version if control else None
    is_other = base is not None and version is not None and base.number != version
    is_same_prompt = control is not None and control.prompt_id == variant.prompt_id
    return VariantLine(
        variant=variant,
        weight=f"{decimal(variant.weight)} %",
        version=version,
        compared_to=base.number if base is not None and is_other and is_same_prompt else None,
        config=json.dumps(variant.config, ensure_ascii=False) if variant.config else "",
    )


def _metric_line(metric: ExperimentMetric) -> MetricLine:
    known = METRICS[metric.metric]
    if metric.margin is None:
        margin = ""
    elif metric.margin_kind == ExperimentMetric.MarginKind.RELATIVE:
        margin = f"at most {percent(metric.margin)} worse"
    else:
        amount = plain_amount(known.unit, metric.margin) + unit_word(known.unit)
        margin = f"at most {amount} worse"
    return MetricLine(name=known.name, role=metric.get_role_display(), margin=margin)


def write_snippet(experiment: Experiment, variants: list[Variant]) -> str:
    """Python that tags a span, for these very variants; for runs, an event to send."""
    if experiment.is_of_runs:
        return _event_snippet(experiment, variants)
    keys = ", ".join(_literal(variant.key) for variant in variants)
    weights = ", ".join(decimal(variant.weight) for variant in variants)
    lines = [
        "import random",
        "",
        "# The same session always meets the same variant.",
        f"draw = random.Random({_literal(experiment.key + ':')} + session_id)",
        f"variant = draw.choices([{keys}], weights=[{weights}])[0]",
        "",
        'span.set_attribute("session.id", session_id)',
        f'span.set_attribute("assay.experiment", {_literal(experiment.key)})',
        'span.set_attribute("assay.variant", variant)',
    ]
    if all(variant.prompt and variant.prompt_version for variant in variants):
        lines += _prompt_lines(variants)
    return "\n".join(lines)


def _prompt_lines(variants: list[Variant]) -> list[str]:
    named = [
        (variant.key, variant.prompt.key, variant.prompt_version.number)
        for variant in variants
        if variant.prompt and variant.prompt_version
    ]
    pairs = ", ".join(
        f"{_literal(key)}: ({_literal(prompt)}, {number})" for key, prompt, number in named
    )
    return [
        "",
        "# Which version of which prompt to ask with.",
        f"prompt, version = {{{pairs}}}[variant]",
        'span.set_attribute("assay.prompt", prompt)',
        'span.set_attribute("assay.prompt_version", str(version))',
    ]


def _event_snippet(experiment: Experiment, variants: list[Variant]) -> str:
    data = {"experimentId": experiment.key, "variantId": variants[-1].key, "runId": "run-1"}
    events = [
        {"type": "variant.start", "data": data},
        {"type": "variant.complete", "data": {**data, "duration": 1200}},
    ]
    return "\n".join(json.dumps(event, ensure_ascii=False) for event in events)


def _literal(text: str) -> str:
    """A text as Python (and JSON) spells it; letters beyond ASCII stay as they are."""
    return json.dumps(text, ensure_ascii=False)
