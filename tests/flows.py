"""What tests share to push events through the real path: HTTP door, inbox, digest, refresh."""

import datetime
import json
from typing import Any

from django.db import connection
from django.test import Client
from django.utils import timezone

from core.keys import issue_key
from core.models import Project, Scope
from tracking import dimensions, origins, partitions, project_prices, staging
from tracking.draining import drain
from tracking.ingest_status import IngestStatus, read_status
from tracking.session_texts import refresh_due_sessions
from tracking.staging import open_cursor
from tracking.verification import Difference, find_differences, verify_project

Event = dict[str, Any]  # any JSON


def forget_process_caches() -> None:
    """Each test database is new: what this process knows of another one is wrong."""
    for module in (dimensions, origins, partitions, project_prices, staging):
        module.forget()


def make_sender(project: Project) -> Client:
    """A client that sends the project's full-scope key."""
    _, raw = issue_key(project, "test", list(Scope), actor=None)
    return Client(headers={"authorization": f"Bearer {raw}"})


def send_events(client: Client, events: list[Event], **headers: str) -> Any:
    """Post events and return the decoded answer."""
    response = client.post(
        "/api/v1/events",
        json.dumps({"events": events}),
        content_type="application/json",
        headers=headers,
    )
    assert response.status_code == 202, response.content
    return response.json()


def send_scores(client: Client, *scores: Event) -> Any:
    """Post scores and return the decoded answer."""
    response = client.post("/api/v1/scores", json.dumps(scores), content_type="application/json")
    assert response.status_code == 202, response.content
    return response.json()


def digest_all() -> None:
    """Digest whatever waits, then refresh the texts of all sessions."""
    drain(slot=0)
    refresh_due_sessions(now=timezone.now() + datetime.timedelta(minutes=1))


def digest(client: Client, *events: Event) -> None:
    send_events(client, list(events))
    digest_all()


def status_of(project: Project) -> IngestStatus:
    return read_status(project.pk, now=timezone.now())


def drift_of(project_id: int) -> list[Difference]:
    """The differences between aggregates and events, also within a test's own transaction."""
    if not connection.in_atomic_block:
        return list(verify_project(project_id))
    with open_cursor() as cursor:
        return list(find_differences(cursor, project_id))


def make_span(trace: str, span: str, **data: Any) -> Event:
    """A span of the JSON API, a second long, an hour ago unless said otherwise."""
    start = data.pop("start", timezone.now() - datetime.timedelta(hours=1))
    seconds = data.pop("seconds", 1.0)
    return {
        "type": "span",
        "data": {
            "trace_id": trace,
            "span_id": span,
            "name": span,
            "start": start.isoformat(),
            "end": (start + datetime.timedelta(seconds=seconds)).isoformat(),
            **data,
        },
    }
