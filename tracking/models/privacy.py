"""What must never come back, and what is left to be wiped: tombstones and stale slots."""

from django.db import models


class ErasedSubject(models.Model):
    """A user or a session that was erased: whatever names it is refused from then on.

    Only a keyed hash of its id is kept (tracking.tombstones). ``subject`` holds the id itself while
    the erasure is at work, and is emptied by its last step.
    """

    class Kind(models.TextChoices):
        USER = "user", "User"
        SESSION = "session", "Session"

    project_id = models.BigIntegerField()
    kind = models.CharField(max_length=16, choices=Kind.choices)
    hash = models.BinaryField(max_length=32)
    subject = models.TextField(blank=True, default="")
    requested_by = models.CharField(max_length=160)
    requested_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)
    last_inbox_id = models.BigIntegerField(
        default=0, help_text="Requests up to this one were accepted before the tombstone stood."
    )
    counts = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="tracking_erasedsubject_once", fields=["project_id", "kind", "hash"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {bytes(self.hash).hex()[:16]} of {self.project_id}"

    @property
    def reference(self) -> str:
        """What stands for the subject where people read: in lists and in the audit record."""
        return bytes(self.hash).hex()[:16]


class ErasedTrace(models.Model):
    """A trace of an erased subject, or a session of an erased user, by keyed hash: what names
    nobody in them is refused too.

    ``trace_id`` is set while spans of it that came before may still have to be taken back.
    """

    pk = models.CompositePrimaryKey("project_id", "hash")
    project_id = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)
    trace_id = models.TextField(blank=True, default="", db_collation="C")

    class Meta:
        indexes = [
            models.Index(
                fields=["project_id"],
                condition=~models.Q(trace_id=""),
                name="tracking_erasedtrace_left",
            )
        ]

    def __str__(self) -> str:
        return bytes(self.hash).hex()[:16]


class StaleSlot(models.Model):
    """A payload that no event refers to any more, in a block that others still need."""

    pk = models.CompositePrimaryKey("project_id", "week", "block_id", "block_ix")
    project_id = models.BigIntegerField()
    week = models.DateTimeField()
    block_id = models.BigIntegerField()
    block_ix = models.SmallIntegerField()

    def __str__(self) -> str:
        return f"{self.block_ix} of block {self.block_id}"
