"""Shorter lists of what is still to be put into the GIN indexes of texts: an index never gives back
the room that its list once took, four megabytes each by default."""

from django.contrib.postgres.indexes import GinIndex
from django.db import migrations

LIMIT = 512  # kB
FIELDS = {"tracking_text_facets": "facets", "tracking_text_search": "search"}


def alter(name: str) -> migrations.SeparateDatabaseAndState:
    return migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.RunSQL(
                f"ALTER INDEX {name} SET (gin_pending_list_limit = {LIMIT})",
                f"ALTER INDEX {name} RESET (gin_pending_list_limit)",
            )
        ],
        state_operations=[
            migrations.RemoveIndex("sessiontext", name),
            migrations.AddIndex(
                "sessiontext",
                GinIndex(fields=[FIELDS[name]], name=name, gin_pending_list_limit=LIMIT),
            ),
        ],
    )


class Migration(migrations.Migration):
    dependencies = [("tracking", "0018_price_list_version")]
    operations = [alter(name) for name in FIELDS]
