"""What was observed: one row a thing, only what it said itself. Written by digest and corrections.

The tables behind :class:`Event` and :class:`PayloadBlock` are partitioned by week and made by SQL
(migration 0002); these classes describe them for the ORM, which only ever reads them.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models


def text(**options: object) -> "models.TextField[str, str]":
    """A text column compared by code point: the order in which rows are locked everywhere."""
    return models.TextField(blank=True, default="", db_collation="C", **options)  # type: ignore[arg-type]


class Event(models.Model):
    pk = models.CompositePrimaryKey("project_id", "occurred_at", "id")
    project_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    duration_us = models.BigIntegerField(null=True)
    ttft_us = models.BigIntegerField(null=True)
    tokens_in = models.BigIntegerField(null=True)
    tokens_out = models.BigIntegerField(null=True)
    tokens_cache_read = models.BigIntegerField(null=True)
    tokens_cache_write = models.BigIntegerField(null=True)
    tokens_reasoning = models.BigIntegerField(null=True)
    cost_nano = models.BigIntegerField(null=True)
    cost_reported = models.FloatField(null=True)
    content_rank = models.BigIntegerField()
    origin = models.BigIntegerField()
    seen = models.BigIntegerField()
    block_id = models.BigIntegerField()
    ns_rest = models.IntegerField()
    block_ix = models.SmallIntegerField()
    kind = models.SmallIntegerField()
    status = models.SmallIntegerField()
    cost_source = models.SmallIntegerField()
    price_version = models.SmallIntegerField()
    map_version = models.SmallIntegerField(default=0)
    id = models.UUIDField()
    name = text()
    trace_id = text()
    span_id = text()
    parent_span_id = text()
    session_own = text()
    user_own = text()
    run_id = text()
    environment = text()
    release = text()
    config_key = text()
    config_version = text()
    prompt_key = text()
    prompt_version = text()
    provider = text()
    model_requested = text()
    model = text()
    operation = text()
    error_type = text()
    error = text()
    finish_reason = text()
    arms = models.JSONField(null=True)
    metrics = models.JSONField(null=True)
    metadata = models.JSONField(null=True)
    tags = ArrayField(models.TextField(), null=True)
    warnings = ArrayField(models.TextField(), null=True)
    # What other spans of its trace mean for it (tracking.ties); NULL where none means anything.
    is_tied = models.BooleanField(null=True)
    above_key = models.TextField(null=True, db_collation="C")  # noqa: DJ001
    above_version = models.TextField(null=True, db_collation="C")  # noqa: DJ001
    same_as = models.UUIDField(null=True)
    response = models.BigIntegerField(null=True)

    class Meta:
        managed = False
        db_table = "tracking_event"

    def __str__(self) -> str:
        return f"{self.name} {self.occurred_at}"


class PayloadBlock(models.Model):
    """The payloads of several spans of one batch, compressed together (tracking.blocks)."""

    pk = models.CompositePrimaryKey("project_id", "week", "block_id")
    project_id = models.BigIntegerField()
    week = models.DateTimeField()
    block_id = models.BigIntegerField()
    body = models.BinaryField()

    class Meta:
        managed = False
        db_table = "tracking_payload"

    def __str__(self) -> str:
        return f"block {self.block_id}"


class Origin(models.Model):
    """Resource and scope of spans, stored once and referred to by hash."""

    pk = models.CompositePrimaryKey("project_id", "hash")
    project_id = models.BigIntegerField()
    hash = models.BigIntegerField()
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"origin {self.hash}"


class EventClock(models.Model):
    """The time of first receipt of an item that came without a usable time of its own."""

    pk = models.CompositePrimaryKey("project_id", "id")
    project_id = models.BigIntegerField()
    id = models.UUIDField()
    occurred_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.id} at {self.occurred_at}"


class DimensionName(models.Model):
    """Whether a name that strangers chose is a rollup key of its own or counted as "other"."""

    pk = models.CompositePrimaryKey("project_id", "kind", "name")
    project_id = models.BigIntegerField()
    kind = models.TextField(db_collation="C")
    name = models.TextField(db_collation="C")
    folded = models.BooleanField()

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
