"""The page of prices: what models cost, own prices, repricing."""

import datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from core.jobs import work_on_jobs
from core.models import AuditEntry, Job
from tests.cast import make_client
from tests.flows import digest_all, drift_of, make_sender, make_span, send_events
from tracking import repricing
from tracking.models import Event, ModelPrice

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/p/alpha/settings/prices/"
START = timezone.now() - datetime.timedelta(hours=2)
FIELDS = {"model": "my-*", "provider": "", "starts_on": "2026-01-01", "input": "1.50"}


@pytest.fixture
def calls(alpha):
    usage = {"kind": "llm", "start": START, "tokens": {"input": 1000, "output": 100}}
    send_events(
        make_sender(alpha),
        [
            make_span("a", "1", model="gpt-4o", provider="openai", **usage),
            make_span("b", "1", model="my-llama", provider="<b>vllm", **usage),
            make_span("c", "1", model="paid", provider="own", cost_usd=0.5, **usage),
            make_span("d", "1", model="gpt-4o", provider="openai", cost_usd=0.5, **usage),
        ],
    )
    digest_all()


@pytest.fixture
def dana_client(dana):
    return make_client(dana)


def save(client, **changes):
    return client.post(PAGE, {**FIELDS, **changes})


def rows_of(client):
    return {row.model: row for row in client.get(PAGE).context["models"]}


@pytest.mark.usefixtures("calls")
def test_models_are_shown_with_where_their_price_is_from(bob_client):
    rows = rows_of(bob_client)

    assert {model: row.source for model, row in rows.items()} == {
        "gpt-4o": "list",
        "my-llama": "unknown",
        "paid": "caller",
    }
    assert rows["gpt-4o"].caller_share == 0.5
    assert (rows["gpt-4o"].calls, rows["gpt-4o"].cost_usd) == (2, 0.5035)
    text = bob_client.get(PAGE).content.decode()
    assert "&lt;b&gt;vllm" in text
    assert "50.0 % by callers" in text
    assert "Set a price" not in text


@pytest.mark.usefixtures("calls")
def test_a_kind_without_a_rate_of_its_own_is_told(alpha, dana_client):
    tokens = {"input": 100, "output": 1, "cache_read": 50}
    span = make_span("e", "1", model="my-own", kind="llm", start=START, tokens=tokens)
    send_events(make_sender(alpha), [span])
    save(dana_client)
    digest_all()

    row = rows_of(dana_client)["my-own"]

    assert row.source == "override"
    assert row.unpriced_kinds == ["cache read"]


@pytest.mark.usefixtures("calls")
def test_an_admin_sets_a_price_and_the_next_call_has_it(alpha, dana_client):
    assert save(dana_client).status_code == 302
    usage = {"kind": "llm", "start": START, "tokens": {"input": 1000}, "provider": "<b>vllm"}
    send_events(make_sender(alpha), [make_span("n", "1", model="my-llama", **usage)])
    digest_all()

    assert Event.objects.get(trace_id="n").cost_nano == 1_500_000
    price = ModelPrice.objects.get()
    assert (price.input, price.created_by.username) == (Decimal("1.5"), "dana")
    entry = AuditEntry.objects.get(action="price.add")
    assert (entry.actor_label, entry.detail["input"]) == ("dana", "1.50")
    assert rows_of(dana_client)["my-llama"].unpriced_share == 0.5


def test_a_price_is_changed_in_place(dana_client):
    save(dana_client)
    price = ModelPrice.objects.get()
    page = dana_client.get(f"{PAGE}?edit={price.pk}").content.decode()
    assert 'value="1.500000"' in page

    save(dana_client, price=price.pk, input="2", ends_on="2026-06-01")

    price.refresh_from_db()
    assert (price.input, price.ends_on) == (Decimal(2), datetime.date(2026, 6, 1))
    assert AuditEntry.objects.filter(action="price.change").count() == 1


def test_a_price_is_ended_today(dana_client):
    save(dana_client)
    price = ModelPrice.objects.get()
    today = timezone.now().date()

    dana_client.post(f"{PAGE}{price.pk}/end/")

    price.refresh_from_db()
    assert today <= price.ends_on <= timezone.now().date()
    assert "ended" in dana_client.get(PAGE).content.decode()


WRONG = {
    "no rate": {"input": ""},
    "negative": {"input": "-1"},
    "words": {"input": "much"},
    "no model": {"model": " "},
    "wildcards": {"model": "****"},
    "days": {"ends_on": "2025-01-01"},
    "no day": {"starts_on": ""},
    "too exact": {"input": "0.0000001"},
    "too dear": {"input": "1e30"},
    "NUL": {"model": "a\0b"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_price_that_cannot_be_is_refused_with_words(dana_client, changes):
    response = save(dana_client, **changes)

    assert response.status_code == 400
    assert b'role="alert"' in response.content
    assert ModelPrice.objects.count() == 0


@pytest.mark.parametrize("query", ["edit=0", "edit=x", "edit=99999999999999999999"])
def test_a_price_that_is_not_there_is_not_found(dana_client, query):
    assert dana_client.get(f"{PAGE}?{query}").status_code == 404


def test_prices_of_another_project_are_out_of_reach(beta, dana_client):
    price = ModelPrice.objects.create(project=beta, model="m", starts_on=START.date(), input=1)

    assert dana_client.get(f"{PAGE}?edit={price.pk}").status_code == 404
    assert save(dana_client, price=price.pk).status_code == 404
    assert dana_client.post(f"{PAGE}{price.pk}/end/").status_code == 404


def test_a_model_of_the_table_fills_the_form(dana_client):
    before = timezone.now()
    text = dana_client.get(f"{PAGE}?model=gpt-4o&provider=openai").content.decode()

    assert 'value="gpt-4o"' in text
    days = {f'value="{day.date().isoformat()}"' for day in (before, timezone.now())}
    assert any(day in text for day in days)


@pytest.mark.usefixtures("calls")
def test_history_is_repriced_with_its_progress_shown(dana_client, monkeypatch):
    monkeypatch.setattr(repricing, "SETTLED_AFTER", 0.0)
    save(dana_client)
    dana_client.post(f"{PAGE}reprice/")
    assert "Waiting for a worker" in dana_client.get(f"{PAGE}progress/").content.decode()
    assert "hx-get" in dana_client.get(PAGE).content.decode()

    work_on_jobs(seconds=60)

    text = dana_client.get(f"{PAGE}progress/").content.decode()
    assert "4 calls priced, 1 changed." in text
    assert "hx-get" not in text
    assert Job.objects.get().created_by.username == "dana"
    assert rows_of(dana_client)["my-llama"].cost_usd == 0.0015


@pytest.mark.usefixtures("calls")
def test_an_admin_stops_it_and_starts_it_again(alpha, bob_client, dana_client, monkeypatch):
    monkeypatch.setattr(repricing, "SETTLED_AFTER", 0.0)
    monkeypatch.setattr(repricing, "AT_ONCE", 1)
    save(dana_client)
    dana_client.post(f"{PAGE}reprice/")
    work_on_jobs(seconds=0.0001)
    stop = f'action="{PAGE}stop/"'
    assert stop in dana_client.get(f"{PAGE}progress/").content.decode()
    assert stop not in bob_client.get(f"{PAGE}progress/").content.decode()

    assert dana_client.post(f"{PAGE}stop/").status_code == 302

    text = dana_client.get(f"{PAGE}progress/").content.decode()
    assert "stopped" in text
    assert "1 call priced" in text
    assert stop not in text
    assert "hx-get" not in text
    entry = AuditEntry.objects.get(action="job.stop")
    assert (entry.actor_label, entry.target) == ("dana", "reprice")
    assert drift_of(alpha.pk) == []
    dana_client.post(f"{PAGE}stop/")  # there is none any more
    assert AuditEntry.objects.filter(action="job.stop").count() == 1

    dana_client.post(f"{PAGE}reprice/")
    work_on_jobs(seconds=60)
    assert "4 calls priced" in dana_client.get(f"{PAGE}progress/").content.decode()
    assert rows_of(dana_client)["my-llama"].cost_usd == 0.0015
    assert drift_of(alpha.pk) == []


def test_a_job_whose_step_failed_says_why_and_when_it_is_tried_again(dana_client):
    dana_client.post(f"{PAGE}reprice/")
    dana_client.post("/p/alpha/settings/attributes/remap/")
    assert "in a row" not in dana_client.get(PAGE).content.decode()
    retry_at = datetime.datetime(2031, 5, 4, 3, 2, 1, tzinfo=datetime.UTC)
    Job.objects.update(state="running", n_failures=3, error="away <b>", retry_at=retry_at)

    for page in (f"{PAGE}progress/", "/p/alpha/settings/attributes/progress/"):
        text = " ".join(dana_client.get(page).content.decode().split())
        assert "A step failed 3 times in a row: away &lt;b&gt;." in text
        assert "4 May 2031, 03:02:01" in text
        assert "hx-get" in text


@pytest.mark.usefixtures("calls")
def test_it_asks_the_database_a_fixed_number_of_questions(
    dana_client, django_assert_max_num_queries
):
    for n in range(20):
        save(dana_client, model=f"m{n}")

    with django_assert_max_num_queries(15):
        dana_client.get(PAGE)
