"""Things understood only whole: runs, exchanges, streams, scores (tracking.documents)."""

from django.db import models
from django.db.models.fields.json import KT


class Document(models.Model):
    """All pieces of one thing, and the events that were derived from them.

    ``derived`` holds 32 bytes an event: its time, id and content rank (tracking.documents).
    ``summary`` is what lists show. Its row is the lock under which its parts are written.
    """

    pk = models.CompositePrimaryKey("project_id", "system", "key")
    project_id = models.BigIntegerField()
    system = models.TextField(db_collation="C")
    key = models.TextField(db_collation="C")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    n_parts = models.IntegerField(default=0)
    derived = models.BinaryField(default=bytes)
    summary = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(
                fields=["project_id", "system", "-last_at", "key"], name="tracking_document_last"
            ),
            # Scores of a trace (a session, a run), of a span, of one name (tracking.scores).
            *(
                models.Index(
                    models.F("project_id"),
                    KT(f"summary__{name}"),
                    models.F("last_at").desc(),
                    models.F("key"),
                    condition=models.Q(system="score"),
                    name=f"tracking_score_{name}",
                )
                for name in ("trace_id", "span_id", "name")
            ),
            # The board of benchmarks (tracking.runs.listing).
            models.Index(
                fields=["project_id", "-last_at", "key"],
                condition=models.Q(system="dogpile", summary__has_key="benchmarks"),
                name="tracking_document_benchmark",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.key}"


class DocumentPart(models.Model):
    """One piece, as it came, compressed. Its hash makes sending it again harmless."""

    pk = models.CompositePrimaryKey("project_id", "system", "key", "hash")
    project_id = models.BigIntegerField()
    system = models.TextField(db_collation="C")
    key = models.TextField(db_collation="C")
    hash = models.UUIDField()
    received_at = models.DateTimeField()
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"part {self.hash} of {self.system} {self.key}"
