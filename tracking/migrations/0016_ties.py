"""What other spans of its trace mean for an event: columns that stay NULL where nothing does.

The indexes hold the spans of such traces alone, to find parents and children without reading the
whole of a trace; the rows of all others cost them nothing.
"""

from django.db import migrations, models

COLUMNS = (
    "ALTER TABLE tracking_event ADD COLUMN is_tied boolean,"
    ' ADD COLUMN above_key text COLLATE "C", ADD COLUMN above_version text COLLATE "C"'
)
BY_SPAN = (
    "CREATE INDEX tracking_event_tied ON tracking_event (project_id, trace_id, span_id)"
    " WHERE is_tied"
)
BY_PARENT = (
    "CREATE INDEX tracking_event_below ON tracking_event (project_id, trace_id, parent_span_id)"
    " WHERE is_tied"
)


class Migration(migrations.Migration):
    dependencies = [("tracking", "0015_unmapped_by_event")]

    operations = [
        migrations.RunSQL(
            COLUMNS,
            "ALTER TABLE tracking_event DROP COLUMN is_tied, DROP COLUMN above_key,"
            " DROP COLUMN above_version",
        ),
        migrations.RunSQL(BY_SPAN, "DROP INDEX tracking_event_tied"),
        migrations.RunSQL(BY_PARENT, "DROP INDEX tracking_event_below"),
        # The table of events is made by SQL: these only describe it.
        migrations.AddField("event", "is_tied", models.BooleanField(null=True)),
        migrations.AddField("event", "above_key", models.TextField(db_collation="C", null=True)),
        migrations.AddField(
            "event", "above_version", models.TextField(db_collation="C", null=True)
        ),
        migrations.AddField("trace", "ties", models.SmallIntegerField(db_default=0, default=0)),
    ]
