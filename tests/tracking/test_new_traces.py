"""Traces and sessions that two workers make at the same moment: the second adds to the first's."""

import datetime
import threading

import pytest
from django.db import connection
from django.utils import timezone

from tests.flows import drift_of, make_sender, make_span, send_events
from tracking import changes, digest, sessions
from tracking.draining import drain
from tracking.models import Session, Trace

pytestmark = pytest.mark.usefixtures("open_pipeline")
START = timezone.now().replace(microsecond=0) - datetime.timedelta(hours=2)
CALL = {"kind": "llm", "tokens": {"input": 5}, "session_id": "s", "start": START}


def digest_beside(client, others):
    """Send and digest over another connection, commit, and return how much was digested."""
    digested = []

    def work():
        try:
            send_events(client, others)
            digested.append(drain(slot=1))
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    worker.join(30)
    return digested


def come_first(monkeypatch, client, others, *, module, name):
    """Let another worker digest ``others`` just before the first call of a function."""
    own = getattr(module, name)

    def wait(*args, **kwargs):
        monkeypatch.setattr(module, name, own)
        assert digest_beside(client, others) == [len(others)]
        return own(*args, **kwargs)

    monkeypatch.setattr(module, name, wait)


@pytest.mark.parametrize(("module", "name"), [(changes, "create_traces"), (sessions, "_create")])
def test_whoever_comes_second_adds_to_what_is_there(alpha, monkeypatch, module, name):
    client = make_sender(alpha)
    send_events(client, [make_span("t", "one", **CALL), make_span("mine", "two", **CALL)])
    others = [make_span("t" if module is changes else "theirs", "three", **CALL)]
    come_first(monkeypatch, client, others, module=module, name=name)

    drain(slot=0)

    session = Session.objects.get()
    assert (session.n_spans, session.tokens_in) == (3, 15)
    assert sum(Trace.objects.values_list("n_spans", flat=True)) == 3
    assert drift_of(alpha.pk) == []


def test_a_span_that_wins_over_one_stored_meanwhile_counts_alone(alpha, monkeypatch):
    client = make_sender(alpha)
    send_events(client, [make_span("t", "one", seconds=9, **CALL), make_span("t", "two", **CALL)])
    others = [make_span("t", "one", seconds=1, **CALL), make_span("t", "three", **CALL)]
    come_first(monkeypatch, client, others, module=digest, name="insert_events")

    drain(slot=0)

    assert Session.objects.get().n_spans == 3
    assert Trace.objects.get().n_spans == 3
    assert drift_of(alpha.pk) == []
