"""Decisions as ai-experiments sends them."""

import json
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

PAYLOADS = Path(__file__).parent.parent / "payloads" / "ai-experiments"
KINDS = ("decide", "epsilon-explore", "epsilon-exploit", "thompson", "ucb")
NOW = timezone.now() - timedelta(minutes=10)


def recorded(kind):
    return json.loads((PAYLOADS / f"decision-made-{kind}.json").read_text())["data"]
