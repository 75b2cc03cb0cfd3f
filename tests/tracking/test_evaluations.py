"""Evaluations that spans carry: scores like any other, whatever the spans came as."""

import datetime
import itertools
import json
import time

import pytest
from django.utils import timezone
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.jobs import work_on_jobs
from tests.flows import digest_all, drift_of, make_span, send_events, status_of
from tests.tracking.adapters.otlp_building import make_pairs, make_request
from tests.tracking.adapters.otlp_building import make_span as make_otlp_span
from tracking import remapping
from tracking.adapters.dialects.evaluations import evaluation_of_event
from tracking.digest import digest_lease
from tracking.erasure import start_erasure
from tracking.leases import claim
from tracking.models import Document, Event, InboxBatch, IngestCounter, SessionMetric
from tracking.partitions import ensure_weeks, existing_weeks, week_of
from tracking.remapping import start_remap
from tracking.scores import ScoreFilter, list_scores

pytestmark = pytest.mark.usefixtures("pipeline")

NOW_NS = time.time_ns() // 10**9 * 10**9 - 60 * 10**9
TRACE, SPAN, JUDGE = "0102030405060708090a0b0c0d0e0f10", "0102030405060708", "a1a1a1a1a1a1a1a1"
TONE = {"gen_ai.evaluation.name": "tone", "gen_ai.evaluation.score.value": 0.5}
WHY = {"gen_ai.evaluation.explanation": "Kind, so far."}
SESSION = {"session.id": "s"}


def flattened(form="annotations", index=0, **fields):
    one = form.rsplit(".", 1)[-1].removesuffix("s")
    return {f"{form}.{index}.{one}.{name}": value for name, value in fields.items()}


def post_span(client, attributes, **fields):
    times = {"start_time_unix_nano": NOW_NS, "end_time_unix_nano": NOW_NS + 10**9}
    span = make_otlp_span({**SESSION, **attributes}, **{**times, **fields})
    body = make_request(span).SerializeToString()
    answer = client.post("/v1/traces", body, content_type="application/x-protobuf")
    assert answer.status_code == 200, answer.content


def as_span_event(client, at_ns=NOW_NS):
    said = Span.Event(
        name="gen_ai.evaluation.result",
        time_unix_nano=at_ns,
        attributes=make_pairs({**TONE, **WHY}),
    )
    post_span(client, {}, events=[said])


def as_openinference(client):
    post_span(client, flattened(name="tone", score=0.5, explanation="Kind, so far."))


def as_json_span(client):
    said = flattened(name="tone", score=0.5, explanation="Kind, so far.")
    start = datetime.datetime.fromtimestamp(NOW_NS / 1e9, datetime.UTC)
    span = make_span(TRACE, SPAN, session_id="s", attributes=said, start=start)
    send_events(client, [span])


FALLOM_JUDGE = {
    "trace_id": TRACE,
    "span_id": SPAN,
    "session_id": "s",
    "name": "geval.tone",
    "start_time": NOW_NS // 10**6,
    "end_time": NOW_NS // 10**6 + 5,
    "attributes": {
        "geval.metric": "tone",
        "geval.score": 0.5,
        "geval.reasoning": "Kind, so far.",
    },
}


def as_fallom_judge(client):
    answer = client.post("/v1/traces", json.dumps(FALLOM_JUDGE), content_type="application/json")
    assert answer.status_code == 200, answer.content


FORMATS = [as_span_event, as_openinference, as_json_span, as_fallom_judge]


def scores_of(project):
    rows = list_scores(project.pk, ScoreFilter(), limit=100)
    return [(row.target["kind"], row.name, row.value, row.source, row.comment) for row in rows]


def sums(project):
    metrics = SessionMetric.objects.filter(project_id=project.pk).order_by("session_id", "name")
    return [(m.session_id, m.name, m.n, m.total) for m in metrics]


@pytest.mark.parametrize("send", FORMATS)
def test_it_becomes_a_score_of_its_span(alpha, sender, send):
    send(sender)
    digest_all()

    assert scores_of(alpha) == [("span", "tone", 0.5, "judge", "Kind, so far.")]
    assert sums(alpha) == [("s", "score:tone", 1, 0.5)]
    assert status_of(alpha).stored_events == status_of(alpha).digested_events == 1
    assert InboxBatch.objects.count() == 0
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize("send", FORMATS)
def test_sent_again_it_changes_nothing(alpha, sender, send):
    for _ in range(3):
        send(sender)
        digest_all()

    assert Document.objects.filter(system="score").count() == 1
    assert sums(alpha) == [("s", "score:tone", 1, 0.5)]
    status = status_of(alpha)
    assert (status.stored_events, status.duplicate_events) == (1, 2)
    assert drift_of(alpha.pk) == []


def test_pages_and_lists_know_it(alpha, sender, bob_client):
    as_openinference(sender)
    digest_all()

    session = bob_client.get("/p/alpha/sessions/s/").content.decode()
    trace = bob_client.get(f"/p/alpha/traces/{TRACE}/").content.decode()
    assert "tone" in session
    assert "Kind, so far." in trace
    assert "tone = 0.5" in trace  # its line in the waterfall
    for limit, n_found in (("0.5", 1), ("0.6", 0)):
        found = sender.get(f"/api/v1/sessions?score.tone_gte={limit}").json()["results"]
        assert len(found) == n_found


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("at_once", [True, False])
def test_the_latest_word_counts_in_any_order(alpha, sender, order, at_once):
    versions = [
        (flattened(name="tone", score=0.25), NOW_NS + 1 * 10**9),
        (flattened(name="tone", score=0.75), NOW_NS + 3 * 10**9),
        (flattened(name="depth", label="deep"), NOW_NS + 2 * 10**9),
    ]
    for place in order:
        attributes, end_ns = versions[place]
        post_span(sender, attributes, end_time_unix_nano=end_ns)
        if not at_once:
            digest_all()
    digest_all()

    assert sums(alpha) == [("s", "score:tone", 1, 0.75)]
    assert [score[1:3] for score in scores_of(alpha)] == [("tone", 0.75)]
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("is_said_again", [True, False])
def test_what_a_later_version_says_no_more_is_taken_back(
    alpha, sender, order, at_once, is_said_again
):
    tone = flattened(name="tone", score=0.25)
    versions = [tone, {}, tone if is_said_again else {"n": 3}]
    for place in order:
        post_span(sender, versions[place], end_time_unix_nano=NOW_NS + (place + 1) * 10**9)
        if not at_once:
            digest_all()
    digest_all()

    assert sums(alpha) == ([("s", "score:tone", 1, 0.25)] if is_said_again else [])
    assert len(scores_of(alpha)) == is_said_again
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize("send", FORMATS)
def test_it_is_taken_back_whatever_the_span_came_as(alpha, sender, send):
    send(sender)
    digest_all()
    assert len(scores_of(alpha)) == 1

    if send is as_fallom_judge:
        later = {**FALLOM_JUDGE, "end_time": NOW_NS // 10**6 + 6, "attributes": {"n": 1}}
        sender.post("/v1/traces", json.dumps(later), content_type="application/json")
    elif send is as_json_span:
        start = datetime.datetime.fromtimestamp(NOW_NS / 1e9, datetime.UTC)
        send_events(sender, [make_span(TRACE, SPAN, session_id="s", start=start, seconds=2)])
    else:
        post_span(sender, {}, end_time_unix_nano=NOW_NS + 2 * 10**9)
    digest_all()

    assert Event.objects.exclude(operation="score").count() == 1
    assert (scores_of(alpha), sums(alpha)) == ([], [])
    assert drift_of(alpha.pk) == []


def test_what_another_span_says_too_stays(alpha, sender):
    link = Span.Link(trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPAN))
    for span_id in (JUDGE, "b2b2b2b2b2b2b2b2"):
        evaluator = flattened("evaluations", name="tone", score=0.5, identifier="reviewer")
        kind = {"openinference.span.kind": "EVALUATOR"}
        post_span(sender, {**evaluator, **kind}, span_id=bytes.fromhex(span_id), links=[link])
    digest_all()
    assert len(scores_of(alpha)) == 1

    post_span(sender, {}, span_id=bytes.fromhex(JUDGE), end_time_unix_nano=NOW_NS + 2 * 10**9)
    digest_all()

    assert len(scores_of(alpha)) == 1
    assert drift_of(alpha.pk) == []


def test_an_evaluator_judges_the_span_that_it_links_to(alpha, sender):
    link = Span.Link(trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPAN))
    said = flattened("evaluations", name="tone", score=1, identifier="judge-v2")
    evaluator = {"openinference.span.kind": "EVALUATOR", "session.id": "judges"}
    ids = {"trace_id": b"j" * 16, "span_id": bytes.fromhex(JUDGE)}
    post_span(sender, {**evaluator, **said}, **ids, links=[link])
    post_span(sender, flattened(name="tone", score=1, identifier="judge-v2"))
    digest_all()

    (row,) = list_scores(alpha.pk, ScoreFilter(), limit=100)
    assert row.target["trace_id"] == TRACE
    assert row.target["span_id"] == SPAN
    assert sums(alpha) == [("s", "score:tone", 1, 1.0)]
    assert drift_of(alpha.pk) == []


def test_each_of_several_counts_for_what_it_judges(alpha, sender):
    post_span(
        sender,
        flattened(name="tone", score=1, annotator_kind="LLM")
        | flattened(index=1, name="tone", score=0, annotator_kind="HUMAN")
        | flattened(index=2, name="tone", score=1, annotator_kind="LLM")
        | flattened("trace.annotations", name="tone", score=0)
        | flattened("session.evaluations", name="done", label="yes", annotator_kind="CODE"),
    )
    digest_all()

    assert sorted(scores_of(alpha)) == [
        ("session", "done", "yes", "code", ""),
        ("span", "tone", 0.0, "human", ""),
        ("span", "tone", 1.0, "judge", ""),
        ("span", "tone", 1.0, "judge", ""),
        ("trace", "tone", 0.0, "judge", ""),
    ]
    assert sums(alpha) == [("s", "score:done=yes", 1, 1.0), ("s", "score:tone", 4, 2.0)]
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize("send", FORMATS)
def test_its_reasons_are_content(alpha, sender, send):
    alpha.capture_content = False
    alpha.save()
    send(sender)
    digest_all()

    assert scores_of(alpha) == [("span", "tone", 0.5, "judge", "")]
    assert all("Kind" not in str(row) for row in Event.objects.values())


def test_its_reasons_are_masked_wherever_they_wait(alpha, sender):
    secret = "AKIAIOSFODNN7EXAMPLE"
    post_span(sender, flattened(name="tone", score=0.5, explanation=f"It says {secret}."))
    digest_lease(claim(timezone.now()), slot=0, now=timezone.now())

    waiting = InboxBatch.objects.get()
    assert (waiting.format, waiting.n_items) == ("assay-parts", 0)
    assert secret not in bytes(waiting.body).decode()
    digest_all()
    assert scores_of(alpha) == [("span", "tone", 0.5, "judge", "It says [secret].")]


@pytest.mark.parametrize("is_captured", [True, False])
def test_read_again_without_its_reason_it_is_the_same(alpha, sender, monkeypatch, is_captured):
    alpha.capture_content = is_captured
    alpha.save()
    said = {**TONE, "gen_ai.evaluation.explanation": "It says AKIAIOSFODNN7EXAMPLE."}
    attributes = make_pairs(said)
    name = "gen_ai.evaluation.result"
    event = Span.Event(name=name, time_unix_nano=NOW_NS, attributes=attributes)
    post_span(sender, {}, events=[event])
    digest_all()

    monkeypatch.setattr(remapping, "MAP_VERSION", remapping.MAP_VERSION + 1)
    start_remap(alpha)
    work_on_jobs(seconds=20)
    assert InboxBatch.objects.count() == 1
    digest_all()

    assert Document.objects.filter(system="score").count() == 1
    assert sums(alpha) == [("s", "score:tone", 1, 0.5)]


def test_a_user_erased_while_scores_wait_leaves_none(alpha, sender):
    post_span(sender, {"user.id": "ada", **flattened(name="tone", score=0.5)})
    digest_lease(claim(timezone.now()), slot=0, now=timezone.now())
    start_erasure(alpha, "user", "ada")
    work_on_jobs(seconds=20)
    digest_all()

    assert (Event.objects.count(), Document.objects.count()) == (0, 0)
    assert drift_of(alpha.pk) == []


def test_what_is_handed_on_is_no_source(alpha, sender):
    as_openinference(sender)
    digest_all()

    found = IngestCounter.objects.filter(fate="format").values_list("detail", "n")
    assert list(found) == [("otlp-protobuf", 1)]


def test_a_score_of_an_erased_session_is_not_kept(alpha, sender, alice):
    as_openinference(sender)
    digest_all()
    start_erasure(alpha, "session", "s", actor=alice)
    work_on_jobs(seconds=20)
    as_openinference(sender)
    digest_all()

    assert Document.objects.filter(system="score").count() == 0
    assert Event.objects.count() == 0
    assert drift_of(alpha.pk) == []


def test_events_of_earlier_conventions_name_the_evaluation():
    found = evaluation_of_event("gen_ai.evaluation.relevance", {"gen_ai.evaluation.score": 4})

    assert found is not None
    assert (found.name, found.value) == ("relevance", 4.0)


def test_times_are_those_of_the_evaluation(alpha, sender):
    as_span_event(sender)
    post_span(sender, flattened(name="tone", score=0.5), span_id=bytes.fromhex(JUDGE))
    digest_all()

    at = datetime.datetime.fromtimestamp(NOW_NS / 1e9, datetime.UTC)
    found = {row.at for row in list_scores(alpha.pk, ScoreFilter(), limit=9)}
    assert found == {at, at + datetime.timedelta(seconds=1)}


@pytest.mark.parametrize(
    "at_ns",
    [0, 1_000, NOW_NS - 4_000 * 86_400 * 10**9, 2**64 - 1],
    ids=["none", "1970", "long ago", "2554"],
)
def test_a_time_that_no_evaluation_can_have_makes_no_week_of_its_own(alpha, sender, at_ns):
    ensure_weeks({week_of(NOW_NS // 1000)})
    weeks = existing_weeks()

    as_span_event(sender, at_ns)
    digest_all()

    assert len(scores_of(alpha)) == 1
    assert existing_weeks() == weeks
    assert drift_of(alpha.pk) == []
