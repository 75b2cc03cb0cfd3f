"""Which addresses of others this server may connect to. Pure: it is given who resolves names.

An address is checked after its name was resolved, and the connection goes to the address that was
checked: a name that resolves to something else a moment later gains nothing.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

MAX_URL = 2_000
PORTS = {"http": 80, "https": 443}

Resolve = Callable[[str, int], list[str]]
"""(host, port) -> IP addresses as text. Raises OSError when the name means nothing."""

# Visible ASCII without the characters that parsers of URLs disagree about.
_URL = re.compile(r"[!-~]+")
_DISPUTED = re.compile(r"[\\<>\"^`{|}]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# "127.1", "0177.0.0.1", "0x7f.1": numbers to inet_aton and browsers, names to others (WHATWG URL,
# "ends in a number").
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

# Beside what the registries call private: IPv6 that carries an IPv4 address, which a gateway may
# unpack, and IPv4 that leads into the provider's own network.
_REFUSED = [
    ipaddress.ip_network(text)
    for text in (
        "::/96",  # IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated (SIIT)
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "fec0::/10",  # site-local, of old
        "192.88.99.0/24",  # 6to4 relays
        "100.64.0.0/10",  # carrier-grade NAT
        "168.63.129.16/32",  # public in form; a cloud's own service to its machines
    )
]


class AddressError(ValueError):
    """An address that is not connected to, and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """A URL taken apart: ``path`` is with its query, ``host`` without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: ``address`` is the checked IP, ``place`` what was asked for."""

    place: Place
    address: str


def read_url(url: str, *, allow_private: bool = False) -> Place:
    """Take a URL apart. Raises AddressError for one that is never connected to, whatever its name
    resolves to."""
    if len(url) > MAX_URL:
        raise AddressError(f"An address has at most {MAX_URL:,} characters.")
    if not _URL.fullmatch(url) or _DISPUTED.search(url):
        raise AddressError("An address is plain ASCII without spaces; write other names as xn--….")
    parts, port = _split(url)
    host = _read_host(parts.netloc, parts.hostname or "")
    port = PORTS[parts.scheme] if port is None else port
    if not allow_private and port not in PORTS.values():
        raise AddressError("Only the ports 80 and 443 are connected to.")
    query = f"?{parts.query}" if parts.query else ""
    place = Place(parts.scheme, host, port, (parts.path or "/") + query)
    if literal := _literal(host):
        _check_address(literal, allow_private=allow_private)
    return place


def find_target(place: Place, resolve: Resolve, *, allow_private: bool = False) -> Target:
    """Resolve the name and check every address it has. Raises AddressError."""
    if _literal(place.host):
        found = [place.host]
    else:
        try:
            found = resolve(place.host, place.port)
        except (OSError, UnicodeError) as error:
            raise AddressError(f"The name {place.host} does not resolve.") from error
    if not found:
        raise AddressError(f"The name {place.host} has no address.")
    for text in found:
        address = _literal(text)
        if address is None:
            raise AddressError(f"{place.host} resolves to something that is no IP address.")
        _check_address(address, allow_private=allow_private)
    return Target(place, found[0])


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressError(f"This is no address: {error}.") from error
    if parts.scheme not in PORTS or not url.lower().startswith(f"{parts.scheme}://"):
        raise AddressError("An address begins with https:// or http://.")
    if "@" in parts.netloc or "#" in url:
        raise AddressError("An address has no user, no password and no fragment.")
    return parts, port


def _read_host(netloc: str, host: str) -> str:
    if netloc.startswith("["):
        if _literal(host) is None:
            raise AddressError("The brackets hold no IPv6 address.")
        return host
    labels = host.split(".")
    if not host or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressError("The host is no name and no IP address.")
    if _NUMBER.fullmatch(labels[-1]) and _literal(host) is None:
        raise AddressError("Write an IP address as four decimal numbers.")
    return host


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if "%" in host:  # a zone is this machine's own affair
        return None
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _check_address(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, allow_private: bool
) -> None:
    if allow_private:
        return
    is_refused = any(address in network for network in _REFUSED)
    is_odd = address.is_multicast or address.is_reserved or address.is_unspecified
    is_local = address.is_private or address.is_loopback or address.is_link_local
    if is_refused or is_odd or is_local or not address.is_global:
        raise AddressError(f"{address} is no public address.")
