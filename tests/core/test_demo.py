"""The demo data: the same bytes for a seed, within the last fortnight, accepted at every door."""

import gzip
import http.server
import json
import threading
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from core.demo import DemoError
from core.demo.experiments import EXPERIMENTS
from core.demo.loading import USER_AGENT, send
from core.demo.prompts import prompt_requests
from core.demo.requests import (
    CHATS_PATH,
    EVENTS_PATH,
    LOGS_PATH,
    RUNS_PATH,
    SCORES_PATH,
    TRACES_PATH,
    DemoRequest,
    build_requests,
)
from prompts.models import PromptLabel, PromptVersion
from tracking.adapters import ADAPTERS, DERIVERS
from tracking.adapters.dogpile.building import build_run
from tracking.adapters.dogpile.timeline import build_timeline
from tracking.arrivals import DEMO_CLIENT
from tracking.clients import client_of
from tracking.events import Receipt, Status
from tracking.runs.verifying import verify_run

NOW = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
FORTNIGHT_AGO = NOW - timedelta(days=14)
RECEIPT = Receipt(received_us=int(NOW.timestamp()) * 1_000_000, horizon_us=0)
FORMATS = {
    TRACES_PATH: "otlp-protobuf",
    EVENTS_PATH: "analytics",
    SCORES_PATH: "scores",
    LOGS_PATH: "otlp-logs-protobuf",
    RUNS_PATH: "dogpile",
    CHATS_PATH: "matey",
}


@cache
def requests():
    return list(build_requests(NOW))


@cache
def spans():
    found = []
    for request in requests():
        if request.path == TRACES_PATH:
            message = ExportTraceServiceRequest.FromString(gzip.decompress(request.body))
            groups = [scope for group in message.resource_spans for scope in group.scope_spans]
            found += [span for scope in groups for span in scope.spans]
    return found


@cache
def points():
    bodies = [gzip.decompress(each.body) for each in requests() if each.path == EVENTS_PATH]
    return [event for body in bodies for event in json.loads(body)["events"]]


@cache
def items(path):
    """What is posted to a path of JSON, and the documents it makes: (system, key) → parts."""
    found, documents = [], defaultdict(list)
    for request in requests():
        if request.path == path:
            body = gzip.decompress(request.body)
            found += json.loads(body)
            for part in ADAPTERS[FORMATS[path]].read(body, receipt=RECEIPT).parts:
                documents[part.system, part.key].append(part)
    return found, documents


@cache
def derived(path):
    return {
        (system, key): DERIVERS[system](key, parts)
        for (system, key), parts in items(path)[1].items()
    }


def attribute(span, key):
    return next((each.value.string_value for each in span.attributes if each.key == key), None)


def test_the_same_seed_makes_the_same_bytes():
    assert list(build_requests(NOW)) == requests()


def test_another_seed_makes_other_bytes():
    assert next(build_requests(NOW, seed=2)) != requests()[0]


def test_there_is_enough_to_look_at_and_no_more():
    roots = [span for span in spans() if not span.parent_span_id]
    sessions = {attribute(span, "gen_ai.conversation.id") for span in roots} - {None}

    assert 1900 <= len(sessions) <= 2000
    assert 10_000 <= len(spans()) <= 12_000
    assert 500 <= len({attribute(span, "user.id") for span in roots}) <= 640


def test_everything_happened_within_the_last_fortnight():
    starts = [span.start_time_unix_nano / 1e9 for span in spans()]
    ends = [span.end_time_unix_nano / 1e9 for span in spans()]
    times = [datetime.fromisoformat(event["timestamp"]) for event in points()]

    assert min(starts) >= FORTNIGHT_AGO.timestamp()
    assert max(ends) < NOW.timestamp()
    assert FORTNIGHT_AGO <= min(times) <= max(times) < NOW


def test_every_kind_of_source_scores():
    scores, _ = items(SCORES_PATH)

    assert {(score["name"], score["source"]) for score in scores} == {
        ("helpful", "user"),
        ("grounded", "judge"),
        ("no_promises", "code"),
        ("tone", "human"),
        ("useful", "human"),
    }
    assert 700 <= len(scores) <= 1400
    assert len({score["id"] for score in scores}) == len(scores)
    assert max(datetime.fromisoformat(score["at"]) for score in scores) < NOW


def test_every_door_takes_it_whole():
    for request in requests():
        adapter = ADAPTERS[FORMATS[request.path]]
        body = gzip.decompress(request.body)

        count, rejected = adapter.check(body, receipt=RECEIPT)
        batch = adapter.read(body, receipt=RECEIPT)

        assert (rejected, batch.failures) == ([], [])
        assert len(batch.events) + len(batch.parts) == count > 0
        assert {warning for event in batch.events for warning in event.warnings} == set()


def test_runs_end_in_every_way():
    runs = [each.summary for (system, _), each in derived(RUNS_PATH).items() if system == "dogpile"]

    assert Counter(run["status"] for run in runs) == {
        "completed": 21,
        "failed": 1,
        "cancelled": 1,
        "running": 1,
    }
    assert {run["protocol"] for run in runs if run["status"] == "completed"} == {
        *("sequential", "coordinator", "broadcast", "shared"),
    }
    assert {run["tier"] for run in runs} >= {"fast", "balanced", "quality"}
    assert {run["stop"] for run in runs} == {
        *("", "budget:tokens", "judge:score-threshold", "convergence"),
    }
    assert sum(run["sub_runs"] for run in runs) == 1
    assert ("dogpile-loose", "completed") in {
        (system, each.summary.get("outcome")) for (system, _), each in derived(RUNS_PATH).items()
    }


def test_a_run_agrees_with_itself():
    for (system, key), parts in items(RUNS_PATH)[1].items():
        if system == "dogpile":
            run = build_run(key, parts)
            checks = verify_run(run, build_timeline(run))
            assert [check for check in checks if check.tone == "bad"] == []


def test_a_benchmark_has_every_task_protocol_and_model_once():
    boards = [each.summary.get("benchmarks", []) for each in derived(RUNS_PATH).values()]
    rows = [(row["task"], row["protocol"], row["model"]) for board in boards for row in board]

    assert len(rows) == len(set(rows)) == 12


def test_chats_were_routed_streamed_changed_and_tried_again():
    exchanges, _ = items(CHATS_PATH)
    events = [event for each in derived(CHATS_PATH).values() for event in each.events]
    warnings = {warning for event in events for warning in event.warnings}

    assert {each["backend"] for each in exchanges if "capabilities" in each} == {
        *("anthropic", "openai", "ollama"),
    }
    assert warnings >= {
        *("ir:parameter-unsupported", "ir:parameter-normalized", "ir:model-substituted"),
        *("ir:system-message-transformed", "stream_interrupted"),
    }
    assert any(event.ttft_us for event in events)
    assert [event.provider for event in events if event.status == Status.ERROR] == ["openai"]


def test_everything_understood_whole_happened_in_the_fortnight_too():
    found = [*derived(RUNS_PATH).values(), *derived(CHATS_PATH).values()]
    times = [event.occurred_us for each in found for event in each.events]

    assert FORTNIGHT_AGO.timestamp() * 1e6 < min(times)
    assert max(times) <= NOW.timestamp() * 1e6


def test_arms_are_named_on_root_spans_alone():
    arms: Counter[tuple[str | None, str | None]] = Counter()
    for span in spans():
        if attribute(span, "assay.experiment"):
            assert not span.parent_span_id
            arms[attribute(span, "assay.experiment"), attribute(span, "assay.variant")] += 1

    assert set(arms) == {
        (experiment.key, arm.variant) for experiment in EXPERIMENTS for arm in experiment.arms
    }


def test_the_cheap_model_fails_more_often():
    failed: Counter[str | None] = Counter()
    total: Counter[str | None] = Counter()
    for span in spans():
        if attribute(span, "assay.experiment") == "cheaper-model":
            variant = attribute(span, "assay.variant")
            total[variant] += 1
            failed[variant] += span.status.code == Status.ERROR

    assert failed["mini"] / total["mini"] > 2 * failed["control"] / total["control"]


def test_the_split_of_the_early_experiment_is_off():
    sessions = {
        (attribute(span, "gen_ai.conversation.id"), attribute(span, "assay.variant"))
        for span in spans()
        if attribute(span, "assay.experiment") == "rag-depth"
    }

    counts = Counter(variant for _, variant in sessions)
    assert 0.57 < counts["control"] / counts.total() < 0.67


def test_decisions_of_every_strategy_were_made():
    strategies = {
        event["data"].get("strategy", "decide")
        for event in points()
        if event["type"] == "decision.made"
    }

    assert strategies == {
        *("decide", "epsilon-greedy-explore", "epsilon-greedy-exploit", "thompson-sampling", "ucb"),
    }


def test_two_executions_of_the_offline_experiment_name_their_best():
    types = Counter(event["type"] for event in points())
    best = [e["data"]["bestVariant"] for e in points() if e["type"] == "experiment.complete"]

    assert types["experiment.start"] == types["experiment.complete"] == len(best) == 2
    assert types["variant.complete"] + types["variant.error"] == 450
    assert types["variant.error"] >= 3


@pytest.fixture
def server():
    """A server that answers what a test tells it to, in turn."""
    answers: list[tuple[int, dict[str, str], bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            code, headers, body = answers.pop(0)
            self.send_response(code)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}", answers
        web.shutdown()
        thread.join()


def test_it_waits_as_long_as_an_overloaded_server_asks(server):
    url, answers = server
    answers += [(503, {"Retry-After": "2"}, b"later"), (429, {}, b""), (202, {}, b"{}")]
    waits: list[float] = []

    send(url, "key", DemoRequest(EVENTS_PATH, "application/json", b""), sleep=waits.append)

    assert waits == [2.0, 0.5]
    assert answers == []


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (EVENTS_PATH, (401, {}, b"no such key")),
        (EVENTS_PATH, (202, {}, b'{"accepted": 1, "rejected": [{"index": 0, "code": "expired"}]}')),
        (TRACES_PATH, (200, {}, b"\x0a\x02\x08\x01")),
    ],
)
def test_it_says_when_the_demo_is_refused(server, path, answer):
    url, answers = server
    answers.append(answer)
    content_type = "application/json" if path == EVENTS_PATH else "application/x-protobuf"

    with pytest.raises(DemoError, match=path):
        send(url, "key", DemoRequest(path, content_type, b""))


def test_the_prompt_has_the_versions_that_spans_name_in_their_words():
    first, *versions = [json.loads(each.body) for each in prompt_requests()]
    named = {(attribute(s, "assay.prompt"), attribute(s, "assay.prompt_version")) for s in spans()}
    said = {
        attribute(span, "assay.prompt_version"): attribute(span, "gen_ai.system_instructions")
        for span in spans()
    }

    assert {key for key, _ in named if key} == {first["key"]}
    for number in filter(None, (version for _, version in named)):
        text = versions[int(number) - 1]["system"].replace("{{shop}}", "Harbor & Pine")
        assert json.loads(said[number])[0]["content"] == text


@pytest.mark.django_db
def test_the_prompt_is_taken_by_the_api_and_once(api):
    for request in [*prompt_requests(), *prompt_requests()]:
        response = api.post(
            request.path,
            request.body,
            content_type=request.content_type,
            headers={"Idempotency-Key": request.once},
        )
        assert response.status_code == 201, response.content

    labels = {each.name: each.version.number for each in PromptLabel.objects.all()}
    assert labels == {"production": 7, "staging": 8}
    assert PromptVersion.objects.count() == 8


def test_the_loader_goes_by_the_name_that_own_data_is_told_from():
    assert client_of(USER_AGENT) == DEMO_CLIENT
