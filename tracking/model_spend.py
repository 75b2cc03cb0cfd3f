"""What each model cost a project lately, and where its price comes from."""

import datetime
from dataclasses import dataclass, field

from tracking.costs import dollars
from tracking.events import CALL_KINDS
from tracking.models import UsageRollup
from tracking.price_book import LIST_KINDS
from tracking.pricing import (
    SOURCE_CALLER,
    SOURCE_COMPUTED,
    SOURCE_OVERRIDE,
    PriceBook,
    Quote,
    quote,
)
from tracking.statements import fetch_all

DAYS = 30
MOST_MODELS = 100
EVENTS_LOOKED_AT = 20_000
OTHER = "(other)"
CALLS = sorted(int(kind) for kind in CALL_KINDS)
SPEND = (
    "SELECT key_a, key_b, sum(n), sum(tokens_in), sum(tokens_out), sum(tokens_cache_read),"
    " sum(tokens_cache_write), sum(tokens_reasoning), sum(cost_nano), sum(n_unpriced)"
    " FROM tracking_usagerollup"
    " WHERE project_id = %s AND hour >= %s AND family = %s AND kind = ANY (%s) AND key_b <> ''"
    " GROUP BY key_a, key_b HAVING sum(n) > 0 ORDER BY 9 DESC, 10 DESC, 3 DESC, 2, 1 LIMIT %s"
)
# Of the latest events alone: no sum tells who said what a call cost. One that failed before it
# used a token has no price to know.
SOURCES = (
    "SELECT provider, model, cost_source, count(*) FROM ("
    " SELECT provider, model, cost_source, kind, coalesce(tokens_in, tokens_out) AS used, same_as"
    " FROM tracking_event"
    " WHERE project_id = %s AND occurred_at >= %s ORDER BY occurred_at DESC LIMIT %s) e"
    " WHERE kind = ANY (%s) AND same_as IS NULL AND (used IS NOT NULL OR cost_source > 0)"
    " GROUP BY 1, 2, 3"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpend:
    """A model of the last 30 days. ``sources``: calls of the latest by source of their cost."""

    provider: str
    model: str
    calls: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None  # of what is known
    unpriced_calls: int  # whose cost nobody knows
    quote: Quote
    sources: dict[int, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)  # tokens by kind with a rate of its own

    @property
    def source(self) -> str:
        """list, override, caller, unknown, or several."""
        if self.model == OTHER:
            return "several"
        if self.quote.source == SOURCE_OVERRIDE:
            return "override"
        if self.quote.source == SOURCE_COMPUTED:
            return "list"
        return "caller" if self.caller_share == 1 else "unknown"

    @property
    def caller_share(self) -> float:
        """The share of its latest calls whose cost the caller said."""
        n = sum(self.sources.values())
        return self.sources.get(SOURCE_CALLER, 0) / n if n else 0.0

    @property
    def unpriced_share(self) -> float:
        """The share of its calls whose cost nobody knows."""
        return self.unpriced_calls / self.calls

    @property
    def unpriced_kinds(self) -> list[str]:
        """Kinds of tokens it used that have no rate of their own: they cost the plain rate."""
        if self.source not in ("list", "override"):
            return []
        return [
            kind.replace("_", " ")
            for kind, n in self.used.items()
            if n and kind not in self.quote.rates
        ]

    @property
    def shown_rates(self) -> list[float | None]:
        return [self.quote.rates.get(kind) for kind in ("input", "output", "cache_read")]

    @property
    def rate_text(self) -> str:
        """Every rate in words, for a title."""
        found = [(kind, self.quote.rates[kind]) for kind in LIST_KINDS if kind in self.quote.rates]
        return ", ".join(f"{kind.replace('_', ' ')} ${rate:g}" for kind, rate in found)


def list_spend(project_id: int, book: PriceBook, *, now: datetime.datetime) -> list[ModelSpend]:
    """Models by what they cost, the dearest first."""
    since = now - datetime.timedelta(days=DAYS)
    rows = fetch_all(SPEND, [project_id, since, int(UsageRollup.Family.MODEL), CALLS, MOST_MODELS])
    sources: dict[tuple[str, str], dict[int, int]] = {}
    for provider, model, source, n in fetch_all(
        SOURCES, [project_id, since, EVENTS_LOOKED_AT, CALLS]
    ):
        sources.setdefault((provider, model), {})[source] = n
    return [
        ModelSpend(
            provider=row[0],
            model=row[1],
            calls=int(row[2]),
            tokens_in=int(row[3]),
            tokens_out=int(row[4]),
            cost_usd=dollars(int(row[8]), int(row[9])),
            unpriced_calls=int(row[9]),
            quote=quote(book, row[0], row[1], now.date()),
            sources=sources.get((row[0], row[1]), {}),
            used={"cache_read": int(row[5]), "cache_write": int(row[6])},
        )
        for row in rows
    ]
