"""A delivery that fails in a way nobody foresaw, beside others of the same turn."""

import datetime

import pytest
from django.utils import timezone

from prompts.models import Webhook, WebhookDelivery
from prompts.sending import send_due
from prompts.webhooks import add_webhook
from tests.prompts.receiver import running_receiver

pytestmark = pytest.mark.django_db


def test_one_that_breaks_keeps_no_other_from_being_noted(alpha, dana, settings, published):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with running_receiver() as receiver:
        place = receiver.url.replace("127.0.0.1", "good.example")
        for url in (place.replace("good", "broken"), place):
            add_webhook(alpha, url, list(Webhook.Event.values), actor=dana)
        published("Hi")

        def resolve(host, port):
            if host == "broken.example":
                raise RuntimeError("nobody foresaw this")
            return ["127.0.0.1"]

        sent = send_due(timezone.now() + datetime.timedelta(seconds=1), resolve=resolve)

    broken, good = WebhookDelivery.objects.order_by("webhook_id")
    assert sent == 2
    assert good.delivered_at is not None
    assert broken.error == "RuntimeError: nobody foresaw this"
    assert broken.next_at > timezone.now()
