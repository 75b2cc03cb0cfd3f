"""What carries the tags of a declared experiment and does not count: by time, and by name."""

from django.db import connection

from experiments.models import Experiment
from experiments.unit_sums import LeftOut
from experiments.units import IN_ENVIRONMENT, MET, RAN, Parameters

MOST_NAMES = 100
# A variant a row, the declared ones first: units of the experiment's environment that were exposed
# before the first start, while it did not run later, while it ran.
LEFT_OUT = f"""{MET}
SELECT variant,
       count(*) FILTER (WHERE exposed_at < %(started_at)s),
       count(*) FILTER (WHERE exposed_at >= %(started_at)s AND NOT {RAN}),
       count(*) FILTER (WHERE {RAN})
FROM met WHERE {IN_ENVIRONMENT} GROUP BY variant
ORDER BY variant = ANY(%(variants)s::text[]) DESC, count(*) DESC, variant LIMIT %(limit)s
"""


def count_left_out(experiment: Experiment, parameters: Parameters) -> LeftOut:
    """``parameters``: those of the experiment's units."""
    if experiment.started_at is None:
        return LeftOut()
    declared = set(parameters["variants"])
    with connection.cursor() as cursor:
        cursor.execute(
            LEFT_OUT, parameters | {"started_at": experiment.started_at, "limit": MOST_NAMES}
        )
        rows = cursor.fetchall()
    return LeftOut(
        before_start={key: before for key, before, _, _ in rows if key in declared and before},
        elsewhen=sum(elsewhen for key, _, elsewhen, _ in rows if key in declared),
        strangers={key: ran for key, _, _, ran in rows if key not in declared and ran},
    )
