"""Conditions of a filter on single events."""

from tracking.filters import ANY_ERROR, KINDS, EventFilter
from tracking.statements import Where
from tracking.tied_rows import PROMPT_KEY, PROMPT_VERSION


def group_event_conditions(flt: EventFilter) -> list[Where]:
    """Return conditions each of which one event must meet; not all need be the same event.

    A call's own facts go together: this model answered with this prompt.
    """
    call = Where()
    call.add_if(flt.model, "e.model = %s")
    call.add_if(flt.provider, "e.provider = %s")
    call.add_if(flt.finish_reason, "e.finish_reason = %s")
    call.add_if(flt.prompt, f"{PROMPT_KEY} = %s")
    call.add_if(flt.prompt_version, f"{PROMPT_VERSION} = %s")
    groups = [call]
    for value, text in (
        (flt.run_id, "e.run_id = %s"),
        (flt.environment, "e.environment = %s"),
        (flt.config, "e.config_key = %s"),
        (flt.tag, "e.tags @> ARRAY[%s]"),
        (flt.warning, "e.warnings @> ARRAY[%s]"),
        (flt.error if flt.error != ANY_ERROR else "", "e.error_type = %s"),
    ):
        where = Where()
        where.add_if(value, text)
        groups.append(where)
    groups.append(_kind(flt))
    groups += [_metadata(key, value) for key, value in flt.metadata]
    return [where for where in groups if where.texts]


def _kind(flt: EventFilter) -> Where:
    where = Where()
    if flt.kind:
        where.add("e.kind = %s", int(KINDS[flt.kind]))
    return where


def _metadata(key: str, value: str) -> Where:
    where = Where()
    # Numbers and truth values are compared as the text they are shown as.
    where.add("e.metadata ->> %s = %s", key, value)
    return where
