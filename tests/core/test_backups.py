"""Backups of databases of their own, on the server of the tests."""

import contextlib
import os

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from core import backups
from core.backups import BackupError, restore_backup, write_backup
from core.embedded.layout import DataDir

NAME = "test_assay_backups"


@pytest.fixture
def database(django_db_blocker, monkeypatch):
    """An own database, since a restore replaces it whole."""
    name = f"{NAME}_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    parameters = {**settings.DATABASES["default"], "NAME": name}
    monkeypatch.setitem(settings.DATABASES, "default", parameters)
    monkeypatch.setattr(backups, "has_tables", lambda: bool(fetch("SELECT * FROM pg_tables "
                        "WHERE schemaname = 'public'")))  # fmt: skip
    with django_db_blocker.unblock(), backups.maintenance() as admin:
        backups.drop_database(admin, name)
        admin.execute(f"CREATE DATABASE {name}")
        yield name
        for suffix in ("", "_restoring", "_replaced"):
            backups.drop_database(admin, name + suffix)


def fetch(statement: str):
    parameters = connection.get_connection_params() | {"dbname": backups.database_name()}
    kept = {
        k: parameters[k]
        for k in ("host", "port", "user", "password", "dbname")
        if parameters.get(k)
    }
    with psycopg.connect(autocommit=True, **kept) as own:
        cursor = own.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_what_was_backed_up_comes_back(database, tmp_path):
    fetch("CREATE TABLE facts AS SELECT n, repeat('ü', 50) AS text FROM generate_series(1, 500) n")
    write_backup(tmp_path / "b")
    fetch("DELETE FROM facts; CREATE TABLE later (n int)")

    restore_backup(tmp_path / "b", force=True)

    assert fetch("SELECT count(*), min(text) FROM facts") == [(500, "ü" * 50)]
    assert fetch("SELECT to_regclass('later')") == [(None,)]


def test_the_next_start_sets_up_before_it_serves_what_was_restored(database, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "DATA_DIR", DataDir(tmp_path))
    settings.DATA_DIR.code_stamp.write_text("as the last start found it")
    write_backup(tmp_path / "b")

    restore_backup(tmp_path / "b", force=True)

    assert not settings.DATA_DIR.code_stamp.exists()


def test_a_database_that_holds_something_is_not_replaced_unasked(database, tmp_path):
    fetch("CREATE TABLE facts (n int)")
    write_backup(tmp_path / "b")

    with pytest.raises(BackupError, match="--force"):
        restore_backup(tmp_path / "b")


def test_a_damaged_backup_costs_nothing(database, tmp_path):
    fetch("CREATE TABLE facts AS SELECT 1 AS n")
    write_backup(tmp_path / "b")
    (tmp_path / "b" / "database" / "toc.dat").write_bytes(b"PGDMP nonsense")

    with pytest.raises(BackupError, match="pg_restore failed"):
        restore_backup(tmp_path / "b", force=True)

    assert fetch("SELECT n FROM facts") == [(1,)]


def test_open_connections_do_not_hold_up_a_restore(database, tmp_path):
    fetch("CREATE TABLE facts AS SELECT 1 AS n")
    write_backup(tmp_path / "b")
    parameters = connection.get_connection_params()
    kept = {k: parameters[k] for k in ("host", "port", "user", "password") if parameters.get(k)}
    with (
        contextlib.suppress(psycopg.OperationalError),
        psycopg.connect(dbname=database, **kept) as busy,
    ):
        busy.execute("SELECT n FROM facts")

        restore_backup(tmp_path / "b", force=True)

    assert fetch("SELECT n FROM facts") == [(1,)]


def test_a_restore_that_is_interrupted_leaves_the_database_open(database, tmp_path, monkeypatch):
    fetch("CREATE TABLE facts AS SELECT 1 AS n")
    write_backup(tmp_path / "b")

    def interrupt(*names):
        raise KeyboardInterrupt

    monkeypatch.setattr(backups, "rename_database", interrupt)
    with pytest.raises(KeyboardInterrupt):
        restore_backup(tmp_path / "b", force=True)

    assert fetch("SELECT n FROM facts") == [(1,)]


def test_a_backup_is_for_its_owner_alone_and_never_overwritten(database, tmp_path):
    write_backup(tmp_path / "b")

    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o700
    with pytest.raises(BackupError, match="not empty"):
        write_backup(tmp_path / "b")


def test_a_folder_without_a_backup_is_refused(tmp_path):
    with pytest.raises(BackupError, match="holds no backup"):
        restore_backup(tmp_path, force=True)
