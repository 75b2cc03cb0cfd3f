"""What real clients send, without its content: nothing that was said is left, every number is."""

from pathlib import Path

import msgspec
import pytest

from tracking.adapters import ADAPTERS, DERIVERS
from tracking.content import drop_content, drop_part_content
from tracking.events import Receipt

PAYLOADS = Path(__file__).parent.parent / "payloads"
FORMATS = {"dogpile": "dogpile", "ai-matey": "matey", "fallom": "fallom-spans"}
RECEIPT = Receipt(1_770_000_000_000_000, 0)
SAID = ("How is the weather", "Sunny, 21", "Paris", "You are")
NUMBERS = ("kind", "name", "status", "tokens_in", "tokens_out", "model", "duration_us", "metrics")


def recordings():
    return sorted((PAYLOADS / "otlp").glob("*.json"))


def documents():
    return [(folder, path) for folder in FORMATS for path in sorted((PAYLOADS / folder).iterdir())]


def read(path, wire_format):
    return ADAPTERS[wire_format].read(path.read_bytes(), receipt=RECEIPT)


def numbers_of(events):
    return sorted(repr([getattr(event, name) for name in NUMBERS]) for event in events)


@pytest.mark.parametrize("path", recordings(), ids=lambda path: path.stem)
def test_nothing_that_was_said_to_a_model_is_left(path):
    is_logs = path.name.endswith(".logs.json")
    batch = read(path, "otlp-logs-json" if is_logs else "otlp-json")

    stripped = [drop_content(event) for event in batch.events]
    parts = [drop_part_content(part, secret=b"k").body for part in batch.parts]

    text = msgspec.json.encode([event.payload for event in stripped]) + b"".join(parts)
    assert [said for said in SAID if said.encode() in text] == []
    assert numbers_of(stripped) == numbers_of(batch.events)


@pytest.mark.parametrize(
    ("folder", "path"), documents(), ids=lambda value: getattr(value, "stem", value)
)
def test_documents_mean_the_same_without_their_words(folder, path):
    batch = read(path, FORMATS[folder])
    stripped = [drop_part_content(part, secret=b"k") for part in batch.parts]

    assert numbers_of(derive(stripped)) == numbers_of(derive(batch.parts))


def derive(parts):
    groups = {}
    for part in parts:
        groups.setdefault((part.system, part.key), []).append(part)
    return [e for (system, key), some in groups.items() for e in DERIVERS[system](key, some).events]
