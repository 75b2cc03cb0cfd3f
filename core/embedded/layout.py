"""Where the data directory keeps what. Paths only: reading this module starts nothing."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class DataDir:
    """The folder named by ``ASSAY_DATA_DIR``."""

    root: Path

    @property
    def static(self) -> Path:
        return self.root / "static"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def broker(self) -> Path:
        return self.root / "broker"

    def database(self) -> dict[str, Any]:
        """Django's settings of the embedded PostgreSQL."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "assay",
            "USER": "assay",
            "HOST": str(self.root / "pg-run"),
            "PORT": "5432",
        }

    def secret_key(self) -> str:
        """The key of this installation, made once and readable by its owner alone."""
        path = self.root / "secret-key"
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text()
        key = secrets.token_urlsafe(64)
        with os.fdopen(handle, "w") as file:
            file.write(key)
        return key
