"""Tables that Django cannot describe: partitioned by week, compared by code point, packed for updates.

Columns of fixed width come first, so that rows carry no padding. fillfactor leaves room for updates
in place (no index entry moves): rollup rows are updated most, traces least.
"""

from django.db import migrations

EVENT = """
CREATE TABLE tracking_event (
    project_id bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    duration_us bigint,
    ttft_us bigint,
    tokens_in bigint,
    tokens_out bigint,
    tokens_cache_read bigint,
    tokens_cache_write bigint,
    tokens_reasoning bigint,
    cost_nano bigint,
    cost_reported double precision,
    content_rank bigint NOT NULL,
    origin bigint NOT NULL,
    seen bigint NOT NULL,
    block_id bigint NOT NULL,
    ns_rest integer NOT NULL,
    block_ix smallint NOT NULL,
    kind smallint NOT NULL,
    status smallint NOT NULL,
    cost_source smallint NOT NULL,
    price_version smallint NOT NULL,
    id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    trace_id text COLLATE "C" NOT NULL,
    span_id text COLLATE "C" NOT NULL,
    parent_span_id text COLLATE "C" NOT NULL,
    session_own text COLLATE "C" NOT NULL,
    user_own text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    release text COLLATE "C" NOT NULL,
    config_key text COLLATE "C" NOT NULL,
    config_version text COLLATE "C" NOT NULL,
    prompt_key text COLLATE "C" NOT NULL,
    prompt_version text COLLATE "C" NOT NULL,
    provider text COLLATE "C" NOT NULL,
    model_requested text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    operation text COLLATE "C" NOT NULL,
    error_type text COLLATE "C" NOT NULL,
    error text COLLATE "C" NOT NULL,
    finish_reason text COLLATE "C" NOT NULL,
    arms jsonb,
    metrics jsonb,
    metadata jsonb,
    tags text[],
    warnings text[],
    CONSTRAINT tracking_event_pkey PRIMARY KEY (project_id, occurred_at, id)
) PARTITION BY RANGE (occurred_at)
"""
EVENT_TRACE = "CREATE INDEX tracking_event_trace ON tracking_event (project_id, trace_id)"

PAYLOAD = """
CREATE TABLE tracking_payload (
    project_id bigint NOT NULL,
    week timestamptz NOT NULL,
    block_id bigint NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT tracking_payload_pkey PRIMARY KEY (project_id, week, block_id)
) PARTITION BY RANGE (week)
"""
# The body is compressed already: asking PostgreSQL to try again only costs.
PAYLOAD_STORAGE = "ALTER TABLE tracking_payload ALTER COLUMN body SET STORAGE EXTERNAL"
INBOX_STORAGE = "ALTER TABLE tracking_inboxbatch ALTER COLUMN body SET STORAGE EXTERNAL"
# Rows live for seconds: collect them by count, not by share of a table that is nearly empty.
INBOX_VACUUM = (
    "ALTER TABLE tracking_inboxbatch SET (autovacuum_vacuum_scale_factor = 0,"
    " autovacuum_vacuum_threshold = 2000, toast.autovacuum_vacuum_scale_factor = 0,"
    " toast.autovacuum_vacuum_threshold = 5000)"
)


def fill(table: str, percent: int) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} SET (fillfactor = {percent})",
        f"ALTER TABLE {table} RESET (fillfactor)",
    )


class Migration(migrations.Migration):
    dependencies = [("tracking", "0001_initial")]

    operations = [
        migrations.RunSQL(EVENT, "DROP TABLE tracking_event"),
        migrations.RunSQL(EVENT_TRACE, migrations.RunSQL.noop),
        migrations.RunSQL(PAYLOAD, "DROP TABLE tracking_payload"),
        migrations.RunSQL(PAYLOAD_STORAGE, migrations.RunSQL.noop),
        migrations.RunSQL(INBOX_STORAGE, migrations.RunSQL.noop),
        migrations.RunSQL(INBOX_VACUUM, migrations.RunSQL.noop),
        fill("tracking_usagerollup", 50),
        fill("tracking_session", 70),
        fill("tracking_sessionmetric", 80),
        fill("tracking_tracepart", 80),
        fill("tracking_trace", 80),
        fill("tracking_armseen", 80),
    ]
