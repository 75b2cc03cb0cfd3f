"""Forms of this app's pages."""

import math
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from core.forms import INPUT, SELECT
from tracking.adapters.scores import MAX_COMMENT, MAX_NAME
from tracking.cleaning import MAX_NAME_BYTES

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
