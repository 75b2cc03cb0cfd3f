"""Whether a span can have used the prompt it is tagged with. Pure.

Fallom's Python client keeps the prompt of ``prompts.get`` until the next one (fallom-python 0.2.7
never clears it): calls that follow carry a prompt they did not use. What a call was sent tells: a
prompt that was used left its words there.
"""

import re
from collections.abc import Iterable, Sequence

from prompts.rendering import split_template

MIN_FRAGMENT = 16
"""Letters and digits of a fragment; what is shorter may stand in any text."""

MAX_FRAGMENTS = 200

_SENTENCES = re.compile(r"(?<=[.!?:;])\s+|\n+")
_SPACE = re.compile(r"\s+")


def find_fragments(templates: Iterable[str]) -> list[str]:
    """What a prompt says whatever its variables are: sentences and lines of decent length.

    By sentence, so that a text of which a client or a mask cut some is still known by the rest.
    """
    found: dict[str, None] = {}
    for template in templates:
        for place in split_template(template):
            if place.name is not None:
                continue
            for sentence in _SENTENCES.split(place.text):
                plain = _plain(sentence)
                if sum(map(str.isalnum, plain)) >= MIN_FRAGMENT:
                    found[plain] = None
    return list(found)[:MAX_FRAGMENTS]


def is_stale(fragments: Sequence[str], said: Iterable[str]) -> bool:
    """Whether nothing of a prompt stands in what a call was sent.

    Without fragments, or when nothing is known of what was sent, nothing can be told: False.
    """
    text = _plain("\n".join(said))
    return bool(fragments and text) and not any(fragment in text for fragment in fragments)


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip().casefold()
