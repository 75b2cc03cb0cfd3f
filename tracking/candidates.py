"""What a filter leaves over, when that is few: sessions by facet, traces by session.

A rare value is looked up by index and the few sessions that have it are read; a frequent one is
found soon by reading in order. Either way a page costs a bounded number of rows.
"""

import re
from dataclasses import dataclass

from django.core.cache import cache
from xxhash import xxh64_hexdigest

from tracking.filters import ANY_ERROR, EventFilter, ScoreBound
from tracking.score_chips import SCORE_METRIC
from tracking.statements import Where, fetch_all

FEW = 2_000
# How long a value that many sessions have is not looked up again, in seconds. Should they become
# few meanwhile, reading in order finds them too.
MANY_KEPT = 60

# The planner is kept from seeing the LIMIT: for its sake it would walk all sessions of the project
# in the hope of meeting enough soon, where the facets' index finds a rare value at once.
BY_FACETS = (
    "WITH found AS MATERIALIZED ("
    "SELECT session_id FROM tracking_sessiontext WHERE project_id = %s AND {})"
    " SELECT session_id FROM found LIMIT %s"
)
# Sessions whose facets are older than their events may have gained the value.
STALE = "SELECT session_id FROM tracking_sessiontorefresh WHERE project_id = %s LIMIT %s"
# Words of a search that are one word to PostgreSQL, too. Those that it may read as "not", "or" or a
# phrase leave nothing that must be there.
PLAIN_WORD = re.compile(r"(?<!\S)[A-Za-z]{1,64}(?!\S)")
ALTERNATIVES = re.compile(r'["-]|\bor\b', re.IGNORECASE)
# In the collation that words are lowered in.
LETTERS = (
    "lower(({alias}session_id || ' ' || {alias}first_input || ' ' || {alias}last_output)"
    ' COLLATE "default")'
)
BY_SCORE = "SELECT m.session_id FROM tracking_sessionmetric m WHERE {} LIMIT %s"
# What the partial index of scores holds: without these words it is not used.
IS_SCORE = "m.name >= 'score:' AND m.name < 'score;'"
SCORE_OF = (
    "SELECT m.total / nullif(m.n, 0) FROM tracking_sessionmetric m"
    " WHERE m.project_id = %s AND m.session_id = {} AND m.name = %s"
)
BY_ARM = "SELECT DISTINCT session_id FROM tracking_armseen WHERE {} LIMIT %s"
BY_TRACE = "SELECT session_id FROM tracking_tracepart WHERE project_id = %s AND trace_id = %s"


def facets_of(flt: EventFilter) -> list[str]:
    """Return the facets that a session matching the filter must have."""
    named = [
        ("model", flt.model),
        ("provider", flt.provider),
        ("kind", flt.kind if flt.kind != "event" else ""),
        ("env", flt.environment),
        ("config", flt.config),
        ("tag", flt.tag),
        ("warning", flt.warning),
        ("finish", flt.finish_reason),
        ("error", flt.error if flt.error != ANY_ERROR else ""),
        ("run", flt.run_id),
        ("prompt", f"{flt.prompt}@{flt.prompt_version}" if flt.prompt_version else flt.prompt),
        *(("meta", f"{key}={value}") for key, value in flt.metadata),
    ]
    return [f"{name}:{value}" for name, value in named if value]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Ids of the only sessions that can match; None: the filter says nothing, or leaves many.

    ``is_checked``: each matches all facets, arms and words of the filter.
    """

    ids: list[str] | None
    is_checked: bool


def find_sessions(project_id: int, flt: EventFilter, *, exact: bool) -> Candidates:
    """Look up the facets, arms, words and ids of a filter.

    Not ``exact``: sessions whose facets
    are being refreshed are among them, for readers that look at traces and events themselves.
    """
    lookups = _lookups(project_id, flt, exact)
    few = [set(ids) for ids in lookups if ids is not None] + _addressed(project_id, flt, exact)
    return Candidates(
        ids=sorted(set.intersection(*few)) if few else None,
        is_checked=exact and None not in lookups,
    )


def _addressed(project_id: int, flt: EventFilter, exact: bool) -> list[set[str]]:
    found = [{flt.session_id}] if flt.session_id else []
    if flt.trace_id and exact:
        found.append(set(_ids(BY_TRACE, [project_id, flt.trace_id])))
    return found


def _lookups(project_id: int, flt: EventFilter, exact: bool) -> list[list[str] | None]:
    """The sessions that each condition leaves; None for more than a few."""
    lookups = []
    where = text_conditions(flt, "") if exact else _facet_conditions(flt, "")
    if where.texts:
        ids = _find_few(BY_FACETS.format(where.sql), [project_id, *where.params])
        if ids is not None and not exact:
            ids += _ids(STALE, [project_id, FEW + 1])
        lookups.append(ids if ids is not None and len(ids) <= FEW else None)
    if flt.experiment:
        arm = arm_conditions(project_id, flt, "")
        lookups.append(_find_few(BY_ARM.format(arm.sql), arm.params))
    for bound in flt.scores:
        score = Where()
        score.add(f"m.project_id = %s AND {IS_SCORE}", project_id)
        score.add(f"m.name = %s AND {_compare('m.total / nullif(m.n, 0)', bound)}", *_asked(bound))
        lookups.append(_find_few(BY_SCORE.format(score.sql), score.params))
    return lookups


def _find_few(sql: str, params: list[object]) -> list[str] | None:
    """The ids, or None for more than a few, which looking up costs the more the more they are."""
    params = [*params, FEW + 1]
    key = f"many:{xxh64_hexdigest(repr((sql, params)).encode())}"
    if cache.get(key):
        return None
    ids = _ids(sql, params)
    if len(ids) <= FEW:
        return ids
    cache.set(key, True, MANY_KEPT)
    return None


def _compare(value: str, bound: ScoreBound) -> str:
    return f"{value} {'>=' if bound.end == 'gte' else '<='} %s"


def _asked(bound: ScoreBound) -> tuple[str, float]:
    return SCORE_METRIC + bound.name, bound.value


def score_conditions(project_id: int, flt: EventFilter, session: str) -> Where:
    """Return the conditions on the scores of the session that an SQL text names."""
    where = Where()
    for bound in flt.scores:
        score = f"({SCORE_OF.format(session)})"
        where.add(_compare(score, bound), project_id, *_asked(bound))
    return where


def _ids(sql: str, params: list[object]) -> list[str]:
    return [row[0] for row in fetch_all(sql, params)]


def text_conditions(flt: EventFilter, alias: str) -> Where:
    """Return the conditions on a session's text: facets and words."""
    where = _facet_conditions(flt, alias)
    if flt.q:
        words = f"assay_words({alias}session_id, {alias}first_input, {alias}last_output)"
        where.add(f"{words} @@ websearch_to_tsquery('simple', %s)", flt.q)
    return where


def screen_words(flt: EventFilter, alias: str) -> Where:
    """Return what sessions with the words must hold, letter by letter: for rows read one by one,
    each of which it takes twenty times as long to split into words."""
    where = Where()
    if not ALTERNATIVES.search(flt.q):
        for word in PLAIN_WORD.findall(flt.q):
            where.add(f"strpos({LETTERS.format(alias=alias)}, %s) > 0", word.lower())
    return where


def _facet_conditions(flt: EventFilter, alias: str) -> Where:
    where = Where()
    if facets := facets_of(flt):
        where.add(f"{alias}facets @> %s::text[]", facets)
    return where


def arm_conditions(project_id: int, flt: EventFilter, alias: str) -> Where:
    where = Where()
    where.add(f"{alias}project_id = %s AND {alias}experiment = %s", project_id, flt.experiment)
    where.add_if(flt.variant, f"{alias}variant = %s")
    return where
