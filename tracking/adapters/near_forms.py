"""What a refused item probably meant, in the words of its answer. Pure.

Other systems name the same things otherwise; who sends their form is told the nearest one of ours.
"""

from collections.abc import Mapping

# By what is missing: names under which other systems say it (Segment and PostHog; Langfuse;
# LangSmith; OpenTelemetry), the more telling first.
_OTHER_NAMES = {
    "type": ("event", "event_type", "eventType", "kind", "name"),
    "data": ("properties", "payload", "attributes"),
    "name": ("metric", "key", "score_name", "scoreName"),
    "value": ("score", "rating", "result", "score_value", "scoreValue", "label"),
    "source": ("evaluator", "author", "annotator"),
}
_LISTS = ("events", "items", "batch", "data", "scores", "records", "spans")


def hint_at(missing: str, sent: Mapping[str, object]) -> str:
    """Say which key of ``sent`` is read under the name that is missing; "" when none looks so."""
    for other in _OTHER_NAMES.get(missing, ()):
        if sent.get(other) not in (None, "", [], {}):
            return f'; "{other}" is not read as such: name it "{missing}"'
    return ""


def hint_at_list(sent: Mapping[str, object], wrapper: str) -> str:
    """Say that an array of items stands under another key than the one that is read."""
    for key in _LISTS:
        held = sent.get(key)
        if key != wrapper and isinstance(held, list) and held and isinstance(held[0], dict):
            return f'; the array under "{key}" is not read: name it "{wrapper}"'
    return ""
