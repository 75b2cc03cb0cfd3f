import datetime

import pytest
from django.db.models import Sum
from django.utils import timezone

from tests.flows import digest, drift_of, make_span, send_events
from tracking.draining import drain
from tracking.models import UsageRollup
from tracking.sketches import quantiles

pytestmark = pytest.mark.usefixtures("pipeline")
NOW = timezone.now()
HOUR = NOW.replace(minute=0, second=0, microsecond=0) - datetime.timedelta(hours=3)


def call(name, at=HOUR, **data):
    usage = {"kind": "llm", "tokens": {"input": 5, "output": 1}, "cost_usd": 0.25}
    return make_span(f"t-{name}", name, start=at, **usage, **data)


def total(family, column):
    return UsageRollup.objects.filter(family=family).aggregate(sum=Sum(column))["sum"]


@pytest.mark.parametrize("family", UsageRollup.Family.values)
def test_every_family_covers_every_event_once(sender, family):
    digest(sender, call("a", model="m"), call("b", prompt="p"), {"type": "note", "data": {}})

    assert (total(family, "n"), total(family, "tokens_in")) == (3, 10)
    assert total(family, "cost_nano") == 500_000_000


def test_an_event_counts_in_the_hour_it_began(sender):
    second = datetime.timedelta(seconds=1)
    digest(sender, call("a", HOUR - second), call("b", HOUR), call("c", HOUR + 3599 * second))

    rows = UsageRollup.objects.filter(family=0, n__gt=0)
    hours = {row.hour: row.n for row in rows}
    assert hours == {HOUR - datetime.timedelta(hours=1): 1, HOUR: 2}


def test_traces_and_sessions_count_in_the_hour_of_their_first_event(alpha, sender):
    digest(sender, call("a", HOUR, session_id="s"))
    digest(sender, call("b", HOUR - datetime.timedelta(hours=1), session_id="s"))

    rows = UsageRollup.objects.filter(family=0, kind=0).exclude(n_sessions=0)
    sessions = {row.hour: row.n_sessions for row in rows}
    assert sessions == {HOUR - datetime.timedelta(hours=1): 1}
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize(
    ("hour", "rows"),
    [(NOW, [(0, 2), (1, 1), (2, 1), (3, 1)]), (NOW - datetime.timedelta(hours=9), [(0, 5)])],
    ids=["live", "past"],
)
def test_workers_write_rows_of_their_own_in_live_hours(alpha, sender, hour, rows):
    for slot in range(5):
        send_events(sender, [call(f"c{slot}", hour)])
        drain(slot=slot)

    stored = UsageRollup.objects.filter(family=0, kind=1)
    assert sorted(stored.values_list("slot", "n")) == rows
    assert drift_of(alpha.pk) == []


def test_sketches_of_latency_tell_quantiles(sender):
    digest(sender, *(call(f"c{n}", seconds=n) for n in range(1, 101)))

    (row,) = UsageRollup.objects.filter(family=0, kind=1)
    assert quantiles(row.latency, (0.5,))[0] == pytest.approx(50e6, rel=0.03)


def test_points_of_one_trace_make_no_trace(sender):
    data = {"runId": "r", "experimentId": "e", "variantId": "v"}
    digest(sender, {"type": "variant.start", "timestamp": HOUR.isoformat(), "data": data})

    assert (total(0, "n"), total(0, "n_traces"), total(0, "n_spans")) == (1, 0, 0)
