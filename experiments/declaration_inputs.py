"""What the API takes to declare an experiment."""

from typing import Any

from rest_framework import serializers

from core.database.types import MAX_INT4
from experiments.declarations import (
    ALPHA,
    HASHES,
    KINDS,
    MARGIN_KINDS,
    MAX_KEY,
    MAX_NAME,
    MAX_TEXT,
    PLANNED_UNITS,
    ROLES,
    UNITS,
    Declaration,
    DeclaredMetric,
    DeclaredVariant,
)

UNASSIGNED = "Units are put into variants by who sends the spans; leave this out."


class PromptOfVariant(serializers.Serializer[Any]):
    """``version`` null: whatever the prompt serves."""

    key = serializers.CharField(max_length=128)
    version = serializers.IntegerField(
        min_value=1, max_value=MAX_INT4, allow_null=True, required=False, default=None
    )


class VariantInput(serializers.Serializer[Any]):
    """``weight`` is percent of the traffic: all variants have one, or none."""

    key = serializers.CharField(max_length=MAX_KEY)
    name = serializers.CharField(max_length=MAX_NAME, required=False, allow_blank=True, default="")
    weight = serializers.FloatField(required=False, allow_null=True, default=None)
    is_control = serializers.BooleanField(required=False, default=False)
    model = serializers.CharField(max_length=MAX_KEY, required=False, allow_blank=True, default="")
    prompt = PromptOfVariant(required=False, allow_null=True, default=None)
    config = serializers.DictField(required=False, allow_null=True, default=None)


class MetricInput(serializers.Serializer[Any]):
    """A guardrail without a ``margin`` gets a small one; scores need it said."""

    metric = serializers.CharField(max_length=MAX_KEY)
    role = serializers.ChoiceField(ROLES)
    margin = serializers.FloatField(required=False, allow_null=True, default=None)
    margin_kind = serializers.ChoiceField(
        MARGIN_KINDS, required=False, allow_null=True, default=None
    )


class ExperimentInput(serializers.Serializer[Any]):
    """``targeting`` and ``traffic`` other than none and 100 are refused: nothing assigns yet."""

    key = serializers.CharField(max_length=MAX_KEY)
    name = serializers.CharField(max_length=MAX_NAME, required=False, allow_blank=True, default="")
    kind = serializers.ChoiceField(KINDS)
    unit = serializers.ChoiceField((*UNITS, "user"), required=False, default="session")
    hash = serializers.ChoiceField(HASHES, required=False, default="salted-1")
    hypothesis = serializers.CharField(
        max_length=MAX_TEXT, required=False, allow_blank=True, default=""
    )
    environment = serializers.CharField(
        max_length=MAX_KEY, required=False, allow_blank=True, default=""
    )
    variants = serializers.ListField(child=VariantInput(), max_length=100)
    metrics = serializers.ListField(
        child=MetricInput(), max_length=100, required=False, default=list
    )
    planned_units = serializers.IntegerField(
        max_value=MAX_INT4, required=False, default=PLANNED_UNITS
    )
    alpha = serializers.FloatField(required=False, default=ALPHA)
    targeting = serializers.DictField(required=False, allow_null=True, default=None)
    traffic = serializers.FloatField(required=False, default=100)

    def validate_targeting(self, value: dict[str, Any] | None) -> None:
        if value:
            raise serializers.ValidationError(UNASSIGNED)

    def validate_traffic(self, value: float) -> float:
        if value != 100:
            raise serializers.ValidationError(UNASSIGNED)
        return value


class StatusInput(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=MAX_TEXT, required=False, allow_blank=True, default="")


def read_declaration(said: dict[str, Any]) -> Declaration:
    """``said``: what ExperimentInput let through."""
    plain = ("key", "name", "kind", "unit", "hash", "hypothesis", "environment", "alpha")
    return Declaration(
        **{name: said[name] for name in (*plain, "planned_units")},
        variants=tuple(_read_variant(each) for each in said["variants"]),
        metrics=tuple(
            DeclaredMetric(**{**each, "margin_kind": each["margin_kind"] or ""})
            for each in said["metrics"]
        ),
    )


def _read_variant(said: dict[str, Any]) -> DeclaredVariant:
    prompt = said["prompt"] or {"key": "", "version": None}
    rest = {name: value for name, value in said.items() if name != "prompt"}
    return DeclaredVariant(**rest, prompt=prompt["key"], prompt_version=prompt["version"])
