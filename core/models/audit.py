"""The record of who changed what."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models.projects import Project


class AuditEntry(models.Model):
    """One change by one actor. The database refuses to alter or remove it (migration 0002).

    Users and projects named here cannot be deleted for the same reason: they are deactivated and
    archived.
    """

    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, null=True, blank=True, related_name="audit_entries"
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="audit_entries",
    )
    actor_label = models.CharField(max_length=160)
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=300, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-id"]
        verbose_name_plural = "audit entries"
        indexes: ClassVar[list[models.Index]] = [
            # The audit page of a project, newest first.
            models.Index(fields=["project", "-at", "-id"], name="core_auditentry_project_at"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_label} {self.action} {self.target}"
