"""Whole numbers as addresses and forms write them. Pure."""


def read_whole(text: str, *, digits: int = 9) -> int | None:
    """The number, or None for any other text. Nine digits fit PostgreSQL's integer.

    ``int`` would take "٣", "1_000" and " 3", too, and refuse thousands of digits in its own way.
    """
    is_whole = text.isascii() and text.isdigit() and len(text) <= digits
    return int(text) if is_whole else None
