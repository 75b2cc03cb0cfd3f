"""Money of model calls, in whole nano-dollars, from token counts and the price list of the day.

Pure. The list is that of ``genai-prices``. It is loaded at the first look-up, because it takes
forty megabytes that web processes never need. A rate is what one token costs; rates are kept as
whole numbers over one common denominator, so a price is the same on every machine.

Tokens: ``tokens_in`` holds all input tokens, those read from and written to the cache included, so
price = (in - read - written) * input + read * cache_read + written * cache_write + out * output.
Senders who leave the cached tokens out of ``tokens_in`` are clamped at zero, never charged negative
(:func:`has_inconsistent_usage` tells them). Reasoning, audio and image tokens are among the input
or output tokens, and are charged at their own rate where there is one. How many were audio or image
an event says by its metrics (:data:`MODALITIES`).

A project may overrule the list (:class:`PriceBook`); what a caller says a call cost overrules both.
"""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from tracking.events import CALL_KINDS, IncomingEvent
from tracking.price_book import (
    BASES,
    LIST_KINDS,
    NANO_A_MILLION,
    OTHERS,
    SIDES,
    Named,
    Override,
    merge_rates,
    pick_override,
)

PRICE_VERSION = 1
"""Stored with each price. Raise it when rates or this arithmetic change, then reprice."""

SOURCE_NONE, SOURCE_CALLER, SOURCE_COMPUTED, SOURCE_OVERRIDE = 0, 1, 2, 3

MODALITIES = {
    "tokens_input_audio": "input_audio",
    "tokens_output_audio": "output_audio",
    "tokens_input_image": "input_image",
    "tokens_output_image": "output_image",
}
"""Metrics of an event that count tokens of one kind, and the kind whose rate they are charged."""

INCONSISTENT_USAGE, IMPLAUSIBLE_COST = "inconsistent_usage", "implausible_cost"
"""Warnings of an event."""

NANO = 1_000_000_000
GREATEST_COST = 10**15  # a million dollars a call: sums of many such still fit a column

# What senders call a provider, where the price list does not know the name.
PROVIDER_ALIASES = {
    "az.ai.inference": "azure",
    "azure.ai.inference": "azure",
    "x_ai": "x-ai",
    "moonshot_ai": "moonshotai",
    "together.ai": "together-ai",
    "fireworks_ai": "fireworks",
}

# Dogpile's providers that pass calls on: whose model it is, only the model's name tells.
BRIDGES = frozenset({"vercel-ai", "openai-compatible"})

NO_OTHERS: Mapping[str, int] = {}
_US_A_DAY = 86_400_000_000
_CACHE_LIMIT = 20_000  # names come from strangers: a flood of them must not fill the memory


class Tokens(NamedTuple):
    """What a call used; ``input`` holds the cached tokens too."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


class Rates(NamedTuple):
    """Cost of one token in ``1 / denominator`` nano-dollars, from ``start`` input tokens on.

    ``others``: (kind, rate) of tokens that are among the input or output ones.
    """

    start: int
    denominator: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    others: tuple[tuple[str, int], ...] = ()


Tiers = tuple[Rates, ...]
_Key = tuple[str, str, int]
"""(provider, model, day since 1970)."""

_rates: dict[_Key, Tiers] = {}


class PriceBook:
    """The price list as one project reads it. ``stamp`` is stored with each price it makes."""

    def __init__(self, stamp: int = PRICE_VERSION, overrides: Sequence[Override] = ()) -> None:
        self.stamp = stamp
        self.overrides = tuple(overrides)
        self._found: dict[_Key, tuple[Tiers, int]] = {}

    def find(self, key: _Key) -> tuple[Tiers, int]:
        """Return the rates of a model on a day, tiers ascending, and where they come from; () when
        nobody knows them."""
        if not self.overrides:
            tiers = _rates.get(key)
            return (_remember(key) if tiers is None else tiers), SOURCE_COMPUTED
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _CACHE_LIMIT:
                self._found.clear()
            found = self._found[key] = self._look_up(*key)
        return found

    def _look_up(self, provider: str, model: str, day: int) -> tuple[Tiers, int]:
        override = pick_override(self.overrides, provider, model, day) if model else None
        if override is None:
            key = (provider, model, day)
            tiers = _rates.get(key)
            return (_remember(key) if tiers is None else tiers), SOURCE_COMPUTED
        listed = _named_tiers(provider, model, day) or [(0, {})]
        merged = [(start, merge_rates(named, override.rates)) for start, named in listed]
        known = [pair for pair in merged if not BASES.isdisjoint(pair[1])]
        return tuple(_rates_of(start, named) for start, named in known), SOURCE_OVERRIDE


LIST = PriceBook()


def cost_of(event: IncomingEvent, book: PriceBook = LIST) -> tuple[int | None, int]:
    """Return the nano-dollars of an event and where they come from (``SOURCE_…``)."""
    if event.cost_reported is not None and not has_implausible_cost(event):
        return round(event.cost_reported * NANO), SOURCE_CALLER
    if event.kind not in CALL_KINDS or (event.tokens_in is None and event.tokens_out is None):
        return None, SOURCE_NONE
    key = (event.provider, event.model or event.model_requested, event.occurred_us // _US_A_DAY)
    tiers, source = book.find(key)
    if not tiers:
        return None, SOURCE_NONE
    cost = _charge(
        tiers,
        event.tokens_in or 0,
        event.tokens_out or 0,
        event.tokens_cache_read or 0,
        event.tokens_cache_write or 0,
        others=_others_of(event) if tiers[0].others else NO_OTHERS,
    )
    return cost, source


def _others_of(event: IncomingEvent) -> dict[str, int]:
    """Tokens with a kind of their own, among the input and output tokens."""
    found = {"reasoning": event.tokens_reasoning} if event.tokens_reasoning else {}
    for name, value in event.metrics:
        if (kind := MODALITIES.get(name)) and 0 < value < GREATEST_COST:
            found[kind] = int(value)
    return found


def load_prices() -> None:
    """Read the price list now: 40 MB that processes share when it is there before they fork."""
    price("openai", "gpt-4o", dt.date(2025, 1, 1), Tokens(1, 1))


def price(provider: str, model: str, day: dt.date, tokens: Tokens) -> int | None:
    """Return the nano-dollars of a call on a UTC day; None when nobody knows the model's price."""
    key = (provider, model, day.toordinal() - dt.date(1970, 1, 1).toordinal())
    tiers = _rates.get(key)
    if tiers is None:
        tiers = _remember(key)
    return _charge(tiers, *tokens) if tiers else None


class Quote(NamedTuple):
    """What a model costs on a day, in dollars a million tokens of each kind that has a rate."""

    source: int  # SOURCE_COMPUTED (the list), SOURCE_OVERRIDE, SOURCE_NONE
    rates: dict[str, float]
    n_tiers: int


def quote(book: PriceBook, provider: str, model: str, day: dt.date) -> Quote:
    """Say what people are shown: the rates of small calls, and how many tiers there are."""
    number = day.toordinal() - dt.date(1970, 1, 1).toordinal()
    tiers, source = book.find((provider, model, number))
    if not tiers:
        return Quote(SOURCE_NONE, {}, 0)
    listed = _named_tiers(provider, model, number) or [(0, {})]
    override = pick_override(book.overrides, provider, model, number)
    named = listed[0][1] if override is None else merge_rates(listed[0][1], override.rates)
    rates = {kind: float(rate / NANO_A_MILLION) for kind, rate in named.items()}
    return Quote(source, rates, len({tier[1:] for tier in tiers}))


def has_inconsistent_usage(event: IncomingEvent) -> bool:
    """Tell whether more tokens are said to be cached (or reasoned) than there are."""
    cached = (event.tokens_cache_read or 0) + (event.tokens_cache_write or 0)
    return cached > (event.tokens_in or 0) or (event.tokens_reasoning or 0) > (
        event.tokens_out or 0
    )


def has_implausible_cost(event: IncomingEvent) -> bool:
    """Tell whether what the caller says it cost cannot be the dollars of one call."""
    reported = event.cost_reported
    return reported is not None and not 0.0 <= reported < GREATEST_COST / NANO


def _charge(
    tiers: Tiers,
    tokens_in: int,
    tokens_out: int,
    cache_read: int,
    cache_write: int,
    *,
    others: Mapping[str, int] = NO_OTHERS,
) -> int:
    rates = tiers[0]
    for tier in tiers:
        if tokens_in > tier.start:
            rates = tier
    # Most rates are whole numbers and most calls have no cached tokens: this is the hot path.
    plain = tokens_in - cache_read - cache_write
    total = (plain * rates.input if plain > 0 else 0) + tokens_out * rates.output
    if cache_read:
        total += cache_read * rates.cache_read
    if cache_write:
        total += cache_write * rates.cache_write
    if others:
        total += _charge_others(rates, others, plain=max(plain, 0), tokens_out=tokens_out)
    if rates.denominator != 1:
        total = (2 * total + rates.denominator) // (2 * rates.denominator)
    return total if 0 <= total <= GREATEST_COST else min(max(total, 0), GREATEST_COST)


def _charge_others(rates: Rates, others: Mapping[str, int], *, plain: int, tokens_out: int) -> int:
    """What tokens of a kind of their own cost beyond the plain rate, which they were charged."""
    left = {"input": plain, "output": tokens_out}
    base = {"input": rates.input, "output": rates.output}
    total = 0
    for kind, rate in rates.others:
        side = SIDES[kind]
        n = min(others.get(kind, 0), left[side])  # no more of them than there are tokens at all
        left[side] -= n
        total += n * (rate - base[side])
    return total


def _remember(key: _Key) -> tuple[Rates, ...]:
    if len(_rates) >= _CACHE_LIMIT:
        _rates.clear()
    provider, model, day = key
    _rates[key] = tiers = _find_rates(provider, model, day) if model else ()
    return tiers


def _find_rates(provider: str, model: str, day: int) -> Tiers:
    """Return the list's rates of a model on a day; () when it is not on it."""
    return tuple(_rates_of(start, named) for start, named in _named_tiers(provider, model, day))


def _named_tiers(provider: str, model: str, day: int) -> list[tuple[int, Named]]:
    """The list's rates by kind, by the input tokens they begin at."""
    found = _find_model(provider.strip().lower(), model.strip().lower())
    if found is None:
        return []
    # Noon stands for the day: some providers charge less in their night.
    noon = dt.datetime(1970, 1, 1, 12, tzinfo=dt.UTC) + dt.timedelta(days=day)
    prices = found.get_prices(noon)
    if prices.input_mtok is None and prices.output_mtok is None:
        return []
    held = {kind: getattr(prices, name) for kind, name in LIST_KINDS.items()}
    starts = {0}
    for kind in ("input", "output", "cache_read", "cache_write"):
        starts |= {tier.start for tier in getattr(held[kind], "tiers", ())}
    return [
        (
            start,
            {k: rate for k, v in held.items() if (rate := _nano_rate(v, start)) is not None},
        )
        for start in sorted(starts)
    ]


def _rates_of(start: int, named: Named) -> Rates:
    base = named.get("input", Fraction(0))
    rates = (
        base,
        named.get("output", Fraction(0)),
        named.get("cache_read", base),
        named.get("cache_write", base),
    )
    others = {kind: named[kind] for kind in OTHERS if kind in named}
    denominator = math.lcm(*(rate.denominator for rate in (*rates, *others.values())))
    plain, output, read, write = (int(rate * denominator) for rate in rates)
    own = tuple((kind, int(rate * denominator)) for kind, rate in others.items())
    return Rates(start, denominator, plain, output, read, write, own)


def _nano_rate(value: Any, start: int) -> Fraction | None:  # Any: a Decimal or a tiered price
    """Return the nano-dollars of one token; lists give dollars a million tokens."""
    if value is None:
        return None
    if hasattr(value, "tiers"):
        reached = [tier.price for tier in value.tiers if tier.start <= start]
        value = reached[-1] if start and reached else value.base
    return Fraction(value) * NANO / 1_000_000


def _find_model(provider: str, model: str) -> Any:  # Any: a model of the price list, or None
    """Find a model without the list's own caches, which keep every unknown name for ever."""
    if provider in BRIDGES:
        provider = ""
    prefix, slash, rest = model.partition("/")
    if slash and provider in {"", "litellm"} and _find_provider(prefix):
        provider, model = prefix, rest
    providers = _price_list().providers
    if provider:
        owner = _find_provider(provider)
    else:
        matches = (p for p in providers if p.model_match and p.model_match.is_match(model))
        owner = next(matches, None)
    return owner.find_model(model, all_providers=providers) if owner else None


def _find_provider(name: str) -> Any:  # Any: a provider of the price list, or None
    name = PROVIDER_ALIASES.get(name, name)
    return _snapshot_module().find_provider_by_id(_price_list().providers, name)


@cache
def _snapshot_module() -> ModuleType:
    from genai_prices import data_snapshot

    return data_snapshot


@cache
def _price_list() -> Any:  # Any: the price list ships no types
    return _snapshot_module().get_snapshot()
