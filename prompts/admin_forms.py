"""Forms of the prompts' admin."""

import json
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseFormSet, formset_factory

from core.database.types import MAX_INT4
from core.forms import INPUT, SELECT
from core.models import Project
from prompts.drafts import Draft
from prompts.files import VARIABLE_TYPES
from prompts.models import Prompt, PromptVersion

CODE = {**INPUT, "class": "form-control code-edit__input", "spellcheck": "false"}
MAX_NOTE = 2_000
MAX_TAGS = 50
MAX_DECLARED = 200
TYPES = [(name, name) for name in VARIABLE_TYPES]


if TYPE_CHECKING:
    AnyFormSet = BaseFormSet["VariableForm"]
    ProjectChoiceField = forms.ModelChoiceField[Project]
else:
    AnyFormSet, ProjectChoiceField = BaseFormSet, forms.ModelChoiceField  # generic in the stubs


class ProjectField(ProjectChoiceField):
    def label_from_instance(self, project: Any) -> str:
        return f"{project.name} ({project.slug})"


class PromptForm(forms.Form):
    """What people read of a prompt, its texts apart."""

    name = forms.CharField(
        max_length=200,
        required=False,
        help_text="What people call it; empty: its key.",
        widget=forms.TextInput(attrs=INPUT),
    )
    description = forms.CharField(
        max_length=10_000,
        required=False,
        help_text="What it is for, and who depends on it.",
        widget=forms.Textarea(attrs={**INPUT, "rows": 3}),
    )
    tags = forms.CharField(
        max_length=3_500,
        required=False,
        help_text="Separated by commas.",
        widget=forms.TextInput(attrs=INPUT),
    )

    def clean_tags(self) -> list[str]:
        said = [tag.strip() for tag in self.cleaned_data["tags"].split(",")]
        tags = list(dict.fromkeys(tag for tag in said if tag))
        if len(tags) > MAX_TAGS:
            raise ValidationError(f"At most {MAX_TAGS} tags.")
        if any(len(tag) > 64 for tag in tags):
            raise ValidationError("A tag has at most 64 characters.")
        return tags

    @classmethod
    def of_prompt(cls, prompt: Prompt) -> "PromptForm":
        return cls(
            initial={
                "name": prompt.name,
                "description": prompt.description,
                "tags": ", ".join(prompt.tags),
            }
        )


class NewPromptForm(PromptForm):
    project = ProjectField(
        queryset=Project.objects.none(),
        to_field_name="slug",
        empty_label=None,
        widget=forms.Select(attrs=SELECT),
    )
    key = forms.CharField(
        max_length=128,
        help_text="What applications ask for. It never changes.",
        widget=forms.TextInput(attrs={**INPUT, "class": "form-control mono", "autofocus": True}),
    )
    field_order = ("project", "key", "name", "description", "tags")


class DraftForm(forms.Form):
    """``revision``: of the draft as its editor saw it; empty for a new one."""

    system = forms.CharField(
        required=False, strip=False, widget=forms.Textarea(attrs={**CODE, "rows": 4})
    )
    user_template = forms.CharField(
        required=False, strip=False, widget=forms.Textarea(attrs={**CODE, "rows": 6})
    )
    messages = forms.CharField(
        required=False,
        strip=False,
        label="Chat messages",
        help_text='A JSON list like [{"role": "user", "content": "Hello {{name}}"}], or nothing.',
        widget=forms.Textarea(attrs={**CODE, "rows": 3}),
    )
    recommended_config = forms.CharField(
        required=False,
        max_length=128,
        help_text="The key of the model config it was written for.",
        widget=forms.TextInput(attrs=INPUT),
    )
    note = forms.CharField(
        required=False,
        max_length=MAX_NOTE,
        help_text="What changes, and why. It can be written when publishing.",
        widget=forms.TextInput(attrs=INPUT),
    )
    revision = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    base = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def clean_system(self) -> str:
        return _with_plain_newlines(self.cleaned_data["system"])

    def clean_user_template(self) -> str:
        return _with_plain_newlines(self.cleaned_data["user_template"])

    def clean_messages(self) -> list[dict[str, Any]] | None:
        text = self.cleaned_data["messages"]
        if not text.strip():
            return None
        try:
            said = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValidationError(
                f"This is no JSON: {error.msg} in line {error.lineno}, column {error.colno}."
            ) from error
        except (ValueError, RecursionError) as error:
            raise ValidationError(
                "This JSON is nested too deeply, or a number too long."
            ) from error
        if not isinstance(said, list):
            raise ValidationError("A list of messages is wanted.")
        return said

    @classmethod
    def of_version(cls, version: PromptVersion | None) -> "DraftForm":
        """Filled with a draft to edit, or with what a new draft begins as."""
        if version is None:
            return cls()
        said = version.messages
        return cls(
            initial={
                "system": version.system,
                "user_template": version.user_template,
                "messages": "" if said is None else json.dumps(said, indent=2, ensure_ascii=False),
                "recommended_config": version.recommended_config,
                "note": "" if version.is_published else version.note,
                "revision": None if version.is_published else version.revision,
                "base": version.number if version.is_published else None,
            }
        )

    def draft_with(self, variables: "BaseVariableFormSet") -> Draft:
        """What was written, once both forms are valid."""
        said = self.cleaned_data
        return Draft(
            system=said["system"],
            user_template=said["user_template"],
            messages=said["messages"],
            variables=variables.declared(),
            recommended_config=said["recommended_config"],
            note=said["note"],
        )


class VariableForm(forms.Form):
    name = forms.RegexField(
        r"^\w+$",
        max_length=128,
        required=False,
        error_messages={"invalid": "A name has letters, digits and '_' alone."},
        widget=forms.TextInput(attrs={**INPUT, "class": "form-control mono"}),
    )
    type = forms.ChoiceField(
        choices=TYPES, initial="text", required=False, widget=forms.Select(attrs=SELECT)
    )
    example = forms.CharField(
        max_length=2_000, required=False, strip=False, widget=forms.TextInput(attrs=INPUT)
    )
    description = forms.CharField(
        max_length=500, required=False, widget=forms.TextInput(attrs=INPUT)
    )

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        says_something = said.get("example") or said.get("description")
        if "name" not in self.errors and not said.get("name") and says_something:
            self.add_error("name", "Give it a name, or empty the row.")
        return said


class BaseVariableFormSet(AnyFormSet):
    def clean(self) -> None:
        names = [each["name"] for each in self.declared()]
        for name in names:
            if names.count(name) > 1:
                raise ValidationError(f"'{name}' is declared twice.")

    def declared(self) -> tuple[dict[str, str], ...]:
        """The rows with a name, in order."""
        return tuple(
            {
                "name": said["name"],
                "type": said.get("type") or "text",
                "example": said.get("example", ""),
                "description": said.get("description", ""),
            }
            for said in (getattr(form, "cleaned_data", {}) for form in self.forms)
            if said.get("name")
        )


VariableFormSet = cast(
    type[BaseVariableFormSet],
    formset_factory(
        VariableForm,
        formset=BaseVariableFormSet,
        extra=1,
        max_num=MAX_DECLARED,
        absolute_max=MAX_DECLARED + 20,
        validate_max=True,
    ),
)


class PublishForm(forms.Form):
    note = forms.CharField(
        max_length=MAX_NOTE,
        label="What changed, and why",
        widget=forms.Textarea(attrs={**INPUT, "rows": 2}),
    )
    revision = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


class MoveForm(forms.Form):
    """``version`` 0 takes the label off."""

    label = forms.CharField(max_length=40)
    version = forms.IntegerField(min_value=0, max_value=MAX_INT4)
    reason = forms.CharField(max_length=MAX_NOTE)


class RollBackForm(forms.Form):
    """``seen``: the version that the label served when its button was drawn."""

    label = forms.CharField(max_length=40)
    seen = forms.IntegerField(min_value=0)
    reason = forms.CharField(max_length=MAX_NOTE, required=False)


class SwitchForm(forms.Form):
    """Something that is on or off: a label's protection, an archived prompt."""

    label = forms.CharField(max_length=40, required=False)
    on = forms.TypedChoiceField(
        choices=[("1", "on"), ("0", "off")], coerce=lambda said: said == "1"
    )


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(choices=[("approve", "Approve"), ("reject", "Reject")])
    note = forms.CharField(max_length=MAX_NOTE, required=False)


def _with_plain_newlines(text: str) -> str:
    """Browsers send CRLF whatever was in the box."""
    return text.replace("\r\n", "\n")


def describe_errors(form: forms.Form) -> str:
    """The errors of a small form as one line."""
    said = form.errors.get_json_data()
    return " ".join(f"{field}: {each['message']}" for field in said for each in said[field])
