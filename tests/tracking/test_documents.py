"""Documents through digest, with a system of notes: each part says {"n": …, "at": seconds}."""

import datetime
import itertools
import json
import uuid

import msgspec
import pytest
from django.utils import timezone

from tests.flows import drift_of, forget_process_caches, status_of
from tracking import adapters, documents
from tracking.adapters import Adapter
from tracking.draining import drain
from tracking.events import (
    EVENT_FORMAT,
    Batch,
    Derived,
    IncomingEvent,
    Part,
    Payload,
    rank_of,
)
from tracking.identity import content_rank, given_identity
from tracking.models import Document, DocumentPart, Event, InboxBatch, Quarantined, Trace
from tracking.staging import unix_us

pytestmark = pytest.mark.usefixtures("pipeline")
BASE = unix_us(timezone.now().replace(microsecond=0)) - 3_600_000_000


def check(body, *, receipt):
    return len(json.loads(body)), []


def read(body, *, receipt):
    parts = [
        Part(
            system="notes",
            key=note["key"],
            body=msgspec.json.encode(note),
            received_us=receipt.received_us,
        )
        for note in json.loads(body)
    ]
    return Batch(events=[], rejections=[], failures=[], origins={}, parts=parts)


def derive(key, parts):
    """One event a note of the greatest "edition", whatever else came."""
    notes = [json.loads(part.body) for part in parts]
    if any(note["n"] == "poison" for note in notes):
        raise ValueError("poison")
    newest = max(note.get("edition", 0) for note in notes)
    chosen = [note for note in notes if note.get("edition", 0) == newest]
    return Derived([event_of(key, note) for note in chosen], {"notes": len(chosen)})


def event_of(key, note):
    return IncomingEvent(
        id=given_identity(f"{key}{note['n']}"),
        occurred_us=BASE + note["at"] * 1_000_000,
        content_rank=content_rank(msgspec.json.encode(note)),
        name=note.get("name", "note"),
        trace_id=note.get("trace", key),
        metrics=(("n", float(note["n"])),),
        payload=Payload(input=json.dumps(note)),
    )


@pytest.fixture(autouse=True)
def notes(monkeypatch):
    monkeypatch.setitem(adapters.ADAPTERS, "notes", Adapter(check, read, makes_documents=True))
    monkeypatch.setitem(adapters.DERIVERS, "notes", derive)


def put(project, *notes, received=None):
    put_body(project, "notes", json.dumps(notes).encode(), len(notes), received or timezone.now())


def put_body(project, wire_format, body, n_items, now):
    InboxBatch.objects.create(
        project_id=project.pk,
        format=wire_format,
        body=body,
        n_items=n_items,
        n_bytes=len(body),
        horizon_us=0,
        received_at=now,
        lease_until=now,
    )


def digest(project, *notes):
    put(project, *notes)
    drain(slot=0)


def state():
    """What is stored, without the ids of payload blocks."""
    events = Event.objects.order_by("id").values_list("id", "occurred_at", "name", "trace_id")
    return list(events), list(Document.objects.values_list("key", "n_parts", "derived", "summary"))


def ledger(project):
    status = status_of(project)
    return status.stored_events, status.duplicate_events, status.quarantined


def test_parts_become_events_that_grow_with_later_parts(alpha):
    digest(alpha, {"key": "d", "n": 1, "at": 0})
    digest(alpha, {"key": "d", "n": 2, "at": 5})

    assert Event.objects.count() == 2
    assert Document.objects.get().summary == {"notes": 2}
    assert Trace.objects.get().trace_id == "d"
    assert ledger(alpha) == (2, 0, 0)
    assert drift_of(alpha.pk) == []


def test_the_same_part_again_is_a_duplicate(alpha):
    note = {"key": "d", "n": 1, "at": 0}
    digest(alpha, note, note)
    digest(alpha, note)

    assert (Event.objects.count(), DocumentPart.objects.count()) == (1, 1)
    assert ledger(alpha) == (1, 2, 0)


def test_a_part_that_overrules_others_takes_their_events_back(alpha):
    digest(alpha, {"key": "d", "n": 1, "at": 0}, {"key": "d", "n": 2, "at": 5, "trace": "other"})
    digest(alpha, {"key": "d", "n": 3, "at": 9, "edition": 2})

    assert [e.metrics for e in Event.objects.all()] == [[["n", 3.0]]]
    assert Trace.objects.count() == 1
    assert drift_of(alpha.pk) == []


def test_an_event_whose_content_changed_is_replaced(alpha):
    digest(alpha, {"key": "d", "n": 1, "at": 0, "name": "old"})
    digest(alpha, {"key": "d", "n": 1, "at": 0, "name": "new", "edition": 1})

    assert Event.objects.get().name == "new"
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_arrival_does_not_matter(alpha, order):
    news = [
        {"key": "d", "n": 1, "at": 0},
        {"key": "d", "n": 2, "at": 5, "edition": 1},
        {"key": "d", "n": 1, "at": 0, "name": "again", "edition": 1},
    ]
    digest(alpha, *news)
    expected = state()
    Event.objects.all()._raw_delete(using="default")
    for model in (Document, DocumentPart, Trace):
        model.objects.all().delete()
    forget_process_caches()

    for index in order:
        digest(alpha, news[index], news[order[0]])

    assert state() == expected


def test_a_part_that_cannot_be_derived_costs_no_other(alpha):
    good, poison = {"key": "d", "n": 1, "at": 0}, {"key": "d", "n": "poison", "at": 1}
    digest(alpha, poison, good, {"key": "e", "n": 2, "at": 0})

    assert Event.objects.count() == 2
    assert DocumentPart.objects.count() == 2
    assert Quarantined.objects.get().reason == "derive_failed: ValueError: poison"
    assert ledger(alpha) == (2, 0, 1)


def test_what_cannot_be_derived_is_found_in_few_steps(alpha, monkeypatch):
    sizes = []

    def derive_noting(key, parts):
        sizes.append(len(parts))
        return derive(key, parts)

    monkeypatch.setitem(adapters.DERIVERS, "notes", derive_noting)
    digest(
        alpha,
        *({"key": "d", "n": "poison" if n == 40 else n, "at": n % 7} for n in range(64)),
    )

    assert len(sizes) <= 2 * 6 + 1
    assert Document.objects.get().n_parts == 63
    assert ledger(alpha) == (63, 0, 1)
    assert drift_of(alpha.pk) == []


def test_what_fails_too_often_is_refused_together(alpha, monkeypatch):
    monkeypatch.setattr(documents, "MOST_FAILURES", 3)
    noted = [{"key": "d", "n": "poison", "at": n} for n in range(16)]
    digest(alpha, *noted, {"key": "e", "n": 1, "at": 0})

    assert ledger(alpha) == (1, 0, 16)
    assert Quarantined.objects.count() == 16
    assert Document.objects.get().key == "e"


def test_events_are_received_when_what_they_came_of_was(alpha):
    received = timezone.now().replace(microsecond=0)
    put(alpha, {"key": "d", "n": 1, "at": 0}, received=received)
    drain(slot=0)

    event = Event.objects.get()
    assert event.received_at == received
    assert event.occurred_at != received


def test_a_part_that_postgresql_refuses_costs_no_other(alpha):
    bad = {"key": "d", "n": 1, "at": 0, "name": "nul\0"}
    digest(alpha, bad, {"key": "e", "n": 2, "at": 0})

    assert Event.objects.count() == Document.objects.count() == 1
    assert Quarantined.objects.get().reason.startswith("refused: ")
    assert ledger(alpha) == (1, 0, 1)
    assert drift_of(alpha.pk) == []


def test_a_document_takes_a_bounded_number_of_parts(alpha, monkeypatch):
    monkeypatch.setattr(documents, "MAX_PARTS", 2)

    digest(alpha, *({"key": "d", "n": n, "at": n} for n in range(3)))

    assert Event.objects.count() == 2
    assert Quarantined.objects.get().reason == "too_many_parts: 2 are kept"


def test_events_of_years_without_partitions_are_stored(alpha):
    digest(alpha, {"key": str(uuid.uuid4()), "n": 1, "at": -400 * 86_400})

    assert Event.objects.count() == 1


FOREIGN = {"key": "d", "n": 1, "at": 0, "name": "foreign"}


def digest_foreign(project):
    """An event of nobody's document, under the key of one that a document has."""
    body = msgspec.json.encode(event_of("d", FOREIGN))
    put_body(project, EVENT_FORMAT, body, 1, timezone.now())
    drain(slot=0)


@pytest.mark.parametrize("name", ["derived", "foreign too", "x", "y"])
@pytest.mark.parametrize("is_foreign_first", [True, False])
def test_what_somebody_else_stored_gives_way_by_rank(alpha, name, is_foreign_first):
    own = {"key": "d", "n": 1, "at": 0, "name": name}
    steps = [lambda: digest_foreign(alpha), lambda: digest(alpha, own)]
    for step in steps if is_foreign_first else reversed(steps):
        step()

    best = max(FOREIGN, own, key=lambda note: rank_of(event_of("d", note)))
    assert Event.objects.get().name == best["name"]
    assert drift_of(alpha.pk) == []

    digest(alpha, {"key": "d", "n": 2, "at": 9, "edition": 1})
    left = ["foreign"] if best is FOREIGN else []
    assert sorted(Event.objects.values_list("name", flat=True)) == sorted([*left, "note"])
    assert drift_of(alpha.pk) == []


@pytest.fixture
def patience(monkeypatch):
    """What waits for other parts is not due before it is made so, however slow the machine."""
    monkeypatch.setattr("tracking.digest.PATIENCE", datetime.timedelta(hours=1))


def make_due():
    InboxBatch.objects.update(lease_until=timezone.now() - documents.PATIENCE)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_parts_of_a_great_document_wait_for_one_another(alpha, monkeypatch, patience, order):
    derived = []

    def note_and_derive(key, parts):
        derived.append(key)
        return derive(key, parts)

    monkeypatch.setitem(adapters.DERIVERS, "notes", note_and_derive)
    monkeypatch.setattr(documents, "GREAT", 2)
    digest(alpha, *({"key": "d", "n": n, "at": n} for n in (8, 9)))
    for n in order:
        digest(alpha, {"key": "d", "n": n, "at": n, "edition": n == 3})
    digest(alpha, {"key": "other", "n": 1, "at": 1})

    assert derived == ["d", "other"]
    assert InboxBatch.objects.count() == status_of(alpha).pending_events == 4
    assert ledger(alpha) == (3, 0, 0)

    make_due()
    drain(slot=0)

    assert derived == ["d", "other", "d"]
    assert InboxBatch.objects.count() == 0
    names = ("n_parts", "summary")
    assert Document.objects.filter(key="d").values_list(*names).get() == (6, {"notes": 1})
    assert ledger(alpha) == (7, 0, 0)
    assert drift_of(alpha.pk) == []


def test_a_part_waits_once(alpha, monkeypatch, patience):
    monkeypatch.setattr(documents, "GREAT", 1)
    note = {"key": "d", "n": 2, "at": 2}
    digest(alpha, {"key": "d", "n": 1, "at": 1})
    digest(alpha, note)
    digest(alpha, note)
    make_due()
    digest(alpha, {"key": "d", "n": 3, "at": 3})

    assert InboxBatch.objects.count() == 0
    assert Document.objects.get().n_parts == 3
    assert ledger(alpha) == (3, 1, 0)


def test_parts_that_waited_are_quarantined_and_tried_again(alpha, monkeypatch, patience):
    monkeypatch.setattr(documents, "GREAT", 1)
    digest(alpha, {"key": "d", "n": 1, "at": 1})
    digest(alpha, {"key": "d", "n": "poison", "at": 1})
    make_due()
    drain(slot=0)

    assert ledger(alpha) == (1, 0, 1)
    assert Quarantined.objects.get().reason == "derive_failed: ValueError: poison"
