"""Who owns what: projects, their members and keys, and the record of who changed what."""

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.postgres.fields import ArrayField
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


class Scope(models.TextChoices):
    """What an API key may do. Scopes do not include one another."""

    INGEST = "ingest", "Send data"
    READ = "read", "Read data"
    MANAGE = "manage", "Manage prompts and experiments"


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


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> "ApiKeyQuerySet":
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=timezone.now()),
            revoked_at=None,
            project__archived_at=None,
        )


class ApiKey(models.Model):
    """Of a secret key only the digest is kept; the key itself is shown once, when it is made.

    A publishable key stands in web pages for everybody to read: it may only send, is limited, and
    its text is kept.
    """

    class Kind(models.TextChoices):
        SECRET = "secret", "Secret"
        PUBLISHABLE = "publishable", "Publishable"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=16, unique=True)
    secret_hash = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.SECRET)
    public_text = models.CharField(max_length=64, blank=True, default="")
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope.choices))
    origins = ArrayField(
        models.CharField(max_length=300),
        default=list,
        blank=True,
        help_text="Web pages that may use a publishable key; empty: any.",
    )
    rate_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Requests a second; empty: no limit."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="api_keys",
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ApiKeyQuerySet] = ApiKeyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="core_apikey_scopes_known",
                condition=Q(scopes__contained_by=Scope.values) & Q(scopes__len__gt=0),
            ),
            models.CheckConstraint(
                name="core_apikey_hash_is_sha256", condition=Q(secret_hash__regex="^[0-9a-f]{64}$")
            ),
            models.CheckConstraint(
                name="core_apikey_publishable_is_harmless",
                condition=Q(kind="secret", public_text="")
                | Q(
                    kind="publishable",
                    public_text__startswith="pk_",
                    scopes=[Scope.INGEST.value],
                    rate_limit__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="core_apikey_rate_limit_positive",
                condition=Q(rate_limit=None) | Q(rate_limit__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and not self.is_expired

    @property
    def is_publishable(self) -> bool:
        return self.kind == self.Kind.PUBLISHABLE


class KeyAllowance(models.Model):
    """How far a limited key has used its rate: the time until which its requests are spread.

    An unlogged table (migration 0004): after a crash every key begins with its whole allowance.
    """

    key_id = models.BigIntegerField(primary_key=True)
    spread_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.key_id} until {self.spread_until:%H:%M:%S}"


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


class LoginThrottle(models.Model):
    """Failed logins of one (account, address) or one address in the current window."""

    key = models.CharField(max_length=64, primary_key=True)
    n_failures = models.PositiveIntegerField()
    window_started_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.n_failures} since {self.window_started_at:%H:%M:%S}"


class Heartbeat(models.Model):
    """The last sign of life of a worker, read by /readyz."""

    name = models.CharField(max_length=200, primary_key=True)
    at = models.DateTimeField()
    pid = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"


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
    def is_open(self) -> bool:
        return self.state in {self.State.WAITING, self.State.RUNNING}


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
