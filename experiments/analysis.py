"""From the units of an experiment to its results: sums in SQL, inference on sums, one snapshot."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError

from experiments.cases import Case, Question
from experiments.comparing import Rule
from experiments.declared import declared_arms, judge_guardrails, metrics_of
from experiments.discovery import choose_control, record_variants
from experiments.executions import find_dimensions, name_from_events, read_executions
from experiments.finality import find_final, keep_results
from experiments.health import HealthInputs, check_health
from experiments.left_out import count_left_out
from experiments.measuring import correct_for_goals, measure
from experiments.metrics import DISCOVERED_METRICS
from experiments.models import Experiment, ResultSnapshot, Variant
from experiments.results import (
    Excluded,
    GuardrailResult,
    MetricResult,
    Results,
    SplitResult,
    VariantResult,
    is_measured,
)
from experiments.stats import METHOD_VERSION
from experiments.stats.power import days_left
from experiments.stats.srm import SplitTest, check_split
from experiments.unit_sums import LeftOut, VariantSums
from experiments.units import sum_units, unit_parameters
from experiments.verdicts import reach_verdict
from tracking.models import SessionToRefresh
from tracking.remapping import KIND as REMAPPING
from tracking.repricing import KIND as REPRICING
from tracking.statements import fetch_one

SHORTEST_OBSERVATION = timedelta(hours=1)
MAX_VARIANTS = 50

# Jobs that tell stored events anew count nothing: the time of their last step stands for it, in µs.
MARK = """
SELECT (SELECT coalesce(sum(n), 0) FROM tracking_ingestcounter
        WHERE project_id = %(project_id)s AND hour >= %(since)s)
     + (SELECT coalesce(max(extract(epoch FROM stepped_at)) * 1000000, 0) FROM core_job
        WHERE project_id = %(project_id)s AND kind = ANY(%(kinds)s::text[]))
"""


@dataclass(frozen=True, slots=True)
class Observation:
    """One experiment at one moment: what the database summed, with the control first."""

    experiment: Experiment
    arms: Sequence[VariantSums]
    variants: dict[str, Variant]
    control: str
    unshown: int  # variants left out because there are too many
    left_out: LeftOut | None  # of a declared experiment
    now: datetime

    @property
    def units(self) -> int:
        return sum(arm.units for arm in self.arms)


def analyse(experiment: Experiment, *, now: datetime) -> ResultSnapshot:
    """Compute the results of an experiment as of now and keep them; return final ones as kept."""
    kept = find_final(experiment)
    if kept is not None:
        return kept
    began = time.monotonic()
    mark = source_mark(experiment.project_id, now=now)
    if experiment.environment and texts_wait(experiment.project_id):
        mark = -1 - mark  # of no state to come: what follows is computed again, without new data
    results = compute_results(experiment, now=now)
    fields = {
        "results": results,
        "method_version": METHOD_VERSION,
        "source_mark": mark,
        "computed_at": now,
        "computed_in": timedelta(seconds=time.monotonic() - began),
    }
    try:
        return keep_results(experiment, fields)
    except IntegrityError:  # a draft that was discarded meanwhile
        return ResultSnapshot(experiment=experiment, **fields)


def source_mark(project_id: int, *, now: datetime) -> int:
    """Return a number that changes whenever anything of the project was digested, or told anew.

    The ledger keeps every hour there ever was: what was received before last month is left out.
    """
    last_month = now.astimezone(UTC).replace(day=1) - timedelta(days=1)
    since = last_month.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    parameters = {"project_id": project_id, "since": since, "kinds": [REPRICING, REMAPPING]}
    row = fetch_one(MARK, parameters)
    return int(row[0]) if row else 0


def texts_wait(project_id: int) -> bool:
    """Tell whether sessions wait for their texts, which say a session's environment."""
    return SessionToRefresh.objects.filter(project_id=project_id).exists()


def compute_results(experiment: Experiment, *, now: datetime) -> Results:
    observation = observe(experiment, now=now)
    variants = list(observation.variants.values())
    name_from_events(experiment, variants)
    dimensions = find_dimensions(experiment, variants, known_dimensions(experiment))
    rule = Rule(alpha=experiment.alpha, tuning_units=experiment.tuning_units)
    metrics = [
        measure(metric, observation.arms, observation.control, rule=rule)
        for metric in metrics_of(experiment)
    ]
    correct_for_goals(metrics)
    split = judge_split(observation)
    guardrails = judge_guardrails(experiment, observation.arms, observation.control, rule=rule)
    case = build_case(observation, split, metrics, guardrails)
    return Results(
        experiment=experiment.key,
        name=experiment.title,
        status=experiment.status,
        source=experiment.source,
        unit=experiment.unit,
        allocation_version=None,
        started_at=_iso(experiment.started_at),
        computed_at=now.isoformat(),
        health=list(case.health),
        verdict=reach_verdict(case),
        variants=[
            variant_result(observation, arm, dimensions[arm.variant]) for arm in observation.arms
        ],
        metrics=metrics,
        srm=split_result(observation, split),
        planned_units=experiment.tuning_units,
        days_left=case.days_left,
        units_in_several_variants=round(sum(arm.several_share for arm in observation.arms)),
        executions=read_executions(experiment, now=now) if experiment.is_of_runs else [],
        guardrails=guardrails,
        changes=experiment.n_changes,
    )


def build_case(
    observation: Observation,
    split: SplitTest,
    metrics: Sequence[MetricResult],
    guardrails: Sequence[GuardrailResult],
) -> Case:
    """Gather what the verdict is reached from."""
    variants = observation.variants
    return Case(
        questions=goal_questions(observation, metrics),
        health=check_health(health_inputs(observation, split, metrics, guardrails)),
        names={arm.variant: variants[arm.variant].title for arm in observation.arms},
        unit=observation.experiment.unit,
        alpha=observation.experiment.alpha,
        days_left=days_to_go(observation),
        is_draft=observation.experiment.is_draft,
        is_over=observation.experiment.is_stopped,
        guardrails=guardrails,
    )


def observe(experiment: Experiment, *, now: datetime) -> Observation:
    seen = sum_units(experiment, now=now)
    arms = declared_arms(experiment, seen) if experiment.is_declared else largest_arms(seen)
    variants = {variant.key: variant for variant in record_variants(experiment, arms)}
    control = next((key for key, variant in variants.items() if variant.is_control), "")
    return Observation(
        experiment=experiment,
        arms=sorted(arms, key=lambda arm: arm.variant != control),
        variants=variants,
        control=control,
        unshown=max(len(seen) - len(arms), 0),
        left_out=(
            count_left_out(experiment, unit_parameters(experiment, now=now))
            if experiment.is_declared
            else None
        ),
        now=now,
    )


def largest_arms(arms: list[VariantSums]) -> list[VariantSums]:
    """Keep what a page can show when a client names a variant for every request."""
    if len(arms) <= MAX_VARIANTS:
        return arms
    control = choose_control(arms)
    ranked = sorted(arms, key=lambda arm: (arm.variant != control, -arm.units, arm.variant))
    kept = {arm.variant for arm in ranked[:MAX_VARIANTS]}
    return [arm for arm in arms if arm.variant in kept]


def goal_questions(observation: Observation, metrics: Sequence[MetricResult]) -> list[Question]:
    """Pair every comparison of a goal with its arms. A goal that nobody measured asks nothing."""
    floors = {metric.key: metric.floor for metric in DISCOVERED_METRICS}
    questions = []
    for metric in metrics:
        arms = {arm["variant"]: arm for arm in metric["arms"]}
        if metric["role"] != "goal" or not is_measured(metric):
            continue
        questions += [
            Question(
                metric=metric,
                comparison=comparison,
                control=arms[observation.control],
                arm=arms[comparison["variant"]],
                floor=floors[metric["key"]],
            )
            for comparison in metric["comparisons"]
        ]
    return questions


def weights_of(observation: Observation) -> tuple[dict[str, float], bool]:
    """Return the planned weights; even ones when none were declared."""
    declared = {arm.variant: observation.variants[arm.variant].weight for arm in observation.arms}
    if all(weight is None for weight in declared.values()):
        return dict.fromkeys(declared, 1.0), False
    return {key: weight or 0.0 for key, weight in declared.items()}, True


def judge_split(observation: Observation) -> SplitTest:
    weights, _ = weights_of(observation)
    counts = [arm.units for arm in observation.arms]
    return check_split(counts, [weights[arm.variant] for arm in observation.arms])


def health_inputs(
    observation: Observation,
    split: SplitTest,
    metrics: Sequence[MetricResult],
    guardrails: Sequence[GuardrailResult],
) -> HealthInputs:
    weights, has_weights = weights_of(observation)
    return HealthInputs(
        arms=observation.arms,
        weights=weights,
        has_weights=has_weights,
        split=split,
        metrics=metrics,
        unit=observation.experiment.unit,
        unshown=observation.unshown,
        left_out=observation.left_out,
        guardrails=guardrails,
    )


def split_result(observation: Observation, split: SplitTest) -> SplitResult:
    weights, _ = weights_of(observation)
    return SplitResult(
        p=split.p,
        status=split.status,
        chi2_p=split.chi2_p,
        counts={arm.variant: arm.units for arm in observation.arms},
        weights=weights,
    )


def known_dimensions(experiment: Experiment) -> dict[str, dict[str, str]]:
    """What the kept results say of each variant's settings; results of older code say nothing."""
    snapshot = getattr(experiment, "snapshot", None)
    kept = snapshot.results["variants"] if snapshot else []
    return {each["key"]: each["dimensions"] for each in kept if "dimensions" in each}


def variant_result(
    observation: Observation, arm: VariantSums, dimensions: dict[str, str]
) -> VariantResult:
    variant = observation.variants[arm.variant]
    before = observation.left_out.before_start if observation.left_out else {}
    return VariantResult(
        key=arm.variant,
        name=variant.title,
        is_control=variant.is_control,
        weight=variant.weight,
        units=arm.units,
        maturing=arm.maturing,
        excluded=Excluded(
            several_variants=arm.several,
            fallback=0,
            forced=0,
            before_start=before.get(arm.variant, 0),
        ),
        dimensions=dimensions,
        first_seen=_iso(arm.first_seen),
        last_seen=_iso(arm.last_seen),
    )


def days_to_go(observation: Observation) -> float | None:
    """Return the days until the planned units have come, at the rate seen so far."""
    if observation.experiment.status != Experiment.Status.RUNNING:
        return None
    seen = (arm.first_seen for arm in observation.arms if arm.first_seen is not None)
    began = min(seen, default=observation.now)
    observed = observation.now - began
    if observed < SHORTEST_OBSERVATION:
        return None
    rate = observation.units / (observed / timedelta(days=1))
    return days_left(observation.experiment.tuning_units - observation.units, rate)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
