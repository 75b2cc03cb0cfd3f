"""The rate limit of a key: requests a second, the same for all web processes together.

The generic cell rate algorithm: each request takes 1/rate seconds of the key's time, up to one
second ahead of the clock. One row a limited key, in an unlogged table: no write-ahead log, no
flush. A refused request changes nothing, so a flood does not push its own end away.
"""

from typing import TYPE_CHECKING

from django.db import connection
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.api import Problem
from core.keys import KeyInfo
from core.refusals import note_refusal

if TYPE_CHECKING:  # rest_framework.views imports this module, through its settings
    from rest_framework.views import APIView

BURST_SECONDS = 1.0
RETRY_SECONDS = "1"

# Without a row it is the first request. "now" is the database's clock: one for every process. No
# key is ever further ahead than its burst: a row that is was written before the clock was set back.
_BEGUN = """CASE WHEN kept.spread_until <= clock_timestamp() + %(burst)s * interval '2 seconds'
    THEN greatest(kept.spread_until, clock_timestamp()) ELSE clock_timestamp() END"""
TAKE = f"""
INSERT INTO core_keyallowance AS kept (key_id, spread_until)
VALUES (%(key_id)s, clock_timestamp() + %(step)s * interval '1 second')
ON CONFLICT (key_id) DO UPDATE SET spread_until = {_BEGUN} + %(step)s * interval '1 second'
WHERE {_BEGUN} + %(step)s * interval '1 second'
    <= clock_timestamp() + %(burst)s * interval '1 second'
RETURNING true
"""


def take_request(key: KeyInfo) -> bool:
    """Count one request of a key; False when it is beyond the key's rate."""
    if key.rate_limit is None:
        return True
    # A tenth of a step more than a second: the clock moves on between its two readings.
    step = 1 / key.rate_limit
    parameters = {"key_id": key.key_id, "step": step, "burst": BURST_SECONDS + step / 10}
    with connection.cursor() as cursor:
        cursor.execute(TAKE, parameters)
        return cursor.fetchone() is not None


class KeyRateThrottle(BaseThrottle):
    """Answers 429 with Retry-After beyond the rate of the request's key."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        key = request.auth
        if isinstance(key, KeyInfo) and not take_request(key):
            note_refusal(key.project_id, key.prefix, 429)
            raise Problem(
                429,
                f"This key may make {_requests(key.rate_limit)} a second; send this one again.",
                code="rate_limit",
                headers={"Retry-After": RETRY_SECONDS},
            )
        return True


def _requests(n: int | None) -> str:
    return "1 request" if n == 1 else f"{n} requests"
