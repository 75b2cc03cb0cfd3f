"""What happened in a run between its spans. Pure."""

from collections.abc import Iterator

from tracking.adapters.dogpile.columns import slim
from tracking.adapters.dogpile.record import Run
from tracking.adapters.dogpile.shapes import CHUNK
from tracking.adapters.dogpile.timeline import BROADCAST, TURN
from tracking.adapters.dogpile.values import JsonObject, count_of, first_text, text_of

ROLE_ASSIGNMENT = "role-assignment"

_SPANS_OF_THEIR_OWN = frozenset(
    {TURN, BROADCAST, CHUNK, "tool-call", "tool-result", "model-request", "model-response", "final"}
)


def moments_of(run: Run) -> Iterator[tuple[str, str, JsonObject]]:
    """Decisions and events that are no span, each with a key of its own, its name and itself."""
    for index, decision in enumerate(run.decisions):
        name = first_text(decision.get("decision"), decision.get("eventType")) or "decision"
        yield f"decision:{index}", name, decision
    told = {count_of(decision.get("eventIndex")) for decision in run.decisions}
    seen: dict[str, int] = {}
    for index, event in enumerate(run.events):
        name = text_of(event.get("type"))
        if name == ROLE_ASSIGNMENT and index in told:
            continue  # the decision says the same
        if name and name not in _SPANS_OF_THEIR_OWN:
            seen[name] = seen.get(name, 0) + 1
            yield f"{name}:{seen[name]}", name, slim(event)
    if run.stop:
        at = {"at": run.final.get("at")}
        yield "termination-stop", "termination-stop", {**at, **run.stop}
