"""The hourly sums (``UsageRollup``), as the readers of series and tops ask for them."""

from tracking.events import CALL_KINDS
from tracking.models import UsageRollup

Family = UsageRollup.Family
CALLS = tuple(sorted(int(kind) for kind in CALL_KINDS))

ALL_GROUPS = "'all'"
"""The one group of what is not grouped, as SQL."""

# Parameters: project, start, end (without), family.
HOURS = (
    "FROM tracking_usagerollup WHERE project_id = %s AND hour >= %s AND hour < %s AND family = %s"
)

ROW_VERSIONS = "sum(hash_record_extended(ROW(ctid, xmin), 0))"
"""Changes whenever one of the rows does: where its version lies, and which transaction wrote it.

No two versions have both in common until transaction ids come round after four billion.
"""


def to_ms(us: float | None) -> float | None:
    return None if us is None else us / 1000
