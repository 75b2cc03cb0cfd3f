"""Whose an event is: of whom it names, else of whom its trace or session is resolved to.

The same meaning as everywhere (folding): claims of the trace, then the session of its part.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from tracking.folding import Fact, Part, TraceState
from tracking.tombstones import SESSION, USER, names_kind
from tracking.traces import read_states

USERS_OF_SESSIONS = (
    "SELECT session_id FROM tracking_session"
    " WHERE project_id = %s AND session_id = ANY (%s) AND user_id = %s"
)


@dataclass(frozen=True, slots=True)
class Subject:
    project_id: int
    kind: str  # "user" or "session"
    name: str


@dataclass(frozen=True, slots=True)
class Belongings:
    """Some traces, and which sessions of theirs are the subject's."""

    subject: Subject
    states: dict[str, TraceState]
    sessions: frozenset[str]

    def has_part(self, state: TraceState, part: Part | None) -> bool:
        """Whether what names nobody in this part of a trace is the subject's."""
        session_id = part.session_id if part is not None else ""
        if self.subject.kind == SESSION:
            return session_id == self.subject.name
        if state.claim_user:
            return state.claim_user == self.subject.name
        return session_id in self.sessions

    def has_event(self, fact: Fact) -> bool:
        event = fact.event
        if name := names_kind(event, self.subject.kind):
            return name == self.subject.name
        state = self.states.get(event.trace_id)
        return state is not None and self.has_part(state, state.parts.get(event.session_own))


def find_belongings(
    cursor: psycopg.Cursor[Any], subject: Subject, trace_ids: Sequence[str]
) -> Belongings:
    states = read_states(cursor, subject.project_id, list(trace_ids))
    sessions: Iterable[tuple[str]] = ()
    if subject.kind == USER:
        ids = {part.session_id for state in states.values() for part in state.parts.values()}
        values = (subject.project_id, list(ids), subject.name)
        sessions = cursor.execute(USERS_OF_SESSIONS, values).fetchall()
    return Belongings(subject, states, frozenset(row[0] for row in sessions))
