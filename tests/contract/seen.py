"""What Assay shows of a session, as its API says it."""

from dataclasses import dataclass
from typing import Any

from django.test import Client

from tests.flows import digest_all, drift_of, status_of

Json = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    session: Json
    spans: list[Json]  # in the order they began

    def of_kind(self, kind: str) -> list[Json]:
        return [span for span in self.spans if span["kind"] == kind]

    def named(self, name: str) -> Json:
        found = [span for span in self.spans if span["name"] == name]
        assert len(found) == 1, [span["name"] for span in self.spans]
        return found[0]

    def below(self, name: str) -> list[Json]:
        """The spans whose parent is the one of that name."""
        parent = self.named(name)["span_id"]
        return [span for span in self.spans if span["parent_span_id"] == parent]


def look(api: Client, project: Any, session_id: str) -> Seen:
    """Digest what was sent; nothing of it was refused, and all adds up."""
    digest_all()
    status = status_of(project)
    assert (status.rejected_events, status.quarantined, status.pending_events) == (0, 0, 0)
    assert drift_of(project.pk) == []
    answer = api.get(f"/api/v1/sessions/{session_id}")
    assert answer.status_code == 200, answer.content
    listed = api.get("/api/v1/spans", {"session_id": session_id, "page_size": 200}).json()
    return Seen(answer.json(), listed["results"][::-1])


def content_of(api: Client, span: Json) -> Json:
    """One span with its input, output and attributes."""
    body: Json = api.get(f"/api/v1/spans/{span['trace_id']}/{span['span_id']}").json()
    return body


def usage_of(span: Json) -> tuple[int, int, int | None, int | None, int | None]:
    """Input, output, and of these: read from the cache, written to it, reasoning."""
    tokens = span["tokens"]
    names = ("input", "output", "cache_read", "cache_write", "reasoning")
    return tuple(tokens[name] for name in names)
