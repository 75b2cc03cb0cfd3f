"""What calls cost beside what the price list's own calculator says, over random calls."""

import datetime as dt
import random
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price

from tests.tracking.incoming import make_event
from tracking.events import Kind
from tracking.pricing import NANO, cost_of

MODELS = [
    *(("openai", name) for name in ("gpt-4o", "gpt-5-mini", "o3", "text-embedding-3-small")),
    *(("anthropic", name) for name in ("claude-sonnet-4-5", "claude-opus-4-1")),
    *(("google", name) for name in ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-1.5-pro")),
    *(("deepseek", "deepseek-chat"), ("x-ai", "grok-4")),
]
EDGES = [1, 128_000, 128_001, 200_000, 200_001]  # of tiers


def make_usage(rng: random.Random, *, writes: bool) -> Usage:
    tokens = rng.choice([rng.randrange(1, 400_000), *EDGES])
    read = rng.choice([0, rng.randrange(tokens + 1)])
    written = rng.choice([0, rng.randrange(tokens - read + 1)]) if writes else 0
    return Usage(
        input_tokens=tokens,
        output_tokens=rng.randrange(3_000),
        cache_read_tokens=read or None,
        cache_write_tokens=written or None,
    )


@pytest.mark.parametrize(("provider", "model"), MODELS)
def test_a_call_costs_what_the_list_calculates(provider: str, model: str):
    rng = random.Random(model)
    for _ in range(60):
        usage = make_usage(rng, writes=provider == "anthropic")
        at = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC) + dt.timedelta(days=rng.randrange(560))
        call = make_event(
            kind=int(Kind.LLM),
            provider=provider,
            model=model,
            occurred_us=int(at.timestamp() * 1_000_000),
            tokens_in=usage.input_tokens,
            tokens_out=usage.output_tokens,
            tokens_cache_read=usage.cache_read_tokens,
            tokens_cache_write=usage.cache_write_tokens,
        )

        cost, _ = cost_of(call)

        listed = calc_price(usage, model, provider_id=provider, genai_request_timestamp=at)
        assert abs(Decimal(cost or 0) - listed.total_price * NANO) <= 1
