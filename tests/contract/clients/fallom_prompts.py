"""Fallom's ``prompts.get``, current and pinned, and what it sees after a label moved."""

import contextlib
import json
import os
import time
import urllib.request

_sleep = time.sleep
time.sleep = lambda seconds: _sleep(min(seconds, 0.3))  # its thirty seconds pass sooner

from fallom import prompts  # noqa: E402

URL, KEY = os.environ["ASSAY_URL"], os.environ["ASSAY_KEY"]
VARIABLES = {"name": "Ada", "unused": 1}


def show(found) -> list[object]:
    return [found.key, found.version, found.system, found.user]


def move_label(version: int) -> None:
    request = urllib.request.Request(
        f"{URL}/api/v1/prompts/support-answer/labels/production",
        json.dumps({"version": version, "reason": "a test"}).encode(),
        {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request).close()


def wait_for(condition) -> None:
    deadline = time.monotonic() + 90
    while not condition() and time.monotonic() < deadline:
        _sleep(0.1)


def current(**options) -> int | None:
    with contextlib.suppress(ValueError):  # a first answer that took more than its two seconds
        return prompts.get("support-answer", **options).version
    return None


prompts.init(api_key=KEY, base_url=f"{URL}/fallom")
wait_for(current)
wait_for(lambda: current(version=1))
seen = {
    "current": show(prompts.get("support-answer", VARIABLES)),
    "pinned": show(prompts.get("support-answer", VARIABLES, version=1)),
    "untouched": show(prompts.get("support-answer")),
}
move_label(1)
wait_for(lambda: current() == 1)
seen["moved"] = show(prompts.get("support-answer", VARIABLES))
print(json.dumps(seen))
