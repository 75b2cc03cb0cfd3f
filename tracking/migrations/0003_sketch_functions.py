"""The functions that merge latency sketches (tracking.sketches explains the format)."""

from django.db import migrations

from tracking import sketches


class Migration(migrations.Migration):
    dependencies = [("tracking", "0002_partitioned_facts")]

    operations = [
        migrations.RunSQL(sketches.MERGE_FUNCTION_SQL, sketches.MERGE_FUNCTION_DROP_SQL),
        migrations.RunSQL(sketches.SUM_AGGREGATE_SQL, sketches.SUM_AGGREGATE_DROP_SQL),
    ]
