"""Posts the demo data to the ingestion paths of a running web server."""

import http.client
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from core.demo.declarations import experiment_requests
from core.demo.prompts import prompt_requests
from core.demo.requests import DemoRequest, build_requests

SENDERS = 3
USER_AGENT = "assay-demo"  # tracking.arrivals tells by it what is nobody's own
TIMEOUT_SECONDS = 30
PATIENCE_SECONDS = 120
OVERLOADED = frozenset({429, 502, 503, 504})


class DemoError(RuntimeError):
    """The demo data was refused, or the server stayed away."""


def load_demo(base_url: str, api_key: str, now: datetime, seed: int = 1) -> None:
    """Send the demo data and return once all of it is accepted.

    The same ``now`` and ``seed`` send the same bytes: an interrupted load may be repeated.
    """
    for request in (*prompt_requests(), *experiment_requests()):  # in turn: versions are numbered
        send(base_url, api_key, request)
    with ThreadPoolExecutor(SENDERS) as pool:
        sent = [
            pool.submit(send, base_url, api_key, request) for request in build_requests(now, seed)
        ]
        for each in sent:
            each.result()


def send(
    base_url: str,
    api_key: str,
    request: DemoRequest,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send one request; try again while the server is overloaded or away."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            answer = _post(base_url, api_key, request)
        except HTTPError as error:
            reason, wait = f"{error.code} {error.reason}", _retry_after(error)
            if error.code not in OVERLOADED:
                raise DemoError(f"{request.path}: {reason}: {error.read()[:500]!r}") from error
        except (URLError, ConnectionError, TimeoutError, http.client.HTTPException) as error:
            reason, wait = str(error), 0.5
        else:
            _check(request, answer)
            return
        if time.monotonic() + wait > deadline:
            raise DemoError(f"{request.path}: {reason}, for {PATIENCE_SECONDS} s")
        sleep(wait)


def _post(base_url: str, api_key: str, request: DemoRequest) -> bytes:
    headers = {
        "Authorization": f"Bearer {api_key}",
        "Content-Type": request.content_type,
        "User-Agent": USER_AGENT,
    }
    if request.is_gzipped:
        headers["Content-Encoding"] = "gzip"
    if request.once:
        headers["Idempotency-Key"] = request.once
    url = base_url.rstrip("/") + request.path
    posted = Request(url, data=request.body, headers=headers, method="POST")  # noqa: S310
    with urlopen(posted, timeout=TIMEOUT_SECONDS) as answer:
        body: bytes = answer.read()
    return body


def _retry_after(error: HTTPError) -> float:
    text = error.headers.get("Retry-After", "")
    return min(float(text), 5.0) if text.isdecimal() else 0.5


def _check(request: DemoRequest, answer: bytes) -> None:
    """Nothing of the demo may be refused: a partial success is a mistake of ours."""
    if request.content_type == "application/json":
        rejected = json.loads(answer).get("rejected")
        if rejected:
            raise DemoError(f"{request.path} rejected {rejected[:3]}")
    elif answer:
        raise DemoError(f"{request.path} accepted only a part: {answer[:500]!r}")
