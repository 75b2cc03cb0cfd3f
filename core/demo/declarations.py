"""Experiments that the demo declares: one that has been running, one that waits for its start."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.demo.experiments import ANSWER_TONE
from core.demo.prompts import PROMPT_KEY, manage_request
from core.demo.requests import DemoRequest

EXPERIMENTS_PATH = "/api/v1/experiments"
BEFORE_THE_FIRST = timedelta(minutes=10)

Metric = dict[str, Any]  # as the API takes it

RUNNING: dict[str, Any] = {
    "key": ANSWER_TONE.key,
    "name": "Answer tone",
    "hypothesis": "A warm opening and a next step make fewer conversations fail.",
    "planned_units": 1000,
}
RUNNING_METRICS: Sequence[Metric] = (
    {"metric": "success_rate", "role": "goal"},
    {"metric": "metric_value", "role": "goal"},
    {"metric": "cost_per_unit", "role": "guardrail", "margin": 0.25},
    {"metric": "tokens_per_unit", "role": "guardrail", "margin": 0.25},
)
DRAFT: dict[str, Any] = {
    "key": "escalation-wording",
    "name": "Escalation wording",
    "hypothesis": "Saying early when a person takes over makes fewer customers write twice.",
    "planned_units": 1200,
}
DRAFT_METRICS: Sequence[Metric] = (
    {"metric": "success_rate", "role": "goal"},
    {"metric": "cost_per_unit", "role": "guardrail"},
)


def experiment_requests() -> Iterator[DemoRequest]:
    """Sent after the prompt: each compares two of its versions."""
    arms = {arm.variant: int(arm.prompt_version) for arm in ANSWER_TONE.arms}
    yield _declare(RUNNING, arms, RUNNING_METRICS)
    yield _declare(DRAFT, {"control": 7, "escalates": 8}, DRAFT_METRICS)


def running_since(now: datetime) -> datetime:
    """When the running one began: before the first of its sessions."""
    return now - timedelta(days=ANSWER_TONE.began_days_ago) - BEFORE_THE_FIRST


def _declare(
    about: dict[str, Any], versions: dict[str, int], metrics: Sequence[Metric]
) -> DemoRequest:
    variants = [
        {
            "key": key,
            "weight": 50,
            "is_control": key == "control",
            "prompt": {"key": PROMPT_KEY, "version": version},
        }
        for key, version in versions.items()
    ]
    said = about | {"kind": "prompt", "unit": "session", "variants": variants, "metrics": metrics}
    return manage_request(EXPERIMENTS_PATH, said, once=f"demo-{about['key']}")
