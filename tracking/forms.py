"""Forms of this app's pages."""

import math
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from core.forms import INPUT, SELECT
from tracking.adapters.scores import MAX_COMMENT, MAX_NAME
from tracking.cleaning import MAX_NAME_BYTES
from tracking.models import ModelPrice
from tracking.price_book import MAX_WILDCARDS, WILDCARD

MAX_ID = 2_000  # characters of an id as it stands in a page: the door judges it
TRUTHS = {
    **dict.fromkeys(("yes", "true", "good", "1"), True),
    **dict.fromkeys(("no", "false", "bad", "0"), False),
}


class ScoreForm(forms.Form):
    """A person's judgement of a session, a trace or a span."""

    session_id = forms.CharField(required=False, max_length=MAX_ID, widget=forms.HiddenInput)
    trace_id = forms.CharField(required=False, max_length=MAX_ID, widget=forms.HiddenInput)
    span_id = forms.CharField(required=False, max_length=MAX_ID, widget=forms.HiddenInput)
    name = forms.CharField(
        max_length=MAX_NAME,
        label="Name",
        widget=forms.TextInput(attrs={**INPUT, "placeholder": "helpful"}),
    )
    kind = forms.ChoiceField(
        choices=[("truth", "Yes or no"), ("number", "Number"), ("label", "Label")],
        label="Type",
        widget=forms.Select(attrs=SELECT),
    )
    value = forms.CharField(
        max_length=MAX_NAME_BYTES,
        label="Value",
        widget=forms.TextInput(attrs={**INPUT, "placeholder": "yes"}),
    )
    comment = forms.CharField(
        required=False,
        max_length=MAX_COMMENT,
        label="Comment",
        widget=forms.Textarea(attrs={**INPUT, "rows": 2}),
    )

    def clean(self) -> dict[str, Any]:  # form fields by name
        cleaned = super().clean() or {}
        if not any(cleaned.get(name) for name in ("session_id", "trace_id")):
            raise ValidationError("The form does not say what is judged.")
        if "value" in cleaned and "kind" in cleaned:
            cleaned["value"] = _value_of(cleaned["kind"], cleaned["value"])
        return cleaned


def _value_of(kind: str, text: str) -> float | bool | str:
    if kind == "truth":
        truth = TRUTHS.get(text.lower())
        if truth is None:
            raise ValidationError({"value": "Say yes or no."})
        return truth
    if kind == "number":
        try:
            number = float(text)
        except ValueError as error:
            raise ValidationError({"value": "Give a number such as 0.8."}) from error
        if not math.isfinite(number):
            raise ValidationError({"value": "Give a number such as 0.8."})
        return number
    return text


DAY = {**INPUT, "type": "date"}
RATE = {**INPUT, "min": "0", "step": "any", "inputmode": "decimal"}
RATE_LABELS = {
    "input": "Input",
    "output": "Output",
    "cache_read": "Cache read",
    "cache_write": "Cache write",
    "reasoning": "Reasoning",
    "input_audio": "Audio in",
    "output_audio": "Audio out",
    "input_image": "Image in",
    "output_image": "Image out",
}
MAIN_RATES = ("input", "output", "cache_read", "cache_write")


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A project's own price of some models."""

    class Meta:
        model = ModelPrice
        fields = ("model", "provider", "starts_on", "ends_on", *RATE_LABELS)
        labels: ClassVar[dict[str, str]] = {
            "model": "Model",
            "provider": "Provider",
            "starts_on": "From (UTC)",
            "ends_on": "Until before",
            **RATE_LABELS,
        }
        help_texts: ClassVar[dict[str, str]] = {
            "model": "A name as it is sent; * stands for any characters.",
            "provider": "Empty: whoever answers.",
            "ends_on": "Empty: until further notice.",
        }
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "model": forms.TextInput(attrs=INPUT),
            "provider": forms.TextInput(attrs=INPUT),
            "starts_on": forms.DateInput(attrs=DAY, format="%Y-%m-%d"),
            "ends_on": forms.DateInput(attrs=DAY, format="%Y-%m-%d"),
            **{name: forms.NumberInput(attrs=RATE) for name in RATE_LABELS},
        }

    def clean_model(self) -> str:
        model: str = self.cleaned_data["model"].strip()
        if model.count(WILDCARD) > MAX_WILDCARDS:
            raise ValidationError(f"At most {MAX_WILDCARDS} times *.")
        return model

    def clean(self) -> dict[str, Any]:  # form fields by name
        cleaned = super().clean() or {}
        given = [name for name in RATE_LABELS if cleaned.get(name) is not None]
        if not given and not self.errors.keys() & RATE_LABELS.keys():
            raise ValidationError("Give at least one rate; 0 is one.")
        if any(cleaned[name] < 0 for name in given):
            raise ValidationError("A rate is a number from 0.")
        starts_on, ends_on = cleaned.get("starts_on"), cleaned.get("ends_on")
        if starts_on and ends_on and ends_on <= starts_on:
            raise ValidationError({"ends_on": "This is not after the first day."})
        return cleaned

    @property
    def main_rates(self) -> list[forms.BoundField]:
        return [self[name] for name in MAIN_RATES]

    @property
    def has_other_rates(self) -> bool:
        return any(field.value() not in (None, "") for field in self.other_rates)

    @property
    def other_rates(self) -> list[forms.BoundField]:
        return [self[name] for name in RATE_LABELS if name not in MAIN_RATES]
