"""Projects and who may do what in them."""

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

SLUG_PATTERN = r"^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$"


class Role(models.TextChoices):
    """What a member may do; each role may do all that those before it may."""

    VIEWER = "viewer", "Viewer"
    ANALYST = "analyst", "Analyst"
    EDITOR = "editor", "Editor"
    ADMIN = "admin", "Admin"
    OWNER = "owner", "Owner"

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def covers(self, needed: "Role") -> bool:
        return self.rank >= needed.rank


class ProjectQuerySet(models.QuerySet["Project"]):
    def active(self) -> "ProjectQuerySet":
        return self.filter(archived_at=None)

    def visible_to(self, user: User | AnonymousUser) -> "ProjectQuerySet":
        if user.is_superuser:
            return self.active()
        if user.pk is None:
            return self.none()
        return self.active().filter(memberships__user_id=user.pk)

    def open_to(self, user: User | AnonymousUser, role: Role) -> "ProjectQuerySet":
        """Those where the user has at least this role."""
        if user.is_superuser or user.pk is None:
            return self.visible_to(user)
        enough = [each for each in Role if each.covers(role)]
        return self.active().filter(
            Exists(
                Membership.objects.filter(project=OuterRef("pk"), user_id=user.pk, role__in=enough)
            )
        )


class Project(models.Model):
    slug = models.CharField(
        max_length=64,
        unique=True,
        validators=[
            RegexValidator(SLUG_PATTERN, "Use a–z, 0–9, - and _; start and end with a–z or 0–9.")
        ],
    )
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)
    horizon_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Events older than this are refused; empty: the default."
    )
    capture_content = models.BooleanField(
        default=True, help_text="Keep prompts and answers, not only their numbers."
    )
    masking = models.JSONField(
        default=dict, blank=True, help_text="Which patterns are masked (tracking.mask_settings)."
    )
    retention_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Events older than this are deleted; empty: kept."
    )
    summary_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Sessions and hourly sums older than this are deleted."
    )
    events_from = models.DateTimeField(
        null=True, blank=True, help_text="Events before this hour were deleted and stay refused."
    )

    objects: ClassVar[ProjectQuerySet] = ProjectQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="core_project_slug_shape", condition=Q(slug__regex=SLUG_PATTERN)
            ),
            models.CheckConstraint(
                name="core_project_horizon_positive",
                condition=Q(horizon_days=None) | Q(horizon_days__gt=0),
            ),
            models.CheckConstraint(
                name="core_project_retention_positive",
                condition=Q(retention_days=None) | Q(retention_days__gt=0),
            ),
            # Sums outlive what they were made from.
            models.CheckConstraint(
                name="core_project_summary_outlives",
                condition=Q(summary_days=None)
                | Q(retention_days__isnull=False, summary_days__gte=F("retention_days")),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def accepted_days(self) -> int | None:
        """How old an event may be, where the project says so: what would be deleted is refused."""
        days = [each for each in (self.horizon_days, self.retention_days) if each is not None]
        return min(days, default=None)


class Membership(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["project_id", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="core_membership_once", fields=["project", "user"]),
            models.CheckConstraint(
                name="core_membership_role_known", condition=Q(role__in=Role.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.project_id}"
