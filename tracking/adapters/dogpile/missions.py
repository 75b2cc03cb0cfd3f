"""What the prompts of a run tell of it: its mission, and by what follows that its protocol. Pure.

Streamed events of dogpile 0.3 name neither intent nor protocol, but each prompt begins with the
mission and goes on in words of its protocol (bubstack/dogpile 0.3.1 to 0.5, ``src/runtime``).
Nothing in such a stream tells the tier.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

_FOLLOWS = {
    "shared": r"\nShared turn \d+: ",
    "broadcast": r"\nBroadcast round \d+: |\n\nRound 1 intentions:\n",
    "coordinator": r"\nCoordinator [^\n]+: assign the work|\n\nCoordinator: [^\n]+\nPrior contrib",
    "sequential": r"\nProvide your contribution\.\Z|\n\nPrior contributions:\n",
}
_told = "|".join(f"(?P<{protocol}>{words})" for protocol, words in _FOLLOWS.items())
_match = re.compile(rf"Mission: (?P<intent>.+?)(?:{_told}|\n\n|\Z)", re.DOTALL).match


class Mission(NamedTuple):
    """Each "" where no prompt tells it."""

    intent: str = ""
    protocol: str = ""


def read_mission(prompts: Iterable[str]) -> Mission:
    """The first mission told, and the first protocol."""
    intent = protocol = ""
    for prompt in prompts:
        if found := _match(prompt):
            intent = intent or found["intent"].strip()
            protocol = protocol or next((name for name in _FOLLOWS if found[name]), "")
        if intent and protocol:
            break
    return Mission(intent, protocol)
