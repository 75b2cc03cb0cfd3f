"""granian, set up for a Receiver."""

import resource
from collections.abc import Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server import Server

from core.serving.receiving import Receiver

# Of one process. Those that rest cost some kilobytes each, and are closed after half a minute.
CONNECTIONS = 8_192
FILES = CONNECTIONS + 1_024


def serve(load: Callable[[], Receiver], address: str, port: int, **options: Any) -> None:
    """Serve until SIGTERM. ``options``: more of granian's."""
    raise_file_limit()
    Server(
        "core.wsgi:application",
        address=address,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,  # of which the end of a body can always be told
        websockets=False,
        backpressure=CONNECTIONS,
        log_access=False,
        **options,
    ).serve(target_loader=load, wrap_loader=False)  # type: ignore[arg-type] # ours


def raise_file_limit() -> None:
    """As far as this account may: many systems begin with 1,024 for historical reasons."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
