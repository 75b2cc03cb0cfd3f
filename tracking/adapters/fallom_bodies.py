"""What went to the model and came back on a flat span of Fallom's, and what a judge said. Pure."""

import msgspec

from tracking.adapters import fallom_raw as raw
from tracking.adapters.dialects.attributes import BODY_COLUMNS
from tracking.adapters.dialects.evaluations import JUDGE, value_of
from tracking.adapters.dialects.table import KEYS_OF_COLUMN
from tracking.adapters.json_values import JsonObject, obj, text
from tracking.events import Evaluation

ATTRIBUTE = "attributes."
"""Before names among the fields that a span told: an attribute that became a body."""

_CAPTURE_KEYS = ("fallom.capture_content", "capture_content")
_OFF = frozenset({False, "false", "0", "no"})
_CONTENT = ("gen_ai.prompt.", "gen_ai.completion.")
_CONTENT_KEYS = frozenset(
    key.name for column in BODY_COLUMNS for key in KEYS_OF_COLUMN.get(column, ())
)
_JUDGED = ("geval.metric", "geval.score")
_REASONING = "geval.reasoning"


class Bodies(msgspec.Struct, gc=False):
    """What went to the model and what came back, taken out of the attributes."""

    input: str | None = None
    output: str | None = None
    request: raw.Request = raw.NO_REQUEST
    response: raw.Response = raw.NO_RESPONSE
    told: list[str] = []  # the attributes that input and output were, with ATTRIBUTE before them
    is_dropped: bool = False  # sent although the client was told not to capture content


def take_bodies(data: JsonObject, attributes: JsonObject) -> Bodies:
    is_kept = not is_private(data, attributes)
    request, response = attributes.pop(raw.REQUEST, None), attributes.pop(raw.RESPONSE, None)
    bodies = Bodies(request=raw.read_request(request), response=raw.read_response(response))
    bodies.input, bodies.output = raw.body_text(request), raw.body_text(response)
    wrapped = (raw.REQUEST, request, bodies.input), (raw.RESPONSE, response, bodies.output)
    bodies.told = [ATTRIBUTE + name for name, _, said in wrapped if said is not None]
    attributes |= {name: sent for name, sent, said in wrapped if said is None and sent is not None}
    # Spans that people end by hand name what went in and out themselves.
    if bodies.input is None and "input" in attributes:
        bodies.input = _plain_text(attributes.pop("input"))
        bodies.told.append(f"{ATTRIBUTE}input")
    if bodies.output is None and "output" in attributes:
        bodies.output = _plain_text(attributes.pop("output"))
        bodies.told.append(f"{ATTRIBUTE}output")
    if is_kept:
        return bodies
    content = [
        key
        for key in attributes
        if key.startswith(_CONTENT) or key in _CONTENT_KEYS or key == _REASONING
    ]
    for key in content:
        del attributes[key]
    bodies.is_dropped = bool(content) or bodies.input is not None or bodies.output is not None
    bodies.input = bodies.output = None
    bodies.told = []
    return bodies


def is_private(data: JsonObject, attributes: JsonObject) -> bool:
    """Whether a span says that content is not to be captured.

    fallom-typescript sends the request of a failed ``generateText`` in privacy mode too. A span
    says so by ``capture_content`` among its attributes or metadata; the clients say nothing.
    """
    for told in (attributes, obj(data.get("metadata"))):
        for key in _CAPTURE_KEYS:
            value = told.get(key)
            if (value.lower() if isinstance(value, str) else value) in _OFF:
                return True
    return False


def _plain_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    return msgspec.json.encode(value).decode()


def judgement_of(attributes: JsonObject) -> tuple[Evaluation, ...]:
    """What a judge's call decided: of what, it does not say, so it is a score of the call."""
    name, score, reasoning = (attributes.get(key) for key in (*_JUDGED, _REASONING))
    value = value_of(score, None)
    if not text(name).strip() or value is None:
        return ()
    key = f"geval:{name}"
    return (
        Evaluation(name=text(name), value=value, source=JUDGE, key=key, comment=text(reasoning)),
    )
