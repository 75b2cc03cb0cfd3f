"""Forms of the privacy page."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from core.forms import CHECK, INPUT
from core.models import Project
from tracking.mask_settings import (
    LABELS,
    MaskSettings,
    PatternError,
    check_settings,
    read_settings,
)
from tracking.models import ErasedSubject

LONGEST_TRIAL = 20_000
MOST_DAYS = 36_500


class ContentForm(forms.Form):
    """What is captured and what is masked; ``trial`` is a text to try the masks on."""

    capture_content = forms.BooleanField(
        required=False,
        label="Keep what is said",
        help_text="Off: inputs, outputs and messages are dropped; numbers, names and times stay.",
        widget=forms.CheckboxInput(attrs=CHECK),
    )
    patterns = forms.MultipleChoiceField(
        required=False,
        choices=list(LABELS.items()),
        widget=forms.CheckboxSelectMultiple(attrs=CHECK),
        label="Mask",
    )
    own = forms.CharField(
        required=False,
        label="Patterns of your own",
        help_text="One a line: a name, then the pattern. RE2 syntax: no look-around, no back"
        " references.",
        widget=forms.Textarea(
            attrs={**INPUT, "class": "form-control mono", "rows": 3, "spellcheck": "false"}
        ),
    )
    trial = forms.CharField(
        required=False,
        max_length=LONGEST_TRIAL,
        label="Try it",
        help_text="Masked by what is chosen above, saved or not. The text is kept nowhere.",
        widget=forms.Textarea(attrs={**INPUT, "rows": 3}),
    )

    @classmethod
    def of_project(cls, project: Project) -> "ContentForm":
        settings = read_settings(project.masking)
        own = "\n".join(f"{each.name} {each.pattern}" for each in settings.own)
        return cls(
            initial={
                "capture_content": project.capture_content,
                "patterns": settings.patterns,
                "own": own,
            }
        )

    def clean_own(self) -> list[tuple[str, str]]:
        lines = (line.strip() for line in self.cleaned_data["own"].splitlines())
        pairs = []
        for line in filter(None, lines):
            name, _, pattern = line.partition(" ")
            if not pattern.strip():
                raise ValidationError(f"“{line[:40]}”: a name, a space, then the pattern.")
            pairs.append((name, pattern.strip()))
        return pairs

    def clean(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().clean() or {}
        if "own" in fields and "patterns" in fields:
            try:
                fields["masking"] = check_settings(fields["patterns"], fields["own"])
            except PatternError as error:
                self.add_error("own", str(error))
        return fields

    @property
    def masking(self) -> MaskSettings:
        found: MaskSettings = self.cleaned_data["masking"]
        return found


class DaysField(forms.IntegerField):
    def __init__(self, **options: Any) -> None:  # what forms.IntegerField takes
        widget = forms.NumberInput(attrs={**INPUT, "placeholder": "kept for ever"})
        super().__init__(required=False, min_value=1, max_value=MOST_DAYS, widget=widget, **options)


class RetentionForm(forms.Form):
    retention_days = DaysField(
        label="Delete events after (days)",
        help_text="Spans, points, their content, and what is said in sessions.",
    )
    summary_days = DaysField(
        label="Delete sums after (days)",
        help_text="Sessions, traces and hourly sums; not before their events.",
    )

    def clean(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().clean() or {}
        events, sums = fields.get("retention_days"), fields.get("summary_days")
        if sums is not None and events is None and "retention_days" in fields:
            self.add_error("summary_days", "Sums cannot go while their events are kept.")
        elif sums is not None and events is not None and sums < events:
            self.add_error("summary_days", "Sums cannot go before their events.")
        return fields


class ErasureForm(forms.Form):
    kind = forms.ChoiceField(
        choices=ErasedSubject.Kind.choices,
        initial=ErasedSubject.Kind.USER,
        widget=forms.Select(attrs={"class": "form-select"}),
        label="Erase a",
    )
    name = forms.CharField(
        max_length=2_000,
        strip=False,
        label="Id",
        help_text="Exactly as it was sent.",
        widget=forms.TextInput(
            attrs={**INPUT, "class": "form-control mono", "autocomplete": "off"}
        ),
    )
