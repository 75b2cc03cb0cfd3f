"""The broker of an installation without Redis or RabbitMQ: messages are files.

kombu's own filesystem transport writes a message in place, so that a reader may take half of it,
and moves what it takes through the machine's shared temporary directory. Both are renames here. It
keeps in files, too, which queues an exchange leads to; here each leads to the queue of its name, so
that nothing is missing when somebody deletes the folder of a running installation.
"""

import json
import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem

ALIAS = "assay-files"
SUFFIX = ".msg"
LONGEST_WAIT = 0.4


class Channel(filesystem.Channel):
    def get_table(self, exchange: str) -> list[Any]:
        return [filesystem.exchange_queue_t(exchange, "", exchange)]

    def _queue_bind(self, *_: Any) -> None:
        """Each exchange leads to its own queue."""

    def _put(self, queue: Any, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        # Names sort by age. The wall clock: the monotonic one starts anew with the machine.
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}.{queue}{SUFFIX}"
        folder = Path(self.data_folder_out)
        draft = folder / f".{name}"
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(payload))
        draft.rename(folder / name)

    def _get(self, queue: Any, timeout: Any = None) -> Any:
        folder = Path(self.data_folder_in)
        wanted = f".{queue}{SUFFIX}"
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            raise Empty from None
        for name in sorted(n for n in names if n.endswith(wanted) and n[0] != "."):
            taken = folder / f".{name}.taken"
            try:
                (folder / name).rename(taken)
            except FileNotFoundError:
                continue  # another worker was faster
            text = taken.read_text()
            taken.unlink()
            return json.loads(text)
        raise Empty


class Transport(filesystem.Transport):
    Channel = Channel

    def drain_events(self, connection: Any, timeout: Any = None, **kwargs: Any) -> Any:
        """Celery waits 2 s at a time and only then sees that it should stop."""
        wait = None if timeout is None else min(timeout, LONGEST_WAIT)
        return super().drain_events(connection, timeout=wait, **kwargs)  # type: ignore[no-untyped-call]


def use_files(folder: Path) -> dict[str, Any]:
    """Celery's settings for a broker in ``folder``."""
    TRANSPORT_ALIASES[ALIAS] = f"{__name__}:Transport"
    messages, control = folder / "messages", folder / "control"
    for path in (messages, control):
        path.mkdir(parents=True, exist_ok=True)
    drop_drafts(messages)
    return {
        "broker_url": f"{ALIAS}://localhost//",
        "broker_transport_options": {
            "data_folder_in": str(messages),
            "data_folder_out": str(messages),
            "control_folder": str(control),
            "polling_interval": 0.2,
        },
    }


def drop_drafts(messages: Path) -> None:
    """Remove what killed processes left half written or half taken; nobody misses a doorbell."""
    horizon = time.time() - 3600
    for path in messages.glob(".*"):
        if path.stat().st_mtime < horizon:
            path.unlink(missing_ok=True)
