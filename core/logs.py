"""Log lines: one JSON object each, without keys. Also read by the supervisor, so no Django here."""

import json
import logging
import os
import re
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

# Variables whose values may turn up in a message of somebody else's making.
SECRET_VARIABLES = ("ASSAY_API_KEY", "ASSAY_ADMIN_PASSWORD", "ASSAY_SECRET_KEY")
SHORTEST_SECRET = 6
MASKS = (
    # ours: the public prefix stays, it is how a key is found again
    (re.compile(r"\b(ak_[0-9A-Za-z]{8})_[0-9a-f]{64}\b"), r"\1_***"),
    (re.compile(r"(/k/|\bpk_)[^/\s?\"']{4,}"), r"\1***"),
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{8,}"), r"\1\2***"),
    (
        re.compile(r"(?i)\b(x-api-key|authorization|password|secret)(\W{1,4})[^\s,;\"'&]{4,}"),
        r"\1\2***",
    ),
    (re.compile(r"\b(\w{1,20}://[^/\s:@]{0,200}):[^/\s@]{1,500}@"), r"\1:***@"),
    # providers' keys, as they occur in exceptions of client libraries
    (re.compile(r"\b(sk|rk|pk|gsk|xai)[-_][\w-]{16,}"), r"\1-***"),
)
MAX_TEXT = 16_000  # what strangers sent may stand in a message, and masking reads every character
STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def known_secrets() -> tuple[str, ...]:
    values = (os.environ.get(name, "").strip() for name in SECRET_VARIABLES)
    return tuple(value for value in values if len(value) >= SHORTEST_SECRET)


def mask_keys(text: str, *, secrets: Iterable[str] = ()) -> str:
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}… ({len(text) - MAX_TEXT} more characters)"
    for secret in secrets:
        text = text.replace(secret, "***")
    for pattern, replacement in MASKS:
        text = pattern.sub(replacement, text)
    return text


def json_line(level: str, source: str, message: str, **fields: object) -> str:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    row = {"at": at, "level": level, "source": source, "message": message, **fields}
    line = json.dumps(row, ensure_ascii=False, default=str)
    return line.encode(errors="replace").decode()  # a lone surrogate cannot be written to a file


class JsonFormatter(logging.Formatter):
    """A record as one line; what ``extra`` added becomes fields of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets = known_secrets()

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            name: value
            for name, value in vars(record).items()
            if name not in STANDARD_FIELDS and isinstance(value, str | int | float | bool)
        }
        if record.exc_info and record.exc_info[0]:
            fields["error"] = "".join(traceback.format_exception(*record.exc_info))
        line = json_line(record.levelname.lower(), record.name, record.getMessage(), **fields)
        return mask_keys(line, secrets=self.secrets)


def logging_config() -> dict[str, Any]:  # Any: the shape of logging.config
    """Everything to standard error; the supervisor files it by process."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "core.logs.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # Django would add its own handler, and mail to nobody.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # One line a bad request is a flood under attack; the status is in /metrics.
            "django.request": {"handlers": [], "level": "ERROR", "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.worker.request": {"level": "WARNING"},  # a line for each expired doorbell
            "celery.beat": {"level": "WARNING"},
        },
    }
