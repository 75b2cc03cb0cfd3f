"""Judgements as OpenInference's helpers and OpenTelemetry's event say them: on the span that is
judged, on an evaluator's own span with a link to it, on a span's events and as logs."""

from exporting import exporting
from openinference.instrumentation import get_annotation_attributes, get_evaluation_attributes
from opentelemetry import _logs
from opentelemetry.trace import Link

RESULT = "gen_ai.evaluation.result"


def said(name: str, value: float, why: str) -> dict[str, str | float]:
    return {
        "gen_ai.evaluation.name": name,
        "gen_ai.evaluation.score.value": value,
        "gen_ai.evaluation.explanation": why,
    }


with exporting(logs=True) as tracer:
    with tracer.start_as_current_span("answer") as judged:
        judged.set_attribute("session.id", "s-evaluations")
        thumb = {"name": "thumb", "score": 1, "annotator_kind": "HUMAN"}
        judged.set_attributes(get_annotation_attributes(annotations=[thumb]))
        judged.set_attributes(
            get_annotation_attributes(
                annotations=[{"name": "solved", "label": "yes", "annotator_kind": "CODE"}],
                scope="session",
            )
        )
        judged.add_event(RESULT, said("tone", 0.5, "Kind."))
        context = judged.get_span_context()
        logger = _logs.get_logger("judge")
        logger.emit(event_name=RESULT, attributes=said("relevance", 0.75, "It answers."))
    with tracer.start_as_current_span("judge", context=None, links=[Link(context)]) as evaluator:
        evaluator.set_attribute("openinference.span.kind", "EVALUATOR")
        verdict = {"name": "truth", "score": 0.25, "explanation": "Not quite."}
        evaluator.set_attributes(
            get_evaluation_attributes(evaluations=[{**verdict, "annotator_kind": "LLM"}])
        )
