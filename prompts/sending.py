"""Sends what webhooks are to be told: at least once, each with back-off, from a lease.

Several workers may send at once; one that dies leaves its lease to run out.
"""

import datetime
import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.addresses import AddressError, Resolve, find_target, read_url
from core.outbound import Answer, SendError, post, resolve_name
from core.sealing import SealError, unseal
from prompts.models import WebhookDelivery
from prompts.signing import HEADER, sign

AT_ONCE = 16  # deliveries a turn, one of each webhook
SECONDS = 5.0  # for a name to resolve and an answer to come, of all deliveries of a turn
LEASE = datetime.timedelta(seconds=60)
KEPT = datetime.timedelta(days=30)
# After the first failure, the second …: eight tries within twenty hours.
PAUSES = [datetime.timedelta(seconds=s) for s in (10, 60, 300, 1_800, 7_200, 21_600, 39_600)]
MOST_TRIES = len(PAUSES) + 1
TOO_OLD = datetime.timedelta(days=3)  # for another try, when others of its webhook held it up
USER_AGENT = "Assay-Webhook/1"
MAX_ERROR = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try: ``status`` 0 when there was no answer."""

    status: int = 0
    text: str = ""
    error: str = ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def send_due(now: datetime.datetime, *, resolve: Resolve = resolve_name) -> int:
    """Send what is due, one message of each webhook; return how many were tried."""
    claimed = _claim(now)
    if not claimed:
        return 0
    pool = ThreadPoolExecutor(max_workers=len(claimed), thread_name_prefix="webhook")
    tries = {each.pk: pool.submit(_try, each, now, resolve) for each in claimed}
    wait(tries.values(), timeout=SECONDS + 1)
    pool.shutdown(wait=False, cancel_futures=True)  # a name that resolves for ever is left alone
    for delivery in claimed:
        _note(delivery, _outcome_of(tries[delivery.pk]))
    _delete_old(now)
    return len(claimed)


def _outcome_of(tried: "Future[Outcome]") -> Outcome:
    """What came of it: an error that nobody foresaw is that delivery's alone."""
    if not tried.done():
        return Outcome(error=f"Its name did not resolve within {SECONDS:g} s.")
    error = tried.exception()
    if error is None:
        return tried.result()
    logger.error("A webhook's message failed", exc_info=error)
    text = f"{type(error).__name__}: {error}"[:MAX_ERROR]
    return Outcome(error=text.replace("\0", "\N{REPLACEMENT CHARACTER}"))


def _claim(now: datetime.datetime) -> list[WebhookDelivery]:
    """The oldest due message of each webhook, for as long as the lease lasts."""
    with transaction.atomic():
        due = WebhookDelivery.objects.filter(next_at__lte=now, webhook__is_active=True)
        oldest = due.order_by("webhook_id", "next_at", "pk").distinct("webhook_id").values("pk")
        rows = (
            WebhookDelivery.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("webhook")
            .filter(pk__in=oldest, next_at__lte=now)
            .order_by("next_at")
        )
        claimed = list(rows[:AT_ONCE])
        for delivery in claimed:
            delivery.n_attempts += 1
            delivery.tried_at, delivery.next_at = now, now + LEASE
        WebhookDelivery.objects.bulk_update(claimed, ["n_attempts", "tried_at", "next_at"])
    return claimed


def _try(delivery: WebhookDelivery, now: datetime.datetime, resolve: Resolve) -> Outcome:
    """In a thread of its own: no database here."""
    allow_private = settings.WEBHOOK_ALLOW_PRIVATE
    body = delivery.body.encode()
    try:
        place = read_url(delivery.webhook.url, allow_private=allow_private)
        target = find_target(place, resolve, allow_private=allow_private)
        secret = unseal(delivery.webhook.sealed_secret)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "X-Assay-Event": delivery.event,
            "X-Assay-Delivery": str(delivery.uid),
            HEADER: sign(secret, body, at=int(now.timestamp())),
        }
        answer = post(target, body, headers, seconds=SECONDS)
    except (AddressError, SendError) as error:
        return Outcome(error=str(error))
    except SealError as error:
        return Outcome(error=f"Its secret cannot be read: {error} Add the webhook again.")
    return _judge(answer)


def _judge(answer: Answer) -> Outcome:
    text = answer.text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if 200 <= answer.status < 300:
        return Outcome(answer.status, text)
    what = "a redirect, which is not followed" if 300 <= answer.status < 400 else "no success"
    return Outcome(answer.status, text, f"It answered {answer.status}: {what}.")


def _note(delivery: WebhookDelivery, outcome: Outcome) -> None:
    now = timezone.now()
    pause = now + PAUSES[min(delivery.n_attempts, len(PAUSES)) - 1]
    is_last = delivery.n_attempts >= MOST_TRIES or now - delivery.created_at > TOO_OLD
    # A webhook that was turned off or deleted meanwhile has no lease any more.
    held = WebhookDelivery.objects.filter(pk=delivery.pk, next_at=delivery.next_at)
    held.update(
        next_at=None if outcome.is_success or is_last else pause,
        delivered_at=now if outcome.is_success else None,
        status_code=outcome.status or None,
        answer=outcome.text,
        error=outcome.error,
    )
    if not outcome.is_success:
        # Messages behind it would fail too, each after seconds of a worker's time.
        behind = WebhookDelivery.objects.filter(webhook=delivery.webhook_id, next_at__lt=pause)
        behind.update(next_at=pause)


def _delete_old(now: datetime.datetime) -> None:
    WebhookDelivery.objects.filter(created_at__lt=now - KEPT, next_at=None).delete()
