"""Decides where the database's files and its socket lie, and records it when not in the default."""

import os
import stat
import tempfile
from pathlib import Path

from core.embedded.account import Account
from core.embedded.binaries import SHARED
from core.embedded.errors import EmbeddedError
from core.embedded.layout import DataDir, fits_a_socket, replace_text


def place_cluster(data_dir: DataDir, account: Account) -> Path:
    """The cluster's folder, moved out of the data directory when ``account`` cannot get there."""
    data_dir.root.mkdir(parents=True, exist_ok=True)
    if account.can("-x", data_dir.cluster.parent):
        return data_dir.cluster
    if data_dir.cluster_record.exists() or data_dir.cluster.exists():
        raise EmbeddedError(
            f"{account.name}, who runs PostgreSQL for root, cannot enter {data_dir.cluster}: "
            "restore the permissions of its parents, or give another ASSAY_DATA_DIR."
        )
    SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="data-", dir=SHARED))
    home.chmod(0o711)
    replace_text(data_dir.cluster_record, str(home / "postgres"))
    return data_dir.cluster


def place_socket(data_dir: DataDir, account: Account) -> Path:
    """A 0700 folder of ``account`` whose path is short enough for a Unix socket."""
    if is_private(data_dir.socket_dir, account) and fits_a_socket(data_dir.socket_dir):
        return data_dir.socket_dir
    default = data_dir.root / "pg-run"
    if fits_a_socket(default) and account.can("-x", data_dir.root):
        data_dir.socket_record.unlink(missing_ok=True)
        default.mkdir(mode=0o700, exist_ok=True)
    else:
        # A fresh random name: a guessable one in the temp dir could be taken by somebody else.
        default = Path(tempfile.mkdtemp(prefix="assay-", dir=short_temp_dir()))
        replace_text(data_dir.socket_record, str(default))
    account.own(default)
    default.chmod(0o700)
    return default


def short_temp_dir() -> str:
    configured = tempfile.gettempdir()
    return configured if fits_a_socket(Path(configured) / "assay-12345678") else "/tmp"  # noqa: S108


def is_private(folder: Path, account: Account) -> bool:
    try:
        state = os.lstat(folder)
    except OSError:
        return False
    owned = state.st_uid == account.uid and stat.S_ISDIR(state.st_mode)
    return owned and stat.S_IMODE(state.st_mode) == 0o700 and account.can("-w", folder)
