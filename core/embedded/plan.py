"""What ``serve`` was asked to run, handed from Django's settings to the supervisor."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from core.embedded.layout import DataDir


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything here is fit for a command line: no passwords, no keys."""

    project: str  # the folder with manage.py
    root: str  # the data directory
    host: str
    port: int
    web_workers: int
    digest_workers: int
    embedded: bool  # run a PostgreSQL of one's own
    pg_bin: str

    @property
    def data_dir(self) -> DataDir:
        return DataDir(Path(self.root))

    @property
    def connect_host(self) -> str:
        """Where this machine reaches a server bound to ``host``."""
        return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def base_url(self) -> str:
        host = f"[{self.connect_host}]" if ":" in self.connect_host else self.connect_host
        return f"http://{host}:{self.port}"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        return cls(**json.loads(text))
