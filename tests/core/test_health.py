from datetime import timedelta

import pytest
from django.utils import timezone

from core import health
from core.embedded.first_start import write_state
from core.heartbeats import write_heartbeat
from core.models import Heartbeat


@pytest.fixture(autouse=True)
def state(tmp_path, settings, monkeypatch):
    """An installation whose first start is over."""
    monkeypatch.setattr(health, "checks", {})
    monkeypatch.setattr(health, "metric_sources", [])
    settings.DATA_DIR = type(settings.DATA_DIR)(tmp_path)
    settings.DATA_DIR.broker.mkdir()
    write_state(settings.DATA_DIR, "ready")


@pytest.fixture
def workers(db):
    for name in health.NODES:
        write_heartbeat(name)


def test_healthz_looks_at_nothing(client):
    assert client.get("/healthz").json() == {"status": "ok"}


def test_readyz_is_ok_when_every_check_passes(client, workers):
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["checks"] == {"database": "ok", "workers": "ok", "broker": "ok"}


def test_readyz_names_the_silent_workers(client, workers):
    Heartbeat.objects.filter(name="digest").update(at=timezone.now() - timedelta(minutes=1))

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["workers"] == "no heartbeat of digest"


@pytest.mark.parametrize("phase", sorted(health.PHASES))
def test_readyz_waits_for_the_first_start(client, workers, settings, phase):
    write_state(settings.DATA_DIR, phase)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["bootstrap"] == health.PHASES[phase]


def test_readyz_asks_the_checks_of_other_apps(client, workers):
    health.register_check("lag", lambda: "70 s behind")

    assert client.get("/readyz").json()["checks"]["lag"] == "70 s behind"


def test_a_second_heartbeat_moves_the_first(db):
    write_heartbeat("digest")
    first = Heartbeat.objects.get().at
    write_heartbeat("digest")

    assert Heartbeat.objects.get().at > first


def test_metrics_are_for_this_machine(client, workers):
    text = client.get("/metrics").content.decode()

    assert "assay_up 1.0" in text
    assert 'assay_heartbeat_age_seconds{node="digest"}' in text


@pytest.mark.parametrize(
    "request_facts",
    [{"REMOTE_ADDR": "203.0.113.7"}, {"headers": {"x-forwarded-for": "127.0.0.1"}}],
    ids=["another machine", "through a proxy"],
)
def test_metrics_are_hidden_from_others(client, workers, request_facts):
    assert client.get("/metrics", **request_facts).status_code == 404


def test_metrics_open_to_the_token(client, workers, settings):
    settings.METRICS_TOKEN = "t" * 32
    facts = {"REMOTE_ADDR": "203.0.113.7"}

    right = client.get("/metrics", headers={"authorization": "Bearer " + "t" * 32}, **facts)
    wrong = client.get("/metrics", headers={"authorization": "Bearer x"}, **facts)

    assert (right.status_code, wrong.status_code) == (200, 404)
