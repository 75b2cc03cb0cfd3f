"""What ``serve`` was asked to run: what the supervisor needs of Django's settings."""

import socket
from dataclasses import dataclass
from pathlib import Path

from core.embedded.errors import EmbeddedError
from core.embedded.layout import DataDir


@dataclass(frozen=True, slots=True)
class Plan:
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
    def bind_address(self) -> str:
        """The address that ``host`` names: the web server takes no name. IPv4 where it has both."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise EmbeddedError(
                f"ASSAY_HOST: '{self.host}' is neither an address nor a name that is known here."
            ) from error
        return str(min(found, key=lambda each: each[0] != socket.AF_INET)[4][0])

    @property
    def connect_host(self) -> str:
        """Where this machine reaches a server bound to ``host``."""
        return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def base_url(self) -> str:
        host = f"[{self.connect_host}]" if ":" in self.connect_host else self.connect_host
        return f"http://{host}:{self.port}"


def plan_of_settings() -> Plan:
    from django.conf import settings  # reads the settings alone, no app

    return Plan(
        project=str(settings.BASE_DIR),
        root=str(settings.DATA_DIR.root),
        host=settings.HOST,
        port=settings.PORT,
        web_workers=settings.WEB_WORKERS,
        digest_workers=settings.DIGEST_WORKERS,
        embedded=not settings.DATABASE_URL,
        pg_bin=settings.PG_BIN,
    )
