"""The users of the sessions that began in each hour, as cells that add up (tracking.distinct)."""

import itertools
from collections import Counter

import django.contrib.postgres.fields
from django.db import migrations, models

from tracking.distinct import cell_of
from tracking.sketches import sketch_of_counts

BEGUN = (
    "SELECT project_id, date_bin('1 hour', first_at, timestamptz '1970-01-05 00:00Z'), user_id,"
    " count(*) FROM tracking_session WHERE user_id <> '' AND first_at IS NOT NULL"
    " GROUP BY 1, 2, 3 ORDER BY 1, 2"
)
COUNTS = (
    "n, n_spans, n_errors, n_traces, n_sessions, duration_us, tokens_in, tokens_out,"
    " tokens_cache_read, tokens_cache_write, tokens_reasoning, cost_nano"
)
SAVE = (
    "INSERT INTO tracking_usagerollup"
    f" (project_id, hour, family, kind, key_a, key_b, slot, {COUNTS}, users)"
    " VALUES (%s, %s, 0, 0, '', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, %s)"
    " ON CONFLICT (project_id, hour, family, kind, key_a, key_b, slot)"
    " DO UPDATE SET users = excluded.users"
)


def count_users(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(BEGUN)
        rows = cursor.fetchall()
        for hour, group in itertools.groupby(rows, key=lambda row: row[:2]):
            cells = Counter()
            for _, _, user_id, n in group:
                cells[cell_of(user_id)] += n
            cursor.execute(SAVE, [*hour, sketch_of_counts(cells)])


class Migration(migrations.Migration):
    dependencies = [("tracking", "0021_words_in_the_index")]
    operations = [
        migrations.AddField(
            model_name="usagerollup",
            name="users",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), null=True, size=None
            ),
        ),
        migrations.RunPython(count_users, migrations.RunPython.noop),
    ]
