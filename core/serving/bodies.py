"""Bodies on their way: in memory as long as there is room, then in files."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.serving import pacing

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one web process, in bytes. All bodies on their way stay in memory up to a sum, go to files
    beyond it, and are refused beyond another."""

    body: int
    n_threads: int
    folder: Path | None = None
    in_memory: int = 64 * MIB
    at_once: int = 512 * MIB


class Room:
    """How many bytes of bodies are here, and how many of them in memory."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.received = self.in_memory = 0

    def has_memory(self, n_bytes: int) -> bool:
        return self.in_memory + n_bytes <= self.limits.in_memory

    @contextmanager
    def taken(self, n_bytes: int) -> Iterator[None]:
        """Keep memory for a body that is not here yet."""
        self.received += n_bytes
        self.in_memory += n_bytes
        try:
            yield
        finally:
            self.received -= n_bytes
            self.in_memory -= n_bytes


class LongBody:
    """What came of one body so far."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.file: IO[bytes] = io.BytesIO()
        self.n_bytes = self.n_pieces = self._n_in_memory = 0

    def add(self, piece: bytes) -> None:
        """Raises :class:`pacing.RefusedError` where it is too long, too much or in crumbs."""
        limits = self.room.limits
        n_bytes = self.n_bytes + len(piece)
        self.n_pieces += 1
        if n_bytes > limits.body:
            raise pacing.RefusedError(pacing.too_long(limits.body))
        if pacing.is_crumbled(n_bytes, self.n_pieces):
            raise pacing.RefusedError(pacing.too_many_chunks())
        if self.room.received + len(piece) > limits.at_once:
            raise pacing.RefusedError(pacing.too_much_at_once())
        self.room.received += len(piece)
        self.n_bytes = n_bytes
        self._store(piece)

    def _store(self, piece: bytes) -> None:
        if isinstance(self.file, io.BytesIO):
            if self.room.has_memory(len(piece)):
                self.room.in_memory += len(piece)
                self._n_in_memory += len(piece)
            else:
                self._move_to_file(self.file)
        self.file.write(piece)

    def _move_to_file(self, held: io.BytesIO) -> None:
        self.file = tempfile.TemporaryFile(dir=self.room.limits.folder)  # noqa: SIM115 -- closed by close
        self.file.write(held.getbuffer())
        self.room.in_memory -= self._n_in_memory
        self._n_in_memory = 0

    def close(self) -> None:
        self.file.close()
        self.room.received -= self.n_bytes
        self.room.in_memory -= self._n_in_memory
        self.n_bytes = self._n_in_memory = 0
