"""Settings → Webhooks: who is told of changes, and what came of telling them."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.access import PageRequest, project_view
from core.addresses import MAX_URL, AddressError, read_url
from core.forms import CHECK, INPUT
from core.models import Project, Role
from prompts.models import Webhook, WebhookDelivery
from prompts.sending import MOST_TRIES
from prompts.webhooks import (
    TooManyWebhooksError,
    add_webhook,
    delete_webhook,
    send_test,
    set_active,
)

MOST_SHOWN = 30  # deliveries


class WebhookForm(forms.Form):
    url = forms.CharField(
        max_length=MAX_URL,
        label="Address",
        help_text="Messages are posted there as JSON.",
        widget=forms.URLInput(attrs={**INPUT, "placeholder": "https://example.com/hooks/assay"}),
    )
    events = forms.MultipleChoiceField(
        choices=Webhook.Event.choices,
        initial=Webhook.Event.values,
        label="Told of",
        widget=forms.CheckboxSelectMultiple(attrs=CHECK),
    )

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            read_url(url, allow_private=settings.WEBHOOK_ALLOW_PRIVATE)
        except AddressError as error:
            raise ValidationError(str(error)) from error
        return url


@require_http_methods(["GET", "POST"])
@project_view(role=Role.ADMIN)
def webhooks(request: PageRequest, project: Project) -> HttpResponseBase:
    if request.method == "POST":
        return _create(request, project)
    return _page(request, project, WebhookForm())


def _create(request: PageRequest, project: Project) -> HttpResponse:
    form = WebhookForm(request.POST)
    if not form.is_valid():
        return _page(request, project, form)
    said = form.cleaned_data
    try:
        _, secret = add_webhook(project, said["url"], said["events"], actor=request.user)
    except TooManyWebhooksError as error:
        form.add_error(None, str(error))
        return _page(request, project, form)
    # Shown in this answer alone: a redirect would have to keep it somewhere.
    return _page(request, project, WebhookForm(), new_secret=secret)


@require_POST
@project_view(role=Role.ADMIN)
def switch(request: PageRequest, project: Project, webhook_id: int) -> HttpResponse:
    """Turn it on or off, as ``active`` says."""
    webhook = get_object_or_404(Webhook, project=project, pk=webhook_id)
    active = request.POST.get("active") == "1"
    set_active(webhook, active=active, actor=request.user)
    messages.success(request, f"The webhook is {'on' if active else 'off'}.")
    return redirect("webhooks:settings", slug=project.slug)


@require_POST
@project_view(role=Role.ADMIN)
def delete(request: PageRequest, project: Project, webhook_id: int) -> HttpResponse:
    webhook = get_object_or_404(Webhook, project=project, pk=webhook_id)
    delete_webhook(webhook, actor=request.user)
    messages.success(request, "The webhook is deleted.")
    return redirect("webhooks:settings", slug=project.slug)


@require_POST
@project_view(role=Role.ADMIN)
def test(request: PageRequest, project: Project, webhook_id: int) -> HttpResponse:
    webhook = get_object_or_404(Webhook, project=project, pk=webhook_id, is_active=True)
    send_test(webhook, actor=request.user)
    messages.success(request, "A test is on its way: what came of it stands below.")
    return redirect("webhooks:settings", slug=project.slug)


@require_GET
@project_view(role=Role.ADMIN)
def deliveries(request: PageRequest, project: Project) -> HttpResponse:
    return render(request, "prompts/_deliveries.html", _deliveries_of(project))


def _deliveries_of(project: Project) -> dict[str, Any]:
    found = WebhookDelivery.objects.filter(webhook__project=project).select_related("webhook")
    shown = list(found[:MOST_SHOWN])
    is_moving = any(each.next_at is not None and each.n_attempts == 0 for each in shown)
    return {"deliveries": shown, "is_moving": is_moving, "most_tries": MOST_TRIES}


def _page(
    request: PageRequest, project: Project, form: WebhookForm, *, new_secret: str = ""
) -> HttpResponse:
    last = WebhookDelivery.objects.order_by("webhook_id", "-pk").distinct("webhook_id")
    webhooks = project.webhooks.select_related("created_by").prefetch_related(
        Prefetch("deliveries", queryset=last, to_attr="last_deliveries")
    )
    context = {
        "tab": "webhooks",
        "webhooks": webhooks,
        "form": form,
        "new_secret": new_secret,
        **_deliveries_of(project),
    }
    status = 400 if form.errors else 200
    return render(request, "prompts/settings_webhooks.html", context, status=status)
