import datetime
import threading

import pytest
from django.db import connection, connections
from django.utils import timezone

from tests.flows import digest_all, make_sender, make_span, send_events
from tracking import partitions
from tracking.partitions import WEEK_US, ensure_ahead, ensure_weeks, existing_weeks, week_of
from tracking.staging import unix_us

OLD = datetime.datetime(2024, 7, 3, 12, tzinfo=datetime.UTC)
MONDAY = datetime.datetime(2024, 7, 1, tzinfo=datetime.UTC)


def drop_week(week):
    name = datetime.datetime.fromtimestamp(week / 1e6, datetime.UTC).strftime("%Y%m%d")
    with connection.cursor() as cursor:
        for parent in partitions.PARENTS:
            cursor.execute(f"DROP TABLE IF EXISTS {parent}_{name}")


@pytest.mark.parametrize("moment", [MONDAY, OLD, MONDAY + datetime.timedelta(days=6, hours=23)])
def test_weeks_begin_on_monday(moment):
    assert week_of(unix_us(moment)) == unix_us(MONDAY)


def test_it_makes_the_week_of_an_event_on_demand(pipeline, alpha):
    start = timezone.now() - datetime.timedelta(days=900)
    drop_week(week_of(unix_us(start)))

    send_events(make_sender(alpha), [make_span("t", "a", start=start, input="x")])
    digest_all()

    assert week_of(unix_us(start)) in existing_weeks()


def test_it_keeps_weeks_ahead(pipeline):
    ensure_ahead(timezone.now())

    this = week_of(unix_us(timezone.now()))
    assert {this + n * WEEK_US for n in range(-1, 9)} <= existing_weeks()


def test_years_that_strangers_name_make_no_tables(pipeline, alpha):
    before = existing_weeks()
    years = [datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (1900, 1971, 2090)]

    answer = send_events(
        make_sender(alpha), [make_span("t", str(at.year), start=at) for at in years]
    )
    digest_all()

    codes = [(each["index"], each["code"]) for each in answer["rejected"]]
    assert (1, "expired") in codes
    assert existing_weeks() == before


def test_attaching_scans_nothing_and_leaves_no_constraint(pipeline):
    week = unix_us(MONDAY)
    drop_week(week)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL client_min_messages = debug1")
        texts = []
        connection.connection.add_notice_handler(
            lambda notice: texts.append(notice.message_primary or "")
        )
        ensure_weeks({week})
        cursor.execute("SELECT count(*) FROM pg_constraint WHERE conname LIKE '%_20240701_bound'")
        assert cursor.fetchone() == (0,)
    assert sum("implied by existing constraints" in text for text in texts) == 2


def test_several_processes_may_make_one_week_at_once(open_pipeline):
    week = unix_us(MONDAY) + WEEK_US
    drop_week(week)
    failures = []

    def make():
        try:
            partitions.forget()
            ensure_weeks({week})
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert failures == []
    assert week in existing_weeks()
