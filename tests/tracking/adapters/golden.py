"""What the adapter makes of recorded requests, in words: a table a person can check.

``python -m tests.tracking.adapters.golden`` writes the tables beside the recordings again. Read the
difference before it is committed: the table says what is right, not what happens to come out.
"""

from collections.abc import Iterator
from pathlib import Path

from tracking.adapters import otlp, otlp_logs
from tracking.adapters.dialects.attributes import rebuild_attributes
from tracking.adapters.dialects.messages import messages_of
from tracking.events import IncomingEvent, Kind, Receipt, Status

FOLDER = Path(__file__).resolve().parents[2] / "payloads" / "otlp"
RECORDINGS = sorted(FOLDER.glob("*.json"))
# Long after all recordings; their own times are what is kept.
RECEIPT = Receipt(received_us=4_102_444_800_000_000, horizon_us=0)

FACTS = (
    "session_own",
    "user_own",
    "prompt_key",
    "prompt_version",
    "config_key",
    "environment",
    "release",
)
TOKENS = ("cache_read", "cache_write", "reasoning")
LINE_LENGTH = 120


def read(path: Path) -> list[IncomingEvent]:
    """The events of a recording in the order they began."""
    adapter = otlp_logs if ".logs" in path.suffixes else otlp
    batch = adapter.read(path.read_bytes(), json=True, receipt=RECEIPT)
    assert (batch.rejections, batch.failures) == ([], [])
    return sorted(batch.events, key=lambda event: (event.occurred_us, event.ns_rest))


def tell(events: list[IncomingEvent]) -> str:
    """The spans as trees: what lies below another is indented."""
    ids = {event.span_id for event in events}
    below: dict[str, list[IncomingEvent]] = {}
    for event in events:
        parent = event.parent_span_id if event.parent_span_id in ids else ""
        below.setdefault(parent, []).append(event)

    def tree(parent: str, indent: str) -> Iterator[str]:
        for event in below.get(parent, ()):
            yield from (indent + line for line in _lines(event))
            if event.span_id:  # a point has none
                yield from tree(event.span_id, indent + "    ")

    return "\n".join(tree("", "")) + "\n"


def _lines(event: IncomingEvent) -> list[str]:
    of_span = " of a span" if event.duration_us is None and event.parent_span_id else ""
    head = f"{event.name} [{Kind(event.kind).name} {Status(event.status).name}]{of_span}"
    lines = [head, _call(event), _usage(event), _facts(event), _sums(event), *_content(event)]
    return [lines[0], *("  " + line for line in lines[1:] if line)]


def _call(event: IncomingEvent) -> str:
    models = [name for name in (event.model_requested, event.model) if name]
    said = [event.operation, event.provider, " > ".join(dict.fromkeys(models))]
    said += [f"finished: {event.finish_reason}" if event.finish_reason else ""]
    said += ["has ttft" if event.ttft_us else ""]
    if event.error or event.error_type:
        said.append(f"error {event.error_type}: {event.error[:60]}")
    return " · ".join(filter(None, said))


def _usage(event: IncomingEvent) -> str:
    if event.tokens_in is None and event.tokens_out is None and event.cost_reported is None:
        return ""
    parts = [f"{name} {getattr(event, f'tokens_{name}')}" for name in TOKENS]
    of_which = ", ".join(part for part in parts if not part.endswith("None"))
    cost = f" cost {event.cost_reported:g}" if event.cost_reported is not None else ""
    return f"in {event.tokens_in} out {event.tokens_out} ({of_which}){cost}"


def _facts(event: IncomingEvent) -> str:
    said = [(name.removesuffix("_own"), getattr(event, name)) for name in FACTS]
    arms = [f"{experiment}={variant}" for experiment, variant in event.arms]
    return " · ".join([f"{name} {value}" for name, value in said if value] + arms)


def _sums(event: IncomingEvent) -> str:
    said = [f"tags {', '.join(event.tags)}" if event.tags else "", event.metadata]
    said.append(f"warns {', '.join(event.warnings)}" if event.warnings else "")
    return " · ".join(filter(None, said))


def _content(event: IncomingEvent) -> list[str]:
    """Messages where there are any, else the bodies as they are."""
    attributes = rebuild_attributes(event, event.payload)
    lines = []
    for direction in ("input", "output"):
        for message in messages_of(event.payload, attributes, direction):
            for part in message.parts:
                what = part.text if part.type == "text" else _part(part)
                lines.append(f"{direction} {message.role}: {what}"[:LINE_LENGTH])
    return [line.replace("\n", "⏎") for line in lines]


def _part(part) -> str:
    call = f"{part.name}({part.arguments})" if part.type == "tool_call" else part.text
    return f"<{part.type} {call}>"


if __name__ == "__main__":
    for recording in RECORDINGS:
        recording.with_suffix(".txt").write_text(tell(read(recording)))
