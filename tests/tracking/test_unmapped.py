"""Attributes that no dialect maps: counted by digest, shown under settings."""

import datetime
import json

import pytest
from django.utils import timezone

from core.jobs import work_on_jobs
from tests.flows import digest_all
from tests.flows import make_span as make_json_span
from tests.tracking.adapters.otlp_building import make_request, make_span
from tracking import unmapped
from tracking.adapters.dialects.recognised import family_of, is_recognised
from tracking.models import UnmappedAttribute
from tracking.remapping import start_remap
from tracking.unmapped import list_unmapped

pytestmark = pytest.mark.usefixtures("pipeline")
NOW_NS = int(timezone.now().timestamp()) * 10**9


def send(sender, *attribute_sets):
    spans = [
        make_span(
            attributes,
            span_id=(index + 1).to_bytes(8, "big"),
            start_time_unix_nano=NOW_NS,
            end_time_unix_nano=NOW_NS + 1000,
        )
        for index, attributes in enumerate(attribute_sets)
    ]
    body = make_request(*spans).SerializeToString()
    kind = "application/x-protobuf"
    assert sender.post("/v1/traces", body, content_type=kind).status_code == 200
    digest_all()


def counts(project):
    rows = UnmappedAttribute.objects.filter(project_id=project.pk)
    return dict(rows.values_list("name", "n"))


def test_names_that_nothing_maps_are_counted(alpha, sender):
    known = {"gen_ai.request.temperature": 0.5, "gen_ai.request.model": "m", "http.method": "GET"}
    send(sender, {**known, "shop.tier": "pro"}, {"shop.tier": "free", "shop.cart": 3}, known)
    send(sender, {"shop.cart": 4})

    assert counts(alpha) == {"shop.tier": 2, "shop.cart": 2}


def test_a_list_is_one_name(alpha, sender):
    send(sender, {"shop.item.0.id": "a", "shop.item.1.id": "b", "shop.v2": 1})

    assert counts(alpha) == {"shop.item.N.id": 1, "shop.v2": 1}


def test_points_and_documents_bring_no_names(alpha, sender):
    events = [{"type": "custom", "data": {"sessionId": "s", "mood": "good"}}]
    sender.post("/api/v1/events", json.dumps(events), content_type="application/json")
    digest_all()

    assert counts(alpha) == {}


def test_attributes_of_json_spans_count(alpha, sender):
    span = make_json_span("t", "s", attributes={"shop.tier": "pro"})
    sender.post("/api/v1/events", json.dumps([span]), content_type="application/json")
    digest_all()

    assert "shop.tier" in counts(alpha)


def test_a_project_keeps_a_bounded_number_of_names(alpha, sender, monkeypatch):
    monkeypatch.setattr(unmapped, "MAX_NAMES", 2)
    send(sender, {"a": 1, "b": 2, "c": 3})
    send(sender, {"b": 1, "d": 1})

    assert counts(alpha) == {"a": 1, "b": 2}


def test_a_request_brings_a_bounded_number_of_names(alpha, sender):
    send(sender, {f"key-{n}": n for n in range(3000)})

    assert len(counts(alpha)) == unmapped.NAMES_AT_ONCE


def test_poisoned_names_cost_nothing(alpha, sender):
    send(sender, {"a\x00b": 1, "é" * 400: 2, "": 3, "plain": 4})

    assert len(counts(alpha)) == 3
    assert counts(alpha)["plain"] == 1


def test_a_failure_costs_only_the_counts(alpha, sender, monkeypatch):
    monkeypatch.setattr(unmapped, "SAVE", "SELECT 1/0, %(names)s")
    send(sender, {"shop.tier": "pro"})

    assert counts(alpha) == {}
    monkeypatch.undo()
    send(sender, {"shop.tier": "pro"})
    assert counts(alpha) == {"shop.tier": 1}


def test_the_value_is_that_of_the_latest_span(alpha, sender):
    send(sender, {"shop.tier": "pro", "shop.item.0.id": [1, "x"], "shop.empty": ""})

    rows, n_names, _ = list_unmapped(alpha.pk)

    assert {row.name: row.text for row in rows} == {
        "shop.tier": "pro",
        "shop.item.N.id": '[1,"x"]',
        "shop.empty": '""',
    }
    assert n_names == 3


def test_a_span_sent_again_still_shows_its_value(alpha, sender):
    send(sender, {"shop.tier": "pro"})
    send(sender, {"shop.tier": "pro"})

    (row,), _, _ = list_unmapped(alpha.pk)

    assert (row.n, row.text, row.is_stored) == (2, "pro", True)


def test_a_value_that_is_gone_is_shown_nowhere(alpha, sender):
    send(sender, {"shop.tier": "pro"})
    UnmappedAttribute.objects.update(occurred_at=timezone.now() - datetime.timedelta(days=30))

    (row,), _, _ = list_unmapped(alpha.pk)

    assert (row.text, row.is_stored) == ('""', False)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("gen_ai.usage.input_tokens", True),
        ("gen_ai.request.seed", True),
        ("llm.input_messages.0.message.role", True),
        ("langfuse.trace.metadata.tier", True),
        ("langfuse.observation.usage_details", True),
        ("evaluations.0.evaluation.score", True),
        ("http.request.method", True),
        ("gen_ai.usage.audio.input_tokens", True),
        ("logfire.json_schema", True),
        ("gcp.vertex.agent.invocation_id", True),
        ("mcp.method.name", True),
        ("gen_ai.brand.new", False),
        ("shop.tier", False),
        ("httpx", False),
    ],
)
def test_what_is_documented_is_recognised(name, known):
    assert is_recognised(name) is known


def test_only_whole_numbers_between_dots_are_indexes():
    assert family_of("a.0.b.12") == "a.N.b.N"
    assert family_of("a1.v2.b") == "a1.v2.b"


def test_the_page_shows_names_and_where_they_are(alpha, sender, bob_client):
    send(sender, {"shop.tier": "<b>pro</b>"})

    page = bob_client.get("/p/alpha/settings/attributes/").content.decode()

    assert "shop.tier" in page
    assert "&lt;b&gt;pro&lt;/b&gt;" in page
    assert "/p/alpha/traces/0102030405060708090a0b0c0d0e0f10/?span=0000000000000001" in page
    assert "Read stored spans again" not in page


def test_the_page_finds_a_part_of_a_name(alpha, sender, bob_client):
    send(sender, {"shop.tier": "pro", "other": 1})

    page = bob_client.get("/p/alpha/settings/attributes/?q=SHOP").content.decode()

    assert "shop.tier" in page
    assert ">other<" not in page
    assert "No such name" in bob_client.get("/p/alpha/settings/attributes/?q=%25").content.decode()


def test_an_empty_page_says_so(alpha, bob_client):
    page = bob_client.get("/p/alpha/settings/attributes/").content.decode()

    assert "Everything is understood" in page


def test_the_page_costs_a_few_statements(alpha, sender, bob_client, django_assert_max_num_queries):
    send(sender, {f"key-{n}": n for n in range(150)})
    bob_client.get("/p/alpha/settings/attributes/")

    with django_assert_max_num_queries(10):
        bob_client.get("/p/alpha/settings/attributes/")


@pytest.fixture
def noted_before(alpha, sender, monkeypatch):
    """Names that were noted when no table knew one of them."""
    monkeypatch.setattr(unmapped, "is_recognised", lambda name: False)
    send(sender, {"logfire.msg": "running tool", "shop.tier": "pro"})
    monkeypatch.undo()
    return alpha


def test_what_is_known_by_now_is_not_listed(noted_before, bob_client):
    rows, n_names, _ = list_unmapped(noted_before.pk)

    assert ([row.name for row in rows], n_names) == (["shop.tier"], 1)
    assert "logfire" not in bob_client.get("/p/alpha/settings/attributes/").content.decode()


def test_reading_history_again_makes_room_for_other_names(noted_before):
    start_remap(noted_before)
    work_on_jobs(seconds=20)

    assert counts(noted_before) == {"shop.tier": 1}


def test_a_full_list_says_so_whatever_is_searched(alpha, sender, bob_client, monkeypatch):
    monkeypatch.setattr(unmapped, "MAX_NAMES", 2)
    send(sender, {"a": 1, "b": 2, "c": 3})

    for query in ("", "?q=a", "?q=c"):
        page = bob_client.get(f"/p/alpha/settings/attributes/{query}").content.decode()
        assert "further ones are not listed" in page
