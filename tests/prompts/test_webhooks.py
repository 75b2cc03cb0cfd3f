import datetime
import json

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from core.models import AuditEntry
from prompts import sending
from prompts.drafts import Draft, create_draft, publish
from prompts.labels import decide, move_label, protect_label
from prompts.models import Webhook, WebhookDelivery
from prompts.sending import MOST_TRIES, PAUSES, send_due
from prompts.signing import is_signed, sign
from prompts.tasks import webhooks_task
from prompts.webhooks import add_webhook, delete_webhook, send_test, set_active
from tests.prompts.receiver import running_receiver

pytestmark = pytest.mark.django_db

ALL = list(Webhook.Event.values)


@pytest.fixture
def receiver(settings):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with running_receiver() as running:
        yield running


@pytest.fixture
def webhook(alpha, dana, receiver):
    return add_webhook(alpha, receiver.url, ALL, actor=dana)[0]


def later(seconds=0.0):
    return timezone.now() + datetime.timedelta(seconds=seconds)


def test_a_published_version_is_told_signed(alpha, dana, receiver, published):
    _, secret = add_webhook(alpha, receiver.url, ALL, actor=dana)
    published("Hi {{ name }}", note="friendlier")

    assert send_due(later()) == 1

    ((path, headers, body),) = receiver.requests
    said = json.loads(body)
    assert path == "/hook?a=1"
    assert said | {"id": "", "at": ""} == {
        "id": "",
        "event": "prompt.published",
        "at": "",
        "project": "alpha",
        "prompt": "support-answer",
        "by": "erin",
        "version": 1,
        "note": "friendlier",
    }
    assert headers["X-Assay-Delivery"] == said["id"]
    assert headers["X-Assay-Event"] == "prompt.published"
    now = int(timezone.now().timestamp())
    assert is_signed(headers["X-Assay-Signature"], secret, body, now=now)
    assert not is_signed(headers["X-Assay-Signature"], "another", body, now=now)


def test_a_message_that_came_is_not_sent_again(webhook, receiver, published):
    published("one")

    send_due(later())
    send_due(later(86_400))

    delivery = WebhookDelivery.objects.get()
    assert len(receiver.requests) == 1
    assert (delivery.status_code, delivery.answer, delivery.error) == (200, "ok", "")
    assert delivery.delivered_at is not None


def test_moves_of_labels_are_told_also_those_that_were_approved(
    webhook, receiver, prompt, published, writer, approver
):
    published("one")
    protect_label(prompt, "production", writer, protected=True)
    asked = move_label(prompt, "production", 1, "go", writer)
    assert WebhookDelivery.objects.filter(event="prompt.label_moved").count() == 0

    decide(asked, approver, approve=True)

    said = json.loads(WebhookDelivery.objects.get(event="prompt.label_moved").body)
    assert (said["label"], said["from"], said["to"]) == ("production", 0, 1)
    assert (said["by"], said["approved_by"], said["reason"]) == ("erin", "dana", "go")


def test_webhooks_are_told_what_they_ask_for_by_their_own_project(
    alpha, beta, charlie, dana, receiver, prompt, published, writer
):
    add_webhook(alpha, receiver.url, ["prompt.label_moved"], actor=dana)
    add_webhook(beta, receiver.url, ALL, actor=charlie)

    published("one")
    create_draft(prompt, Draft(system="x"), writer)
    move_label(prompt, "production", 1, "go", writer)

    (delivery,) = WebhookDelivery.objects.select_related("webhook__project")
    assert (delivery.event, delivery.webhook.project) == ("prompt.label_moved", alpha)


def test_nothing_is_sent_of_a_change_that_was_rolled_back(webhook, receiver, prompt, writer):
    draft = create_draft(prompt, Draft(system="x"), writer)
    with transaction.atomic():
        publish(draft, "why", writer)
        assert WebhookDelivery.objects.count() == 1
        transaction.set_rollback(True)

    assert WebhookDelivery.objects.count() == 0
    assert send_due(later()) == 0
    assert receiver.requests == []


def test_failures_are_tried_again_with_pauses_until_they_are_given_up(webhook, receiver, published):
    receiver.status, receiver.text = 500, b"<b>broken</b>" + b"x" * 5_000
    published("one")

    now, waits = timezone.now(), []
    while (delivery := WebhookDelivery.objects.get()).next_at is not None:
        waits.append(delivery.next_at - now)
        now = timezone.now()
        WebhookDelivery.objects.update(next_at=now)
        assert send_due(now) == 1

    assert len(receiver.requests) == delivery.n_attempts == MOST_TRIES == 8
    assert [round(wait.total_seconds()) for wait in waits[1:]] == [p.seconds for p in PAUSES]
    assert len({body for _, _, body in receiver.requests}) == 1
    assert delivery.delivered_at is None
    assert delivery.error == "It answered 500: no success."
    assert len(delivery.answer) == 1_000


def test_a_receiver_that_comes_back_is_told_after_all(webhook, receiver, published):
    receiver.status = 503
    published("one")
    send_due(later())
    receiver.status = 204

    assert send_due(later(5)) == 0
    assert send_due(later(30)) == 1

    delivery = WebhookDelivery.objects.get()
    assert (delivery.n_attempts, delivery.status_code, delivery.error) == (2, 204, "")


def test_messages_wait_behind_one_that_failed(webhook, receiver, published):
    receiver.status = 500
    for text in ("one", "two", "three"):
        published(text)

    assert send_due(later()) == 1
    assert send_due(later()) == 0

    assert len(receiver.requests) == 1


def test_redirects_are_not_followed(webhook, receiver, published):
    receiver.status = 302
    receiver.headers = {"Location": receiver.url + "&inside"}
    published("one")

    send_due(later())

    assert [path for path, _, _ in receiver.requests] == ["/hook?a=1"]
    assert WebhookDelivery.objects.get().error == (
        "It answered 302: a redirect, which is not followed."
    )


def test_an_answer_that_drips_ends_with_its_time(webhook, receiver, published, monkeypatch):
    monkeypatch.setattr(sending, "SECONDS", 0.5)
    receiver.drip_seconds = 60.0
    published("one")

    began = timezone.now()
    send_due(later())

    assert (timezone.now() - began).total_seconds() < 30
    assert WebhookDelivery.objects.get().error == "No answer within 0.5 s."


def test_private_addresses_are_not_asked(webhook, receiver, published, settings):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    Webhook.objects.update(url="https://rebind.example.com/")
    published("one")

    send_due(later(), resolve=lambda host, port: ["127.0.0.1"])

    assert WebhookDelivery.objects.get().error == "127.0.0.1 is no public address."
    assert receiver.requests == []


def test_nobody_there_is_said(webhook, published):
    Webhook.objects.update(url="http://127.0.0.1:1/")
    published("one")

    send_due(later())

    assert "refused" in WebhookDelivery.objects.get().error


def test_a_webhook_that_is_off_is_told_nothing(webhook, receiver, published, dana):
    published("one")
    set_active(webhook, active=False, actor=dana)
    published("two")
    set_active(webhook, active=True, actor=dana)

    assert send_due(later(100)) == 0

    assert WebhookDelivery.objects.get().error == "The webhook was turned off."


def test_a_lease_keeps_others_away_and_runs_out(webhook, receiver, published):
    published("one")

    assert len(sending._claim(later())) == 1
    assert sending._claim(later(30)) == []
    assert len(sending._claim(later(90))) == 1


def test_old_deliveries_are_deleted(webhook, receiver, published, dana):
    published("one")
    send_due(later())
    WebhookDelivery.objects.update(created_at=later(-31 * 86_400))
    send_test(webhook, actor=dana)

    send_due(later())

    assert [each.event for each in WebhookDelivery.objects.all()] == ["test"]


def test_a_secret_of_another_secret_key_is_said(webhook, receiver, published, settings):
    settings.SECRET_KEY = "another one"
    published("one")

    send_due(later())

    assert "cannot be read" in WebhookDelivery.objects.get().error
    assert receiver.requests == []


def test_secrets_are_nowhere_in_the_database_as_text(alpha, dana, receiver, tmp_path, published):
    webhook, secret = add_webhook(alpha, receiver.url, ALL, actor=dana)
    published("one")
    send_due(later())

    call_command("dumpdata", "core", "prompts", output=str(tmp_path / "all.json"))

    assert webhook.sealed_secret in (tmp_path / "all.json").read_text()
    assert secret not in (tmp_path / "all.json").read_text()


def test_what_is_done_to_webhooks_is_audited(webhook, dana):
    set_active(webhook, active=False, actor=dana)
    set_active(webhook, active=False, actor=dana)
    set_active(webhook, active=True, actor=dana)
    send_test(webhook, actor=dana)
    delete_webhook(webhook, actor=dana)

    entries = AuditEntry.objects.filter(action__startswith="webhook.").order_by("pk")
    assert [entry.action.split(".")[1] for entry in entries] == [
        "create",
        "disable",
        "enable",
        "test",
        "delete",
    ]


def test_the_task_sends(webhook, receiver, dana):
    send_test(webhook, actor=dana)

    webhooks_task()

    assert json.loads(receiver.requests[0][2])["event"] == "test"


def test_nothing_due_is_one_query(webhook, django_assert_max_num_queries):
    with django_assert_max_num_queries(3):  # with the savepoint around it
        assert send_due(later()) == 0


def test_signatures_are_of_the_time_too():
    header = sign("secret", b"{}", at=1_000)

    assert header.startswith("t=1000,v1=")
    assert is_signed(header, "secret", b"{}", now=1_299) is True
    assert is_signed(header, "secret", b"{}", now=1_301) is False
    assert is_signed(header, "secret", b"{ }", now=1_000) is False
    assert is_signed(header.replace("t=1000", "t=1200"), "secret", b"{}", now=1_200) is False
    for odd in ("", "t=", "t=x,v1=1", "v1=1", "t=1", "t=99999999999999999999,v1=é"):
        assert is_signed(odd, "secret", b"{}", now=1_000) is False
