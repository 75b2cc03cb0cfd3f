"""Scores in a thousand orders: sessions say what a plain recomputation of the words says."""

import datetime
import itertools
import json
import random
from collections import defaultdict

import pytest
from django.db import transaction
from django.utils import timezone

from tests.flows import drift_of, make_span
from tests.tracking.streams import drain_with_three_workers, key_of
from tracking.models import Quarantined, SessionMetric
from tracking.receive import accept_batch

PROJECTS = 50
STREAMS = 20  # in each project, each in an order of its own: 1,000 permutations
FIRST = 20_000
START = timezone.now().replace(microsecond=0) - datetime.timedelta(hours=3)

pytestmark = pytest.mark.usefixtures("open_pipeline")


class Stream:
    """Spans of some sessions, and words about them under few ids: changed, moved, retyped."""

    def __init__(self, number):
        self.rng = random.Random(number)
        self.prefix = f"{number}-"
        sessions = [f"{self.prefix}s{n}" for n in range(3)]
        self.session_of = {f"{self.prefix}t{n}": self.rng.choice(sessions) for n in range(4)}
        self.sessions = sessions
        self.words = [self._word(moment) for moment in range(12)]

    def spans(self):
        return [
            make_span(trace, f"{trace}-root", start=START, session_id=session, kind="llm")
            for trace, session in self.session_of.items()
        ]

    def _word(self, moment):
        rng = self.rng
        trace = rng.choice(sorted(self.session_of))
        target = rng.choice(
            [
                {"session_id": rng.choice(self.sessions)},
                {"trace_id": trace},
                {"trace_id": trace, "span_id": f"{trace}-root"},
            ]
        )
        value = rng.choice([True, False, "calm", "rude", rng.uniform(-1e6, 1e6), 0.1, 1e-9])
        at = START + datetime.timedelta(minutes=moment)
        named = {"name": rng.choice(["good", "tone"]), "id": f"{self.prefix}{rng.randrange(5)}"}
        return {**target, **named, "value": value, "at": at.isoformat()}

    def expected(self):
        """(session, metric) → the values that stand, one an id: its latest word's. Latest last."""
        standing = {word["id"]: word for word in self.words}
        found = defaultdict(list)
        for word in sorted(standing.values(), key=lambda word: word["at"]):
            session = word.get("session_id") or self.session_of[word["trace_id"]]
            value, name = word["value"], f"score:{word['name']}"
            if isinstance(value, str):
                name, value = f"{name}={value}", 1.0
            found[session, name].append(float(value))
        return found


def requests_of(number, streams):
    """Spans and words of all streams in an order of this project's own, some of them twice."""
    rng = random.Random(number)
    items = [("analytics", span) for stream in streams for span in stream.spans()]
    items += [("scores", word) for stream in streams for word in stream.words]
    items += rng.sample(items, len(items) // 3)
    rng.shuffle(items)
    while items:
        size = rng.randrange(1, 120)
        some, items = items[:size], items[size:]
        for format_ in ("scores", "analytics"):
            if body := [item for kind, item in some if kind == format_]:
                yield format_, json.dumps(body).encode()


def test_sessions_say_what_the_words_say_in_whatever_order_they_come():
    streams = [Stream(number) for number in range(STREAMS)]
    queues = [
        [(FIRST + number, *request) for request in requests_of(number, streams)]
        for number in range(PROJECTS)
    ]
    with transaction.atomic():
        for one in filter(None, itertools.chain(*itertools.zip_longest(*queues))):
            project_id, format_, body = one
            now = timezone.now()
            accept_batch(
                key_of(project_id), format=format_, body=body, encoding="", headers={}, now=now
            )

    drain_with_three_workers()

    assert Quarantined.objects.count() == 0
    expected = {key: values for stream in streams for key, values in stream.expected().items()}
    for number in range(PROJECTS):
        rows = SessionMetric.objects.filter(project_id=FIRST + number)
        found = {(row.session_id, row.name): row for row in rows}
        assert found.keys() == expected.keys(), number
        for key, values in expected.items():
            row = found[key]
            seen = (row.n, row.low, row.high, row.last)
            assert seen == (len(values), min(values), max(values), values[-1]), (number, key)
            squares = sum(value * value for value in values)
            assert row.total == pytest.approx(sum(values), rel=1e-9, abs=0), (number, key)
            assert row.squares == pytest.approx(squares, rel=1e-9, abs=0), (number, key)
    assert [d for number in range(3) for d in drift_of(FIRST + number)] == []
