"""Forms of login, keys and members."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from core.keys import PUBLISHABLE_RATE
from core.models import Role, Scope
from core.publishable import OriginError, read_origins

INPUT = {"class": "form-control"}
SELECT = {"class": "form-select"}
CHECK = {"class": "form-check-input"}
MAX_RATE = 1_000_000


class LoginForm(forms.Form):
    username = forms.CharField(
        max_length=150,
        widget=forms.TextInput(attrs={**INPUT, "autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={**INPUT, "autocomplete": "current-password"}),
    )


class NamedKeyForm(forms.Form):
    """What both kinds of key have."""

    name = forms.CharField(
        max_length=120,
        label="Name",
        help_text="Where this key will be used.",
        widget=forms.TextInput(attrs=INPUT),
    )
    rate_limit = forms.IntegerField(
        min_value=1,
        max_value=MAX_RATE,
        required=False,
        label="Requests a second",
        help_text="Beyond it the answer is 429; empty: no limit.",
        widget=forms.NumberInput(attrs=INPUT),
    )
    expires_on = forms.DateField(
        required=False,
        label="Expires on",
        help_text="The last day it works (UTC); empty: never.",
        widget=forms.DateInput(attrs={**INPUT, "type": "date"}),
    )

    def clean_expires_on(self) -> datetime | None:
        day = self.cleaned_data["expires_on"]
        if day is None:
            return None
        if day < timezone.now().date():
            raise ValidationError("This day is past.")
        if day.year > 3000:
            raise ValidationError("This day is too far away: leave it empty for never.")
        return datetime.combine(
            day + timedelta(days=1), time(), tzinfo=timezone.get_default_timezone()
        )


class KeyForm(NamedKeyForm):
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple(attrs=CHECK),
        initial=[Scope.INGEST],
        label="Scopes",
    )
    field_order = ("name", "scopes", "rate_limit", "expires_on")


class PublishableKeyForm(NamedKeyForm):
    rate_limit = forms.IntegerField(
        min_value=1,
        max_value=MAX_RATE,
        initial=PUBLISHABLE_RATE,
        label="Requests a second",
        help_text="Of all visitors together; beyond it the answer is 429.",
        widget=forms.NumberInput(attrs=INPUT),
    )
    origins = forms.CharField(
        required=False,
        max_length=5_000,
        label="Origins",
        help_text="Pages that may use it, one a line, like https://app.example.com; empty: any.",
        widget=forms.Textarea(attrs={**INPUT, "rows": 3}),
    )
    prefix = "publishable"
    field_order = ("name", "origins", "rate_limit", "expires_on")

    def clean_origins(self) -> list[str]:
        try:
            return read_origins(self.cleaned_data["origins"].splitlines())
        except OriginError as error:
            raise ValidationError(str(error)) from error


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices, label="Role", widget=forms.Select(attrs=SELECT))

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class MemberForm(RoleForm):
    username = forms.CharField(
        max_length=150,
        label="Username",
        help_text="Somebody who can sign in to this installation already.",
        widget=forms.TextInput(attrs=INPUT),
    )
    field_order = ("username", "role")

    def clean_username(self) -> User:
        user = User.objects.filter(username=self.cleaned_data["username"], is_active=True).first()
        if user is None:
            raise ValidationError("There is no active user of this name.")
        return user

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # what forms.Form takes
        super().__init__(*args, **kwargs)
        self.fields["role"].initial = Role.VIEWER
