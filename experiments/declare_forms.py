"""The form that declares an experiment: its definition, a row a variant, a line a metric."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from core.forms import INPUT, SELECT
from core.numerals import read_whole
from experiments.declarations import (
    MAX_KEY,
    MAX_NAME,
    MAX_PLANNED,
    MAX_TEXT,
    MAX_VARIANTS,
    MIN_PLANNED,
    PLANNED_UNITS,
    Declaration,
    DeclaredMetric,
    DeclaredVariant,
    Fault,
)
from experiments.metrics import DISCOVERED_METRICS, Metric

SUBJECTS = {"prompt": "version", "model": "model"}  # kind → the field of a row that varies
UNIT_CHOICES = (("session", "Session"), ("run", "Run of ai-experiments"))
ROLE_CHOICES = (("", "–"), ("goal", "Goal"), ("guardrail", "Guardrail"))
MARGIN_UNITS = {"rate": "points", "score": "in its unit"}  # else percent of the control's
PERCENT = {"rate", "ms", "usd", "tokens"}  # margins said in hundredths


class DefinitionForm(forms.Form):
    name = forms.CharField(
        required=False,
        max_length=MAX_NAME,
        label="Name",
        widget=forms.TextInput(attrs=INPUT),
    )
    key = forms.CharField(
        max_length=MAX_KEY,
        label="Key",
        help_text="Spans carry it as assay.experiment. It stays.",
        widget=forms.TextInput(attrs=INPUT),
    )
    hypothesis = forms.CharField(
        required=False,
        max_length=MAX_TEXT,
        label="Hypothesis",
        help_text="What you expect, and why.",
        widget=forms.Textarea(attrs={**INPUT, "rows": 2}),
    )
    unit = forms.ChoiceField(
        choices=UNIT_CHOICES,
        label="Unit",
        help_text="Each meets one variant. Numbers are over units, never over calls.",
        widget=forms.Select(attrs=SELECT),
    )
    planned_units = forms.IntegerField(
        min_value=MIN_PLANNED,
        max_value=MAX_PLANNED,
        initial=PLANNED_UNITS,
        label="Planned units",
        help_text="Of all variants together; intervals are tightest there.",
        widget=forms.NumberInput(attrs=INPUT),
    )
    environment = forms.CharField(
        required=False,
        max_length=MAX_KEY,
        label="Environment",
        help_text="Only its units count; empty: those of all.",
        widget=forms.TextInput(attrs=INPUT),
    )

    def clean(self) -> dict[str, Any]:
        """Who chooses no role at all has taken the goal away: nothing is filled in for them."""
        said: dict[str, Any] = self.cleaned_data
        if not any(said.get(f"role_{metric.key}") for metric in DISCOVERED_METRICS):
            raise ValidationError("Name at least one goal.")
        return said

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # what forms.Form takes
        super().__init__(*args, **kwargs)
        for metric in DISCOVERED_METRICS:
            self.fields[f"role_{metric.key}"] = forms.ChoiceField(
                choices=ROLE_CHOICES,
                required=False,
                initial="goal" if metric.key == "success_rate" else "",
                label=f"Role of {metric.name}",
                widget=forms.Select(attrs=SELECT),
            )
            self.fields[f"margin_{metric.key}"] = forms.FloatField(
                required=False,
                min_value=0,
                label=f"Margin of {metric.name}",
                widget=forms.NumberInput(attrs={**INPUT, "step": "any", "placeholder": "margin"}),
            )


class VariantForm(forms.Form):
    """One row; which of ``version`` and ``model`` it has depends on what varies."""

    version = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        label="Version",
        widget=forms.Select(attrs=SELECT),
    )
    model = forms.CharField(
        required=False,
        max_length=MAX_KEY,
        label="Model",
        widget=forms.TextInput(attrs=INPUT),
    )
    key = forms.CharField(
        required=False,
        max_length=MAX_KEY,
        label="Variant's key",
        widget=forms.TextInput(attrs=INPUT),
    )
    weight = forms.FloatField(
        required=False,
        min_value=0,
        max_value=100,
        label="Percent of the traffic",
        widget=forms.NumberInput(attrs={**INPUT, "step": "any", "placeholder": "even"}),
    )

    def __init__(self, *args: Any, kind: str, numbers: Sequence[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for subject_kind, field in SUBJECTS.items():
            if subject_kind != kind:
                del self.fields[field]
        if kind == "prompt":
            version = self.fields["version"]
            assert isinstance(version, forms.TypedChoiceField)
            version.choices = [("", "–"), *((number, f"v{number}") for number in numbers)]

    @property
    def is_blank(self) -> bool:
        said: Mapping[str, Any] = self.cleaned_data
        return not any(said.get(name) for name in ("version", "model", "key"))


@dataclass(frozen=True, slots=True)
class MetricLine:
    """The two fields of one metric, for the template."""

    metric: Metric
    role: forms.BoundField
    margin: forms.BoundField
    unit: str


@dataclass(slots=True)
class ExperimentForm:
    kind: str
    prompt: str  # a prompt's key, when its versions vary
    definition: DefinitionForm
    rows: list[VariantForm]
    control: int = 0  # which row
    notice: str = ""  # what of the address could not be filled in

    @property
    def metric_lines(self) -> list[MetricLine]:
        return [
            MetricLine(
                metric=metric,
                role=self.definition[f"role_{metric.key}"],
                margin=self.definition[f"margin_{metric.key}"],
                unit=MARGIN_UNITS.get(metric.unit, "% of the control's"),
            )
            for metric in DISCOVERED_METRICS
        ]

    @property
    def can_add(self) -> bool:
        return len(self.rows) < MAX_VARIANTS

    def is_valid(self) -> bool:
        checked = [self.definition.is_valid(), *(row.is_valid() for row in self.rows)]
        return all(checked)

    def declaration(self) -> Declaration:
        """What was said. Rows that say nothing are no variants."""
        said = self.definition.cleaned_data
        plain = ("name", "key", "hypothesis", "unit", "planned_units", "environment")
        return Declaration(
            kind=self.kind,
            **{name: said[name] for name in plain},
            variants=tuple(self._variant(at) for at in self._said_rows()),
            metrics=tuple(_metrics_of(said)),
        )

    def add_faults(self, faults: Iterable[Fault]) -> None:
        """Show each fault at its field; what has none, on top."""
        rows = self._said_rows()
        for fault in faults:
            group, _, rest = fault.field.partition(".")
            at, _, field = rest.partition(".")
            if group == "variants" and at:
                row = self.rows[rows[int(at)]]
                field = {"prompt": "version"}.get(field, field)
                row.add_error(field if field in row.fields else None, fault.message)
            elif group == "metrics" and at:
                metric = list(_metrics_of(self.definition.cleaned_data))[int(at)].metric
                self.definition.add_error(f"margin_{metric}", fault.message)
            else:
                known = group if group in self.definition.fields else None
                self.definition.add_error(known, fault.message)

    def _said_rows(self) -> list[int]:
        return [at for at, row in enumerate(self.rows) if not row.is_blank]

    def _variant(self, at: int) -> DeclaredVariant:
        said = self.rows[at].cleaned_data
        version, model = said.get("version"), said.get("model", "")
        return DeclaredVariant(
            key=said["key"] or model or (f"v{version}" if version else ""),
            weight=said["weight"],
            is_control=at == self.control,
            model=model,
            prompt=self.prompt if version else "",
            prompt_version=version,
        )


def _metrics_of(said: Mapping[str, Any]) -> Iterable[DeclaredMetric]:
    for metric in DISCOVERED_METRICS:
        role, margin = said[f"role_{metric.key}"], said[f"margin_{metric.key}"]
        if role:
            scaled = margin / 100 if margin is not None and metric.unit in PERCENT else margin
            yield DeclaredMetric(metric=metric.key, role=role, margin=scaled)


def open_form(
    kind: str,
    prompt: str,
    numbers: Sequence[int],
    *,
    initial: Mapping[str, Any],
    rows: Sequence[Any],
) -> ExperimentForm:
    """An empty form. ``rows``: what each variant says already."""
    return ExperimentForm(
        kind=kind,
        prompt=prompt,
        definition=DefinitionForm(initial=dict(initial)),
        rows=[
            VariantForm(prefix=f"v{at}", initial=said, kind=kind, numbers=numbers)
            for at, said in enumerate(rows)
        ],
    )


def read_form(
    data: Mapping[str, Any], kind: str, prompt: str, numbers: Sequence[int]
) -> ExperimentForm:
    """What was sent. One more row is asked for by a button: nothing is checked then."""
    n = min(read_whole(data.get("rows", "")) or 2, MAX_VARIANTS)
    control = min(read_whole(data.get("control", "")) or 0, MAX_VARIANTS - 1)
    if "add" not in data:
        definition = DefinitionForm(data)
        rows = [VariantForm(data, prefix=f"v{i}", kind=kind, numbers=numbers) for i in range(n)]
        return ExperimentForm(kind, prompt, definition, rows, control)
    said = [_said_in_row(data, f"v{i}") for i in range(min(n + 1, MAX_VARIANTS))]
    typed = {name: data[name] for name in data}  # the last value of each, of a QueryDict
    form = open_form(kind, prompt, numbers, initial=typed, rows=said)
    form.control = control
    return form


def _said_in_row(data: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    names = ("version", "model", "key", "weight")
    return {name: data.get(f"{prefix}-{name}", "") for name in names}
