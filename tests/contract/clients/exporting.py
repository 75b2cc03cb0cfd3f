"""The OpenTelemetry SDK as its manual sets it up, exporting to Assay, for the scripts beside it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import _logs, trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

URL = os.environ["ASSAY_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['ASSAY_KEY']}"}


@contextmanager
def exporting(*, logs: bool = False) -> Iterator[trace.Tracer]:
    """Traces, and logs if asked for, to Assay; all is sent at the end."""
    resource = Resource.create(
        {
            "service.name": "weather-bot",
            "service.version": "2.1.0",
            "deployment.environment.name": "staging",
        }
    )
    exporter = OTLPSpanExporter(
        endpoint=f"{URL}/v1/traces", headers=HEADERS, compression=Compression.Gzip
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    logger_provider = LoggerProvider(resource=resource)
    if logs:
        log_exporter = OTLPLogExporter(endpoint=f"{URL}/v1/logs", headers=HEADERS)
        logger_provider.add_log_record_processor(BatchLogRecordProcessor(log_exporter))
        _logs.set_logger_provider(logger_provider)
    yield trace.get_tracer("weather-bot")
    provider.shutdown()
    logger_provider.shutdown()
