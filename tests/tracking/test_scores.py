"""Scores from the door to what sessions, lists and the API say of them."""

import datetime
import itertools
import json

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from core.keys import issue_publishable_key
from core.models import Job
from tests.flows import (
    digest_all,
    drift_of,
    make_sender,
    make_span,
    send_events,
    send_scores,
    status_of,
)
from tests.tracking.everything import find_anywhere
from tracking import erasure
from tracking.candidates import BY_SCORE, IS_SCORE
from tracking.erasure import start_erasure
from tracking.folding import SUMS
from tracking.models import Document, Event, Session, SessionMetric, Trace
from tracking.rebuilding import rebuild_project
from tracking.scores import SCORES, SESSION_SCORES, ScoreFilter, list_scores

pytestmark = pytest.mark.usefixtures("pipeline")


MANY_SCORES = (
    "INSERT INTO tracking_document (project_id, system, key, first_at, last_at, n_parts, derived,"
    " summary) SELECT 1, 'score', n::text, now(), now(), 1, '',"
    " jsonb_build_object('trace_id', 't' || n, 'name', 'n' || n) FROM generate_series(1, 3000) n"
)
MANY_PARTS = (
    "INSERT INTO tracking_tracepart (project_id, trace_id, session_own, session_id, is_implicit,"
    f" metrics, {', '.join(SUMS)}) SELECT 1, 't' || n, '', 's' || n / 10, false, '[]'"
    f"{', 0' * len(SUMS)} FROM generate_series(1, 3000) n"
)


def scores_sql(condition):
    where = f"d.project_id = 1 AND d.system = 'score' AND {condition}"
    return SCORES.format("tracking_document d", where) % 9


START = timezone.now().replace(microsecond=0) - datetime.timedelta(hours=2)
NAMED = {"name": "good", "value": True}
SCORE = {"session_id": "s", "name": "helpful", "value": 0.5, "id": "one"}


@pytest.fixture
def sender(alpha):
    client = make_sender(alpha)
    span = make_span("t", "call", start=START, session_id="s", kind="llm")
    send_events(client, [span, make_span("u", "other", start=START)])
    digest_all()
    return client


def give(client, *scores):
    answer = send_scores(client, *scores)
    assert answer["rejected"] == []
    digest_all()


def sums(name="score:helpful"):
    found = SessionMetric.objects.filter(session_id="s", name=name)
    return [(metric.n, metric.total) for metric in found]


def test_a_score_is_a_metric_of_its_session(alpha, sender):
    give(sender, SCORE, {**SCORE, "id": "two", "value": 1})

    assert sums() == [(2, 1.5)]
    assert drift_of(alpha.pk) == []


def test_a_score_makes_its_session_neither_longer_nor_later(alpha, sender):
    before = Session.objects.get(session_id="s")
    give(sender, SCORE, {"trace_id": "t", "name": "a", "value": 1})

    after = Session.objects.get(session_id="s")
    assert (after.first_at, after.last_at) == (before.first_at, before.last_at)
    assert after.n_points == 2
    assert Trace.objects.get(trace_id="t").last_at == before.last_at
    assert drift_of(alpha.pk) == []


def test_a_score_of_a_session_that_nobody_saw_waits_for_it(alpha, sender):
    give(sender, {**SCORE, "session_id": "later"})
    assert sender.get("/api/v1/sessions/later").status_code == 404
    assert sender.get("/api/v1/totals").json()["sessions"] == 1

    send_events(sender, [make_span("v", "late", start=START, session_id="later")])
    digest_all()

    session = sender.get("/api/v1/sessions/later").json()
    assert [score["value"] for score in session["scores"]] == [0.5]
    assert session["duration_ms"] == 1000
    assert sender.get("/api/v1/totals").json()["sessions"] == 2
    assert drift_of(alpha.pk) == []


def test_a_changed_score_replaces_what_it_added(alpha, sender):
    give(sender, SCORE)
    give(sender, {**SCORE, "value": 0.9})
    assert sums() == [(1, 0.9)]

    give(sender, {**SCORE, "value": "fine"})

    assert sums() == []
    assert sums("score:helpful=fine") == [(1, 1.0)]
    assert Event.objects.filter(operation="score").count() == 1
    assert drift_of(alpha.pk) == []


def test_a_score_may_move_to_another_target(alpha, sender):
    give(sender, SCORE)
    give(sender, {**SCORE, "session_id": None, "trace_id": "u"})

    assert sums() == []
    assert SessionMetric.objects.get(name="score:helpful").session_id == "trace:u"
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_arrival_does_not_matter(alpha, sender, order):
    words = [
        {**SCORE, "value": n, "at": (START + datetime.timedelta(minutes=n)).isoformat()}
        for n in range(3)
    ]
    for index in order:
        give(sender, words[index])

    assert sums() == [(1, 2.0)]
    assert drift_of(alpha.pk) == []


def test_the_same_score_again_changes_nothing(alpha, sender):
    plain = {"session_id": "s", "name": "helpful", "value": True}
    give(sender, plain)
    give(sender, plain)

    assert sums() == [(1, 1.0)]
    assert status_of(alpha).duplicate_events == 1


def test_a_score_of_a_trace_counts_in_the_session_that_claims_it(alpha, sender):
    give(sender, {"trace_id": "u", "name": "helpful", "value": 1})
    assert sums() == []

    send_events(sender, [make_span("u", "root", start=START, session_id="s")])
    digest_all()

    assert sums() == [(1, 1.0)]
    assert drift_of(alpha.pk) == []


def test_a_score_claims_no_trace(alpha, sender):
    give(sender, {"trace_id": "u", "session_id": "x", "name": "a", "value": 1, "user_id": "eve"})

    trace = Trace.objects.get(trace_id="u")
    assert (trace.claim_session, trace.claim_user) == ("", "")
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_a_score_gives_its_session_no_user_of_the_trace_that_it_names(alpha, sender, order):
    early = START - datetime.timedelta(minutes=5)
    spans = [
        make_span("theirs", "a", start=early, session_id="s2", user_id="stranger"),
        make_span("ours", "b", start=START, session_id="s", user_id="owner"),
    ]
    steps = [
        lambda: send_events(sender, [spans[0]]),
        lambda: send_events(sender, [spans[1]]),
        lambda: give(sender, {"session_id": "s", "trace_id": "theirs", **NAMED}),
    ]
    for place in order:
        steps[place]()
        digest_all()

    users = dict(Session.objects.exclude(user_id="").values_list("session_id", "user_id"))
    assert users == {"s": "owner", "s2": "stranger"}
    assert sums("score:good") == [(1, 1.0)]
    assert drift_of(alpha.pk) == []
    rebuild_project(alpha.pk)
    assert Session.objects.get(session_id="s").user_id == "owner"


def test_a_session_says_its_scores_and_those_of_its_traces(sender):
    span = {"trace_id": "t", "span_id": "call", "name": "exact", "value": "yes", "source": "judge"}
    give(sender, {**SCORE, "comment": "<b>good</b>", "source": "human"}, span)

    for found in (
        sender.get("/api/v1/sessions/s").json(),
        sender.get("/api/v1/sessions").json()["results"][0],
    ):
        by_name = {score["name"]: score for score in found["scores"]}
        assert by_name["helpful"] | {"at": ""} == {
            "id": "one",
            "target": {"kind": "session", "session_id": "s"},
            "name": "helpful",
            "value": 0.5,
            "source": "human",
            "comment": "<b>good</b>",
            "at": "",
        }
        assert by_name["exact"]["target"] == {"kind": "span", "trace_id": "t", "span_id": "call"}
        assert found["metrics"]["score:exact=yes"] == 1.0


def test_scores_are_listed_by_what_they_judge(sender):
    give(
        sender,
        SCORE,
        {"trace_id": "t", "span_id": "call", "name": "exact", "value": 1, "source": "judge"},
        {"trace_id": "u", "name": "exact", "value": 2},
        {"run_id": "r", "name": "exact", "value": 3},
        {"user_id": "ada", "name": "nice", "value": True},
    )

    def values(query):
        found = sender.get(f"/api/v1/scores?{query}").json()["results"]
        return sorted(float(score["value"]) for score in found)

    assert values("") == [0.5, 1, 1, 2, 3]
    assert values("session_id=s") == [0.5, 1]
    assert values("session_id=trace:u") == [2]
    assert values("trace_id=t") == [1]
    assert values("span_id=call") == [1]
    assert values("run_id=r") == [3]
    assert values("user_id=ada") == [1]
    assert values("name=exact&source=judge") == [1]
    assert values("name=exact&session_id=s") == [1]
    assert values("range=24h") == [0.5, 1, 1, 2, 3]
    assert values("from=2020-01-01&to=2020-01-02") == []


def test_the_pages_of_a_list_of_scores_hold_each_once(sender):
    give(sender, *({**SCORE, "id": str(n), "at": START.isoformat()} for n in range(5)))
    url, seen = "/api/v1/scores?session_id=s&page_size=2", []
    while url:
        body = sender.get(url).json()
        seen += [score["id"] for score in body["results"]]
        url = body["next"]

    assert seen == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    "query", ["source=dog", "cursor=forged", "page_size=x", "from=soon", "name=%00"]
)
def test_a_question_that_means_nothing_is_answered_400(sender, query):
    assert sender.get(f"/api/v1/scores?{query}").status_code == 400


def test_another_project_sees_none(sender, beta):
    give(sender, SCORE)

    assert make_sender(beta).get("/api/v1/scores").json()["results"] == []


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (SESSION_SCORES % ("1", "'{s}'", "9"), "tracking_score_trace_id"),
        (scores_sql("(d.summary ->> 'trace_id') = 't'"), "tracking_score_trace_id"),
        (scores_sql("(d.summary ->> 'span_id') = 'c'"), "tracking_score_span_id"),
        (scores_sql("(d.summary ->> 'name') = 'n'"), "tracking_score_name"),
        (scores_sql("true"), "tracking_document_last"),
        (
            BY_SCORE.format(f"m.project_id = 1 AND {IS_SCORE} AND m.name = 'score:n'") % 9,
            "tracking_metric_score",
        ),
    ],
)
def test_scores_are_found_by_index(query, index):
    with connection.cursor() as cursor:
        cursor.execute(MANY_SCORES)
        cursor.execute(MANY_PARTS)
        cursor.execute("ANALYZE tracking_document, tracking_tracepart")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {query}")
        plan = " ".join(row[0] for row in cursor.fetchall())

    assert index in plan


def test_lists_are_filtered_by_the_mean_of_a_score(sender):
    give(sender, SCORE, {**SCORE, "id": "two", "value": 0.9})
    give(sender, {"trace_id": "u", "name": "label", "value": "bad"})

    def sessions(query):
        return [row["id"] for row in sender.get(f"/api/v1/sessions?{query}").json()["results"]]

    def traces(query):
        return [row["trace_id"] for row in sender.get(f"/api/v1/traces?{query}").json()["results"]]

    def spans(query):
        rows = sender.get(f"/api/v1/spans?kind=llm&{query}").json()["results"]
        return [row["span_id"] for row in rows]

    assert sessions("score.helpful_gte=0.6") == ["s"]
    assert sessions("score.helpful_gte=0.8") == []
    assert sessions("score.helpful_gte=0.6&score.helpful_lte=0.8") == ["s"]
    assert sessions("score.nothing_gte=-1") == []
    assert sessions("implicit=1&score.label%3Dbad_gte=1") == ["trace:u"]
    assert traces("score.helpful_gte=0.6") == ["t"]
    assert spans("score.helpful_gte=0.6") == ["call"]
    assert spans("score.helpful_lte=0.6") == []


def test_a_project_that_is_rebuilt_says_the_same(alpha, sender):
    give(sender, SCORE, {**SCORE, "id": "x", "session_id": "unseen"}, {"run_id": "r", **NAMED})
    SessionMetric.objects.all().delete()
    Trace.objects.all().delete()
    assert drift_of(alpha.pk) != []

    rebuild_project(alpha.pk)

    assert drift_of(alpha.pk) == []
    assert sums() == [(1, 0.5)]


def test_a_page_judges_as_a_user_and_overwrites_no_reviewer(alpha):
    reviewed = {"id": "r1", "session_id": "s", "name": "good", "value": True, "source": "human"}
    make_sender(alpha).post("/api/v1/scores", json.dumps(reviewed), "application/json")
    key = issue_publishable_key(alpha, "shop", None)
    forged = json.dumps({**reviewed, "value": False})
    Client().post(f"/k/{key.public_text}/api/v1/scores", forged, "text/plain")

    digest_all()

    found = list_scores(alpha.pk, ScoreFilter(session_id="s"), limit=10)
    assert sorted((score.source, score.value) for score in found) == [
        ("human", True),
        ("user", False),
    ]
    assert drift_of(alpha.pk) == []


def test_one_that_comes_while_its_trace_is_about_to_be_erased_leaves_nothing(alpha):
    client = make_sender(alpha)
    send_events(client, [make_span("t", "call", start=START, session_id="s", user_id="ada")])
    digest_all()
    start_erasure(alpha, "user", "ada")
    job, is_done = Job.objects.get(), False
    while not job.place.get("phase"):
        with transaction.atomic():
            erasure.do_step(job)

    send_scores(client, {"trace_id": "t", "name": "n", "value": 1, "comment": "Of Ada."})
    digest_all()
    assert Document.objects.count() == 1
    while not is_done:
        with transaction.atomic():
            is_done = erasure.do_step(job)

    assert (Event.objects.count(), Document.objects.count()) == (0, 0)
    assert find_anywhere("Of Ada.") == []
    assert drift_of(alpha.pk) == []
