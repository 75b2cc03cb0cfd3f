"""A support bot's session for the tests of pages, sent and digested through the real path."""

import datetime
import json

from django.utils import timezone

from core.models import Project
from tests.flows import (
    Event,
    digest_all,
    forget_process_caches,
    make_sender,
    make_span,
    send_events,
)

QUESTION = "Where is my order 88213? <script>alert(1)</script>"
ANSWER = "It was delivered on **Tuesday** ![x](https://tracker.example/x.png)"
SESSION = "chat/7 ?&#%"
TRACE = "trace/1 ?&#%"


def make_turn(*, trace: str = TRACE, session: str = SESSION, n: int = 0) -> list[Event]:
    """An agent, its model call and a tool that failed."""
    start = timezone.now() - datetime.timedelta(hours=3, seconds=-60 * n)
    asked = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": QUESTION}]
    attributes = {"assay.experiment": "tone", "assay.variant": "warm", "assay.prompt": "answer"}
    return [
        make_span(
            trace,
            "root",
            start=start,
            seconds=4,
            name="support-agent",
            kind="agent",
            session_id=session,
            user_id="user-1",
            attributes=attributes,
        ),
        make_span(
            trace,
            "call/1",
            start=start,
            seconds=2,
            name="chat",
            parent_span_id="root",
            kind="llm",
            model="gpt-4o-mini",
            provider="openai",
            tokens={"input": 1200, "output": 34},
            cost_usd=0.0042,
            input=json.dumps(asked),
            output=ANSWER,
            attributes={"weird <key>": {"deep": ["<b>"]}},
        ),
        make_span(
            trace,
            "tool",
            start=start + datetime.timedelta(seconds=1),
            name="lookup_order",
            parent_span_id="root",
            kind="tool",
            status="error",
            status_message="orders did not answer",
            input='{"order": 88213}',
        ),
    ]


def send_support_session(project: Project, *, turns: int = 1) -> None:
    forget_process_caches()
    sender = make_sender(project)
    send_events(sender, make_turn())
    for n in range(1, turns):
        send_events(sender, make_turn(trace=f"more-{n}", n=n))
    digest_all()
