"""Records what the real clients send: ``python -m tests.contract.recording [names…]``.

Writes ``tests/payloads/otlp/<client>-<version>.json``, OTLP/JSON as a JavaScript exporter would
write it, and for logs ``….logs.json``. What the adapter makes of them is checked against the tables
beside them (tests/tracking/adapters/test_golden_otlp.py), without running a client. Those of mlflow
and pydantic-ai were recorded by hand: their packages are not among the clients.
"""

import gzip
import json
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.contract.fake_providers import running_providers
from tests.contract.running_clients import PYTHON, ROOT, run_client
from tests.contract.running_node import SOURCES as NODE_SOURCES
from tests.contract.running_node import run_node

FOLDER = ROOT / "tests" / "payloads" / "otlp"
KEY = "ak_recording"
SIGNALS = {
    "traces": (ExportTraceServiceRequest, "resourceSpans"),
    "logs": (ExportLogsServiceRequest, "resourceLogs"),
}
IDS = {"traceId", "spanId", "parentSpanId"}

LATEST = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
# Its own spans beside an instrumentation's would tell every call twice.
NOT_NATIVE = {"ANTHROPIC_OPEN_TELEMETRY": "false"}
# Recorded name: script, distribution whose version it is, further environment.
CLIENTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "openai-v2": ("openai_v2", "opentelemetry-instrumentation-openai-v2", {}),
    "openai-v2-messages": (
        "openai_v2",
        "opentelemetry-instrumentation-openai-v2",
        {CONTENT: "true"},
    ),
    "openai-v2-content": (
        "openai_v2",
        "opentelemetry-instrumentation-openai-v2",
        {**LATEST, CONTENT: "span_only"},
    ),
    "openai-v2-events": (
        "openai_v2",
        "opentelemetry-instrumentation-openai-v2",
        {**LATEST, CONTENT: "event_only"},
    ),
    "openinference-openai": (
        "openinference_openai",
        "openinference-instrumentation-openai",
        {},
    ),
    "openinference-anthropic": (
        "openinference_anthropic",
        "openinference-instrumentation-anthropic",
        NOT_NATIVE,
    ),
    "openinference-langchain": (
        "openinference_langchain",
        "openinference-instrumentation-langchain",
        {},
    ),
    "traceloop-sdk": ("traceloop_sdk", "traceloop-sdk", NOT_NATIVE),
    "anthropic": (
        "anthropic_native",
        "anthropic",
        {"ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content"},
    ),
    "langfuse": ("langfuse_sdk", "langfuse", {}),
    "langsmith": ("langsmith_otel", "langsmith", {}),
    **{f"vercel-ai-{n}": ("vercel_ai", f"ai@{n}", {"AI_PACKAGE": f"ai{n}"}) for n in (5, 6, 7)},
}


class Collector(ThreadingHTTPServer):
    """Takes whatever is posted and keeps what is OTLP."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.kept: dict[str, list[Any]] = {signal: [] for signal in SIGNALS}
        self.others: list[str] = []  # what else was asked: "GET /path"


class _Handler(BaseHTTPRequestHandler):
    server: Collector
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self._read_body()
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        signal = self.path.rstrip("/").rpartition("/")[2]
        if signal not in SIGNALS:
            self.server.others.append(f"POST {self.path}")
            self._answer(404)
            return
        message, groups = SIGNALS[signal]
        is_json = self.headers["Content-Type"].startswith("application/json")
        sent = json.loads(body) if is_json else as_json(message.FromString(body))
        self.server.kept[signal] += sent[groups]
        self._answer(200)

    def _read_body(self) -> bytes:
        """With its length, or in chunks, as exporters in Node send it."""
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_GET(self) -> None:
        self.server.others.append(f"GET {self.path}")
        self._answer(404)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def as_json(message: Any) -> dict[str, Any]:
    """OTLP/JSON: ids in hexadecimal, enums as numbers."""
    sent: dict[str, Any] = MessageToDict(message, use_integers_for_enums=True)
    return _with_hex_ids(sent)


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: b64decode(held).hex() if key in IDS and isinstance(held, str) else _with_hex_ids(held)
        for key, held in value.items()
    }


@contextmanager
def running_collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def version_of(distribution: str) -> str:
    if distribution.startswith("ai@"):
        packages = json.loads((NODE_SOURCES / "package.json").read_text())["dependencies"]
        return str(packages[distribution.replace("@", "")]).rpartition("@")[2]
    code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def record(name: str) -> None:
    script, distribution, further = CLIENTS[name]
    with running_providers() as providers, running_collector() as collector:
        if distribution.startswith("ai@"):
            run_node(script, url=collector.url, key=KEY, further=further)
        else:
            run_client(
                script, url=collector.url, key=KEY, providers_url=providers.url, further=further
            )
    version = version_of(distribution)
    stem = f"vercel-ai-{version}" if distribution.startswith("ai@") else f"{name}-{version}"
    for signal, groups in collector.kept.items():
        if groups:
            suffix = ".json" if signal == "traces" else f".{signal}.json"
            write(stem + suffix, {SIGNALS[signal][1]: groups})
    print(stem, {signal: len(kept) for signal, kept in collector.kept.items()}, collector.others)


def write(name: str, sent: dict[str, Any]) -> None:
    """Paths of stack traces lose where this project lies."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps(sent, indent=1, ensure_ascii=False).replace(str(ROOT), "/srv/weather-bot")
    (FOLDER / name).write_text(text + "\n")


if __name__ == "__main__":
    for chosen in sys.argv[1:] or CLIENTS:
        record(chosen)
