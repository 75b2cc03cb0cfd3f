"""Requests kept in files, so that making them is never part of what is measured."""

import datetime
import struct
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks.corpus import Corpus, Frame

HEAD = struct.Struct(">II")  # bytes, spans


def write_frames(path: Path, frames: Iterable[Frame]) -> None:
    """Whole or not at all."""
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        for frame in frames:
            file.write(HEAD.pack(len(frame.body), frame.n_spans))
            file.write(frame.body)
    draft.rename(path)


def read_frames(path: Path) -> list[Frame]:
    frames = []
    with path.open("rb") as file:
        while head := file.read(HEAD.size):
            size, n_spans = HEAD.unpack(head)
            frames.append(Frame(n_spans, file.read(size)))
    return frames


class Store:
    """Corpora by seed, made once a day: their times end with the last midnight, so that pages,
    which show the last days unless asked otherwise, have something to show.
    """

    def __init__(self, folder: Path, today: datetime.date) -> None:
        self.folder = folder
        self.end = datetime.datetime.combine(today, datetime.time(), tzinfo=datetime.UTC)

    def frames(self, n_spans: int, *, seed: int, size: int = 100) -> list[Frame]:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.end:%Y%m%d}-{n_spans}-{seed}-{size}.pbs"
        if not path.exists():
            self._drop_old()
            print(f"  making a corpus of {n_spans:,} spans …", flush=True)
            write_frames(path, Corpus(n_spans, seed=seed, end=self.end).frames(size))
        return read_frames(path)

    def forget(self, n_spans: int, *, seed: int, size: int = 100) -> None:
        (self.folder / f"{self.end:%Y%m%d}-{n_spans}-{seed}-{size}.pbs").unlink(missing_ok=True)

    def _drop_old(self) -> None:
        for path in self.folder.glob("*.pbs"):
            if not path.name.startswith(f"{self.end:%Y%m%d}-"):
                path.unlink()
