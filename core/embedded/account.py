"""Who runs PostgreSQL. It refuses to run as root, so root lends it an unprivileged account."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.embedded.errors import EmbeddedError

# An account of its own when the machine has one; ``nobody`` exists everywhere. Sharing it costs
# little: clients are checked by their kernel uid (pg_ident), so ``nobody`` itself cannot log in.
CANDIDATES = ("assay", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    gid: int

    def popen_options(self) -> dict[str, Any]:  # Any: subprocess types each keyword apart
        """Keyword arguments that make subprocess start a program as this account."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can(self, test: str, path: Path) -> bool:
        """Ask the kernel, as this account: ``test -x path`` and the like, ACLs included."""
        command = ["test", test, str(path)]
        run = subprocess.run(command, cwd="/", check=False, **self.popen_options())
        return run.returncode == 0

    def own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)


def account_of(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise EmbeddedError(
            f"User id {uid} has no name on this machine and PostgreSQL asks for one: add it to "
            "/etc/passwd, or set DATABASE_URL."
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def server_account(cluster: Path) -> Account:
    """Who runs PostgreSQL: the owner of its files, else the caller, else an unprivileged one."""
    ours = os.geteuid()
    try:
        owner = cluster.stat().st_uid
    except OSError:
        owner = ours
    if ours not in (0, owner):
        raise EmbeddedError(
            f"{cluster} belongs to {account_of(owner).name}: start as that user (or as root), or "
            "give another ASSAY_DATA_DIR."
        )
    if owner != 0:
        return account_of(owner)
    return unprivileged_account()


def unprivileged_account() -> Account:
    for name in CANDIDATES:
        try:
            return account_of(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and none of the users {', '.join(CANDIDATES)} exists: "
        "add one (useradd --system assay), or set DATABASE_URL."
    )
