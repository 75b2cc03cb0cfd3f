"""Webhooks: whom to tell of published versions and moved labels, and what.

A message is a row written in the transaction of the change it tells of; ``sending`` sends it.
"""

import json
import secrets
import uuid
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from core.audit import record_audit
from core.models import Project
from core.sealing import seal
from prompts.models import Prompt, Webhook, WebhookDelivery

MOST_WEBHOOKS = 20  # of a project
TEST = "test"
EVENTS = {
    "prompt.publish": Webhook.Event.PUBLISHED,
    "prompt.label.move": Webhook.Event.LABEL_MOVED,
}


class TooManyWebhooksError(Exception):
    """A project has as many as it may have."""


@transaction.atomic
def add_webhook(
    project: Project, url: str, events: list[str], *, actor: User
) -> tuple[Webhook, str]:
    """The webhook and its secret, which nobody sees again. Raises TooManyWebhooksError."""
    Project.objects.select_for_update().get(pk=project.pk)
    if project.webhooks.count() >= MOST_WEBHOOKS:
        raise TooManyWebhooksError(f"A project has at most {MOST_WEBHOOKS} webhooks.")
    secret = f"whsec_{secrets.token_urlsafe(32)}"
    webhook = Webhook.objects.create(
        project=project, url=url, sealed_secret=seal(secret), events=events, created_by=actor
    )
    _note(webhook, "webhook.create", actor, events=events)
    return webhook, secret


@transaction.atomic
def set_active(webhook: Webhook, *, active: bool, actor: User) -> None:
    """A webhook that is off is told nothing, and never of what happened meanwhile."""
    changed = Webhook.objects.filter(pk=webhook.pk, is_active=not active).update(is_active=active)
    if not changed:
        return
    if not active:
        waiting = webhook.deliveries.exclude(next_at=None)
        waiting.update(next_at=None, error="The webhook was turned off.")
    _note(webhook, "webhook.enable" if active else "webhook.disable", actor)


@transaction.atomic
def delete_webhook(webhook: Webhook, *, actor: User) -> None:
    _note(webhook, "webhook.delete", actor)
    webhook.delete()


@transaction.atomic
def send_test(webhook: Webhook, *, actor: User) -> WebhookDelivery:
    _note(webhook, "webhook.test", actor)
    said = {"project": webhook.project.slug, "by": actor.get_username()}
    return _queue([webhook], TEST, said)[0]


def announce(prompt: Prompt, by: str, action: str, detail: dict[str, Any]) -> None:
    """Queue what the project's webhooks are told of an audited action, if it is one of theirs."""
    event = EVENTS.get(action)
    if event is None:
        return
    webhooks = Webhook.objects.filter(
        project_id=prompt.project_id, is_active=True, events__contains=[event]
    )
    said = {"project": prompt.project.slug, "prompt": prompt.key, "by": by, **detail}
    _queue(list(webhooks), event, said)


def _queue(webhooks: list[Webhook], event: str, said: dict[str, Any]) -> list[WebhookDelivery]:
    now = timezone.now()
    deliveries = []
    for webhook in webhooks:
        uid = uuid.uuid4()
        body = {"id": str(uid), "event": str(event), "at": now.isoformat(), **said}
        deliveries.append(
            WebhookDelivery(
                webhook=webhook,
                uid=uid,
                event=event,
                body=json.dumps(body),
                created_at=now,
                next_at=now,
            )
        )
    return WebhookDelivery.objects.bulk_create(deliveries)


def _note(webhook: Webhook, action: str, actor: User, **detail: Any) -> None:
    record_audit(webhook.project, actor, action, target=webhook.url, detail=detail)
