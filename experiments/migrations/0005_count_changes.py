"""How often each declared experiment changed its state so far."""

from django.db import migrations

COUNT = """
UPDATE experiments_experiment e SET n_changes = least(c.n, 32767)
FROM (SELECT experiment_id, count(*) AS n FROM experiments_statuschange GROUP BY 1) c
WHERE c.experiment_id = e.id
"""


class Migration(migrations.Migration):
    dependencies = [("experiments", "0004_n_changes")]

    operations = [migrations.RunSQL(COUNT, migrations.RunSQL.noop)]
