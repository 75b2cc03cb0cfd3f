"""Signs of life for whoever runs this installation: /healthz, /readyz, /metrics.

Apps add what they know with ``register_check`` and ``register_metrics`` (from ``AppConfig.ready``),
since core may not look into them.
"""

import hmac
import ipaddress
import logging
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from core.embedded.first_start import read_state
from core.heartbeats import STALE_SECONDS
from core.models import Heartbeat

NODES = ("analysis", "beat", "digest")
PHASES = {
    "starting": "the database is being set up",
    "demo": "the demo data is being loaded",
    "failed": "the demo data could not be loaded; see logs/demo.log",
}

# A check answers with "" when all is well, else with what is wrong.
Check = Callable[[], str]
Metrics = Callable[[], Iterable[Metric]]

logger = logging.getLogger(__name__)
checks: dict[str, Check] = {}
metric_sources: list[Metrics] = []


def register_check(name: str, check: Check) -> None:
    checks[name] = check


def register_metrics(source: Metrics) -> None:
    metric_sources.append(source)


@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """This process answers; nothing else is looked at."""
    return JsonResponse({"status": "ok"})


@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    phase = read_state(settings.DATA_DIR).get("phase", "ready")
    results = run_checks()
    wrong = any(results.values())
    body: dict[str, object] = {
        "status": "unavailable" if wrong else "ok",
        "checks": {name: said or "ok" for name, said in results.items()},
    }
    if phase in PHASES:
        body |= {"status": "starting", "bootstrap": PHASES[phase]}
    return JsonResponse(body, status=503 if wrong or phase in PHASES else 200)


def run_checks() -> dict[str, str]:
    results = {"database": check_database()}
    if not results["database"]:
        known = {"workers": check_workers, "broker": check_broker, **checks}
        results |= {name: run_check(check) for name, check in known.items()}
    return results


def run_check(check: Check) -> str:
    try:
        return check()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("check failed: %s", error)
        return "the database did not answer"


def check_database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError) as error:
        logger.warning("database away: %s", error)
        connection.close()
        return "the database does not answer"
    return ""


def check_workers() -> str:
    """Names the nodes that have not shown a sign of life lately."""
    horizon = timezone.now() - timedelta(seconds=STALE_SECONDS)
    alive = set(Heartbeat.objects.filter(at__gte=horizon).values_list("name", flat=True))
    silent = [name for name in NODES if name not in alive]
    return f"no heartbeat of {', '.join(silent)}" if silent else ""


def check_broker() -> str:
    """Only the file broker: a server of its own is watched by whoever runs it."""
    if settings.CELERY_BROKER or settings.DATA_DIR.broker.is_dir():
        return ""
    return "the broker's folder is gone"


@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_read_metrics(request):
        raise Http404
    registry = CollectorRegistry()
    registry.register(Sources())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def may_read_metrics(request: HttpRequest) -> bool:
    """From this machine, or with the token. Behind a proxy everybody seems to be this machine."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    token = settings.METRICS_TOKEN
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return True
    is_proxied = settings.TRUSTED_PROXIES > 0 or "X-Forwarded-For" in request.headers
    return not is_proxied and is_loopback(request.META.get("REMOTE_ADDR", ""))


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class Sources:
    """Read from PostgreSQL at each scrape: the numbers of all processes, not of the one asked."""

    def collect(self) -> Iterable[Metric]:
        said = run_checks()
        yield single("assay_up", "1 when every readiness check passes", not any(said.values()))
        if said["database"]:
            return
        ages = GaugeMetricFamily(
            "assay_heartbeat_age_seconds", "Since a node's last sign of life", labels=["node"]
        )
        now = timezone.now()
        for beat in Heartbeat.objects.all():
            ages.add_metric([beat.name], (now - beat.at).total_seconds())
        yield ages
        yield single("assay_database_bytes", "Size of the database", database_bytes())
        for source in metric_sources:
            yield from source()


def single(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def database_bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])
