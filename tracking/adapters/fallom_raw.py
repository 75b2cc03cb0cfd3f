"""``fallom.raw.*``: JSON texts in which Fallom's wrappers put what they saw. Pure.

The wrappers send requests and answers as they are and leave understanding to the server. Here only
the facts that columns hold are read; the texts themselves become input and output, word for word.
"""

from typing import Any, TypeVar

import msgspec

from tracking.adapters.dialects.message_parts import decode_json
from tracking.adapters.json_values import JsonObject, obj, objects, text

REQUEST, RESPONSE = "fallom.raw.request", "fallom.raw.response"
USAGE, TIMINGS = "fallom.raw.usage", "fallom.raw.timings"
PROVIDER_METADATA = "fallom.raw.providerMetadata"
MASKED = "fallom.raw.metadata"
"""The answer with its content masked, which fallom-typescript sends in privacy mode too."""

T = TypeVar("T")
# Values are checked where they are used: a wrong one must not cost its neighbours.
_Any = Any


class Request(msgspec.Struct, frozen=True, gc=False):
    """Of a request only this is looked at: its messages may be megabytes."""

    model: _Any = None


class Response(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    model: _Any = None
    model_id: _Any = None
    finish_reason: _Any = None
    status: _Any = None  # of OpenAI's Responses
    usage: _Any = None  # of Mastra's agents
    total_usage: _Any = None
    response: _Any = None
    steps: msgspec.Raw = msgspec.Raw()

    @property
    def answered_by(self) -> str:
        inner = obj(self.response)
        named = (self.model, self.model_id, inner.get("modelId"), inner.get("model"))
        return next((text(each) for each in named if text(each)), "")

    @property
    def finish(self) -> str:
        return text(self.finish_reason) or text(self.status)

    @property
    def own_usage(self) -> JsonObject:
        return obj(self.total_usage) or obj(self.usage)

    def read_steps(self) -> list[JsonObject]:
        """The steps of an agent, as far as they are objects."""
        try:
            return objects(msgspec.json.decode(self.steps)) if self.steps else []
        except (ValueError, RecursionError):
            return []


NO_REQUEST, NO_RESPONSE = Request(), Response()


def read_request(sent: object) -> Request:
    return _read(sent, Request, NO_REQUEST)


def read_response(sent: object) -> Response:
    return _read(sent, Response, NO_RESPONSE)


def _read(sent: object, shape: type[T], nothing: T) -> T:
    """Read an object of a JSON text, or one that was not made a text; of other JSON nothing."""
    try:
        if isinstance(sent, str):
            return msgspec.json.decode(sent, type=shape)
        if isinstance(sent, dict):
            return msgspec.json.decode(msgspec.json.encode(sent), type=shape)
        return nothing
    except (ValueError, RecursionError):
        return nothing


def read_object(sent: object) -> JsonObject:
    """A small object that came as JSON text: usage, timings."""
    return obj(decode_json(sent)) if isinstance(sent, str) else obj(sent)


def body_text(sent: object) -> str | None:
    """The text to keep as input or output: the very JSON that came, a lone string as itself; None
    of an object without anything, which fallom-typescript makes of a stream."""
    if sent in ("{}", {}):
        return None
    if isinstance(sent, str):
        if sent.startswith('"') and isinstance(plain := decode_json(sent), str):
            return plain
        return sent or None
    if sent is None:
        return None
    return msgspec.json.encode(sent).decode()
