"""Experiments, their variants and the last results of each."""

from collections.abc import Sequence
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models import Project


class ExperimentQuerySet(models.QuerySet["Experiment"]):
    def for_project(self, project_id: int) -> "ExperimentQuerySet":
        return self.filter(project_id=project_id)

    def running(self) -> "ExperimentQuerySet":
        return self.filter(status=Experiment.Status.RUNNING)

    def newest(self, after: Sequence[int] | None) -> "ExperimentQuerySet":
        """Newest first, from a place in the list on."""
        rows = self if after is None else self.filter(pk__lt=after[0])
        return rows.order_by("-pk")

    def with_snapshots(self) -> "ExperimentQuerySet":
        return self.select_related("snapshot")


class Experiment(models.Model):
    """Several variants compared on the same metrics.

    A *discovered* experiment is known only from events that named it; a *defined* one was set up
    here before it started.
    """

    class Source(models.TextChoices):
        DISCOVERED = "discovered", "Discovered"
        DEFINED = "defined", "Defined"

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
    unit = models.CharField(max_length=16, choices=Unit.choices)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.RUNNING)
    alpha = models.FloatField(default=0.05)
    tuning_units = models.PositiveIntegerField(
        default=5_000, help_text="Units of all arms at which the intervals are tightest; fixed."
    )
    outcome_window = models.DurationField(
        null=True, blank=True, help_text="Age at which a unit counts; runs count when they end."
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)

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
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        return self.name or self.key

    @property
    def is_of_runs(self) -> bool:
        return self.unit == self.Unit.RUN


class Variant(models.Model):
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="variants")
    key = models.TextField(db_collation="C")
    name = models.CharField(max_length=600, blank=True, default="")
    is_control = models.BooleanField(default=False)
    weight = models.FloatField(
        null=True, blank=True, help_text="Share of the traffic it was meant to get; empty: even."
    )

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
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        return self.name or self.key


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
