"""The texts of the demo project, read once from the file beside this one."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def material() -> dict[str, Any]:
    """Return what people and agents say; Any, because the file's tables differ in shape."""
    return tomllib.loads((files("core.demo") / "material.toml").read_text("utf-8"))


def fill(value: Any, slots: dict[str, str]) -> Any:
    """Put the session's own words into the braces of texts, lists and tables."""
    if isinstance(value, str):
        return value.format_map(slots)
    if isinstance(value, list):
        return [fill(each, slots) for each in value]
    if isinstance(value, dict):
        return {key: fill(each, slots) for key, each in value.items()}
    return value
