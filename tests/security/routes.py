"""Every address of the product, found by walking the resolver."""

import re
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

SAMPLES = {
    "slug": "alpha",
    "int": "1",
    "str": "x1",
    "path": "x1",
    "uuid": "00000000-0000-0000-0000-000000000000",
}


def all_routes() -> list[str]:
    found = _walk(get_resolver().url_patterns, "")
    return sorted({re.sub(r"(?<!\[)\^|\$", "", route) for route in found})


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if pattern.app_name != "admin":  # its own test
                yield from _walk(pattern.url_patterns, route)
        else:
            yield route


def address_of(route: str) -> str:
    """An address the route matches, of the project alpha."""
    filled = re.sub(
        r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)",
        lambda m: "1" if "[0-9]" in m[0] else "x1",
        route,
    )
    filled = re.sub(r"<(?:(\w+):)?\w+>", lambda m: SAMPLES.get(m[1] or "str", "x1"), filled)
    return "/" + re.sub(r"\\Z|/\?", "", filled)
