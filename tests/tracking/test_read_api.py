import datetime
from urllib.parse import quote

import pytest

from core.models import Project
from tests.cast import make_client
from tests.flows import digest_all, make_sender, make_span, send_events
from tests.tracking.stage import DATE, PROJECT_ID

API = "/api/v1/"


@pytest.fixture
def reader(day, db, make_key):
    project = Project.objects.create(pk=PROJECT_ID, slug="stage", name="Stage")
    return make_client(key=make_key("read", project=project))


def read(client, path, status=200, **query):
    answer = client.get(f"{API}{path}", query)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_totals_without_a_range_are_of_everything(reader):
    assert read(reader, "totals") == {
        "events": 11,
        "spans": 10,
        "llm_calls": 5,
        "traces": 5,
        "sessions": 3,
        "users": 2,
        "estimated": [],
        "errors": 1,
        "tokens_in": 500,
        "tokens_out": 100,
        "cost_usd": 1.25,
        "unpriced_calls": 0,
        "latency": {
            "p50": pytest.approx(1000, rel=0.01),
            "p95": pytest.approx(1000, rel=0.01),
            "p99": pytest.approx(1000, rel=0.01),
        },
    }


def test_totals_of_a_range(reader):
    start = DATE + datetime.timedelta(hours=10)
    end = start + datetime.timedelta(hours=2)
    query = {"from": start.isoformat(), "to": end.isoformat()}

    assert read(reader, "totals", **query)["traces"] == 2
    assert read(reader, "totals", **query, environment="staging")["traces"] == 1


def test_a_series_is_gap_filled(reader):
    day = DATE.date().isoformat()
    found = read(reader, "series", metric="cost", interval="hour", to=day, **{"from": day})

    assert (found["metric"], found["unit"], found["interval"]) == ("cost", "usd", "hour")
    assert len(found["buckets"]) == 24
    assert found["buckets"][9] == {"at": f"{day}T09:00:00Z", "values": {"all": 0.25}}


def test_sessions_are_paged_by_links(reader):
    first = read(reader, "sessions", page_size=2)

    second = reader.get(first["next"]).json()

    assert [row["id"] for row in first["results"]] == ["s3", "s2"]
    assert [row["id"] for row in second["results"]] == ["s1"]
    assert second["next"] is None


def test_a_session_has_the_documented_shape(reader):
    found = read(reader, "sessions/s1")

    assert {
        name: found[name] for name in ("id", "implicit", "user_id", "traces", "spans", "errors")
    } == {"id": "s1", "implicit": False, "user_id": "ada", "traces": 2, "spans": 4, "errors": 0}
    assert found["first_at"] == f"{DATE.date()}T09:00:00Z"
    assert (found["arms"], found["models"], found["prompts"]) == (
        {"tone": "warm"},
        ["gpt-4o"],
        ["answer@2"],
    )
    assert [trace["trace_id"] for trace in found["trace_list"]] == ["a1", "a2"]


def test_a_trace_comes_as_its_ordered_spans(reader):
    found = read(reader, "traces/a1")

    assert (found["trace_id"], found["session_id"], found["span_count"]) == ("a1", "s1", 2)
    assert [span["span_id"] for span in found["spans"]] == ["a1-root", "a1-call"]
    assert found["spans"][1]["tokens"] == {
        "input": 100,
        "output": 20,
        "cache_read": None,
        "cache_write": None,
        "reasoning": None,
    }
    assert found["spans"][1]["prompt"] == {
        "key": "answer",
        "version": "2",
        "inherited": False,
    }
    assert "input" not in found["spans"][1]


def test_a_payload_comes_on_demand(reader):
    found = read(reader, "spans/a1/a1-call")

    assert (found["input"], found["output"]) == ("Where is it?", "Answer of a1.")
    assert found["attributes"]["gen_ai.provider.name"] == "openai"


def test_spans_are_filtered(reader):
    found = read(reader, "spans", error="Timeout")

    assert [(row["trace_id"], row["error_type"]) for row in found["results"]] == [("b1", "Timeout")]


def test_traces_are_filtered_by_metadata(reader):
    found = read(reader, "traces", **{"metadata.plan": "pro"})

    assert [row["trace_id"] for row in found["results"]] == ["b1"]


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("sessions", {"kind": "cat"}, "kind"),
        ("sessions", {"sort": "colour"}, "sort"),
        ("sessions", {"from": "yesterday"}, "from"),
        ("sessions", {"cost_gte": "nan"}, "cost_gte"),
        ("sessions", {"variant": "a"}, "variant"),
        ("traces", {"q": "a\x00"}, "q"),
        ("spans", {"model": "x" * 600}, "model"),
        ("series", {"metric": "joy"}, "metric"),
        ("series", {"metric": "cost", "group_by": "mood"}, "group_by"),
        ("series", {"metric": "cost", "interval": "year"}, "interval"),
        ("totals", {"from": "2026-02-01", "to": "2026-01-01"}, "from"),
        ("totals", {"from": "2026-02-01", "to": "tomorrow"}, "to"),
        ("sessions", {"range": "soon"}, "range"),
    ],
)
def test_a_parameter_that_means_nothing_is_named(reader, path, query, field):
    found = read(reader, path, 400, **query)

    assert list(found["errors"]) == [field]


@pytest.mark.parametrize("query", [{"cursor": "forged"}, {"page_size": "0"}, {"score.x": "1"}])
def test_other_nonsense_is_refused(reader, query):
    assert read(reader, "sessions", 400, **query)["status"] == 400


@pytest.mark.parametrize("limit", ["0", "-1", "x", "٣", "50001", "1000000000", "0000000010000000"])
def test_a_trace_is_read_up_to_a_whole_number_of_spans(reader, limit):
    assert "limit must be" in read(reader, "traces/a1", 400, limit=limit)["detail"]


@pytest.mark.parametrize("huge", ["1e300", "9" * 30])
def test_numbers_beyond_any_sum_match_nothing(reader, huge):
    assert read(reader, "sessions", cost_gte=huge)["results"] == []
    assert read(reader, "spans", tokens_gte=huge)["results"] == []


@pytest.mark.parametrize(
    "path", ["sessions/nobody", "traces/nobody", "spans/a1/nobody", "spans/a1/n%00", "traces/n%00"]
)
def test_what_is_not_there_is_a_problem(reader, path):
    assert read(reader, path, 404)["status"] == 404


PATHS = ["totals", "series", "sessions", "sessions/s1", "traces", "traces/a1", "spans", "spans/a/b"]


@pytest.mark.parametrize("path", PATHS)
def test_a_key_is_needed_and_it_must_read(day, alpha, make_key, client, path):
    assert client.get(API + path).status_code == 401
    assert make_client(key=make_key("ingest")).get(API + path).status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_reading_is_all_that_can_be_done(reader, path):
    assert reader.post(API + path).status_code == 405


def test_another_projects_key_sees_nothing(day, alpha, api):
    assert read(api, "totals")["events"] == 0
    assert read(api, "sessions", implicit="1")["results"] == []
    read(api, "sessions/s1", 404)
    read(api, "traces/a1", 404)
    read(api, "spans/a1/a1-call", 404)


@pytest.mark.django_db(transaction=True)
def test_ids_of_any_characters_are_addresses(alpha, api):
    trace, session = "a/b ?#%\n", "ü/trace/1/"
    span = make_span(trace, "s?1", session_id=session, attributes={"x": [1, "<b>"]})
    send_events(make_sender(alpha), [span])
    digest_all()

    assert read(api, f"sessions/{quote(session, safe='')}")["id"] == session
    assert read(api, f"traces/{quote(trace, safe='')}/")["trace_id"] == trace
    found = read(api, f"spans/{quote(trace, safe='')}/{quote('s?1', safe='')}")
    assert found["attributes"] == {"x": [1, "<b>"]}
