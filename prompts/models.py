"""Prompts, their versions, and which version a label serves.

A published version and a label's move never change again: the database refuses it (migration 0002).
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models import Project

# Clients put keys into addresses as they are.
KEY_PATTERN = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$"
LABEL_PATTERN = r"^[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?$"
PRODUCTION = "production"


class Prompt(models.Model):
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="prompts")
    key = models.CharField(
        max_length=128,
        validators=[
            RegexValidator(KEY_PATTERN, "Use letters, digits, '.', '-' and '_'; no sign at an end.")
        ],
    )
    name = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True, max_length=10_000)
    tags = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="prompts",
    )
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["key"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="prompts_prompt_key_once", fields=["project", "key"]),
            models.CheckConstraint(
                name="prompts_prompt_key_shape", condition=Q(key__regex=KEY_PATTERN)
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.key


class PromptVersion(models.Model):
    """A draft until it is published; from then on nothing of it changes.

    ``messages`` are ``[{"role": …, "content": …}]`` of a chat, beside or instead of the two texts.
    ``variables`` declares ``[{"name", "type", "example", "description"}]``; ``variables_found`` are
    the names that the texts use, in order. ``revision`` counts the saves of a draft.
    """

    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    system = models.TextField(blank=True)
    user_template = models.TextField(blank=True)
    messages = models.JSONField(null=True, blank=True)
    variables = models.JSONField(default=list, blank=True)
    variables_found = ArrayField(models.TextField(), default=list, blank=True)
    recommended_config = models.CharField(max_length=128, blank=True)
    note = models.TextField(blank=True, max_length=2_000)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="prompt_versions",
    )
    author_label = models.CharField(max_length=160, blank=True)
    revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["prompt_id", "-number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                name="prompts_version_number_once", fields=["prompt", "number"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prompt.key} v{self.number}"

    @property
    def is_published(self) -> bool:
        return self.published_at is not None


# What makes a version heavy: lists of versions leave it out.
VERSION_TEXTS = ("system", "user_template", "messages", "variables")


class PromptLabel(models.Model):
    """A name that applications ask for; it serves one published version, or none yet."""

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="labels")
    name = models.CharField(
        max_length=40, validators=[RegexValidator(LABEL_PATTERN, "Use a–z, 0–9, '.', '-', '_'.")]
    )
    version = models.ForeignKey(
        PromptVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="labels"
    )
    is_protected = models.BooleanField(
        default=False, help_text="A second person must approve each move."
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["prompt_id", "name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="prompts_label_once", fields=["prompt", "name"]),
            models.CheckConstraint(
                name="prompts_label_shape", condition=Q(name__regex=LABEL_PATTERN)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.prompt_id}"


class PromptCatalogue(models.Model):
    """How often the prompts of a project changed: what clients fetched is current or it is not."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    revision = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"project {self.project_id}, revision {self.revision}"


class Actor(models.Model):
    """Who did something: a user, or a key or command by its name."""

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    actor_label = models.CharField(max_length=160)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True


class LabelMove(Actor):
    """One move of a label: from which version (0: none) to which (0: none), and why."""

    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="moves")
    label = models.CharField(max_length=40)
    from_number = models.PositiveIntegerField()
    to_number = models.PositiveIntegerField()
    reason = models.TextField(max_length=2_000)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["prompt", "-at", "-id"], name="prompts_move_recent")
        ]

    def __str__(self) -> str:
        return f"{self.label}: v{self.from_number} → v{self.to_number}"


class LabelRequest(Actor):
    """A move of a protected label that waits for a second person.

    It is stale once the label serves another version than ``from_number``.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Waits for approval"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        STALE = "stale", "Overtaken by another move"
        WITHDRAWN = "withdrawn", "Withdrawn"

    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="requests")
    label = models.CharField(max_length=40)
    from_number = models.PositiveIntegerField()
    to_number = models.PositiveIntegerField()
    reason = models.TextField(max_length=2_000)
    state = models.CharField(max_length=16, choices=State.choices, default=State.PENDING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_note = models.TextField(blank=True, max_length=2_000)

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                name="prompts_request_one_pending",
                fields=["prompt", "label"],
                condition=Q(state="pending"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} → v{self.to_number}: {self.state}"


class Webhook(models.Model):
    """An address that is told of changes. ``sealed_secret`` signs what is sent (core.sealing)."""

    class Event(models.TextChoices):
        PUBLISHED = "prompt.published", "A version is published"
        LABEL_MOVED = "prompt.label_moved", "A label moves"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=2_000)
    sealed_secret = models.TextField()
    events = ArrayField(models.CharField(max_length=64, choices=Event.choices))
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """One message to one webhook, written in the transaction of what it tells of.

    It is sent while ``next_at`` is set, which is also the end of the lease of who sends it now.
    """

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    event = models.CharField(max_length=64)
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(null=True, blank=True)
    n_attempts = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    answer = models.TextField(blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        verbose_name_plural = "webhook deliveries"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                name="prompts_delivery_due", fields=["next_at"], condition=Q(next_at__isnull=False)
            ),
            models.Index(name="prompts_delivery_recent", fields=["webhook", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.uid}"
