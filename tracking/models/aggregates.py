"""Running sums over events, kept exact by deltas: digest and corrections are the only writers.

Money is whole nano-dollars, durations whole microseconds: integers add up to the same sum in any
order. Each sum of a session is the sum over its trace parts; each trace part sums its events.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from tracking.models.facts import text


class Sums(models.Model):
    """What a trace part and a session count alike. Tokens and money are those of model calls;
    ``n_unpriced`` of them cost what nobody knows."""

    n_spans = models.BigIntegerField(default=0)
    n_points = models.BigIntegerField(default=0)
    n_llm = models.BigIntegerField(default=0)
    n_tool = models.BigIntegerField(default=0)
    n_errors = models.BigIntegerField(default=0)
    n_root_errors = models.BigIntegerField(default=0)
    n_tool_errors = models.BigIntegerField(default=0)
    llm_us = models.BigIntegerField(default=0)
    tokens_in = models.BigIntegerField(default=0)
    tokens_out = models.BigIntegerField(default=0)
    tokens_cache_read = models.BigIntegerField(default=0)
    tokens_cache_write = models.BigIntegerField(default=0)
    tokens_reasoning = models.BigIntegerField(default=0)
    cost_nano = models.BigIntegerField(default=0)
    n_unpriced = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        abstract = True


class Trace(models.Model):
    """One trace. Its row is the lock under which its parts are written.

    A ``…_rank`` is the smallest (has a parent, occurred_at, id) among the spans that name the
    thing, as sortable bytes: a minimum, so the order of arrival cannot matter.
    """

    pk = models.CompositePrimaryKey("project_id", "trace_id")
    project_id = models.BigIntegerField()
    trace_id = models.TextField(db_collation="C")
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    n_spans = models.BigIntegerField(default=0)
    n_calls = models.BigIntegerField(default=0)
    n_llm = models.BigIntegerField(default=0)
    n_errors = models.BigIntegerField(default=0)
    tokens_in = models.BigIntegerField(default=0)
    tokens_out = models.BigIntegerField(default=0)
    cost_nano = models.BigIntegerField(default=0)
    n_unpriced = models.BigIntegerField(default=0, db_default=0)
    root_status = models.SmallIntegerField(default=0)
    ties = models.SmallIntegerField(default=0, db_default=0)
    reporter = models.BigIntegerField(null=True)
    claim_rank = models.BinaryField(null=True)
    user_rank = models.BinaryField(null=True)
    root_rank = models.BinaryField(null=True)
    wrapper_rank = models.BinaryField(null=True)
    claim_session = text()
    claim_user = text()
    name = text()

    class Meta:
        indexes = [
            models.Index(
                fields=["project_id", "-first_at", "trace_id"], name="tracking_trace_first"
            )
        ]

    def __str__(self) -> str:
        return self.name or self.trace_id


class TracePart(Sums):
    """The spans of a trace that named the same session, or none (``session_own`` = "")."""

    pk = models.CompositePrimaryKey("project_id", "trace_id", "session_own")
    project_id = models.BigIntegerField()
    trace_id = models.TextField(db_collation="C")
    session_own = text()
    session_id = models.TextField(db_collation="C")
    is_implicit = models.BooleanField()
    first_at = models.DateTimeField(null=True)  # none while the part holds scores alone
    last_at = models.DateTimeField(null=True)
    arms = models.JSONField(null=True)
    metrics = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["project_id", "session_id"], name="tracking_part_session")]

    def __str__(self) -> str:
        return f"{self.trace_id} in {self.session_id}"


class Session(Sums):
    """One conversation: what clients called a session, or one trace that named none (implicit)."""

    pk = models.CompositePrimaryKey("project_id", "session_id")
    project_id = models.BigIntegerField()
    session_id = models.TextField(db_collation="C")
    is_implicit = models.BooleanField(default=False)
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    n_traces = models.BigIntegerField(default=0)
    user_rank = models.BinaryField(null=True)
    user_id = text()

    class Meta:
        indexes = [
            models.Index(
                fields=["project_id", "-last_at", "session_id"], name="tracking_session_last"
            ),
            models.Index(
                fields=["project_id", "-first_at", "session_id"],
                include=["user_id"],  # counts a range's users without touching its rows
                name="tracking_session_first",
            ),
            models.Index(
                fields=["project_id", "user_id"],
                condition=~models.Q(user_id=""),
                name="tracking_session_user",
            ),
        ]

    def __str__(self) -> str:
        return self.session_id


class SessionToRefresh(models.Model):
    """Sessions whose :class:`SessionText` is older than their events.

    ``is_whole``: it is told anew from all of its events, because some were taken away or count
    otherwise. Else :class:`SessionNews` tells what came.
    """

    pk = models.CompositePrimaryKey("project_id", "session_id")
    project_id = models.BigIntegerField()
    session_id = models.TextField(db_collation="C")
    due_at = models.DateTimeField()
    is_whole = models.BooleanField(default=True)

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="tracking_refresh_due")]

    def __str__(self) -> str:
        return self.session_id


class SessionNews(models.Model):
    """What new events of one digest add to a :class:`SessionText`, until it is refreshed."""

    pk = models.CompositePrimaryKey("project_id", "session_id", "told_id")
    project_id = models.BigIntegerField()
    session_id = models.TextField(db_collation="C")
    told_id = models.BigIntegerField()
    facets = ArrayField(models.TextField())
    first_rank = models.BinaryField(null=True)
    first_input = text()
    last_rank = models.BinaryField(null=True)
    last_output = text()

    def __str__(self) -> str:
        return self.session_id


class SessionText(models.Model):
    """What lists show and search of a session, refreshed outside the digest's transaction.

    ``facets`` holds ``model:…``, ``provider:…``, ``prompt:key``, ``prompt:key@version``,
    ``arm:experiment=variant``, ``tag:…``, ``warning:code``, ``finish:reason``, ``env:…``,
    ``config:…``, ``kind:…``, ``error:type``, ``meta:key=value``, sorted: one GIN index answers
    every filter of a list. Another, on ``assay_words`` of id and texts, finds words: the vector is
    in the index alone, since it would take as much room as the rest of the row.

    ``first_rank`` and ``last_rank`` are the packed keys of the events whose words these are: empty
    when none of them has any, NULL when that is not known, and then it is told anew.
    """

    pk = models.CompositePrimaryKey("project_id", "session_id")
    project_id = models.BigIntegerField()
    session_id = models.TextField(db_collation="C")
    first_rank = models.BinaryField(null=True)
    first_input = text()
    last_rank = models.BinaryField(null=True)
    last_output = text()
    facets = ArrayField(models.TextField(), default=list)
    refreshed_at = models.DateTimeField()

    class Meta:
        indexes = [
            GinIndex(fields=["facets"], name="tracking_text_facets", gin_pending_list_limit=512),
        ]

    def __str__(self) -> str:
        return self.session_id


class SessionMetric(models.Model):
    """Sums of a named number over a session's events: metric_value, duration_ms, …"""

    pk = models.CompositePrimaryKey("project_id", "session_id", "name")
    project_id = models.BigIntegerField()
    session_id = models.TextField(db_collation="C")
    name = models.TextField(db_collation="C")
    n = models.BigIntegerField()
    total = models.FloatField()
    squares = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    last = models.FloatField()
    last_rank = models.BinaryField()

    class Meta:
        indexes = [
            # Sessions by a score: few rows have one, and no other metric pays for this.
            models.Index(
                fields=["project_id", "name", "session_id"],
                condition=models.Q(name__gte="score:", name__lt="score;"),
                name="tracking_metric_score",
            )
        ]

    def __str__(self) -> str:
        return f"{self.session_id} {self.name}"


class ArmSeen(models.Model):
    """Which variant of which experiment a unit met, by name only: read by the experiments app.

    ``unit_kind`` is "run" when the event named a run, else "session" (the resolved one).
    ``session_id`` is where the unit's sums are: for a run, the session its trace belongs to.
    """

    pk = models.CompositePrimaryKey(
        "project_id", "experiment", "unit_kind", "unit_id", "variant", "session_id"
    )
    project_id = models.BigIntegerField()
    experiment = models.TextField(db_collation="C")
    unit_kind = models.TextField(db_collation="C")
    unit_id = models.TextField(db_collation="C")
    variant = models.TextField(db_collation="C")
    session_id = models.TextField(db_collation="C")
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    n = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["project_id", "session_id"], name="tracking_arm_session")]

    def __str__(self) -> str:
        return f"{self.experiment}: {self.unit_id} saw {self.variant}"


class UsageRollup(models.Model):
    """Hourly counts. Each family covers every event once, so totals sum one family only.

    ``slot`` spreads concurrent writers over rows; readers sum it away. Family ``all`` also counts
    traces and sessions in the hour of their first event, and the cells of the sessions' users
    (tracking.distinct).
    """

    class Family(models.IntegerChoices):
        ALL = 0
        MODEL = 1  # key_a provider, key_b model
        PROMPT = 2  # key_a prompt key, key_b version
        ENVIRONMENT = 3  # key_a environment, key_b status

    pk = models.CompositePrimaryKey(
        "project_id", "hour", "family", "kind", "key_a", "key_b", "slot"
    )
    project_id = models.BigIntegerField()
    hour = models.DateTimeField()
    family = models.SmallIntegerField(choices=Family)
    kind = models.SmallIntegerField()
    slot = models.SmallIntegerField()
    n = models.BigIntegerField(default=0)
    n_spans = models.BigIntegerField(default=0)
    n_errors = models.BigIntegerField(default=0)
    n_traces = models.BigIntegerField(default=0)
    n_sessions = models.BigIntegerField(default=0)
    duration_us = models.BigIntegerField(default=0)
    tokens_in = models.BigIntegerField(default=0)
    tokens_out = models.BigIntegerField(default=0)
    tokens_cache_read = models.BigIntegerField(default=0)
    tokens_cache_write = models.BigIntegerField(default=0)
    tokens_reasoning = models.BigIntegerField(default=0)
    cost_nano = models.BigIntegerField(default=0)
    n_unpriced = models.BigIntegerField(default=0, db_default=0)
    key_a = text()
    key_b = text()
    latency = ArrayField(models.BigIntegerField(), null=True)
    ttft = ArrayField(models.BigIntegerField(), null=True)
    users = ArrayField(models.BigIntegerField(), null=True)

    def __str__(self) -> str:
        return f"{self.hour} {self.family} {self.key_a} {self.key_b}"
