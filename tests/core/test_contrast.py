"""Text of every tone can be read on what it stands on, light and dark: WCAG AA."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TOKENS = Path(settings.BASE_DIR, "static", "css", "tokens.css").read_text()
COLOURS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TOKENS
    )
}
TEXTS = [
    *((ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("paper", "surface")),
    *((ink, "surface-2") for ink in ("ink", "ink-2", "ink-3", "accent")),
    *((tone, "surface") for tone in ("accent", "good", "bad", "warn", "gold")),
    *((tone, f"{tone}-soft") for tone in ("accent", "good", "bad", "warn")),
    ("ink", "accent-soft"),
    ("ink-2", "accent-soft"),
    ("ink-3", "accent-soft"),
    ("accent", "paper"),
]
DRAWINGS = [f"chart-{number}" for number in range(1, 7)] + ["chart-bad", "chart-good"]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_stands_out(text, ground, theme):
    assert contrast(COLOURS[text][theme], COLOURS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("colour", DRAWINGS)
def test_lines_and_bars_stand_out(colour, theme):
    assert contrast(COLOURS[colour][theme], COLOURS["surface"][theme]) >= 3


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_white_stands_out_on_buttons(theme):
    assert contrast("#ffffff", COLOURS["accent-fill"][theme]) >= 4.5
