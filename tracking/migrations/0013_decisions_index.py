"""Decisions belong to no trace: a small index of their own finds them."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tracking", "0012_prices")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX tracking_event_decision ON tracking_event (project_id, occurred_at)"
            " WHERE name = 'decision.made'",
            "DROP INDEX tracking_event_decision",
        ),
    ]
