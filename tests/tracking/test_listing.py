import itertools

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.paging import CursorError
from core.timebuckets import Interval, TimeRange
from tests.tracking.stage import WHOLE_DAY, at
from tracking import candidates, listing, scanning, span_listing
from tracking.filters import EventFilter, FilterError
from tracking.listing import list_sessions, list_spans, list_traces
from tracking.statements import fetch_all


@pytest.fixture
def project_id(day, db):
    return day


def sessions(project_id, **wanted):
    return [row.id for row in list_sessions(project_id, EventFilter(**wanted)).rows]


def traces(project_id, **wanted):
    return [row.trace_id for row in list_traces(project_id, EventFilter(**wanted)).rows]


def spans(project_id, **wanted):
    return [row.span_id for row in list_spans(project_id, EventFilter(**wanted)).rows]


def walk(read, project_id, flt, page_size):
    """Every row, page by page."""
    rows, cursor = [], ""
    for _page in range(50):
        page = read(project_id, flt, page_size=page_size, cursor=cursor)
        rows += page.rows
        if page.next_cursor is None:
            return rows
        cursor = page.next_cursor
    raise AssertionError("the pages never end")


def test_sessions_come_with_the_latest_activity_first(project_id):
    assert sessions(project_id) == ["s3", "s2", "s1"]


def test_a_session_row_is_whole(project_id):
    row = list_sessions(project_id, EventFilter(session_id="s1")).rows[0]

    assert (row.user_id, row.traces, row.spans, row.llm_calls) == ("ada", 2, 4, 2)
    assert (row.first_at, row.duration_ms) == (at("9:00"), 3_602_000)
    assert (row.tokens_in, row.tokens_out, row.cost_usd) == (200, 40, 0.5)
    assert (row.models, row.prompts, row.tags) == (["gpt-4o"], ["answer@2"], ["vip"])
    assert row.arms == {"tone": "warm"}
    assert row.last_output == "Answer of a2."


FILTERS = [
    ({"model": "gpt-4o"}, ["s1"], ["d1", "a2", "a1"], ["d1-call", "a2-call", "a1-call"]),
    ({"provider": "nobody"}, [], [], []),
    ({"prompt": "answer"}, ["s1"], ["a1"], ["a1-call"]),
    ({"prompt": "answer", "prompt_version": "2"}, ["s1"], ["a1"], ["a1-call"]),
    ({"prompt": "answer", "prompt_version": "3"}, [], [], []),
    ({"environment": "staging"}, ["s2"], ["b1"], ["b1-call", "b1-root"]),
    ({"tag": "vip"}, ["s1"], ["a2"], ["a2-root"]),
    ({"error": "Timeout"}, ["s2"], ["b1"], ["b1-call"]),
    ({"error": "any"}, ["s2"], ["b1"], ["b1-call"]),
    ({"metadata": (("plan", "pro"),)}, ["s2"], ["b1"], ["b1-root"]),
    ({"user_id": "bob"}, ["s2"], ["b1"], ["b1-call", "b1-root"]),
    ({"session_id": "s2"}, ["s2"], ["b1"], ["b1-call", "b1-root"]),
    ({"trace_id": "b1"}, ["s2"], ["b1"], ["b1-call", "b1-root"]),
    ({"experiment": "tone", "variant": "cold"}, [], [], []),
    ({"model": "gpt-4o", "tag": "vip"}, ["s1"], ["a2"], []),
    ({"cost_gte": 0.4}, ["s1"], [], []),
    ({"tokens_lte": 120.0, "kind": "llm", "user_id": "bob"}, ["s2"], ["b1"], ["b1-call"]),
    ({"duration_gte": 10_000.0}, ["s1"], [], []),
    (
        {"experiment": "tone", "variant": "warm"},
        ["s1"],
        ["a2", "a1"],
        ["a2-call", "a2-root", "a1-call", "a1-root"],
    ),
]


@pytest.fixture(params=["few", "many"])
def lookups(request, monkeypatch):
    """Both ways of reading: what is rare is looked up, what is frequent is met in order."""
    if request.param == "many":
        monkeypatch.setattr(candidates, "FEW", -1)


@pytest.mark.usefixtures("lookups")
def test_filters_leave_what_matches(project_id):
    for wanted, in_sessions, in_traces, in_spans in FILTERS:
        assert sessions(project_id, **wanted) == in_sessions, wanted
        assert traces(project_id, **wanted) == in_traces, wanted
        assert spans(project_id, **wanted) == in_spans, wanted


@pytest.mark.usefixtures("lookups")
def test_words_find_sessions(project_id):
    assert sessions(project_id, q="answer b1") == ["s2"]
    assert sessions(project_id, q="s3") == ["s3"]
    assert sessions(project_id, q="' OR 1=1 --") == []
    assert sessions(project_id, q="Answer B") == sessions(project_id, q="swer b1") == []
    assert sessions(project_id, q="B1 Answer") == ["s2"]


SAID = (
    "Order A-17 (re-order), https://example.com/Orders/list?x=1 or e-mail Ann@example.com",
    "the ORDERED goods <b>cost</b> 1e5; the \u00c4rger is gro\u00df, OR so; \u0130 \u212a order_id",
    "no words: -order +goods",
)
ASKED = (
    *("order", "ORDER a", "re-order", "reorder", "orders list", "example.com", "ann", "mail e"),
    *('"goods cost"', "goods -order", "-goods", "order or zebra", "order OR", "zebra or! order"),
    *("goods order_id", "\u00e4rger goods", "1e5 goods", "k goods", "ki", "b cost"),
    *("(goods) | cost", "or", "or order", "the (-goods", "the goods-", "so", "x y", "&order"),
)


@pytest.mark.usefixtures("db")
def test_no_words_that_match_fail_to_be_there_letter_by_letter():
    for text, asked in itertools.product(SAID, ASKED):
        flt = EventFilter(q=asked)
        words, letters = candidates.text_conditions(flt, "x."), candidates.screen_words(flt, "x.")
        sql = (
            f"SELECT {words.sql}, {letters.sql} FROM (VALUES ('s1', %s, ''))"
            " AS x (session_id, first_input, last_output)"
        )
        [(is_found, is_there)] = fetch_all(sql, [*words.params, *letters.params, text])
        assert is_there or not is_found, (text, asked)


def test_letters_screen_only_what_is_named_as_it_stands():
    def params(asked):
        return candidates.screen_words(EventFilter(q=asked), "x.").params

    assert params("Order refund2 a-b") == params("order -refund") == params("order or refund") == []
    assert params("Order refund2 lost") == ["order", "lost"]


def test_words_find_traces_and_spans_by_name(project_id):
    assert traces(project_id, q="B1-R") == ["b1"]
    assert spans(project_id, q="b1-c") == ["b1-call"]
    assert spans(project_id, q="slow") == ["b1-call"]


def test_implicit_sessions_are_shown_when_asked_for(project_id):
    assert sessions(project_id, implicit=True) == ["trace:run-1", "trace:d1", "s3", "s2", "s1"]
    assert sessions(project_id, session_id="trace:d1") == ["trace:d1"]
    assert sessions(project_id, experiment="style") == ["trace:run-1"]
    assert sessions(project_id, run_id="run-1") == ["trace:run-1"]


def test_metrics_of_a_run_are_on_its_session(project_id):
    row = list_sessions(project_id, EventFilter(run_id="run-1")).rows[0]

    assert row.metrics == {"metric_value": 0.5, "run_completed": 1.0}


def test_status_is_that_of_the_root(project_id):
    assert sessions(project_id, status="error") == []
    assert traces(project_id, status="error") == []
    assert spans(project_id, status="error") == ["b1-call"]


def test_a_time_range_holds_the_latest_activity(project_id):
    late = TimeRange(at("10:00"), at("12:00"), Interval.HOUR)

    assert sessions(project_id, time_range=late) == ["s2", "s1"]
    assert sessions(project_id, time_range=late, sort="-first_at") == ["s2"]
    assert traces(project_id, time_range=late) == ["b1", "a2"]
    assert spans(project_id, time_range=late, kind="agent") == ["b1-root", "a2-root"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("last_at", ["s1", "s2", "s3"]),
        ("-cost", ["s1", "s2", "s3"]),
        ("-errors", ["s2", "s1", "s3"]),
        ("-duration", ["s1", "s2", "s3"]),
        ("traces", ["s3", "s2", "s1"]),
    ],
)
def test_sessions_are_sorted(project_id, sort, expected):
    assert sessions(project_id, sort=sort, time_range=WHOLE_DAY) == expected


@pytest.mark.parametrize("sort", ["", "last_at", "-cost", "cost", "-tokens", "-first_at"])
@pytest.mark.parametrize("size", [1, 2])
def test_pages_of_sessions_follow_each_other(project_id, sort, size):
    flt = EventFilter(sort=sort, implicit=True)

    rows = walk(list_sessions, project_id, flt, size)

    assert [row.id for row in rows] == sessions(project_id, sort=sort, implicit=True)
    assert len(rows) == 5


@pytest.mark.parametrize("sort", ["-started_at", "started_at", "-duration"])
def test_pages_of_traces_follow_each_other(project_id, sort):
    rows = walk(list_traces, project_id, EventFilter(sort=sort), 2)

    assert len({row.trace_id for row in rows}) == len(rows) == 5


@pytest.mark.parametrize("wanted", [{}, {"session_id": "s1"}, {"experiment": "tone"}])
@pytest.mark.parametrize("sort", ["-started_at", "started_at"])
@pytest.mark.parametrize("traces_read", [1, 1_000])
def test_pages_of_spans_follow_each_other(project_id, monkeypatch, wanted, sort, traces_read):
    monkeypatch.setattr(span_listing, "TRACES_READ", traces_read)
    rows = walk(list_spans, project_id, EventFilter(**wanted, sort=sort), 3)

    starts = [row.started_at for row in rows]
    assert len({row.id for row in rows}) == len(rows) == (4 if wanted else 11)
    assert starts == sorted(starts, reverse=sort.startswith("-"))


def test_a_rare_match_is_found_though_few_rows_are_read_at_once(project_id, monkeypatch):
    monkeypatch.setattr(scanning, "READS", 1)
    read_two = scanning.Scan.fetch

    def fetch(scan, position, n):
        scan.limit = 2
        return read_two(scan, position, n)

    monkeypatch.setattr(scanning.Scan, "fetch", fetch)

    assert [row.id for row in walk(list_sessions, project_id, EventFilter(user_id="ada"), 5)] == [
        "s3",
        "s1",
    ]
    assert len(walk(list_spans, project_id, EventFilter(kind="agent"), 5)) == 5


@pytest.mark.parametrize("read", [list_sessions, list_traces])
def test_a_value_that_many_have_is_not_looked_up_again_for_a_while(project_id, read, monkeypatch):
    monkeypatch.setattr(candidates, "FEW", 0)
    cache.clear()
    flt = EventFilter(model="gpt-4o")

    with CaptureQueriesContext(connection) as first:
        rows = read(project_id, flt).rows
    with CaptureQueriesContext(connection) as second:
        assert read(project_id, flt).rows == rows

    assert rows
    assert [query["sql"] for query in second] == [query["sql"] for query in first[1:]]


def test_only_the_latest_sessions_are_compared_and_it_is_said(project_id, monkeypatch):
    monkeypatch.setattr(listing, "SESSIONS_COMPARED", 4)

    found = list_sessions(project_id, EventFilter(sort="-cost"))

    assert [row.id for row in found.rows] == ["s2", "s3"]
    assert found.is_partial
    assert sessions(project_id, sort="first_at") == ["s1", "s2", "s3"]


def test_a_cursor_belongs_to_its_list(project_id, beta):
    cursor = list_sessions(project_id, EventFilter(), page_size=1).next_cursor

    with pytest.raises(CursorError):
        list_sessions(project_id, EventFilter(user_id="ada"), cursor=cursor)
    with pytest.raises(CursorError):
        list_sessions(beta.pk, EventFilter(), cursor=cursor)
    with pytest.raises(CursorError):
        list_traces(project_id, EventFilter(), cursor=cursor)


def test_a_cursor_outlives_a_moving_time_range(project_id):
    first = EventFilter(time_range=WHOLE_DAY)
    later = EventFilter(time_range=TimeRange(WHOLE_DAY.start, at("23:00"), Interval.HOUR))
    cursor = list_sessions(project_id, first, page_size=1).next_cursor

    assert [row.id for row in list_sessions(project_id, later, cursor=cursor).rows] == ["s2", "s1"]


@pytest.mark.parametrize("read", [list_sessions, list_traces, list_spans])
def test_a_sort_of_another_list_is_refused(read):
    with pytest.raises(FilterError, match="sort"):
        read(1, EventFilter(sort="colour"))


@pytest.mark.parametrize("read", [list_sessions, list_traces, list_spans])
def test_no_row_of_another_project_is_seen(project_id, beta, read):
    assert read(beta.pk, EventFilter(implicit=True)).rows == []


def test_a_page_of_sessions_asks_a_fixed_number_of_questions(
    project_id, django_assert_max_num_queries
):
    with django_assert_max_num_queries(6):
        list_sessions(project_id, EventFilter(model="gpt-4o"))
