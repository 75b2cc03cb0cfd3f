"""A backup is a folder: the database as pg_dump writes it, and the installation's secret key."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from core.embedded.account import account_of
from core.embedded.binaries import find_binaries

DATABASE_FOLDER, SECRET_FILE = "database", "secret-key"
JOBS = "2"


class BackupError(Exception):
    """Why nothing was written or nothing was restored, for the person at the terminal."""


def write_backup(folder: Path) -> None:
    """Write the folder, which must not exist or be empty. Serving goes on meanwhile."""
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)  # it holds everything that was ever sent
    options = ["--format=directory", f"--jobs={JOBS}", "--no-owner", "--no-privileges"]
    run_program("pg_dump", [*options, f"--file={folder / DATABASE_FOLDER}", database_name()])
    secret = folder / SECRET_FILE
    secret.touch(mode=0o600)
    secret.write_text(settings.SECRET_KEY)


def restore_backup(folder: Path, *, force: bool = False) -> None:
    """Put the backup in the database's place, whole or not at all.

    It is restored beside the present database, then takes its name: a backup that cannot be read
    costs nothing, and running processes see one or the other.
    """
    dump = folder / DATABASE_FOLDER
    if not (dump / "toc.dat").is_file():
        raise BackupError(f"{folder} holds no backup ({dump}/toc.dat is missing).")
    if not force and has_tables():
        raise BackupError(
            f"The database {database_name()} is not empty; --force replaces what it holds."
        )
    connection.close()
    draft = f"{database_name()}_restoring"
    with maintenance() as admin:
        drop_database(admin, draft)
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(draft))
        )
        options = ["--exit-on-error", "--no-owner", "--no-privileges", f"--jobs={JOBS}"]
        run_program("pg_restore", [*options, f"--dbname={draft}", str(dump)])
        swap_databases(admin, draft)
    restore_secret(folder / SECRET_FILE)
    # It may come from an older version: the next start migrates before it serves.
    settings.DATA_DIR.code_stamp.unlink(missing_ok=True)


def swap_databases(admin: psycopg.Connection[Any], draft: str) -> None:
    """Rename, keeping others from reconnecting in between; then drop the old one."""
    name, old = database_name(), f"{database_name()}_replaced"
    drop_database(admin, old)
    set_open(admin, name, is_open=False)
    try:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        with admin.transaction():
            rename_database(admin, name, old)
            rename_database(admin, draft, name)
    except BaseException:  # Ctrl-C, too: nobody could connect any more
        set_open(admin, name, is_open=True)
        raise
    drop_database(admin, old)


def set_open(admin: psycopg.Connection[Any], name: str, *, is_open: bool) -> None:
    statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    admin.execute(statement.format(sql.Identifier(name), sql.Literal(is_open)))


def rename_database(admin: psycopg.Connection[Any], name: str, new: str) -> None:
    statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    admin.execute(statement.format(sql.Identifier(name), sql.Identifier(new)))


def drop_database(admin: psycopg.Connection[Any], name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(name)))


def restore_secret(path: Path) -> None:
    """The installation's own file; a key given by ASSAY_SECRET_KEY is the operator's affair."""
    own = settings.DATA_DIR.root / "secret-key"
    if path.is_file() and own.is_file():
        shutil.copyfile(path, own)


def database_name() -> str:
    return str(settings.DATABASES["default"]["NAME"])


def has_tables() -> bool:
    return bool(connection.introspection.table_names())


@contextmanager
def maintenance() -> Iterator[psycopg.Connection[Any]]:
    """A connection to the server's own database: one cannot rename the one one is in."""
    parameters = connection.get_connection_params()
    wanted = ("host", "port", "user", "password", "sslmode", "sslrootcert")
    chosen = {name: parameters[name] for name in wanted if parameters.get(name)}
    with psycopg.connect(dbname="postgres", autocommit=True, **chosen) as admin:
        yield admin


def run_program(name: str, arguments: list[str]) -> None:
    program = find_binaries(settings.PG_BIN, account_of(os.geteuid())).program(name)
    run = subprocess.run(
        [program, *arguments],
        env={**os.environ, **libpq_environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise BackupError(f"{name} failed:\n{run.stderr.strip()[-2000:]}")


def libpq_environment() -> dict[str, str]:
    """Never on the command line, where everybody on the machine reads it."""
    database = settings.DATABASES["default"]
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD"}
    values = {variable: str(database.get(name) or "") for variable, name in names.items()}
    options = database.get("OPTIONS", {})
    if "sslmode" in options:
        values["PGSSLMODE"] = str(options["sslmode"])
    return {variable: value for variable, value in values.items() if value}
