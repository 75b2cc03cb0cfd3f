"""What backends can do, side by side, and what a request asked that its backend cannot. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracking.adapters.dialects.message_parts import Message
from tracking.adapters.json_values import JsonObject, number, obj
from tracking.translation import shown

LABELS = {
    "streaming": "Streaming",
    "multiModal": "Images and other media",
    "tools": "Tools",
    "structuredOutput": "Structured output",
    "systemMessageStrategy": "System message goes",
    "supportsMultipleSystemMessages": "Several system messages",
    "supportsTemperature": "Temperature",
    "supportsTopP": "Top p",
    "supportsTopK": "Top k",
    "supportsSeed": "Seed",
    "supportsFrequencyPenalty": "Frequency penalty",
    "supportsPresencePenalty": "Presence penalty",
    "maxContextTokens": "Context, tokens",
    "maxStopSequences": "Stop sequences",
    "supportedModels": "Models",
}
PARAMETERS = {
    "temperature": "supportsTemperature",
    "topP": "supportsTopP",
    "topK": "supportsTopK",
    "seed": "supportsSeed",
    "frequencyPenalty": "supportsFrequencyPenalty",
    "presencePenalty": "supportsPresencePenalty",
}
MAX_FURTHER = 30


@dataclass(frozen=True, slots=True)
class Cell:
    """``verdict``: yes, no, or "" for what is neither; ``text`` is "" of what was not said."""

    verdict: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    key: str
    cells: list[Cell]


def build_matrix(backends: Sequence[JsonObject]) -> list[Row]:
    """A row a capability that any backend names, a cell a backend."""
    further = sorted({key for said in backends for key in said} - LABELS.keys())[:MAX_FURTHER]
    keys = [*LABELS, *further]
    return [
        Row(LABELS.get(key, key), key, [_cell(said.get(key)) for said in backends])
        for key in keys
        if any(key in said for said in backends)
    ]


def _cell(value: object) -> Cell:
    if value is None:
        return Cell("", "")
    if isinstance(value, bool):
        return Cell("yes" if value else "no", "yes" if value else "no")
    if isinstance(value, list):
        return Cell("", ", ".join(shown(each) for each in value) or "none named")
    if isinstance(value, int):
        return Cell("", f"{value:,}")
    return Cell("", shown(value))


def lint(
    attributes: Mapping[str, Any], messages: Sequence[Message], capabilities: JsonObject
) -> list[str]:
    """What the request asked for that its backend says it cannot do, each as a sentence."""
    can = capabilities
    parameters = obj(attributes.get("matey.parameters"))
    found = [
        f"{key} is set, and the backend takes none."
        for key, capability in PARAMETERS.items()
        if can.get(capability) is False and _is_set(key, parameters.get(key))
    ]
    if attributes.get("matey.tools") and can.get("tools") is False:
        found.append("Tools are offered, and the backend calls none.")
    if "matey.stream_mode" in attributes and can.get("streaming") is False:
        found.append("A stream is asked for, and the backend streams nothing.")
    return found + _limits(parameters, can) + _content(messages, can)


def _is_set(key: str, value: object) -> bool:
    """A penalty of 0 asks for nothing."""
    return value is not None and not (key.endswith("Penalty") and value == 0)


def _limits(parameters: JsonObject, can: JsonObject) -> list[str]:
    found = []
    stops, most_stops = parameters.get("stopSequences"), number(can.get("maxStopSequences"))
    if isinstance(stops, list) and most_stops is not None and len(stops) > most_stops:
        found.append(f"{len(stops)} stop sequences are set, and the backend takes {most_stops:g}.")
    most, context = number(parameters.get("maxTokens")), number(can.get("maxContextTokens"))
    if most is not None and context is not None and most > context:
        found.append(f"maxTokens is {most:,.0f}, and the backend's context holds {context:,.0f}.")
    model, models = parameters.get("model"), can.get("supportedModels")
    if isinstance(model, str) and isinstance(models, list) and models and model not in models:
        found.append(f"{shown(model)} is asked for, which is none of the backend's models.")
    return found


def _content(messages: Sequence[Message], can: JsonObject) -> list[str]:
    found = []
    if can.get("multiModal") is False and any(
        part.type == "image" for message in messages for part in message.parts
    ):
        found.append("Images are sent, and the backend reads text alone.")
    systems = sum(message.role == "system" for message in messages)
    if systems > 1 and can.get("supportsMultipleSystemMessages") is False:
        found.append(f"{systems} system messages are sent, and the backend takes one.")
    return found
