"""Files what the children say: JSON lines, one rotating file each, keys masked."""

import os
from pathlib import Path

from core.logs import json_line, known_secrets, mask_keys

MAX_BYTES = 10 * 1024 * 1024
KEPT = 4
LONGEST_LINE = 64 * 1024


class LogFile:
    """Bytes of a pipe in, whole lines out to ``<name>.log``, ``<name>.log.1`` and so on."""

    def __init__(self, folder: Path, name: str, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = folder / f"{name}.log"
        self.name = name
        self.max_bytes = max_bytes
        self.pending = b""
        self.secrets = known_secrets()
        folder.mkdir(parents=True, exist_ok=True)
        self.file = self.open()

    def open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)

    def feed(self, chunk: bytes) -> None:
        *lines, self.pending = (self.pending + chunk).split(b"\n")
        if len(self.pending) > LONGEST_LINE:
            lines.append(self.pending)
            self.pending = b""
        if lines:
            self.write("".join(self.structured(line) for line in lines if line.strip()))

    def structured(self, line: bytes) -> str:
        text = line[:LONGEST_LINE].decode(errors="replace").rstrip()
        text = mask_keys(text, secrets=self.secrets)
        is_json = text.startswith('{"at"') and text.endswith("}")
        return (text if is_json else json_line("info", self.name, text)) + "\n"

    def say(self, message: str, **fields: object) -> None:
        """A line of the supervisor's own."""
        self.write(json_line("info", "supervisor", message, **fields) + "\n")

    def write(self, text: str) -> None:
        data = text.encode(errors="replace")
        if os.fstat(self.file).st_size + len(data) > self.max_bytes:
            self.rotate()
        try:
            os.write(self.file, data)
        except OSError:
            # A full disk must not stop the supervisor; the line is lost.
            return

    def rotate(self) -> None:
        os.close(self.file)
        for number in range(KEPT, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path if number == 1 else older.with_suffix(f".{number - 1}")
            if newer.exists():
                newer.replace(older)
        self.file = self.open()

    def tail(self, count: int = 12) -> list[str]:
        return self.path.read_text(errors="replace").splitlines()[-count:]

    def close(self) -> None:
        if self.pending:
            self.feed(b"\n")
        os.close(self.file)
