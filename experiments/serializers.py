"""What the API sends about experiments: the builders, and their shapes for the OpenAPI schema."""

from typing import Any, TypedDict

from rest_framework import serializers

from experiments.declaration_inputs import PromptOfVariant
from experiments.declarations import HASHES, KINDS, MARGIN_KINDS, ROLES
from experiments.finality import is_of
from experiments.freshness import find_snapshot
from experiments.metrics import DISCOVERED_METRICS
from experiments.models import Experiment, Variant
from experiments.results import VerdictResult
from experiments.unit_lists import Selection, UnitRow


class PromptBody(TypedDict):
    key: str
    version: int | None  # None: whatever the prompt serves


class VariantBody(TypedDict):
    key: str
    name: str
    is_control: bool
    weight: float | None
    model: str
    prompt: PromptBody | None
    config: dict[str, Any] | None  # as it was declared


class MetricBody(TypedDict):
    metric: str
    role: str
    margin: float | None
    margin_kind: str | None


class ExperimentBody(TypedDict):
    key: str
    name: str
    kind: str
    source: str
    unit: str
    hash: str | None
    hypothesis: str
    environment: str
    status: str
    alpha: float
    planned_units: int
    tuning_units: int
    created_at: str
    started_at: str | None
    ended_at: str | None
    variants: list[VariantBody]
    metrics: list[MetricBody]
    targeting: None
    units: int
    verdict: VerdictResult | None
    computed_at: str | None


class UnitBody(TypedDict):
    id: str
    unit: str
    session_id: str
    variant: str
    state: str
    value: float | None
    success: bool | None
    metric_value: float | None
    duration_ms: float | None
    cost_usd: float | None
    tokens: float
    first_seen: str
    last_seen: str


def describe_experiment(experiment: Experiment) -> ExperimentBody:
    """Results of another state than the experiment's are left out: they are computed on reading.

    ``variants`` with their prompts, and ``metrics``, are prefetched, or read here.
    """
    snapshot = find_snapshot(experiment)
    if snapshot is not None and not is_of(experiment, snapshot):
        snapshot = None
    results = snapshot.results if snapshot else None
    return ExperimentBody(
        key=experiment.key,
        name=experiment.title,
        kind=experiment.kind,
        source=experiment.source,
        unit=experiment.unit,
        hash=experiment.hash if experiment.is_declared else None,  # events do not tell theirs
        hypothesis=experiment.hypothesis,
        environment=experiment.environment,
        status=experiment.status,
        alpha=experiment.alpha,
        planned_units=experiment.tuning_units,
        tuning_units=experiment.tuning_units,
        created_at=experiment.created_at.isoformat(),
        started_at=experiment.started_at.isoformat() if experiment.started_at else None,
        ended_at=experiment.ended_at.isoformat() if experiment.ended_at else None,
        variants=[_describe_variant(variant) for variant in experiment.variants.all()],
        metrics=_describe_metrics(experiment),
        targeting=None,
        units=sum(variant["units"] for variant in results["variants"]) if results else 0,
        verdict=results["verdict"] if results else None,
        computed_at=snapshot.computed_at.isoformat() if snapshot else None,
    )


def _describe_variant(variant: Variant) -> VariantBody:
    return VariantBody(
        key=variant.key,
        name=variant.title,
        is_control=variant.is_control,
        weight=variant.weight,
        model=variant.model,
        prompt=_describe_prompt(variant),
        config=variant.config,
    )


def _describe_prompt(variant: Variant) -> PromptBody | None:
    if variant.prompt is None:
        return None
    version = variant.prompt_version
    return PromptBody(key=variant.prompt.key, version=version.number if version else None)


def _describe_metrics(experiment: Experiment) -> list[MetricBody]:
    if not experiment.is_declared:
        return [
            MetricBody(metric=metric.key, role=metric.role, margin=None, margin_kind=None)
            for metric in DISCOVERED_METRICS
        ]
    return [
        MetricBody(
            metric=metric.metric,
            role=metric.role,
            margin=metric.margin,
            margin_kind=metric.margin_kind or None,
        )
        for metric in experiment.metrics.all()
    ]


def describe_unit(experiment: Experiment, selection: Selection, unit: UnitRow) -> UnitBody:
    return UnitBody(
        id=unit.unit_id,
        unit=experiment.unit,
        session_id=unit.session_id,
        variant=unit.variant,
        state=unit.state,
        value=unit.value_of(selection.ranked_by),
        success=None if not unit.is_mature else unit.success_rate == 1,
        metric_value=unit.metric_value,
        duration_ms=unit.duration,
        cost_usd=unit.cost_per_unit,
        tokens=unit.tokens_per_unit,
        first_seen=unit.first_seen.isoformat(),
        last_seen=unit.last_seen.isoformat(),
    )


class VariantSerializer(serializers.Serializer[VariantBody]):
    key = serializers.CharField()
    name = serializers.CharField()
    is_control = serializers.BooleanField()
    weight = serializers.FloatField(allow_null=True)
    model = serializers.CharField()
    prompt = PromptOfVariant(allow_null=True)
    config = serializers.DictField(allow_null=True)


class MetricSerializer(serializers.Serializer[MetricBody]):
    metric = serializers.CharField()
    role = serializers.ChoiceField(ROLES)
    margin = serializers.FloatField(allow_null=True)
    margin_kind = serializers.ChoiceField(MARGIN_KINDS, allow_null=True)


class VerdictSerializer(serializers.Serializer[VerdictResult]):
    code = serializers.CharField()
    sentence = serializers.CharField()
    rule = serializers.CharField()
    variant = serializers.CharField(allow_null=True)


class ExperimentSerializer(serializers.Serializer[ExperimentBody]):
    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS)
    source = serializers.CharField()  # type: ignore[assignment] # a field, whatever its name
    unit = serializers.ChoiceField(choices=Experiment.Unit.choices)
    hash = serializers.ChoiceField(choices=HASHES, allow_null=True)
    hypothesis = serializers.CharField()
    environment = serializers.CharField()
    status = serializers.CharField()
    alpha = serializers.FloatField()
    planned_units = serializers.IntegerField()
    tuning_units = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    variants = VariantSerializer(many=True)
    metrics = MetricSerializer(many=True)
    targeting = serializers.DictField(allow_null=True)
    units = serializers.IntegerField()
    verdict = VerdictSerializer(allow_null=True)
    computed_at = serializers.DateTimeField(allow_null=True)


class ExperimentPageSerializer(serializers.Serializer[ExperimentBody]):
    results = ExperimentSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class UnitSerializer(serializers.Serializer[UnitBody]):
    id = serializers.CharField()
    unit = serializers.CharField()
    session_id = serializers.CharField()
    variant = serializers.CharField()
    state = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    success = serializers.BooleanField(allow_null=True)
    metric_value = serializers.FloatField(allow_null=True)
    duration_ms = serializers.FloatField(allow_null=True)
    cost_usd = serializers.FloatField(
        allow_null=True, help_text="null: the cost of some of its calls is unknown"
    )
    tokens = serializers.FloatField()
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()


class UnitPageSerializer(serializers.Serializer[UnitBody]):
    count = serializers.IntegerField()
    results = UnitSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class ResultsSerializer(serializers.Serializer[object]):
    experiment = serializers.CharField()
    status = serializers.CharField()
    allocation_version = serializers.IntegerField(allow_null=True)
    computed_at = serializers.DateTimeField()
    as_of_lag_seconds = serializers.FloatField()
    is_final = serializers.BooleanField()
    health = serializers.ListField(child=serializers.DictField())
    verdict = VerdictSerializer()
    variants = serializers.ListField(child=serializers.DictField())
    metrics = serializers.ListField(child=serializers.DictField())
    srm = serializers.DictField()
    guardrails = serializers.ListField(child=serializers.DictField())
    planned_units = serializers.IntegerField()
    days_left = serializers.FloatField(allow_null=True)
