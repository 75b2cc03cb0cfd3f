"""Three sessions, an implicit one and a run, sent and digested through the real path.

    s1  ada   a1 (09:00) gpt-4o, prompt answer v2, arm tone=warm; a2 (10:00) gpt-4o, tag vip
    s2  bob   b1 (11:30) claude, staging, its call failed (Timeout), metadata plan=pro
    s3  ada   c1 (12:15) gpt-4o-mini
        —     d1 (13:00) no session: gpt-4o
    run-1     variant.complete of experiment style, variant a, metric_value 0.5

All on the day before yesterday.
"""

import datetime
import json
from collections.abc import Iterator

from django.apps import apps
from django.db import connection
from django.utils import timezone

from core.keys import KeyInfo
from core.timebuckets import DAY, Interval, TimeRange, floor_to
from tests.flows import Event, digest_all, forget_process_caches, make_span
from tracking.receive import accept_batch

PROJECT_ID = 7_000_001
DATE = floor_to(timezone.now(), Interval.DAY) - 2 * DAY
WHOLE_DAY = TimeRange(DATE, DATE + DAY, Interval.HOUR)


def at(clock: str) -> datetime.datetime:
    hour, minute = clock.split(":")
    return DATE + datetime.timedelta(hours=int(hour), minutes=int(minute))


def make_turn(trace: str, clock: str, *, model: str, root: Event, call: Event) -> list[Event]:
    """A root of two seconds, below it a model call of one."""
    start = at(clock)
    attributes = {"gen_ai.provider.name": "openai", **call.pop("attributes", {})}
    return [
        make_span(trace, f"{trace}-root", kind="agent", start=start, seconds=2.0, **root),
        make_span(
            trace,
            f"{trace}-call",
            parent_span_id=f"{trace}-root",
            kind="llm",
            model=model,
            start=start + datetime.timedelta(milliseconds=500),
            tokens={"input": 100, "output": 20},
            cost_usd=0.25,
            input="Where is it?",
            output=f"Answer of {trace}.",
            attributes=attributes,
            **call,
        ),
    ]


def make_day() -> list[Event]:
    prompt = {"assay.prompt": "answer", "assay.prompt_version": "2"}
    arm = {"assay.experiment": "tone", "assay.variant": "warm"}
    ada = {"session_id": "s1", "user_id": "ada"}
    bob = {"session_id": "s2", "user_id": "bob", "attributes": {"metadata": '{"plan": "pro"}'}}
    vip = {**ada, "attributes": {"tag.tags": ["vip"]}}
    failed = {"status": "error", "error": "slow", "attributes": {"error.type": "Timeout"}}
    staging = {"environment": "staging"}
    run = {"experimentId": "style", "variantId": "a", "runId": "run-1", "metricValue": 0.5}
    return [
        *make_turn(
            "a1",
            "9:00",
            model="gpt-4o",
            root={**ada, "attributes": arm},
            call={"attributes": prompt},
        ),
        *make_turn("a2", "10:00", model="gpt-4o", root=vip, call={}),
        *make_turn(
            "b1", "11:30", model="claude-sonnet-4-5", root=bob | staging, call=failed | staging
        ),
        *make_turn(
            "c1", "12:15", model="gpt-4o-mini", root={"session_id": "s3", "user_id": "ada"}, call={}
        ),
        *make_turn("d1", "13:00", model="gpt-4o", root={}, call={}),
        {"type": "variant.complete", "timestamp": at("14:00").isoformat(), "data": run},
    ]


def send_day(project_id: int) -> None:
    forget_process_caches()
    accept_batch(
        KeyInfo(1, project_id, "stage", "stage", frozenset({"ingest"}), None, True),
        format="analytics",
        body=json.dumps(make_day()).encode(),
        encoding="",
        headers={},
        now=timezone.now(),
    )
    digest_all()


def play_day() -> Iterator[int]:
    """Send the day outside of any test's transaction, once for a module; take it away after."""
    connection.close()  # its temporary tables may have gone with another test's transaction
    send_day(PROJECT_ID)
    yield PROJECT_ID
    with connection.cursor() as cursor:
        for model in apps.get_app_config("tracking").get_models():
            if any(field.name == "project_id" for field in model._meta.fields):
                table = connection.ops.quote_name(model._meta.db_table)
                cursor.execute(f"DELETE FROM {table} WHERE project_id = %s", [PROJECT_ID])
    forget_process_caches()
