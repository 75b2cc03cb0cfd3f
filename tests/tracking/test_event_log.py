"""The log of events: in the order they arrived, followed without a gap, read by few rows."""

import datetime
import json
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from core.paging import CursorError
from tests.cast import make_client
from tests.flows import digest, make_sender, make_span, send_events
from tracking import event_log
from tracking.event_log import LogFilter, find_settled, follow_events, list_events, list_news
from tracking.models import Event, InboxBatch

pytestmark = pytest.mark.usefixtures("pipeline")

PAYLOADS = Path(__file__).parent.parent / "payloads" / "ai-experiments"
PAGE = "/p/alpha/events/"
LATER = datetime.timedelta(seconds=5)
EVERYTHING = LogFilter()


def recorded(name="batch.json"):
    return json.loads((PAYLOADS / name).read_text())["events"]


def note(name, **data):
    return {"type": name, "timestamp": timezone.now().isoformat(), "data": data}


def texts(lines):
    return [f"[{line.stamp}] {line.type} {keys_of(line)}".strip() for line in lines]


def keys_of(line):
    return " ".join(f"{key}={value}" for key, value in line.keys)


def types(page):
    return [line.type for line in page.lines]


def test_lines_read_as_the_console_backend_prints_them(alpha, sender):
    digest(sender, *recorded())

    lines = texts(list_events(alpha.pk, EVERYTHING).lines)

    run = "6f0d1c3a-5f0f-4c7e-9a51-0b7d5b1f0a01"
    assert lines[-1] == "[2026-03-04T09:15:00.000Z] experiment.start exp=tone-of-voice"
    assert (
        f"[2026-03-04T09:15:00.812Z] variant.complete exp=tone-of-voice variant=terse run={run}"
        in lines
    )
    assert len(lines) == 10


def test_what_arrived_last_stands_first_whenever_it_happened(alpha, sender):
    digest(sender, note("new"))
    digest(sender, {"type": "old", "timestamp": "2026-01-01T00:00:00Z", "data": {}})

    assert types(list_events(alpha.pk, EVERYTHING)) == ["old", "new"]


def test_spans_stand_in_it_too(alpha, sender):
    digest(sender, make_span("t1", "chat", kind="llm", model="gpt-4o", session_id="s1"))

    (line,) = list_events(alpha.pk, EVERYTHING).lines

    assert line.type == "llm"
    assert line.keys == [("name", "chat"), ("model", "gpt-4o"), ("session", "s1"), ("trace", "t1")]
    assert line.duration_ms == 1000.0


@pytest.mark.parametrize(
    ("flt", "found"),
    [
        (LogFilter(type="variant."), {"variant.start", "variant.complete", "variant.error"}),
        (LogFilter(type="metric.computed"), {"metric.computed"}),
        (LogFilter(type="span"), {"tool"}),
        (LogFilter(type="tool"), {"tool"}),
        (LogFilter(type="llm"), set()),
        (LogFilter(text="TOO MANY"), {"variant.error"}),
        (LogFilter(text="lookup"), {"tool"}),
        (LogFilter(type="variant.start", text='"warm"'), {"variant.start"}),
        (LogFilter(text="% _"), set()),
        (LogFilter(environment="staging", type="experiment.start"), {"experiment.start"}),
        (LogFilter(environment="prod"), set()),
    ],
)
def test_it_filters_by_type_and_text(alpha, sender, flt, found):
    digest(sender, *recorded(), make_span("t1", "lookup", kind="tool"))

    assert set(types(list_events(alpha.pk, flt))) == found


def test_pages_hold_every_event_once(alpha, sender, monkeypatch):
    monkeypatch.setattr(event_log, "PAGE_ROWS", 3)
    digest(sender, *recorded())
    digest(sender, note("a"), note("b"))
    seen, cursor = [], ""

    while True:
        page = list_events(alpha.pk, EVERYTHING, cursor=cursor)
        seen += [line.id for line in page.lines]
        if not page.next_cursor:
            break
        cursor = page.next_cursor

    assert len(seen) == len(set(seen)) == 12


def test_a_filtered_page_reads_on_where_it_stopped(alpha, sender, monkeypatch):
    monkeypatch.setattr(event_log, "ROWS_READ", 4)
    digest(sender, *[note(f"n{index}") for index in range(9)], note("wanted", at=1))
    flt = LogFilter(type="wanted")
    cursor, found, pages = "", [], 0

    while pages < 5:
        page = list_events(alpha.pk, flt, cursor=cursor)
        found, pages, cursor = found + page.lines, pages + 1, page.next_cursor
        if not cursor:
            break

    assert (len(found), pages) == (1, 3)


def test_a_cursor_belongs_to_its_filter(alpha, sender, monkeypatch):
    monkeypatch.setattr(event_log, "PAGE_ROWS", 1)
    digest(sender, note("a"), note("b"))
    cursor = list_events(alpha.pk, EVERYTHING).next_cursor

    with pytest.raises(CursorError):
        list_events(alpha.pk, LogFilter(type="a"), cursor=cursor)


def test_news_are_what_arrived_since(alpha, sender):
    digest(sender, note("before"))
    start = follow_events(alpha.pk, EVERYTHING, now=timezone.now() + LATER)
    assert types(start) == ["before"]
    moment = Event.objects.latest("received_at").received_at + datetime.timedelta(minutes=2)
    digest(sender, note("after"))
    Event.objects.filter(name="after").update(received_at=moment)

    news = list_news(alpha.pk, EVERYTHING, after=start.newest, now=moment + LATER)
    none = list_news(alpha.pk, EVERYTHING, after=news.newest, now=moment + 2 * LATER)

    assert (types(news), news.is_gap) == (["after"], False)
    assert none.lines == []


def test_following_waits_for_what_is_not_digested_yet(alpha, sender):
    digest(sender, note("digested"))
    send_events(sender, [note("waiting")])
    oldest = InboxBatch.objects.get().received_at

    assert find_settled(alpha.pk, now=oldest + LATER) == oldest
    assert find_settled(alpha.pk, now=oldest + datetime.timedelta(minutes=5)) > oldest


def test_more_news_than_a_page_holds_is_said(alpha, sender, monkeypatch):
    monkeypatch.setattr(event_log, "NEWS_ROWS", 2)
    start = follow_events(alpha.pk, EVERYTHING, now=timezone.now())
    digest(sender, note("a"), note("b"), note("c"))

    news = list_news(alpha.pk, EVERYTHING, after=start.newest, now=timezone.now() + LATER)

    assert (len(news.lines), news.is_gap) == (2, True)


def test_it_reads_by_the_index_of_receipt(alpha, sender):
    digest(sender, *[note(f"n{index}") for index in range(50)])
    sql = event_log.LINES.format(read="e.project_id = %s", kept="true")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}", [alpha.pk, 101, 101])
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "received_at_idx" in plan or "tracking_event_received" in plan, plan
    assert "Seq Scan" not in plan


def test_other_projects_stay_out(alpha, beta, sender):
    digest(make_sender(beta), note("theirs"))

    assert list_events(alpha.pk, EVERYTHING).lines == []


def test_the_page_shows_lines_and_escapes_them(alice_client, sender, django_assert_max_num_queries):
    digest(sender, note("<img src=x onerror=alert(1)>", runId="<b>"))

    with django_assert_max_num_queries(8):
        page = alice_client.get(PAGE).content.decode()

    assert "&lt;img src=x" in page
    assert "<img src=x" not in page
    assert "<b>" not in page
    assert 'aria-current="page"' in page.split("Events</a>")[0][-400:]


def test_an_empty_log_says_how_to_send(alice_client, alpha):
    assert "curl" in alice_client.get(PAGE).content.decode()
    assert "No event matches" in alice_client.get(f"{PAGE}?type=x&q=\x00").content.decode()


def news_of(client, page):
    address = page.split('class="log__tail" hx-get="')[1].split('"')[0].replace("&amp;", "&")
    return client.get(PAGE + address, headers={"hx-request": "true"})


def test_a_followed_page_asks_for_news_and_gets_none_when_there_are_none(
    alice_client, sender, monkeypatch
):
    monkeypatch.setattr(event_log, "MOMENT", datetime.timedelta())
    digest(sender, note("before"))
    page = alice_client.get(f"{PAGE}?live=1").content.decode()

    assert news_of(alice_client, page).status_code == 204


def test_a_followed_page_reads_what_its_filter_leaves_out_once(alice_client, sender, monkeypatch):
    monkeypatch.setattr(event_log, "MOMENT", datetime.timedelta())
    monkeypatch.setattr(event_log, "QUIET", datetime.timedelta())
    page = alice_client.get(f"{PAGE}?live=1&type=note").content.decode()
    digest(sender, note("other"))

    news = news_of(alice_client, page)
    digest(sender, note("note.late"))

    assert news.status_code == 200
    assert "log__line" not in news.content.decode()
    assert news.content.decode().count("hx-get") == 1
    assert "note.late" in news_of(alice_client, news.content.decode()).content.decode()


def test_a_followed_page_gets_what_arrived(alice_client, sender, monkeypatch):
    monkeypatch.setattr(event_log, "MOMENT", datetime.timedelta())
    page = alice_client.get(f"{PAGE}?live=1&type=note").content.decode()
    digest(sender, note("note.one"), note("other"))

    news = news_of(alice_client, page).content.decode()

    assert "note.one" in news
    assert "other" not in news
    assert "<html" not in news
    assert 'hx-get="?' in news  # and asks on


def test_an_event_opens_as_it_was_sent(alice_client, bob_client, charlie_client, alpha, sender):
    digest(sender, note("custom", deep={"a": [1, "<i>"]}) | {"id": "e-17", "sdk": "js 4"})
    (line,) = list_events(alpha.pk, EVERYTHING).lines
    address = f"{PAGE}{line.id}/?at={line.address}"

    fragment = bob_client.get(address, headers={"hx-request": "true"}).content.decode()

    assert "<html" not in fragment
    assert "&lt;i&gt;" in fragment
    assert "e-17" in fragment
    assert "js 4" in fragment
    assert "custom" in alice_client.get(address).content.decode()
    assert charlie_client.get(address).status_code == 404
    assert alice_client.get(f"{PAGE}{line.id}/?at=nonsense").status_code == 404
    assert alice_client.get(f"{PAGE}{line.id}/").status_code == 404


def test_a_span_opens_with_its_texts(alice_client, alpha, sender):
    digest(sender, make_span("t1", "chat", model="m", input="Hello?", output="Hi", kind="llm"))
    (line,) = list_events(alpha.pk, EVERYTHING).lines

    page = alice_client.get(f"{PAGE}{line.id}/?at={line.address}").content.decode()

    assert "Hello?" in page
    assert "/p/alpha/traces/t1/?span=chat" in page


def test_it_needs_a_login():
    assert make_client().get(PAGE).status_code == 302
