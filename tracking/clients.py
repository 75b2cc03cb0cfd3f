"""Which program sent a request, by what it says of itself. Pure."""

import re

NOBODY = "(not named)"
BROWSER = "(a browser)"
_product = re.compile(r"([A-Za-z0-9][A-Za-z0-9._@-]{0,59})(?:/v?([0-9][0-9A-Za-z.+-]{0,19}))?")


def client_of(user_agent: str) -> str:
    """Its first product and version, as in ``OTel-OTLP-Exporter-Python 1.38.0``."""
    match = _product.match(user_agent.strip())
    if match is None:
        return NOBODY
    name, version = match.groups()
    if name == "Mozilla":
        return BROWSER
    return f"{name} {version}" if version else name
