"""Calls beside a new one are found by their parent and by time."""

from django.db import migrations

DROP = "DROP INDEX tracking_event_below"
BY_PARENT = (
    "CREATE INDEX tracking_event_below ON tracking_event (project_id, trace_id, parent_span_id{})"
    " WHERE is_tied"
)


class Migration(migrations.Migration):
    dependencies = [("tracking", "0019_short_pending_lists")]

    operations = [
        migrations.RunSQL(DROP, BY_PARENT.format("")),
        migrations.RunSQL(BY_PARENT.format(", occurred_at"), DROP),
    ]
