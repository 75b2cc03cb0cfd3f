"""Failed logins, counted in the database so that every web process sees the same."""

import hashlib
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from core.models import LoginThrottle

WINDOW = timedelta(minutes=15)
MAX_FAILURES_OF_PAIR = 10  # one account from one address
MAX_FAILURES_OF_ADDRESS = 50  # any accounts from one address

COUNT_FAILURE = """
INSERT INTO core_loginthrottle AS t (key, n_failures, window_started_at)
VALUES (%(key)s, 1, %(now)s)
ON CONFLICT (key) DO UPDATE SET
    n_failures = CASE WHEN t.window_started_at > %(since)s THEN t.n_failures + 1 ELSE 1 END,
    window_started_at = CASE WHEN t.window_started_at > %(since)s
                             THEN t.window_started_at ELSE %(now)s END
"""


def client_address(request: HttpRequest) -> str:
    """The address of the client: what the last trusted proxy saw, an IPv6 one by its /64.

    X-Forwarded-For is read from its right end, as many steps as there are proxies; what stands
    further left is the client's own word.
    """
    peer = request.META.get("REMOTE_ADDR", "")
    steps = settings.TRUSTED_PROXIES
    if steps:
        seen = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        peer = seen[-steps] if len(seen) >= steps else peer
    try:
        address = ip_address(peer)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address)


def _keys_of(username: str, address: str) -> tuple[str, str]:
    def digest(*parts: str) -> str:
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()

    return digest("pair", username.casefold(), address), digest("address", address)


def is_throttled(username: str, address: str, *, now: datetime) -> bool:
    pair, from_address = _keys_of(username, address)
    counts = dict(
        LoginThrottle.objects.filter(
            key__in=[pair, from_address], window_started_at__gt=now - WINDOW
        ).values_list("key", "n_failures")
    )
    return (
        counts.get(pair, 0) >= MAX_FAILURES_OF_PAIR
        or counts.get(from_address, 0) >= MAX_FAILURES_OF_ADDRESS
    )


def count_failure(username: str, address: str, *, now: datetime) -> None:
    with connection.cursor() as cursor:
        # In sorted order: two failures at once would otherwise lock the rows crosswise.
        for key in sorted(_keys_of(username, address)):
            cursor.execute(COUNT_FAILURE, {"key": key, "now": now, "since": now - WINDOW})
    LoginThrottle.objects.filter(window_started_at__lte=now - 2 * WINDOW).delete()


def forget_failures(username: str, address: str) -> None:
    """After a good login: of this account only; an attacker's own account must not clear more."""
    LoginThrottle.objects.filter(key=_keys_of(username, address)[0]).delete()
