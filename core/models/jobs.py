"""Long work, and the signs of life of those who do it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models.projects import Project


class Job(models.Model):
    """A long piece of work in small steps, each its own transaction: any worker may go on with it.

    ``place`` is where the next step begins, as the kind of job understands it.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="jobs")
    kind = models.CharField(max_length=64)
    params = models.JSONField(default=dict, blank=True)
    place = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    n_failures = models.PositiveIntegerField(default=0, help_text="In a row, of its next step.")
    n_done = models.BigIntegerField(default=0)
    n_total = models.BigIntegerField(null=True, blank=True)
    result = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="jobs",
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    stepped_at = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(
        null=True, blank=True, help_text="No step before, after failures."
    )
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["project", "-created_at"], name="core_job_project"),
            models.Index(
                fields=["id"],
                condition=Q(state__in=["waiting", "running"]),
                name="core_job_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.project_id}: {self.state}"

    @property
    def is_failing(self) -> bool:
        """Whether its next step failed, and is tried again later."""
        return self.is_open and self.n_failures > 0

    @property
    def is_open(self) -> bool:
        return self.state in {self.State.WAITING, self.State.RUNNING}


class Heartbeat(models.Model):
    """The last sign of life of a worker, read by /readyz."""

    name = models.CharField(max_length=200, primary_key=True)
    at = models.DateTimeField()
    pid = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"
