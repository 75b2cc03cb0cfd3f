"""A user who is erased, and those around her: what tests of erasure send, and ask afterwards."""

import datetime
import json

from django.utils import timezone

from core.jobs import work_on_jobs
from core.models import Job
from tests.flows import digest_all, make_span
from tracking.erasure import start_erasure
from tracking.models import Event

USER = "ada-Zanzibar"
SAID = "Timbuktu"  # by the user alone
START = timezone.now().replace(microsecond=0) - datetime.timedelta(hours=3)


def span(trace, name, **data):
    return make_span(trace, name, start=START, **data)


def call(trace, name, **data):
    fields = {"kind": "llm", "model": "gpt-4o", "tokens": {"input": 5, "output": 1}}
    return span(trace, name, **{**fields, **data})


def make_life():
    """Ada's session of two traces, her part in a session of Bob's, and Bob's own."""
    ada, bob = {"user_id": USER}, {"user_id": "bob"}
    attributes = {"note": SAID, "tag.tags": [SAID], "metadata": json.dumps({"who": SAID})}
    return [
        span("a1", "root", session_id=f"s-{USER}", kind="agent", input=SAID, **ada),
        call("a1", "call", parent_span_id="root", output=SAID, attributes=attributes),
        call("a2", "later", session_id=f"s-{USER}", error=SAID, status="error"),
        call("b1", "mixed", session_id="shared", input="of bob", **bob),
        call("b1", "hers", session_id="shared", parent_span_id="mixed", input=SAID, **ada),
        call("b2", "claimed", session_id="shared", input=SAID, **ada),
        call("b3", "his", session_id="bobs", input="Kathmandu", **bob),
    ]


def erase(project, name=USER, kind="user"):
    record = start_erasure(project, kind, name)
    work_on_jobs(seconds=60)
    digest_all()
    record.refresh_from_db()
    job = Job.objects.order_by("pk").last()
    assert (job.state, job.error) == ("done", "")
    return record


def names_left():
    return sorted(Event.objects.values_list("name", flat=True))
