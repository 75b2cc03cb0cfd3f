"""Where spans come from: resource and scope, said once for all their spans. Pure."""

from typing import NamedTuple

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tracking.adapters.dialects.arms import Arm
from tracking.adapters.dialects.attributes import gather, settle
from tracking.adapters.dialects.opentelemetry import RESOURCE_COLUMNS
from tracking.adapters.dialects.table import read_attribute
from tracking.adapters.otlp_requests import Group
from tracking.adapters.otlp_values import attributes_of
from tracking.cleaning import clean_name
from tracking.identity import content_rank

_MAX_MEMO = 1024


class Origin(msgspec.Struct, frozen=True):
    hash: int  # 0: neither resource nor scope says anything
    body: bytes  # JSON
    environment: str
    release: str
    arms: tuple[Arm, ...]


class Said(NamedTuple):
    """What a resource says of its spans."""

    environment: str
    release: str
    arms: tuple[Arm, ...]


_Sent = tuple[bytes, bytes, str, str]
_origins: dict[_Sent, Origin] = {}


def origin_of(group: Group) -> Origin:
    said = (group.resource, group.scope, group.schema_url, group.scope_schema_url)
    origin = _origins.get(said)
    if origin is None:
        if len(_origins) >= _MAX_MEMO:
            _origins.clear()
        origin = _origins[said] = _read_origin(group)
    return origin


def _read_origin(group: Group) -> Origin:
    resource = Resource.FromString(group.resource)
    scope = InstrumentationScope.FromString(group.scope)
    attributes = attributes_of(resource.attributes)
    said = {
        "resource": attributes,
        "resource_dropped_attributes": resource.dropped_attributes_count,
        "schema_url": group.schema_url,
        "scope": scope.name,
        "scope_version": scope.version,
        "scope_attributes": attributes_of(scope.attributes),
        "scope_dropped_attributes": scope.dropped_attributes_count,
        "scope_schema_url": group.scope_schema_url,
    }
    said = {name: value for name, value in said.items() if value}
    body = msgspec.json.encode(said, order="sorted") if said else b""
    own = read_resource(attributes)
    return Origin(
        hash=content_rank(body) if body else 0,
        body=body,
        environment=own.environment,
        release=own.release,
        arms=own.arms,
    )


def read_resource(attributes: dict[str, object]) -> Said:
    """What a resource says of its spans; ``attributes`` are as JSON can say them."""
    columns = {"environment": "", "release": ""}
    for name, column in RESOURCE_COLUMNS.items():
        value = attributes.get(name)
        if isinstance(value, str) and not columns[column]:
            columns[column] = clean_name(value)
    gathered = gather([read_attribute(name, value) for name, value in attributes.items()])
    settle(gathered, None)
    arms: tuple[Arm, ...] = gathered.columns.get("arms", ())
    return Said(columns["environment"], columns["release"], arms)
