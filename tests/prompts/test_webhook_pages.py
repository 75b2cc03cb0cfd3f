import pytest
from django.urls import reverse

from core.models import AuditEntry
from core.sealing import unseal
from prompts.models import Webhook, WebhookDelivery
from prompts.webhooks import MOST_WEBHOOKS, add_webhook
from tests.cast import make_client

pytestmark = pytest.mark.django_db

PAGE = "/p/alpha/settings/webhooks/"
URL = "https://hooks.example.com/in"


@pytest.fixture
def page(dana):
    return make_client(dana)


@pytest.fixture
def webhook(alpha, dana):
    return add_webhook(alpha, URL, ["prompt.published"], actor=dana)[0]


def add(client, url=URL, events=("prompt.published",)):
    return client.post(PAGE, {"url": url, "events": list(events)})


def to(name, webhook):
    return reverse(f"webhooks:{name}", kwargs={"slug": "alpha", "webhook_id": webhook.pk})


def test_a_webhook_is_added_and_its_secret_shown_once(page):
    shown = add(page).content.decode()

    webhook = Webhook.objects.get()
    secret = unseal(webhook.sealed_secret)
    assert (webhook.url, webhook.events, webhook.is_active) == (URL, ["prompt.published"], True)
    assert secret in shown
    assert secret not in page.get(PAGE).content.decode()
    assert AuditEntry.objects.filter(action="webhook.create", target=URL).exists()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://169.254.169.254/", "169.254.169.254 is no public address."),
        ("http://localhost:8000/", "Only the ports 80 and 443 are connected to."),
        ("javascript:alert(1)", "An address begins with https:// or http://."),
        ("", "This field is required."),
    ],
)
def test_addresses_that_are_never_reached_are_refused(page, url, why):
    response = add(page, url)

    assert response.status_code == 400
    assert why in response.content.decode()
    assert Webhook.objects.count() == 0


def test_events_are_chosen(page):
    assert add(page, events=()).status_code == 400
    assert add(page, events=("prompt.unknown",)).status_code == 400


def test_a_project_has_a_bounded_number(page, alpha, dana):
    for _ in range(MOST_WEBHOOKS):
        add_webhook(alpha, URL, [], actor=dana)

    response = add(page)

    assert response.status_code == 400
    assert f"at most {MOST_WEBHOOKS} webhooks" in response.content.decode()


def test_it_is_turned_off_and_on_and_deleted(page, webhook):
    page.post(to("switch", webhook), {"active": "0"})
    assert Webhook.objects.get().is_active is False
    assert page.post(to("test", webhook)).status_code == 404

    page.post(to("switch", webhook), {"active": "1"})
    assert Webhook.objects.get().is_active is True

    page.post(to("delete", webhook))
    assert Webhook.objects.count() == 0


def test_a_test_is_queued_and_shown(page, webhook):
    page.post(to("test", webhook))

    shown = page.get(PAGE).content.decode()
    assert WebhookDelivery.objects.get().event == "test"
    assert "waiting" in shown
    assert 'hx-trigger="every 2s"' in shown


def test_hostile_answers_are_shown_as_text(page, webhook):
    page.post(to("test", webhook))
    WebhookDelivery.objects.update(
        answer="<script>alert(1)</script>", error="<b>no</b>", status_code=500, n_attempts=1
    )

    shown = page.get(f"{PAGE}deliveries/").content.decode()

    assert "<script>alert" not in shown
    assert "<b>no" not in shown
    assert "&lt;script&gt;alert" in shown


def test_webhooks_of_other_projects_are_not_there(page, beta, charlie):
    other = add_webhook(beta, "https://canary.example.com/", ["prompt.published"], actor=charlie)[0]

    for name in ("switch", "test", "delete"):
        assert page.post(to(name, other)).status_code == 404
    assert "canary.example.com" not in page.get(PAGE).content.decode()
    assert Webhook.objects.get().is_active is True


def test_the_page_asks_a_bounded_number_of_queries(
    page, alpha, dana, django_assert_max_num_queries
):
    for _ in range(5):
        webhook = add_webhook(alpha, URL, ["prompt.published"], actor=dana)[0]
        page.post(to("test", webhook))

    with django_assert_max_num_queries(9):
        assert page.get(PAGE).status_code == 200
