"""Names of attributes that no dialect maps: seen, kept verbatim, not understood."""

from django.db import models


class UnmappedAttribute(models.Model):
    """How often a name was received, and where the latest span with it is.

    The value itself stays with its span, so that erasure and retention reach it.
    """

    pk = models.CompositePrimaryKey("project_id", "name")
    project_id = models.BigIntegerField()
    name = models.TextField(db_collation="C")
    n = models.BigIntegerField()
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    occurred_at = models.DateTimeField()  # of the latest span with it, as the next three
    event_id = models.UUIDField()
    trace_id = models.TextField(db_collation="C")
    span_id = models.TextField(db_collation="C")

    def __str__(self) -> str:
        return f"{self.name}: {self.n}"
