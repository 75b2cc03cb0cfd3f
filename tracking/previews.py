"""The few words that a list shows of a span's content. Pure."""

from tracking.events import Payload

LENGTH = 300


def input_preview(payload: Payload) -> str:
    return shorten(payload.input or "")


def output_preview(payload: Payload) -> str:
    return shorten(payload.output or "")


def shorten(text: str) -> str:
    """One line of at most LENGTH characters, without what a text column cannot hold."""
    line = " ".join(text[: LENGTH * 4].replace("\0", " ").split())
    line = line.encode("utf-8", "replace").decode()
    return line if len(line) <= LENGTH else line[: LENGTH - 1] + "…"
