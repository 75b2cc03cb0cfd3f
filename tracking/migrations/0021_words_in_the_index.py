"""The words of sessions in their index alone; less room left in tables whose rows are stored whole
by now (traces, parts) or once (past hours of rollups).

The function is PL/pgSQL and says what it costs: a SQL one would be inlined, and the planner take
the splitting of a text for as cheap as a comparison, and split those of a whole project.
"""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION assay_words(session_id text, first_input text, last_output text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 15000 AS $$
BEGIN
    RETURN to_tsvector('pg_catalog.simple'::regconfig,
        session_id || ' ' || first_input || ' ' || last_output);
END $$
"""
DROP_FUNCTION = "DROP FUNCTION assay_words"
INDEX = (
    "CREATE INDEX tracking_text_words ON tracking_sessiontext"
    " USING gin (assay_words(session_id, first_input, last_output))"
    " WITH (gin_pending_list_limit = 512)"
)


def fill(table: str, percent: int, *, before: int) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} SET (fillfactor = {percent})",
        f"ALTER TABLE {table} SET (fillfactor = {before})",
    )


class Migration(migrations.Migration):
    dependencies = [("tracking", "0020_calls_beside")]
    operations = [
        migrations.RemoveIndex("sessiontext", "tracking_text_search"),
        migrations.RemoveField("sessiontext", "search"),
        migrations.RunSQL(FUNCTION, DROP_FUNCTION),
        migrations.RunSQL(INDEX, "DROP INDEX tracking_text_words"),
        fill("tracking_usagerollup", 70, before=50),
        fill("tracking_trace", 90, before=80),
        fill("tracking_tracepart", 90, before=80),
    ]
