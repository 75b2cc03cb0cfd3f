"""Experiments of runs, from the door to their page: executions, timelines, grids, spellings."""

import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from django.utils import timezone

from tests.flows import digest_all, drift_of, send_events
from tracking.models import Event, SessionMetric

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_caches")]

PAYLOADS = Path(__file__).parent.parent / "payloads" / "ai-experiments"
BASE = timezone.now().replace(microsecond=0) - timedelta(hours=1)
NAMES = [f"model={model}, tone={tone}" for model in ("a", "b") for tone in ("warm", "terse")]


def event(kind, seconds, experiment="grid", **data):
    at = (BASE + timedelta(seconds=seconds)).isoformat()
    return {"type": kind, "timestamp": at, "data": {"experimentId": experiment} | data}


def run_of(variant, seconds, value, *, name="", run="", **told):
    """A run of a second, its metric computed half a second after its end, as the library sends."""
    own = {"variantId": variant, "runId": run or f"{variant}-{seconds}"}
    named = own | ({"variantName": name} if name else {}) | told
    return [
        event("variant.start", seconds, **named),
        event("metric.computed", seconds + 1.5, metricValue=value, **own),
        event("variant.complete", seconds + 1, **named, duration=1000, metricValue=value),
    ]


def execution(seconds, runs, **end):
    told = {"successCount": len(runs), "failureCount": 0, "totalDuration": 3000} | end
    return [
        event("experiment.start", seconds, variantCount=len(runs), parallel=True),
        *(each for run in runs for each in run),
        event("experiment.complete", seconds + 3, **told),
    ]


def grid(seconds=0.0, **end):
    runs = [
        run_of(f"variant-{n}", seconds, 0.2 + n / 10, name=name) for n, name in enumerate(NAMES)
    ]
    return execution(seconds, runs, **end)


def results_of(sender, key="grid"):
    digest_all()
    return sender.get(f"/api/v1/experiments/{key}/results").json()


def page_of(client, key="grid", query=""):
    response = client.get(f"/p/alpha/experiments/{key}/{query}")
    assert response.status_code == 200
    return response.content.decode()


def test_reruns_and_states_are_told_apart(alpha, sender):
    lone = [event("experiment.start", 200, variantCount=4), *run_of("variant-0", 200, 0.1)]
    send_events(sender, [*grid(0), *grid(100, successCount=1), *lone, *grid(300)])
    send_events(sender, [event("experiment.start", 400, variantCount=4)])

    executions = results_of(sender)["executions"]

    states = ["running", "complete", "abandoned", "stopped early", "complete"]
    assert [each["status"] for each in executions] == states
    assert [each["runs"] for each in executions] == [0, 4, 1, 4, 4]
    assert [each["recomputed_best"] for each in executions] == [
        *(None, "variant-3", "variant-0", "variant-3", "variant-3"),
    ]
    assert drift_of(alpha.pk) == []


def test_of_executions_with_too_many_runs_nothing_is_claimed(sender, alice_client, monkeypatch):
    monkeypatch.setattr("experiments.executions.MAX_RUNS", 6)
    send_events(sender, [*grid(0), *grid(100)])

    executions = results_of(sender)["executions"]

    assert [each["runs"] for each in executions] == [4, None]
    assert [each["recomputed_best"] for each in executions] == ["variant-3", None]
    assert "fewer than reported" not in page_of(alice_client)


def test_runs_that_never_arrived_are_said(sender, alice_client):
    events = grid(0)
    send_events(sender, [each for each in events if each["data"].get("variantId") != "variant-1"])
    digest_all()

    assert "fewer than reported" in page_of(alice_client)


def test_the_timeline_shows_runs_and_the_metric_after_their_end(
    sender, alice_client, django_assert_max_num_queries
):
    send_events(sender, grid())
    (done,) = results_of(sender)["executions"]

    with django_assert_max_num_queries(12):
        page = page_of(alice_client, query=f"?execution={quote(done['started_at'])}")

    assert page.count("data-run=") == 4
    assert page.count('class="run-mark" cx="50.00%"') == 4
    assert "model=a, tone=warm" in page
    assert f"?execution={quote(done['started_at'], safe='')}" in page_of(alice_client)


@pytest.mark.parametrize("start", ["nonsense", "2026-01-01", "2026-01-01T00:00:00Z", "%00"])
def test_an_execution_that_is_not_there_is_404(sender, alice_client, start):
    send_events(sender, grid())
    digest_all()

    assert alice_client.get(f"/p/alpha/experiments/grid/?execution={start}").status_code == 404


def test_a_grid_is_read_from_names(sender, alice_client, django_assert_max_num_queries):
    send_events(sender, grid())
    digest_all()
    page_of(alice_client)

    with django_assert_max_num_queries(15):
        page = page_of(alice_client)

    assert 'id="heat-map"' in page
    assert 'data-effect="model"' in page
    assert "spread 0.200" in page
    assert '<select class="form-select form-select-sm w-auto" name="grid"' in page
    assert "0.250" in page.split('data-effect="model"')[1]  # the mean of 0.2 and 0.3


def test_a_setting_without_a_value_is_named_as_that(sender, alice_client):
    runs = [
        run_of(f"variant-{n}", 0, n / 10, name=f"model=a, prompt={prompt}")
        for n, prompt in enumerate(["long", ""])
    ]
    send_events(sender, execution(0, runs))
    digest_all()

    assert ">(empty)</th>" in page_of(alice_client).split('data-effect="prompt"')[1]


def test_variants_are_ranked_as_asked(sender, alice_client):
    send_events(sender, grid())
    digest_all()

    def first(query=""):
        return page_of(alice_client, query=query).split('id="ranking"')[1].split("cell-title")[1]

    assert "model=b, tone=terse" in first()
    assert "model=a, tone=warm" in first("?order=lower")


def test_a_grid_of_another_metric(sender, alice_client):
    send_events(sender, grid())
    digest_all()

    page = page_of(alice_client, query="?grid=duration")

    assert "1.0 s" in page.split('id="heat-map"')[1]


@pytest.mark.parametrize("key", ["dimensions", "config"])
def test_a_grid_is_read_from_events_when_names_say_nothing(sender, alice_client, key):
    runs = [run_of(f"v{n}", 0, n / 10, name=f"V{n}", **{key: {"top_k": n}}) for n in range(3)]
    send_events(sender, execution(0, runs))

    results = results_of(sender)
    again = results_of(sender)

    assert [each["dimensions"] for each in results["variants"]] == [
        {"top_k": f"{n}"} for n in range(3)
    ]
    assert again["variants"] == results["variants"]
    assert 'data-effect="top_k"' in page_of(alice_client)
    assert 'id="heat-map"' not in page_of(alice_client)


def test_variants_without_settings_have_no_grid(sender, alice_client):
    send_events(sender, execution(0, [run_of("a", 0, 1, name="A"), run_of("b", 0, 2, name="B")]))
    digest_all()

    assert 'id="grid"' not in page_of(alice_client)


def test_hostile_settings_are_escaped(sender, alice_client):
    names = [f"<b>=<i>{n}</i>, model=<img src=x onerror=alert({n})>" for n in range(2)]
    names = [name.replace("<b>", "b") for name in names]
    runs = [run_of(f"v{n}", 0, n, name=name) for n, name in enumerate(names)]
    send_events(sender, execution(0, runs))
    digest_all()

    page = page_of(alice_client)

    assert 'id="grid"' in page
    assert "<img src=x" not in page
    assert "<i>0" not in page


def test_other_spellings_mean_the_same(alpha, sender):
    own = {"variantId": "v", "runId": "r1"}
    send_events(
        sender,
        [
            event("variant.start", 0, **own),
            event("variant.complete", 1, **own, durationMs=900, metricValue=0.4, metricName="f1"),
            event("variant.error", 2, variantId="w", runId="r2", errorMessage="boom", durationMs=5),
            event(
                "variant.complete", 3, **own | {"runId": "r3"}, result={"x": 1}, metadata={"m": "1"}
            ),
        ],
    )
    digest_all()

    metrics = {(m.session_id, m.name): m.last for m in SessionMetric.objects.all()}
    assert metrics["trace:r1", "duration_ms"] == 900
    assert metrics["trace:r1", "f1"] == metrics["trace:r1", "metric_value"] == 0.4
    assert metrics["trace:r2", "run_failed"] == 1
    assert Event.objects.get(project_id=alpha.pk, name="variant.error").error == "boom"
    assert Event.objects.get(project_id=alpha.pk, run_id="r3").metadata == {"m": "1"}


def test_a_run_that_ended_without_success_counts_as_failed(sender, alice_client):
    """Stores of ai-experiments 2.1 end each run by variant.complete, and say how by a flag."""
    runs = [
        run_of("v", 0, 0.4),
        [event("variant.complete", 2, variantId="w", runId="w-1", success=False, duration=7,
               metricValue=0, error={}, errorMessage="boom")],
    ]  # fmt: skip
    send_events(sender, execution(0, runs, successCount=1, failureCount=1))

    results = results_of(sender)

    means = {
        (metric["key"], arm["variant"]): arm["mean"]
        for metric in results["metrics"]
        for arm in metric["arms"]
    }
    assert (means["success_rate", "v"], means["success_rate", "w"]) == (1, 0)
    assert means["metric_value", "w"] is None
    assert results["executions"][0]["recomputed_best"] == "v"
    assert "boom" in page_of(alice_client).split('id="errors"')[1]


def summary_text():
    text = (PAYLOADS / "experiment-summary.json").read_text()
    for second in "01":
        at = BASE + timedelta(seconds=int(second))
        text = text.replace(f"2026-03-04T09:15:0{second}", at.strftime("%Y-%m-%dT%H:%M:%S"))
    return text


def live_events():
    events = json.loads((PAYLOADS / "batch.json").read_text())["events"]
    text = json.dumps(events)
    for second in "01":
        at = BASE + timedelta(seconds=int(second))
        text = text.replace(f"2026-03-04T09:15:0{second}", at.strftime("%Y-%m-%dT%H:%M:%S"))
    return json.loads(text)


def test_a_summary_alone_becomes_an_experiment(alpha, sender):
    assert sender.post("/api/v1/events", summary_text(), "application/json").status_code == 202

    results = results_of(sender, "tone-of-voice")

    (done,) = results["executions"]
    assert (done["status"], done["reported_best"], done["runs"]) == ("complete", "warm", 2)
    assert Event.objects.get(project_id=alpha.pk, name="variant.result").run_id.startswith(
        "6f0d1c3a"
    )


def test_a_summary_after_live_tracking_changes_no_number(alpha, sender, alice_client):
    send_events(sender, live_events())
    before = results_of(sender, "tone-of-voice")
    sender.post("/api/v1/events", summary_text(), "application/json")

    after = results_of(sender, "tone-of-voice")

    assert after["metrics"] == before["metrics"]
    assert len(after["executions"]) == 1
    assert after["executions"][0]["runs"] == 3
    page = page_of(alice_client, "tone-of-voice")
    assert "no message" not in page.split('id="errors"')[1]
    assert drift_of(alpha.pk) == []
