"""Experiments, their variants and metrics, when they ran, and the last results of each.

What a declared experiment compares does not change once it has started: the database refuses it
(migration 0003).
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models import Project
from prompts.models import VERSION_TEXTS, Prompt, PromptVersion


class ExperimentQuerySet(models.QuerySet["Experiment"]):
    def for_project(self, project_id: int) -> "ExperimentQuerySet":
        return self.filter(project_id=project_id)

    def running(self) -> "ExperimentQuerySet":
        return self.filter(status=Experiment.Status.RUNNING)

    def discovered(self) -> "ExperimentQuerySet":
        return self.filter(source=Experiment.Source.DISCOVERED)

    def newest(self, after: Sequence[int] | None) -> "ExperimentQuerySet":
        """Newest first, from a place in the list on."""
        rows = self if after is None else self.filter(pk__lt=after[0])
        return rows.order_by("-pk")

    def with_snapshots(self) -> "ExperimentQuerySet":
        return self.select_related("snapshot", "created_by", "project")

    def with_definitions(self) -> "ExperimentQuerySet":
        """With snapshots, and all that a declaration says."""
        return self.with_snapshots().prefetch_related(*_definition())


def load_definitions(experiments: Iterable["Experiment"]) -> None:
    """Read what the declared ones among them say; variants of others still come with events."""
    declared = [experiment for experiment in experiments if experiment.is_declared]
    models.prefetch_related_objects(declared, *_definition())


def _definition() -> tuple["str | models.Prefetch[str]", ...]:
    variants = Variant.objects.select_related("prompt", "prompt_version")
    texts = (f"prompt_version__{name}" for name in VERSION_TEXTS)  # not read for a number
    return models.Prefetch("variants", variants.defer(*texts)), "metrics", "status_changes"


class Experiment(models.Model):
    """Several variants compared on the same metrics.

    A *discovered* experiment is known only from events that named it; a *defined* one was set up
    here before it started.
    """

    class Source(models.TextChoices):
        DISCOVERED = "discovered", "Discovered"
        DEFINED = "defined", "Defined"

    class Kind(models.TextChoices):
        """What the variants differ in."""

        MODEL = "model", "Models"
        PROMPT = "prompt", "Prompt versions"
        GRID = "grid", "Grid"
        CUSTOM = "custom", "Custom"
        OFFLINE = "offline", "Offline"

    class Hash(models.TextChoices):
        """How a unit is put into a variant, by name and version."""

        FALLOM = "fallom-1", "Fallom's"
        SALTED = "salted-1", "Salted with the experiment's key"

    class Unit(models.TextChoices):
        """What is counted: calls inside one unit resemble each other, units do not."""

        RUN = "run", "Run"
        SESSION = "session", "Session"
        USER = "user", "User"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        STOPPED = "stopped", "Stopped"
        CONCLUDED = "concluded", "Concluded"
        ARCHIVED = "archived", "Archived"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="experiments")
    key = models.TextField(db_collation="C")  # any characters, ordered as tracking orders them
    name = models.CharField(max_length=600, blank=True, default="")
    source = models.CharField(max_length=16, choices=Source.choices, default=Source.DISCOVERED)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.CUSTOM)
    unit = models.CharField(max_length=16, choices=Unit.choices)
    hash = models.CharField(max_length=16, choices=Hash.choices, default=Hash.SALTED)
    hypothesis = models.TextField(blank=True, default="", max_length=2_000)
    environment = models.CharField(
        max_length=200, blank=True, default="", help_text="Only its units count; empty: all."
    )
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.RUNNING)
    alpha = models.FloatField(default=0.05)
    tuning_units = models.PositiveIntegerField(
        default=5_000, help_text="Units of all arms at which the intervals are tightest; fixed."
    )
    outcome_window = models.DurationField(
        null=True, blank=True, help_text="Age at which a unit counts; runs count when they end."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="experiments",
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    n_changes = models.PositiveSmallIntegerField(
        default=0, help_text="How often it was started, paused or stopped: results name it."
    )

    objects: ClassVar[ExperimentQuerySet] = ExperimentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering: ClassVar[list[str]] = ["-started_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="experiments_experiment_key", fields=["project", "key"]),
            models.CheckConstraint(
                name="experiments_experiment_alpha", condition=Q(alpha__gt=0, alpha__lt=1)
            ),
            models.CheckConstraint(
                name="experiments_experiment_tuning", condition=Q(tuning_units__gt=0)
            ),
            models.CheckConstraint(
                name="experiments_experiment_draft_has_no_start",
                condition=~Q(source="defined")
                | Q(status="draft", started_at=None)
                | (~Q(status="draft") & Q(started_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        return self.name or self.key

    @property
    def is_of_runs(self) -> bool:
        return self.unit == self.Unit.RUN

    @property
    def is_declared(self) -> bool:
        return self.source == self.Source.DEFINED

    @property
    def is_draft(self) -> bool:
        return self.status == self.Status.DRAFT

    @property
    def is_stopped(self) -> bool:
        return self.status == self.Status.STOPPED


class Variant(models.Model):
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="variants")
    key = models.TextField(db_collation="C")
    name = models.CharField(max_length=600, blank=True, default="")
    is_control = models.BooleanField(default=False)
    weight = models.FloatField(
        null=True, blank=True, help_text="Share of the traffic it was meant to get; empty: even."
    )
    model = models.CharField(max_length=200, blank=True, default="")
    prompt = models.ForeignKey(
        Prompt, on_delete=models.PROTECT, null=True, blank=True, related_name="variants"
    )
    prompt_version = models.ForeignKey(
        PromptVersion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="variants",
        help_text="Empty: whatever the prompt serves.",
    )
    config = models.JSONField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-is_control", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="experiments_variant_key", fields=["experiment", "key"]),
            models.UniqueConstraint(
                name="experiments_variant_one_control",
                fields=["experiment"],
                condition=Q(is_control=True),
            ),
            models.CheckConstraint(
                name="experiments_variant_weight", condition=Q(weight=None) | Q(weight__gte=0)
            ),
            models.CheckConstraint(
                name="experiments_variant_version_of_prompt",
                condition=Q(prompt_version=None) | Q(prompt__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        return self.name or self.key


class ExperimentMetric(models.Model):
    """What a declared experiment looks at: goals decide, guardrails must not get worse.

    ``margin`` is how much worse a guardrail may get: a share of the control's mean, or in the
    metric's own unit.
    """

    class Role(models.TextChoices):
        GOAL = "goal", "Goal"
        GUARDRAIL = "guardrail", "Guardrail"
        SECONDARY = "secondary", "Secondary"

    class MarginKind(models.TextChoices):
        RELATIVE = "relative", "Share of the control's"
        ABSOLUTE = "absolute", "In the metric's unit"

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="metrics")
    metric = models.CharField(max_length=64)
    role = models.CharField(max_length=16, choices=Role.choices)
    margin = models.FloatField(null=True, blank=True)
    margin_kind = models.CharField(max_length=16, choices=MarginKind.choices, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["experiment_id", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                name="experiments_metric_once", fields=["experiment", "metric"]
            ),
            models.CheckConstraint(
                name="experiments_metric_margin",
                condition=Q(
                    role="guardrail",
                    margin__isnull=False,
                    margin__gte=0,
                    margin_kind__in=["relative", "absolute"],
                )
                | (~Q(role="guardrail") & Q(margin=None, margin_kind="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric} ({self.role})"


class StatusChange(models.Model):
    """A declared experiment was started, paused, gone on with or stopped. Append-only.

    Units count that met it while it ran.
    """

    experiment = models.ForeignKey(
        Experiment, on_delete=models.CASCADE, related_name="status_changes"
    )
    status = models.CharField(max_length=16, choices=Experiment.Status.choices)
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    actor_label = models.CharField(max_length=160)
    note = models.TextField(blank=True, default="", max_length=2_000)

    class Meta:
        ordering: ClassVar[list[str]] = ["experiment_id", "id"]

    def __str__(self) -> str:
        return f"{self.experiment_id}: {self.status} at {self.at:%Y-%m-%d %H:%M:%S}"


class ResultSnapshot(models.Model):
    """The results of one experiment as last computed: sums and what follows from them, no content.

    ``source_mark`` names the state of the project's data they were computed from.
    """

    experiment = models.OneToOneField(Experiment, on_delete=models.CASCADE, related_name="snapshot")
    results = models.JSONField()
    method_version = models.CharField(max_length=32)
    source_mark = models.BigIntegerField()
    computed_at = models.DateTimeField()
    computed_in = models.DurationField()

    def __str__(self) -> str:
        return f"results of {self.experiment_id} at {self.computed_at:%Y-%m-%d %H:%M:%S}"
