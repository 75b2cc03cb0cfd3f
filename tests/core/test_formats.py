from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template, defaultfilters, defaulttags

from core import formats
from core.templatetags import components
from core.templatetags import formats as filters

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (9_842, "9,842"),
        (12_345, "12.3k"),
        (999_999, "1.00M"),
        (4_560_000, "4.56M"),
        (10**15, "1,000T"),
        (-25_000, "-25.0k"),
        (None, "–"),
        (float("nan"), "–"),
        ("text", "–"),
        (10**400, "–"),
    ],
)
def test_counts_are_short(value, text):
    assert formats.count(value) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (0.3, "about a day left"),
        (6.2, "about 6 days left"),
        (365.4, "about 365 days left"),
        (437_276.1, "over a year left"),
    ],
)
def test_days_left_say_no_more_than_a_rate_can(days, text):
    assert formats.days_left(days) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "$0"),
        (0.0042, "$0.0042"),
        (0.00041, "$0.00041"),
        (0.000000001, "<$0.00001"),
        (0.5, "$0.50"),
        (1.234, "$1.23"),
        (9_999.5, "$9,999.50"),
        (12_345.6, "$12.3k"),
        (-0.03, "−$0.030"),
        (None, "–"),
    ],
)
def test_money_keeps_two_significant_digits(value, text):
    assert formats.money(value) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"),
        (0.4, "0.4 ms"),
        (340, "340 ms"),
        (999.7, "1.0 s"),
        (1_234, "1.2 s"),
        (59_999, "1 min"),
        (125_000, "2 min 5 s"),
        (11_040_000, "3 h 4 min"),
        (183_600_000, "2 d 3 h"),
        (None, "–"),
    ],
)
def test_durations_carry_their_units(milliseconds, text):
    assert formats.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.0004, "0.04 %"),
        (0.042, "4.2 %"),
        (0.99999, ">99.9 %"),
        (1, "100 %"),
        (0.0000001, "<0.01 %"),
    ],
)
def test_shares_become_percent(share, text):
    assert formats.percent(share) == text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(seconds=42), "42 s ago"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=3), "3 d ago"),
        (timedelta(days=80), "14 Dec 2025"),
        (timedelta(hours=-2), "in the future"),
    ],
)
def test_ages_are_rounded_down(age, text):
    assert formats.ago(NOW - age, NOW) == text


def test_long_texts_are_clipped_and_escaped():
    page = Template("{{ text|clip:4 }} {{ text|clip:7 }} {{ n|clip:4 }}")
    context = Context({"text": "<b>bold", "n": 12345})

    assert page.render(context) == "&lt;b&gt;… &lt;b&gt;bold 123…"


def test_no_filter_has_the_name_of_one_of_django_s():
    builtin = set(defaultfilters.register.filters) | set(defaulttags.register.filters)

    assert builtin & {*filters.register.filters, *components.register.filters} == set()


def test_pages_clip_and_never_truncate():
    paths = Path(settings.BASE_DIR, "templates").rglob("*.html")

    assert [path.name for path in paths if "truncatechars" in path.read_text()] == []


def test_ids_keep_both_ends():
    assert formats.compact_id("0123456789abcdef0123", 12) == "0123456…0123"
    assert formats.compact_id("short") == "short"


def test_changes_carry_their_sign():
    assert formats.signed_percent(0.123) == "+12.3 %"
    assert formats.signed_percent(-0.04) == "−4.0 %"
    assert formats.signed_percent(10.2094) == "+1,021 %"


def test_positions_stay_within_the_drawing():
    assert formats.position(0.1234) == "12.34%"
    assert formats.position(7) == "100.00%"
    assert formats.extent(0) == "0.40%"
