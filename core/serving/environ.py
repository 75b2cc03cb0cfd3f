"""What a request says, as WSGI (PEP 3333) wants it. Pure."""

import sys
from functools import lru_cache
from typing import Any, Protocol

Environ = dict[str, Any]  # Any: what WSGI puts there


class Headers(Protocol):
    """granian's: names in lower case, each as often as it was sent; texts in ASCII alone."""

    def get(self, name: str) -> str | None: ...
    def items(self) -> list[tuple[str, str]]: ...
    def __contains__(self, name: str) -> bool: ...


class Scope(Protocol):
    """What RSGI 1.x says of a request; granian decodes the path."""

    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    headers: Headers


_SAME: Environ = {
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "granian",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
_PLAIN = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


def environ_of(scope: Scope, headers: Headers) -> Environ:
    """All but ``wsgi.input``."""
    path = scope.path
    environ = _SAME.copy()
    environ["REQUEST_METHOD"] = scope.method
    environ["PATH_INFO"] = path if path.isascii() else path.encode().decode("latin-1")
    environ["QUERY_STRING"] = scope.query_string
    environ["SERVER_PROTOCOL"] = f"HTTP/{scope.http_version}"
    environ["SERVER_NAME"], environ["SERVER_PORT"] = split_address(scope.server)
    environ["REMOTE_ADDR"] = split_address(scope.client)[0]
    environ["wsgi.url_scheme"] = scope.scheme
    for name, text in headers.items():
        variable = variable_of(name)
        if variable in environ:
            # RFC 9110 § 5.3. Cookies may come split by HTTP/2 (RFC 9113 § 8.2.3), from a proxy.
            text = f"{environ[variable]}{'; ' if name == 'cookie' else ','}{text}"
        environ[variable] = text
    # A header's name may hold an underscore, and would pass for another's that a proxy sets.
    environ.pop("", None)
    return environ


@lru_cache(512)
def variable_of(name: str) -> str:
    """The variable of a header; "" of one that must not have one."""
    if "_" in name:
        return ""
    return _PLAIN.get(name) or "HTTP_" + name.upper().replace("-", "_")


def split_address(text: str) -> tuple[str, str]:
    """``("::1", "80")`` of ``[::1]:80``."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), port
