"""A project's own prices against the list, and tokens of kinds of their own."""

import datetime as dt
from fractions import Fraction

import pytest

from tests.tracking.incoming import NOON_US, make_call
from tracking.events import Payload
from tracking.modalities import count_modalities
from tracking.preparing import price_event
from tracking.price_book import Override, merge_rates, pick_override
from tracking.pricing import (
    LIST,
    SOURCE_CALLER,
    SOURCE_COMPUTED,
    SOURCE_NONE,
    SOURCE_OVERRIDE,
    PriceBook,
    cost_of,
    quote,
)

DAY = NOON_US // 86_400_000_000
TODAY = dt.date(1970, 1, 1) + dt.timedelta(days=DAY)


def make_override(model="gpt-4o", number=1, **changes):
    values = {"provider": "", "first_day": 0, "end_day": None, "rates": {"input": Fraction(1000)}}
    return Override(id=number, model=model, **(values | changes))


def book_with(*overrides):
    return PriceBook(7, overrides)


def test_an_own_price_overrules_the_list():
    own = make_override(rates={"input": Fraction(1000), "output": Fraction(2000)})

    cost = cost_of(make_call(tokens_in=1000, tokens_out=100), book_with(own))

    assert cost == (1000 * 1000 + 100 * 2000, SOURCE_OVERRIDE)


def test_it_leaves_other_models_to_the_list():
    assert cost_of(make_call(), book_with(make_override("gpt-5"))) == cost_of(make_call())


def test_it_knows_what_the_list_does_not():
    call = make_call(model="my-llama", provider="vllm")
    own = make_override("my-*")

    assert cost_of(call) == (None, SOURCE_NONE)
    assert cost_of(call, book_with(own)) == (1_000_000, SOURCE_OVERRIDE)


def test_what_the_caller_says_overrules_both():
    call = make_call(cost_reported=0.0042)

    assert cost_of(call, book_with(make_override())) == (4_200_000, SOURCE_CALLER)


def test_a_side_that_it_leaves_out_costs_what_the_list_says():
    own = make_override(rates={"output": Fraction(1)})

    cost, source = cost_of(
        make_call(tokens_in=1000, tokens_out=100, tokens_cache_read=400), book_with(own)
    )

    assert (cost, source) == (600 * 2500 + 400 * 1250 + 100, SOURCE_OVERRIDE)


def test_an_own_rate_of_input_is_that_of_cached_tokens_too():
    own = make_override(rates={"input": Fraction(0), "output": Fraction(0)})

    assert cost_of(make_call(tokens_cache_read=400), book_with(own)) == (0, SOURCE_OVERRIDE)


def test_a_flat_price_has_no_tiers():
    own = make_override("claude-*", rates={"input": Fraction(10), "output": Fraction(0)})
    call = make_call(provider="anthropic", model="claude-sonnet-4-5", tokens_in=300_000)

    assert cost_of(call, book_with(own)) == (3_000_000, SOURCE_OVERRIDE)


def test_an_own_rate_of_one_side_keeps_the_tiers_of_the_other():
    own = make_override("claude-*", rates={"output": Fraction(0)})
    call = make_call(provider="anthropic", model="claude-sonnet-4-5", tokens_in=300_000)

    assert cost_of(call, book_with(own)) == (300_000 * 6000, SOURCE_OVERRIDE)


def test_a_rate_that_prices_nothing_known_prices_nothing():
    own = make_override("my-llama", rates={"reasoning": Fraction(5)})

    assert cost_of(make_call(model="my-llama", provider=""), book_with(own))[0] is None


def test_a_fraction_of_a_nano_dollar_is_rounded():
    own = make_override(rates={"input": Fraction(1, 3), "output": Fraction(0)})

    assert cost_of(make_call(tokens_in=5, tokens_out=0), book_with(own))[0] == 2


DAYS = {
    "the day before": (DAY + 1, None, False),
    "the first day": (DAY, None, True),
    "the last day": (0, DAY + 1, True),
    "the day after": (0, DAY, False),
}


@pytest.mark.parametrize(("first", "end", "holds"), DAYS.values(), ids=DAYS)
def test_it_holds_between_its_days(first, end, holds):
    own = make_override(first_day=first, end_day=end)

    assert (cost_of(make_call(), book_with(own))[1] == SOURCE_OVERRIDE) is holds


PATTERNS = [
    ("gpt-4o", "", "gpt-4o", True),
    ("GPT-4o ", "openai", "gpt-4o", True),
    ("gpt-4o-mini", "", "gpt-4o", False),
    ("gpt-4o-mini", "", "gpt-*", True),
    ("gpt-4o-mini", "", "*mini", True),
    ("gpt-4o", "openai", "gpt-4o", True),
    ("gpt.4o", "", "gpt?4o", False),
    ("a\nb", "", "a*b", True),
    ("anything", "", "*", True),
    ("gpt-4o-mini", "", "g*4*o*i", True),
    ("gpt-4o-mini", "", "g*4*4*i", False),
    ("aba", "", "ab*ba", False),
    ("abba", "", "ab*ba", True),
    ("abab", "", "*ab", True),
    ("", "", "*", True),
    ("a.c", "", "a?c", False),
]


@pytest.mark.parametrize(("model", "provider", "pattern", "matches"), PATTERNS)
def test_a_pattern_names_models(model, provider, pattern, matches):
    found = pick_override([make_override(pattern)], provider, model, DAY)

    assert (found is not None) is matches


def test_a_provider_that_is_named_must_answer():
    own = make_override(provider="azure")

    assert pick_override([own], "openai", "gpt-4o", DAY) is None
    assert pick_override([own], "Azure", "gpt-4o", DAY) is own


def test_of_several_the_most_particular_holds():
    every, some = make_override("*", 1), make_override("gpt-*", 2)
    exact, provider = make_override("gpt-4o", 3), make_override("gpt-4o", 4, provider="openai")
    later = make_override("gpt-4o", 5, provider="openai", first_day=DAY - 1)

    ladder = [every, some, exact, provider, later]
    for n in range(1, 6):
        assert pick_override(ladder[:n], "openai", "gpt-4o", DAY) is ladder[n - 1]
        assert pick_override(ladder[:n][::-1], "openai", "gpt-4o", DAY) is ladder[n - 1]


def test_rates_of_one_side_leave_the_other_to_the_list():
    listed = {"input": Fraction(1), "cache_read": Fraction(2), "output": Fraction(3)}

    assert merge_rates(listed, {"input": Fraction(9)}) == {
        "input": Fraction(9),
        "output": Fraction(3),
    }
    assert merge_rates(listed, {"cache_read": Fraction(9)}) == {
        **listed,
        "cache_read": Fraction(9),
    }


KINDS = {
    "input": Fraction(10),
    "output": Fraction(100),
    "reasoning": Fraction(300),
    "input_audio": Fraction(50),
    "output_audio": Fraction(500),
    "output_image": Fraction(1000),
}


def test_tokens_of_a_kind_of_their_own_have_their_own_rate():
    call = make_call(
        tokens_in=1000,
        tokens_out=200,
        tokens_reasoning=40,
        metrics=(("tokens_input_audio", 100.0), ("tokens_output_audio", 60.0)),
    )

    cost, _ = cost_of(call, book_with(make_override(rates=KINDS)))

    assert cost == 900 * 10 + 100 * 50 + 40 * 300 + 60 * 500 + 100 * 100


def test_no_more_tokens_of_a_kind_are_charged_than_there_are():
    call = make_call(
        tokens_in=100,
        tokens_cache_read=90,
        tokens_out=50,
        tokens_reasoning=80,
        metrics=(("tokens_input_audio", 1e9), ("tokens_output_image", 9.0)),
    )

    cost, _ = cost_of(call, book_with(make_override(rates=KINDS)))

    assert cost == 90 * 10 + 10 * 50 + 50 * 300


def test_the_list_prices_audio():
    call = make_call(
        provider="google",
        model="gemini-2.5-flash",
        tokens_in=100,
        tokens_out=10,
        metrics=(("tokens_input_audio", 60.0),),
    )
    rates = quote(LIST, "google", "gemini-2.5-flash", TODAY).rates

    cost, _ = cost_of(call)

    expected = 40 * rates["input"] + 60 * rates["input_audio"] + 10 * rates["output"]
    assert cost == round(expected * 1000)
    assert rates["input_audio"] > rates["input"]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"gen_ai.usage.audio.input_tokens": 5}, [("tokens_input_audio", 5.0)]),
        (
            {
                "gen_ai.usage.audio.input_tokens": 5,
                "gen_ai.usage.audio.cache_read.input_tokens": 3,
                "gen_ai.usage.image.output_tokens": 7,
            },
            [("tokens_input_audio", 2.0), ("tokens_output_image", 7.0)],
        ),
        ({"llm.token_count.completion_details.audio": 4}, [("tokens_output_audio", 4.0)]),
        ({"gen_ai.usage.audio.input_tokens": "5"}, []),
        ({"gen_ai.usage.audio.input_tokens": True}, []),
        ({"gen_ai.usage.audio.input_tokens": -5}, []),
        ({"gen_ai.usage.audio.input_tokens": 1e30}, []),
        ({"llm.token_count.prompt_details.audio": 0}, []),
    ],
)
def test_attributes_tell_tokens_by_modality(attributes, expected):
    assert count_modalities(attributes) == expected


def test_an_event_carries_its_modalities_and_the_stamp_of_its_price():
    call = make_call(payload=Payload(attributes={"gen_ai.usage.audio.input_tokens": 5}))

    fact = price_event(call, book_with(make_override(rates=KINDS)))

    assert fact.event.metrics == (("tokens_input_audio", 5.0),)
    assert price_event(fact.event).event == fact.event
    assert (fact.price_stamp, fact.cost_source) == (7, SOURCE_OVERRIDE)
    assert price_event(make_call()).price_stamp == LIST.stamp


def test_a_quote_says_the_rates_and_where_they_are_from():
    listed = quote(LIST, "anthropic", "claude-sonnet-4-5", TODAY)
    assert listed.source == SOURCE_COMPUTED
    assert listed.rates["input"] == 3.0
    assert listed.n_tiers == 2

    own = quote(book_with(make_override("claude*")), "anthropic", "claude-sonnet-4-5", TODAY)
    assert (own.source, own.rates["input"], own.rates["output"]) == (SOURCE_OVERRIDE, 1.0, 15.0)
    assert quote(LIST, "", "nobody-knows", TODAY) == (SOURCE_NONE, {}, 0)
