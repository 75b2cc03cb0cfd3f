"""A project's own prices through digest, and history repriced."""

import datetime
import json
from decimal import Decimal
from threading import Thread

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from core.jobs import stop_jobs, work_on_jobs
from core.models import AuditEntry, Job
from tests.flows import digest, drift_of, make_sender, make_span, send_events
from tests.tracking.maintenance import reprice, set_price
from tracking import pricing, project_prices, repricing
from tracking.draining import drain
from tracking.models import Event, ModelPrice, PriceVersion, Session, Trace, UsageRollup
from tracking.project_prices import (
    book_of,
    end_price,
    forget,
    load_book,
    stamp_of,
)
from tracking.repricing import start_repricing

pytestmark = pytest.mark.usefixtures("pipeline")
START = timezone.now().replace(microsecond=0) - datetime.timedelta(hours=30)
TODAY = timezone.now().date()
CALL = {"kind": "llm", "provider": "vllm", "model": "my-llama", "session_id": "s"}
TOKENS = {"tokens": {"input": 1000, "output": 100}, "metadata": {"plan": "pro"}}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(repricing, "SETTLED_AFTER", 0.0)


def make_call(n, **changes):
    start = START + datetime.timedelta(hours=n)
    return make_span(f"t{n}", f"call{n}", **{"start": start, **CALL, **TOKENS, **changes})


def cost_everywhere(project):
    """Nano-dollars by events, traces, sessions and rollups; they must agree."""
    of_events = sum(Event.objects.values_list("cost_nano", flat=True).exclude(cost_nano=None))
    of_traces = sum(Trace.objects.values_list("cost_nano", flat=True))
    of_sessions = sum(Session.objects.values_list("cost_nano", flat=True))
    rows = UsageRollup.objects.filter(project_id=project.pk, family=1)
    of_rollups = sum(rows.values_list("cost_nano", flat=True))
    assert of_events == of_traces == of_sessions == of_rollups
    assert drift_of(project.pk) == []
    return of_events


def test_a_call_is_stored_with_the_own_price_of_its_day(alpha, sender):
    set_price(alpha, starts_on=(START + datetime.timedelta(days=1)).date())
    digest(sender, make_call(0), make_call(28))

    assert [e.cost_nano for e in Event.objects.order_by("occurred_at")] == [None, 1_000_000]
    span = sender.get("/api/v1/spans").json()["results"][0]
    assert (span["cost_usd"], span["cost_source"]) == (0.001, "override")


def test_a_new_price_holds_for_what_comes_next(alpha, sender):
    digest(sender, make_call(0))
    set_price(alpha)
    digest(sender, make_call(1))

    costs = list(Event.objects.order_by("occurred_at").values_list("cost_nano", "price_version"))
    assert costs == [(None, stamp_of(0)), (1_000_000, stamp_of(1))]


def test_other_processes_follow_within_seconds(alpha, monkeypatch):
    before = book_of(alpha.pk)
    ModelPrice.objects.create(
        project=alpha, model="m", starts_on=TODAY, input=Decimal(1)
    )  # as another process would
    PriceVersion.objects.create(project=alpha, number=1)
    assert book_of(alpha.pk) is before

    moment = repricing.time.monotonic() + 3
    monkeypatch.setattr("tracking.project_prices.time.monotonic", lambda: moment)

    assert book_of(alpha.pk).stamp == stamp_of(1)
    assert len(book_of(alpha.pk).overrides) == 1


def test_history_is_repriced_exactly(alpha, sender):
    digest(sender, *(make_call(n) for n in range(5)), make_call(6, cost_usd=0.5))
    digest(sender, make_call(7, model="gpt-4o", provider="openai"))
    assert cost_everywhere(alpha) == 500_000_000 + 3_500_000

    set_price(alpha)
    result = reprice(alpha)

    assert cost_everywhere(alpha) == 5 * 1_000_000 + 500_000_000 + 3_500_000
    assert result == {"priced": 7, "changed": 5}
    assert set(Event.objects.values_list("price_version", flat=True)) == {book_of(alpha.pk).stamp}


def test_repricing_touches_nothing_but_the_price(alpha, sender):
    digest(sender, make_call(0, tags=["a"], input="Hello", output="Hi"))
    before: dict[str, object] = dict(Event.objects.values().get())

    set_price(alpha)
    reprice(alpha)

    after: dict[str, object] = dict(Event.objects.values().get())
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"cost_nano", "cost_source", "price_version"}


def test_a_price_that_ended_leaves_its_days_to_the_list(alpha, sender):
    price = set_price(alpha, model="gpt-4o", starts_on=TODAY)
    digest(sender, make_call(29, model="gpt-4o", provider="openai"))
    end_price(price, today=TODAY, actor=None)

    reprice(alpha)

    assert cost_everywhere(alpha) == 3_500_000


def test_a_wrapper_that_stands_for_its_calls_keeps_its_cost(alpha, sender):
    wrapper = make_span("w", "agent", start=START, kind="agent", cost_usd=0.25, session_id="s")
    digest(sender, wrapper, make_call(1))
    set_price(alpha)

    reprice(alpha)

    assert Session.objects.get(session_id="s").cost_nano == 250_000_000 + 1_000_000
    assert drift_of(alpha.pk) == []


def test_the_work_goes_on_where_it_stopped(alpha, sender, monkeypatch):
    monkeypatch.setattr(repricing, "AT_ONCE", 2)
    digest(sender, *(make_call(0, trace_id=f"x{n}", span_id=f"x{n}") for n in range(5)))
    set_price(alpha)
    job = start_repricing(alpha, actor=None)

    work_on_jobs(seconds=0.0001)
    job.refresh_from_db()
    assert job.is_open
    n_first = Event.objects.filter(cost_nano=1_000_000).count()
    assert n_first == 2
    assert drift_of(alpha.pk) == []

    work_on_jobs(seconds=60)

    assert cost_everywhere(alpha) == 5_000_000


def test_a_stopped_job_leaves_exact_sums_and_may_be_started_again(alpha, dana, sender, monkeypatch):
    monkeypatch.setattr(repricing, "AT_ONCE", 2)
    digest(sender, *(make_call(0, trace_id=f"x{n}", span_id=f"x{n}") for n in range(5)))
    set_price(alpha)
    start_repricing(alpha, actor=None)
    work_on_jobs(seconds=0.0001)

    stop_jobs(alpha, repricing.KIND, actor=dana)

    assert work_on_jobs(seconds=60) == 0
    assert cost_everywhere(alpha) == 2_000_000
    assert reprice(alpha) == {"priced": 5, "changed": 3}
    assert cost_everywhere(alpha) == 5_000_000


def test_nobody_waits_for_old_prices_to_settle(alpha, sender, monkeypatch):
    monkeypatch.setattr(repricing, "SETTLED_AFTER", 3600.0)
    digest(sender, make_call(0))
    set_price(alpha)
    job = start_repricing(alpha, actor=None)

    assert work_on_jobs(seconds=60) == 1

    job.refresh_from_db()
    assert job.is_open
    assert cost_everywhere(alpha) == 1_000_000
    monkeypatch.setattr(repricing, "SETTLED_AFTER", 0.0)
    work_on_jobs(seconds=60)
    job.refresh_from_db()
    assert job.state == "done"


def test_an_hour_is_read_once_however_much_it_holds(alpha, sender, monkeypatch):
    monkeypatch.setattr(repricing, "AT_ONCE", 2)
    digest(sender, *(make_call(0, trace_id=f"x{n}", span_id=f"x{n}") for n in range(5)))
    set_price(alpha)
    found = []
    find = repricing._find_stale

    def find_noting(*args, after):
        found.append((after, find(*args, after=after)))
        return found[-1][1]

    monkeypatch.setattr(repricing, "_find_stale", find_noting)
    reprice(alpha)

    first_look = [(after, keys) for after, keys in found if keys]
    assert [len(keys) for _, keys in first_look] == [2, 2, 1]
    assert [after and after[1] for after, _ in first_look] == [
        None,
        *(keys[-1][1].hex() for _, keys in first_look[:2]),
    ]


def test_prices_that_change_meanwhile_start_it_over(alpha, sender):
    digest(sender, make_call(0), make_call(1), make_call(2))
    set_price(alpha)
    start_repricing(alpha, actor=None)
    work_on_jobs(seconds=0.0001)
    set_price(alpha, "2", model="my-llama")

    work_on_jobs(seconds=60)

    assert cost_everywhere(alpha) == 3 * 2_000_000


def test_what_was_digested_with_old_prices_meanwhile_is_met_again(alpha, sender, monkeypatch):
    old = book_of(alpha.pk)
    set_price(alpha)
    start_repricing(alpha, actor=None)
    looked = []
    find = repricing._find_stale

    def digest_behind(project_id, hour, book, *, after):
        found = find(project_id, hour, book, after=after)
        if not looked:
            looked.append(hour)
            monkeypatch.setattr("tracking.batch_reading.book_of", lambda _: old)
            digest(sender, make_call(0))
            monkeypatch.undo()
        return found

    digest(sender, make_call(5))
    Event.objects.all().update(price_version=old.stamp)
    monkeypatch.setattr(repricing, "_find_stale", digest_behind)
    work_on_jobs(seconds=60)

    assert set(Event.objects.values_list("cost_nano", flat=True)) == {1_000_000}
    assert drift_of(alpha.pk) == []


def test_a_project_without_events_is_done_at_once(alpha):
    assert reprice(alpha) == {}


def test_another_project_is_left_alone(alpha, beta):
    other = make_sender(beta)
    digest(make_sender(alpha), make_call(0))
    digest(other, make_call(0))
    set_price(alpha)

    reprice(alpha)

    costs = dict(Event.objects.values_list("project_id", "cost_nano"))
    assert costs == {alpha.pk: 1_000_000, beta.pk: None}


def test_the_command_reprices_a_project(alpha, sender, capsys):
    digest(sender, make_call(0))
    set_price(alpha)

    call_command("reprice", project="alpha")

    assert "1 calls priced, 1 of them cost something else now." in capsys.readouterr().out
    assert cost_everywhere(alpha) == 1_000_000
    assert Job.objects.get().n_done == Job.objects.get().n_total


def test_every_change_is_in_the_audit(alpha):
    end_price(set_price(alpha), today=TODAY, actor=None)
    start_repricing(alpha, actor=None)

    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["price.add", "price.end", "price.reprice"]


@pytest.mark.django_db(transaction=True)
def test_it_runs_beside_digests(open_pipeline, alpha, monkeypatch):
    monkeypatch.setattr(repricing, "AT_ONCE", 7)
    client = make_sender(alpha)
    spans = [make_call(n % 4, trace_id=f"t{n % 9}", span_id=f"s{n}") for n in range(120)]
    digest(client, *spans[:60])
    set_price(alpha)
    start_repricing(alpha, actor=None)
    failures = []

    def digest_rest():
        try:
            for start in range(60, 120, 10):
                send_events(client, spans[start : start + 10])
                drain(slot=1)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    digesting = Thread(target=digest_rest)
    digesting.start()
    work_on_jobs(seconds=60)
    digesting.join()
    reprice(alpha)

    assert failures == []
    assert Event.objects.count() == 120
    assert cost_everywhere(alpha) == 120 * 1_000_000


def otlp_body(start, attributes):
    ns = str(int(start.timestamp() * 1e9))
    said: list[object] = [
        {"key": key, "value": {"intValue": str(value)}} for key, value in attributes.items()
    ]
    text = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-2.5-flash",
    }
    said += [{"key": key, "value": {"stringValue": value}} for key, value in text.items()]
    span = {
        "traceId": "a" * 32,
        "spanId": "b" * 16,
        "name": "chat",
        "startTimeUnixNano": ns,
        "endTimeUnixNano": ns,
        "attributes": said,
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def test_audio_is_priced_at_its_own_rate_and_stays_so(alpha, sender):
    usage = {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 0,
        "gen_ai.usage.audio.input_tokens": 60,
    }
    body = json.dumps(otlp_body(START, usage))
    assert sender.post("/v1/traces", body, content_type="application/json").status_code == 200
    flat = {"model": "gemini-2.5-flash", "provider": "google", "tokens": {"input": 100}}
    digest(sender, make_call(1, **flat, attributes={"gen_ai.usage.audio.input_tokens": 60}))

    expected = 40 * 300 + 60 * 1000
    assert list(Event.objects.values_list("cost_nano", flat=True)) == [expected] * 2
    span = sender.get(f"/api/v1/spans/{'a' * 32}/{'b' * 16}").json()
    assert span["attributes"]["gen_ai.usage.audio.input_tokens"] == 60

    assert reprice(alpha) == {"priced": 2, "changed": 0}
    assert cost_everywhere(alpha) == 2 * expected


def test_stamps_of_many_changes_and_lists_stay_apart(alpha, monkeypatch):
    set_price(alpha)
    stamps = {stamp_of(number) for number in range(31_000)}
    assert len(stamps) == 31_000
    assert max(stamps) < 2**15

    before = book_of(alpha.pk).stamp
    for module in (pricing, project_prices):
        monkeypatch.setattr(module, "PRICE_VERSION", 2)
    forget()

    assert book_of(alpha.pk).stamp == before + 1
    assert load_book(alpha.pk).stamp == before + 1  # followed once
    assert stamp_of(0) == 2
