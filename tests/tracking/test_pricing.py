"""Prices of model calls, against hand-computed cases."""

import datetime as dt
import subprocess
import sys

import pytest

from tests.tracking.incoming import make_call
from tracking import pricing
from tracking.events import Kind
from tracking.pricing import (
    SOURCE_CALLER,
    SOURCE_COMPUTED,
    SOURCE_NONE,
    Tokens,
    cost_of,
    has_inconsistent_usage,
    price,
)

DAY = dt.date(2026, 3, 4)


NAMES = {
    "tokens_in": "input",
    "tokens_out": "output",
    "tokens_cache_read": "cache_read",
    "tokens_cache_write": "cache_write",
}

# Rates in dollars a million tokens, so 1 dollar = 1,000 nano-dollars a token:
# gpt-4o 2.50 in, 1.25 cached, 10 out · claude-sonnet-4-5 3 / 0.30 / 3.75 written / 15 out, doubled
# (out: 22.50) above 200,000 input tokens · gemini-2.5-flash 0.30 / 0.03 / 2.50.
CASES = {
    "plain": ("openai", "gpt-4o", {"tokens_in": 1000, "tokens_out": 100}, 3_500_000),
    "cached inside input": (
        "openai",
        "gpt-4o",
        {"tokens_in": 1000, "tokens_out": 100, "tokens_cache_read": 400},
        600 * 2500 + 400 * 1250 + 100 * 10_000,
    ),
    "written to the cache": (
        "anthropic",
        "claude-sonnet-4-5",
        {
            "tokens_in": 5000,
            "tokens_out": 200,
            "tokens_cache_read": 1000,
            "tokens_cache_write": 3000,
        },
        1000 * 3000 + 1000 * 300 + 3000 * 3750 + 200 * 15_000,
    ),
    "at the tier's edge": (
        "anthropic",
        "claude-sonnet-4-5",
        {"tokens_in": 200_000, "tokens_out": 1},
        200_000 * 3000 + 15_000,
    ),
    "above the tier's edge": (
        "anthropic",
        "claude-sonnet-4-5",
        {"tokens_in": 200_001, "tokens_out": 1},
        200_001 * 6000 + 22_500,
    ),
    "no rate for cache writes": (
        "google",
        "gemini-2.5-flash",
        {"tokens_in": 100, "tokens_cache_write": 100},
        100 * 300,
    ),
    "more cached than sent": (
        "openai",
        "gpt-4o",
        {"tokens_in": 10, "tokens_cache_read": 30},
        30 * 1250,
    ),
    "embedding": ("openai", "text-embedding-3-small", {"tokens_in": 1000}, 20_000),
    "dated name": ("openai", "gpt-4o-2024-08-06", {"tokens_in": 1}, 2500),
    "provider of the convention": ("gcp.vertex_ai", "gemini-2.5-flash", {"tokens_in": 10}, 3000),
    "no provider": ("", "gpt-4o", {"tokens_in": 10}, 25_000),
    "provider in the name": ("", "openai/gpt-4o", {"tokens_in": 10}, 25_000),
    "upper case": ("OpenAI", "GPT-4o", {"tokens_in": 10}, 25_000),
    "unknown model": ("openai", "no-such-model", {"tokens_in": 10}, None),
    "unknown provider": ("my-own-gpu", "gpt-4o", {"tokens_in": 10}, None),
    "no model": ("openai", "", {"tokens_in": 10}, None),
}


@pytest.mark.parametrize(("provider", "model", "tokens", "expected"), CASES.values(), ids=CASES)
def test_it_prices_a_call(provider, model, tokens, expected):
    assert (
        price(provider, model, DAY, Tokens(**{NAMES[key]: n for key, n in tokens.items()}))
        == expected
    )


@pytest.mark.parametrize(("provider", "model", "tokens", "expected"), CASES.values(), ids=CASES)
def test_it_prices_an_event_alike(provider, model, tokens, expected):
    event = make_call(
        **({"tokens_in": None, "tokens_out": None} | tokens), provider=provider, model=model
    )

    source = SOURCE_NONE if expected is None else SOURCE_COMPUTED
    assert cost_of(event) == (expected, source)


def test_it_rounds_a_fraction_of_a_nano_dollar_half_up():
    rates = pricing.Rates(0, 2, 25, 0, 25, 25)  # 12.5 nano-dollars a token

    assert [pricing._charge((rates,), n, 0, 0, 0) for n in (1, 2, 3)] == [
        13,
        25,
        38,
    ]


def test_it_takes_the_money_of_the_caller():
    assert cost_of(make_call(cost_reported=0.0042)) == (4_200_000, SOURCE_CALLER)
    assert cost_of(make_call(cost_reported=0.0)) == (0, SOURCE_CALLER)
    assert cost_of(make_call(kind=Kind.TOOL, cost_reported=1e-9)) == (1, SOURCE_CALLER)


@pytest.mark.parametrize("nonsense", [-0.1, float("nan"), float("inf"), 1e300])
def test_it_ignores_money_that_cannot_be(nonsense):
    assert cost_of(make_call(cost_reported=nonsense)) == (3_500_000, SOURCE_COMPUTED)


@pytest.mark.parametrize("kind", [k for k in Kind if k not in {Kind.LLM, Kind.EMBEDDING}])
def test_it_charges_calls_alone(kind):
    assert cost_of(make_call(kind=kind)) == (None, SOURCE_NONE)


def test_it_prices_by_the_model_that_answered_else_the_one_asked():
    event = make_call(model="", model_requested="gpt-4o-mini", tokens_in=1000, tokens_out=0)

    assert cost_of(event) == (150_000, SOURCE_COMPUTED)


def test_it_does_not_price_a_call_without_tokens():
    assert cost_of(make_call(tokens_in=None, tokens_out=None)) == (None, SOURCE_NONE)


def test_it_never_overflows_a_sum():
    assert cost_of(make_call(tokens_in=2**63 - 1)) == (pricing.GREATEST_COST, SOURCE_COMPUTED)


def test_it_tells_inconsistent_usage():
    assert has_inconsistent_usage(make_call(tokens_cache_read=600, tokens_cache_write=401)) is True
    assert has_inconsistent_usage(make_call(tokens_reasoning=101)) is True
    assert has_inconsistent_usage(make_call(tokens_cache_read=1000, tokens_reasoning=100)) is False


def test_it_forgets_rather_than_fills_the_memory(monkeypatch):
    monkeypatch.setattr(pricing, "_rates", {})
    monkeypatch.setattr(pricing, "_CACHE_LIMIT", 5)
    for n in range(20):
        price("openai", f"made-up-{n}", DAY, Tokens(1))

    assert len(pricing._rates) <= 5


def test_it_loads_the_price_list_at_the_first_look_up():
    code = "import sys, tracking.pricing; print('genai_prices' in sys.modules)"

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "False"
