"""Two reports of one call: which one counts, and what tells them apart."""

from django.db import migrations, models

COLUMNS = "ALTER TABLE tracking_event ADD COLUMN same_as uuid, ADD COLUMN response bigint"
BY_RESPONSE = (
    "CREATE INDEX tracking_event_response ON tracking_event (project_id, trace_id, response)"
    " WHERE response IS NOT NULL"
)


class Migration(migrations.Migration):
    dependencies = [("tracking", "0016_ties")]

    operations = [
        migrations.RunSQL(
            COLUMNS, "ALTER TABLE tracking_event DROP COLUMN same_as, DROP COLUMN response"
        ),
        migrations.RunSQL(BY_RESPONSE, "DROP INDEX tracking_event_response"),
        # The table of events is made by SQL: these only describe it.
        migrations.AddField("event", "same_as", models.UUIDField(null=True)),
        migrations.AddField("event", "response", models.BigIntegerField(null=True)),
        migrations.AddField("trace", "reporter", models.BigIntegerField(null=True)),
    ]
