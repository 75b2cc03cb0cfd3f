"""The list of spans and points: of a few traces by index, else of all in the order of time."""

from tracking.candidates import arm_conditions, find_sessions, score_conditions
from tracking.event_conditions import group_event_conditions
from tracking.filters import ANY_ERROR, STATUSES, EventFilter
from tracking.keyset import Position, Sort, pick_sort, read_position
from tracking.rows import SPAN_COLUMNS, build_spans, load_claims
from tracking.scanning import ROWS_LOOKED_INTO, Scan, add_ranges, add_times, read_page
from tracking.shapes import Page, SpanRow
from tracking.statements import Where, fetch_all

SPAN_SORTS = {"started_at": Sort("started_at", "e.occurred_at", "e.id", True, is_id_along=True)}
TRACES_READ = 1_000
FIRST_ID = "00000000-0000-0000-0000-000000000000"
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"

TRACES = (
    "SELECT t.trace_id, t.first_at, t.last_at FROM tracking_trace t WHERE {} ORDER BY {} LIMIT %s"
)
TRACES_OF_SESSIONS = (
    "t.trace_id IN (SELECT p.trace_id FROM tracking_tracepart p"
    " WHERE p.project_id = %s AND p.session_id = ANY (%s))"
)
CLAIM = (
    "(SELECT {} FROM tracking_trace t"
    " WHERE t.project_id = e.project_id AND t.trace_id = e.trace_id)"
)
CLAIMED_SESSION = CLAIM.format("coalesce(nullif(t.claim_session, ''), 'trace:' || t.trace_id)")
SESSION = f"coalesce(nullif(e.session_own, ''), {CLAIMED_SESSION})"
USER = f"coalesce(nullif(e.user_own, ''), {CLAIM.format('t.claim_user')})"
ARM = "(SELECT true FROM tracking_armseen a WHERE {} AND a.session_id = {} LIMIT 1)"


def list_spans(
    project_id: int, flt: EventFilter, *, page_size: int = 50, cursor: str = ""
) -> Page[SpanRow]:
    """``flt.sort``: started_at (newest first). A filter's values must all be the event's own.

    Session, user and arm are those the event inherits.
    """
    sort = pick_sort(flt, SPAN_SORTS, "started_at")
    scan = Scan(SPAN_COLUMNS, "tracking_event", "e", sort, sort)
    scan.inner.add("e.project_id = %s", project_id)
    add_times(scan.inner, flt, "e.occurred_at")
    position = read_position(project_id, scan.table, flt, cursor=cursor)
    is_few = _read_few_traces(scan, project_id, flt, position=position)
    _keep_spans(scan, project_id, flt, is_few=is_few)

    return read_page(
        project_id,
        flt,
        scan=scan,
        cursor=cursor,
        page_size=page_size,
        build=lambda rows: build_spans(rows, load_claims(project_id, (row[1] for row in rows))),
    )


def _read_few_traces(
    scan: Scan, project_id: int, flt: EventFilter, *, position: Position | None
) -> bool:
    """Read only the traces that can hold a match, when the filter leaves few."""
    where = Where()
    where.add("t.project_id = %s AND t.first_at IS NOT NULL", project_id)
    if flt.trace_id:
        where.add("t.trace_id = %s", flt.trace_id)
    else:
        ids = find_sessions(project_id, flt, exact=False).ids
        if ids is None:
            return False
        where.add(TRACES_OF_SESSIONS, project_id, ids)
    newest_first = scan.sort.descending
    _add_reach(where, flt, position, newest_first=newest_first)
    order = "t.last_at DESC" if newest_first else "t.first_at"
    traces = fetch_all(TRACES.format(where.sql, order), [*where.params, TRACES_READ + 1])
    if len(traces) > TRACES_READ:
        # Every event beyond the edge of the first trace left out belongs to one of those taken.
        _trace_id, first, last = traces.pop()
        cut = last if newest_first else first
        scan.inner.add(f"e.occurred_at {'>' if newest_first else '<'} %s", cut)
        scan.floor = (cut, LAST_ID if newest_first else FIRST_ID)
    scan.inner.add("e.trace_id = ANY (%s)", [row[0] for row in traces])
    if traces:
        first, last = min(row[1] for row in traces), max(row[2] for row in traces)
        scan.inner.add("e.occurred_at BETWEEN %s AND %s", first, last)
    return True


def _add_reach(
    where: Where, flt: EventFilter, position: Position | None, *, newest_first: bool
) -> None:
    """Leave out traces that end before, or begin after, what is asked for."""
    starts = [flt.time_range.start] if flt.time_range else []
    ends = [flt.time_range.end] if flt.time_range else []
    if position:
        (ends if newest_first else starts).append(position[0])
    if starts:
        where.add("t.last_at >= %s", max(starts))
    if ends:
        where.add("t.first_at <= %s", min(ends))


def _keep_spans(scan: Scan, project_id: int, flt: EventFilter, *, is_few: bool) -> None:
    kept = scan.outer
    looked_up = Where()
    for group in group_event_conditions(flt):
        kept.add_all(group)
    if flt.status:
        kept.add("e.status = %s", int(STATUSES[flt.status]))
    if flt.error == ANY_ERROR:
        kept.add("e.status = %s", int(STATUSES["error"]))
    if flt.q:
        kept.add(
            "strpos(lower(e.name), lower(%s)) > 0 OR strpos(lower(e.error), lower(%s)) > 0"
            " OR e.span_id = %s",
            *[flt.q] * 3,
        )
    tokens = "coalesce(e.tokens_in, 0) + coalesce(e.tokens_out, 0)"
    add_ranges(kept, flt, cost="e.cost_nano", duration="e.duration_us", tokens=tokens)
    looked_up.add_if(flt.session_id, f"{SESSION} = %s")
    looked_up.add_if(flt.user_id, f"{USER} = %s")
    if flt.experiment:
        arm = arm_conditions(project_id, flt, "a.")
        looked_up.add(ARM.format(arm.sql, SESSION), *arm.params)
    looked_up.add_all(score_conditions(project_id, flt, SESSION))
    kept.add_all(looked_up)
    if looked_up.texts and not is_few:
        scan.limit = ROWS_LOOKED_INTO
