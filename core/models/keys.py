"""API keys, and how far limited ones have used their rate."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models.projects import Project


class Scope(models.TextChoices):
    """What an API key may do. Scopes do not include one another."""

    INGEST = "ingest", "Send data"
    READ = "read", "Read data"
    MANAGE = "manage", "Manage prompts and experiments"


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
