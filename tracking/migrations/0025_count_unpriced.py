"""The calls that nobody knows the cost of, counted where events are stored already."""

from django.db import migrations

# Whoever is to write events asks for locks of traces first, and waits here.
LOCK = "LOCK TABLE tracking_trace IN EXCLUSIVE MODE"
COLUMNS = (
    "e.project_id, e.trace_id, e.session_own, date_trunc('hour', e.occurred_at, 'UTC') AS hour,"
    " e.kind, e.provider, e.model, e.status, e.environment,"
    " CASE WHEN e.prompt_key = '' AND e.kind IN (1, 6) THEN coalesce(e.above_key, '')"
    " ELSE e.prompt_key END AS prompt,"
    " CASE WHEN e.prompt_key = '' AND e.kind IN (1, 6) THEN coalesce(e.above_version, '')"
    " ELSE e.prompt_version END AS version"
)
USED = "(e.tokens_in > 0 OR e.tokens_out > 0)"
# Model calls (1, 6), and the wrappers that stand for calls nobody sent.
FIND = (
    f"CREATE TEMP TABLE unpriced ON COMMIT DROP AS SELECT {COLUMNS} FROM tracking_event e"
    " WHERE e.kind IN (1, 6) AND e.cost_nano IS NULL AND e.same_as IS NULL"
    f" AND ({USED} OR (e.tokens_in IS NULL AND e.tokens_out IS NULL AND e.status <> 2))"
    f" UNION ALL SELECT {COLUMNS} FROM tracking_trace t JOIN tracking_event e"
    " ON e.project_id = t.project_id AND e.occurred_at BETWEEN t.first_at AND t.last_at"
    " AND e.id = encode(substr(t.wrapper_rank, 10), 'hex')::uuid"
    f" WHERE t.n_calls = 0 AND t.wrapper_rank IS NOT NULL AND e.cost_nano IS NULL AND {USED}"
)
SUMS = (
    "UPDATE tracking_tracepart p SET n_unpriced = u.n FROM (SELECT project_id, trace_id,"
    " session_own, count(*) AS n FROM unpriced WHERE trace_id <> '' GROUP BY 1, 2, 3) u"
    " WHERE p.project_id = u.project_id AND p.trace_id = u.trace_id"
    " AND p.session_own = u.session_own",
    *(
        f"UPDATE {table} t SET n_unpriced = u.n FROM (SELECT project_id, {key},"
        " sum(n_unpriced) AS n FROM tracking_tracepart WHERE n_unpriced > 0 GROUP BY 1, 2) u"
        f" WHERE t.project_id = u.project_id AND t.{key} = u.{key}"
        for table, key in (("tracking_trace", "trace_id"), ("tracking_session", "session_id"))
    ),
)
# Names beyond those that are kept apart are counted as one.
NAMED = (
    "CREATE TEMP TABLE named ON COMMIT DROP AS SELECT u.project_id, u.hour, u.kind, u.status,"
    " CASE WHEN u.model <> '' AND m.folded IS NOT FALSE THEN '(other)' WHEN u.provider = ''"
    " THEN '' WHEN p.folded IS FALSE THEN u.provider ELSE '(other)' END AS provider,"
    " CASE WHEN u.model = '' OR m.folded IS FALSE THEN u.model ELSE '(other)' END AS model,"
    " CASE WHEN u.prompt = '' OR t.folded IS FALSE THEN u.prompt ELSE '(other)' END AS prompt,"
    " CASE WHEN u.prompt = '' OR t.folded IS FALSE THEN u.version ELSE '' END AS version,"
    " CASE WHEN u.environment = '' OR e.folded IS FALSE THEN u.environment ELSE '(other)' END"
    " AS environment FROM unpriced u"
    + "".join(
        f" LEFT JOIN tracking_dimensionname {alias} ON {alias}.project_id = u.project_id"
        f" AND {alias}.kind = '{kind}' AND {alias}.name = {name}"
        for alias, kind, name in (
            ("m", "model", "u.model"),
            ("p", "provider", "u.provider"),
            ("t", "prompt", "u.prompt || '@' || u.version"),
            ("e", "environment", "u.environment"),
        )
    )
)
COUNTS = (
    "n, n_spans, n_errors, n_traces, n_sessions, duration_us, tokens_in, tokens_out,"
    " tokens_cache_read, tokens_cache_write, tokens_reasoning, cost_nano"
)
STATUS = "(ARRAY['unset', 'ok', 'error'])[status + 1]"
FAMILIES = (("''", "''"), ("provider", "model"), ("prompt", "version"), ("environment", STATUS))
SAVE = (
    "INSERT INTO tracking_usagerollup"
    f" (project_id, hour, family, kind, key_a, key_b, slot, {COUNTS}, n_unpriced)"
    " SELECT project_id, hour, {family}, kind, {a}, {b}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,"
    " count(*) FROM named GROUP BY project_id, hour, kind, 5, 6"
    " ON CONFLICT (project_id, hour, family, kind, key_a, key_b, slot)"
    " DO UPDATE SET n_unpriced = excluded.n_unpriced"
)


def count_unpriced(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for statement in (LOCK, FIND, *SUMS, NAMED):
            cursor.execute(statement)
        for family, (a, b) in enumerate(FAMILIES):
            cursor.execute(SAVE.format(family=family, a=a, b=b))


class Migration(migrations.Migration):
    dependencies = [("tracking", "0024_unpriced_calls")]
    operations = [migrations.RunPython(count_unpriced, migrations.RunPython.noop)]
