"""A project's price book: read by every digest, changed by few people."""

import datetime
import time
from fractions import Fraction
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.audit import record_audit
from core.models import Project
from tracking.models import ModelPrice, PriceVersion
from tracking.price_book import LIST_KINDS, NANO_A_MILLION, Override
from tracking.pricing import LIST, PRICE_VERSION, PriceBook
from tracking.staging import open_cursor
from tracking.statements import fetch_one

READ_AGAIN_AFTER = 2.0  # seconds: new prices hold everywhere within this time
FIRST_STAMP = 1_000  # of own prices; those below are versions of the list, where it is alone
STAMPS = 2**15  # of a smallint
EPOCH = datetime.date(1970, 1, 1)
HAS_PRICES = "SELECT 1 FROM tracking_modelprice WHERE project_id = %s LIMIT 1"
VERSION = "SELECT number, list_version FROM tracking_priceversion WHERE project_id = %s"
FOLLOW_LIST = (
    "UPDATE tracking_priceversion SET number = number + 1, list_version = %s, changed_at = now()"
    " WHERE project_id = %s AND list_version < %s"
)

_books: dict[int, tuple[float, PriceBook]] = {}


def forget() -> None:
    """Drop what this process knows of any project's prices."""
    _books.clear()


def book_of(project_id: int) -> PriceBook:
    """The prices of a project as they were at most two seconds ago."""
    known = _books.get(project_id)
    if known is not None and time.monotonic() < known[0]:
        return known[1]
    book = load_book(project_id, known=known[1] if known else None)
    _books[project_id] = time.monotonic() + READ_AGAIN_AFTER, book
    return book


def load_book(project_id: int, *, known: PriceBook | None = None) -> PriceBook:
    """The prices of a project as they are now; ``known`` itself where nothing changed."""
    # The version first: of a change between the two reads, the stamp is the older one, and the next
    # read brings the new one.
    stamp = stamp_of(_read_number(project_id))
    if known is not None and known.stamp == stamp:
        return known
    if stamp == LIST.stamp and not fetch_one(HAS_PRICES, [project_id]):  # most projects
        return LIST
    prices = [_override_of(price) for price in ModelPrice.objects.filter(project_id=project_id)]
    return PriceBook(stamp, prices)


def _read_number(project_id: int) -> int:
    """How often the project's prices changed; a newer list is a change of them as well."""
    number, list_version = fetch_one(VERSION, [project_id]) or (0, PRICE_VERSION)
    if list_version >= PRICE_VERSION:
        return int(number)
    with open_cursor() as cursor:
        cursor.execute(FOLLOW_LIST, (PRICE_VERSION, project_id, PRICE_VERSION))
    return int((fetch_one(VERSION, [project_id]) or (0,))[0])


def stamp_of(number: int) -> int:
    """What is stored on an event: equal stamps mean equal prices, also after an upgrade. A stamp
    comes again after 31,768 changes."""
    return FIRST_STAMP + number % (STAMPS - FIRST_STAMP) if number else PRICE_VERSION


def _override_of(price: ModelPrice) -> Override:
    return Override(
        id=price.pk,
        provider=price.provider.strip().lower(),
        model=price.model.strip().lower(),
        first_day=(price.starts_on - EPOCH).days,
        end_day=None if price.ends_on is None else (price.ends_on - EPOCH).days,
        rates={kind: Fraction(str(rate)) * NANO_A_MILLION for kind, rate in price.rates.items()},
    )


def save_price(price: ModelPrice, *, actor: User | None) -> None:
    """Add or change a price. What was priced before stays as it is until it is repriced."""
    action = "price.change" if price.pk else "price.add"
    with transaction.atomic():
        price.save()
        note_change(price.project, actor, action, target=str(price), detail=describe_price(price))


def end_price(price: ModelPrice, *, today: datetime.date, actor: User | None) -> None:
    """Let a price hold no longer; one that has not begun is as if it never was."""
    with transaction.atomic():
        price.ends_on = max(today, price.starts_on)
        price.save(update_fields=["ends_on"])
        note_change(
            price.project, actor, "price.end", target=str(price), detail=describe_price(price)
        )


def note_change(
    project: Project,
    actor: User | None,
    action: str,
    *,
    target: str = "",
    detail: dict[str, Any] | None = None,  # JSON
) -> int:
    """Give the project's prices a new version, so that digests read them again."""
    PriceVersion.objects.get_or_create(project=project)
    PriceVersion.objects.filter(project=project).update(
        number=F("number") + 1, list_version=PRICE_VERSION, changed_at=timezone.now()
    )
    record_audit(project, actor, action, target=target, detail=detail)
    transaction.on_commit(forget)
    return PriceVersion.objects.get(project=project).number


def describe_price(price: ModelPrice) -> dict[str, Any]:  # JSON
    return {
        "provider": price.provider or "any",
        "from": price.starts_on.isoformat(),
        "until": price.ends_on.isoformat() if price.ends_on else "further notice",
        **{kind: str(price.rates[kind]) for kind in LIST_KINDS if kind in price.rates},
    }
