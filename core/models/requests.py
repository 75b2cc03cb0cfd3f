"""What is remembered of requests: failed logins, answers to writes that may be sent again."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from core.models.projects import Project


class LoginThrottle(models.Model):
    """Failed logins of one (account, address) or one address in the current window."""

    key = models.CharField(max_length=64, primary_key=True)
    n_failures = models.PositiveIntegerField()
    window_started_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.n_failures} since {self.window_started_at:%H:%M:%S}"


class IdempotentReply(models.Model):
    """What a write with an ``Idempotency-Key`` was answered (core.idempotency)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="core_idempotentreply_once", fields=["project", "key"]),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["project", "created_at"], name="core_idempotent_old"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.status}"
