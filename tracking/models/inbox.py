"""What was accepted but not digested yet, what could not be digested, and the ledger of both.

Plain local tables (never distributed): work is claimed from them with SKIP LOCKED.
"""

from django.db import models


class InboxBatch(models.Model):
    """One accepted request. Acknowledged means: this row is committed."""

    project_id = models.BigIntegerField()
    format = models.TextField()
    encoding = models.TextField(blank=True, default="")
    body = models.BinaryField()
    headers = models.JSONField(default=dict)
    n_items = models.IntegerField()
    n_bytes = models.IntegerField()
    horizon_us = models.BigIntegerField()
    received_at = models.DateTimeField()
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField()
    lease_owner = models.TextField(blank=True, default="", db_default="")
    attempts = models.SmallIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["project_id"], name="tracking_inbox_project")]

    def __str__(self) -> str:
        return f"inbox {self.pk}: {self.n_items} items of project {self.project_id}"


class Quarantined(models.Model):
    """An item, or a whole request, that was accepted but cannot be digested, and why."""

    project_id = models.BigIntegerField()
    format = models.TextField()
    body = models.BinaryField()
    headers = models.JSONField(default=dict)
    n_items = models.IntegerField(default=1)
    horizon_us = models.BigIntegerField()
    reason = models.TextField()
    received_at = models.DateTimeField()
    quarantined_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "quarantined"
        indexes = [
            models.Index(
                fields=["project_id", "-quarantined_at"], name="tracking_quarantined_recent"
            )
        ]

    def __str__(self) -> str:
        return f"quarantined {self.pk}: {self.reason[:60]}"


class IngestCounter(models.Model):
    """The ledger: how many items of a project met which fate, by hour of receipt.

    sent = stored + duplicate + rejected + quarantined, over all hours. The other fates say more
    about the same requests and belong to no sum.
    """

    class Fate(models.TextChoices):
        STORED = "stored"
        DUPLICATE = "duplicate"
        REJECTED = "rejected"
        QUARANTINED = "quarantined"
        WARNED = "warned"
        FORMAT = "format"  # items by wire format, however they fared
        CLIENT = "client"  # requests by the program that sent them
        REFUSED = "refused"  # requests refused for their key: "prefix status"
        ERASED = "erased"  # stored events that an erasure took away again

    pk = models.CompositePrimaryKey("project_id", "hour", "fate", "detail")
    project_id = models.BigIntegerField()
    hour = models.DateTimeField()
    fate = models.TextField(choices=Fate, db_collation="C")
    detail = models.TextField(blank=True, default="", db_collation="C")
    n = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.fate} {self.detail}: {self.n}"


class Doorbell(models.Model):
    """Whether a queue's workers were already called: one unanswered call is enough."""

    queue = models.TextField(primary_key=True)
    rung_at = models.DateTimeField()
    answered_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.queue
