"""The codes under which items are refused, and what to do about each. Pure.

Senders find them in answers and in the OpenAPI schema, whoever looks at the ingestion page there.
"""

OF_ANY = {
    "not_an_object": "An item is a JSON object.",
    "json_invalid": "A line or an item is no JSON: the answer names the place.",
    "duplicate_key": "An object names a key twice: which of the two is meant?",
    "too_deep": "Nested more than a hundred levels deep.",
    "expired": "Older than what is kept: see retention, the sender's clock, and the unit of times.",
}
OF_EVENTS = {
    "type_missing": "An event needs a type.",
    "type_too_long": "The type of an event has more bytes than a name may have.",
    "data_not_an_object": "What an event says stands in an object under data.",
    "timestamp_invalid": "A time is ISO 8601, or a number since 1970.",
    "trace_id_missing": "A span names its trace.",
    "span_id_missing": "A span has an id.",
}
OF_SCORES = {
    "target_missing": "A score names a session, trace, span, run or user.",
    "name_missing": "A score has a name.",
    "name_too_long": "The name of a score has at most 200 bytes.",
    "value_invalid": "The value of a score is a finite number, true or false, or a label.",
    "source_unknown": "A score comes from user, human, judge or code.",
    "comment_invalid": "The comment of a score is a text.",
    "comment_too_long": "The comment of a score is too long.",
    "timestamp_invalid": OF_EVENTS["timestamp_invalid"],
}
OF_CHATS = {
    "shape_unknown": "None of the shapes that are read: the answer names the nearest.",
    "request_id_missing": "A request, or chunks, without an id: by it an answer is found.",
    "exchange_empty": "An exchange without request, response, chunks and error.",
    "messages_empty": "A request has a message at least.",
    "messages_invalid": "The messages of a request are an array.",
    "message_invalid": "A message is an object.",
    "role_missing": "A message says whose it is.",
    "content_invalid": "The content of a message is a text or an array of blocks.",
    "chunk_invalid": "A chunk is an object with its type.",
    "chunk_type_unknown": "A chunk is of a type that ai.matey does not know.",
    "sequence_missing": "A chunk says its place in the stream.",
    "sequence_invalid": "The place of a chunk is a whole number from 0.",
    "capabilities_invalid": "No capability is named.",
    "timestamp_invalid": OF_EVENTS["timestamp_invalid"],
}
OF_RUNS = {
    "shape_unknown": OF_CHATS["shape_unknown"],
    "field_invalid": "A field that this shape needs is missing, or of another kind.",
    "run_id_missing": "A piece of a run names it by runId.",
    "type_invalid": "The type of a stream's event is a text.",
    "timestamp_invalid": OF_EVENTS["timestamp_invalid"],
}
OF_FLAT_SPANS = {
    "ids_missing": "A span of Fallom's clients names its trace, itself, or its config at least.",
}
OF_FALLOM = {
    "session_id_missing": "The numbers of a session name it.",
    "data_not_an_object": OF_EVENTS["data_not_an_object"],
}
OF_OTLP = {
    "malformed": "Not what the wire format allows.",
    "empty": "A span without ids and time.",
    "invalid_trace_id": "A traceId is 16 bytes, not all zero.",
    "invalid_span_id": "A spanId is 8 bytes, not all zero.",
    "log_not_collected": "A log record that is no event of GenAI's: counted, and not kept.",
}
OF_DIGEST = {
    "erased": "It names somebody who was erased.",
    "discarded": "Taken out of quarantine for good.",
}
MEANINGS = {
    **OF_ANY,
    **OF_EVENTS,
    **OF_SCORES,
    **OF_RUNS,
    **OF_CHATS,
    **OF_FALLOM,
    **OF_FLAT_SPANS,
    **OF_OTLP,
    **OF_DIGEST,
}


def name_codes(codes: dict[str, str]) -> str:
    """For a description in Markdown."""
    named = ", ".join(f"`{code}`" for code in codes)
    of_any = ", ".join(f"`{code}`" for code in OF_ANY)
    return (
        f" Codes of refused items: {named}; and of any item: {of_any}."
        " Messages say the field at fault and the form that is read."
    )
