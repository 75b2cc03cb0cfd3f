"""The event log reads what arrived last. Rows of one request share a time: the index stays small,
as equal entries are kept once, and grows at its right end alone."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tracking", "0007_scores")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX tracking_event_received ON tracking_event (project_id, received_at)",
            "DROP INDEX tracking_event_received",
        ),
    ]
