"""Session rows under moves: what the last event of a session leaves behind."""

import datetime

import pytest
from django.utils import timezone

from tests.flows import digest, drift_of, make_span
from tracking.models import ArmSeen, Session, SessionMetric, SessionText

pytestmark = pytest.mark.usefixtures("pipeline")
START = timezone.now().replace(microsecond=0) - datetime.timedelta(hours=2)


def span(name, trace="t", **data):
    return make_span(trace, name, start=data.pop("start", START), **data)


def test_times_of_a_session_shrink_when_a_span_leaves_it(alpha, sender):
    late = START + datetime.timedelta(minutes=5)
    digest(sender, span("a", session_id="s"), span("b", "t2", session_id="s", start=late))
    digest(sender, span("b", "t2", session_id="other", start=late, seconds=2))

    session = Session.objects.get(session_id="s")
    assert session.last_at == START + datetime.timedelta(seconds=1)
    assert drift_of(alpha.pk) == []


def test_metrics_and_arms_move_with_their_trace(alpha, sender):
    data = {"experimentId": "e", "variantId": "v", "runId": "r", "metricValue": 3.0}
    run = {"type": "metric.computed", "timestamp": START.isoformat(), "data": data}
    digest(sender, run)
    (metric,) = SessionMetric.objects.filter(name="metric_value")
    assert (metric.n, metric.total, metric.last) == (1, 3.0, 3.0)
    assert ArmSeen.objects.get().session_id == metric.session_id

    earlier = (START - datetime.timedelta(seconds=1)).isoformat()
    named = {**run, "timestamp": earlier, "data": {**data, "sessionId": "s"}}
    digest(sender, named)

    assert {arm.session_id for arm in ArmSeen.objects.all()} == {"s"}
    assert SessionMetric.objects.get(name="metric_value").n == 2
    assert drift_of(alpha.pk) == []


def test_an_emptied_session_leaves_nothing(alpha, sender):
    arm = {"assay.experiment": "tone", "assay.variant": "warm"}
    digest(sender, span("a", session_id="s", attributes=arm))
    digest(sender, span("a", session_id="other", attributes=arm, seconds=2))

    for model in (Session, SessionText, ArmSeen):
        assert {row.session_id for row in model.objects.all()} == {"other"}
    assert drift_of(alpha.pk) == []


def test_the_user_nearest_to_the_root_of_the_first_trace_is_the_sessions(alpha, sender):
    later = START + datetime.timedelta(minutes=1)
    digest(sender, span("b", "t2", session_id="s", user_id="second", start=later))
    digest(sender, span("a", "t1", session_id="s", user_id="first"))

    assert Session.objects.get().user_id == "first"
    assert drift_of(alpha.pk) == []


def test_a_session_named_like_a_trace_is_explicit(alpha, sender):
    digest(sender, span("a", "t"))
    digest(sender, span("b", "t2", session_id="trace:t"))

    session = Session.objects.get()
    assert (session.session_id, session.is_implicit, session.n_traces) == ("trace:t", False, 2)
    assert drift_of(alpha.pk) == []
