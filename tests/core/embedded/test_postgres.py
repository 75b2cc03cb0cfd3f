"""Each start here is a real server in a directory of its own."""

import os
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from core.embedded import binaries, placement
from core.embedded.account import account_of, unprivileged_account
from core.embedded.errors import EmbeddedError
from core.embedded.layout import DataDir
from core.embedded.postgres import PostgresServer, live_server
from core.embedded.processes import start_time, wait_until
from tests.postgres import running_postgres, started_postgres

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about starts by root")


@contextmanager
def open_folder():
    """Not below pytest's folders, which are 0700: root's server could not enter them."""
    with tempfile.TemporaryDirectory(prefix="assay-tests-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture(scope="module")
def template():
    """initdb is most of a first start: made once, copied."""
    with open_folder() as folder:
        with running_postgres(DataDir(folder)):
            pass
        yield folder / "postgres"


@pytest.fixture
def empty_dir():
    with open_folder() as folder:
        yield DataDir(folder)


@pytest.fixture
def data_dir(empty_dir, template) -> DataDir:
    subprocess.run(["cp", "-a", str(template), str(empty_dir.cluster)], check=True)
    return empty_dir


def fetch(url: str, statement: str):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def test_it_serves_a_database_with_the_same_sorting_everywhere(data_dir):
    with running_postgres(data_dir) as url:
        row = fetch(url, "SELECT current_user, pg_encoding_to_char(encoding), 'a' < 'B' FROM "
                         "pg_database WHERE datname = current_database()")  # fmt: skip

    assert row == ("assay", "UTF8", False)


def test_it_listens_on_no_port_and_keeps_its_socket_private(data_dir):
    with running_postgres(data_dir) as url:
        assert fetch(url, "SHOW listen_addresses") == ("",)
        assert data_dir.socket_dir.stat().st_mode & 0o777 == 0o700


def test_django_finds_it_through_the_data_directory(data_dir):
    with running_postgres(data_dir) as url:
        named = data_dir.database()

        assert fetch(url, "SELECT 1") == (1,)
        assert named["HOST"] == str(data_dir.socket_dir)


def test_it_finds_its_data_again_after_every_process_was_killed(data_dir):
    with started_postgres(data_dir) as (server, process):
        fetch(server.url(), "CREATE TABLE kept AS SELECT 7 AS n")
        process.send_signal(signal.SIGKILL)
        process.wait()

    with running_postgres(data_dir) as url:
        assert fetch(url, "SELECT n FROM kept") == (7,)


def test_a_stale_pid_file_with_a_reused_pid_does_not_stop_it(data_dir):
    with running_postgres(data_dir):
        lines = (data_dir.cluster / "postmaster.pid").read_text().splitlines()
    owner = data_dir.cluster.stat().st_uid
    stranger = subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None)
    try:
        text = "\n".join([str(stranger.pid), *lines[1:]])
        (data_dir.cluster / "postmaster.pid").write_text(text)

        with running_postgres(data_dir) as url:
            assert fetch(url, "SELECT 1") == (1,)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("text", ["", "x", "999999999\n"], ids=["empty", "partial", "gone"])
def test_a_broken_pid_file_does_not_stop_it(data_dir, text):
    with running_postgres(data_dir):
        pass
    (data_dir.cluster / "postmaster.pid").write_text(text)

    with running_postgres(data_dir) as url:
        assert fetch(url, "SELECT 1") == (1,)


def test_a_server_without_its_supervisor_is_stopped_first(data_dir):
    with started_postgres(data_dir) as (server, orphan):
        server.release()

        with running_postgres(data_dir) as url:
            assert fetch(url, "SELECT 1") == (1,)
        assert orphan.wait(5) == 0


def test_a_second_server_on_the_same_directory_is_refused(data_dir):
    with running_postgres(data_dir):
        second = PostgresServer(data_dir)
        with pytest.raises(EmbeddedError, match=rf"Already running on .*pid {os.getpid()}"):
            second.prepare()


def test_data_of_another_major_version_is_left_alone_with_the_way_over(data_dir):
    with running_postgres(data_dir):
        pass
    (data_dir.cluster / "PG_VERSION").write_text("14\n")

    with pytest.raises(EmbeddedError, match="written by PostgreSQL 14.*backup DIR.*restore DIR"):
        PostgresServer(data_dir).prepare()


def test_a_long_path_gets_its_socket_elsewhere(empty_dir):
    deep = DataDir(empty_dir.root / ("d" * 60) / ("e, 'f' " * 8))

    with running_postgres(deep) as url:
        assert fetch(url, "SELECT 1") == (1,)
        assert deep.socket_dir.parent != deep.root
        assert deep.socket_dir.stat().st_mode & 0o777 == 0o700


def test_a_first_start_that_was_killed_leaves_no_half_cluster(empty_dir):
    (empty_dir.root / "postgres.draft").mkdir()
    (empty_dir.root / "postgres.draft" / "PG_VERSION").write_text("18\n")

    with running_postgres(empty_dir) as url:
        assert fetch(url, "SELECT 1") == (1,)


def test_the_server_dies_with_the_process_that_started_it(data_dir):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from core.embedded.layout import DataDir\n"
        "from tests.postgres import running_postgres\n"
        "with running_postgres(DataDir(Path(sys.argv[1]))):\n"
        "    print('up', flush=True); time.sleep(300)"
    )
    command = [os.sys.executable, "-c", code, str(data_dir.root)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"up\n"
    server = live_server(data_dir.cluster)

    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert wait_until(lambda: start_time(server) is None, seconds=50) is True


def test_programs_that_are_missing_are_named(empty_dir):
    server = PostgresServer(empty_dir, pg_bin="/nowhere")

    with pytest.raises(EmbeddedError, match="PG_BIN=/nowhere.*DATABASE_URL"):
        server.prepare()


@as_root
def test_root_lends_it_an_unprivileged_account(data_dir):
    with started_postgres(data_dir) as (server, process):
        status = Path(f"/proc/{process.pid}/status").read_text()

        assert f"Uid:\t{server.account.uid}\t" in status
        assert server.account.uid != 0


@as_root
def test_a_stranger_on_the_machine_cannot_connect(data_dir):
    with started_postgres(data_dir) as (server, _):
        psql = [server.binaries.program("psql"), server.url(), "-c", "SELECT 1"]
        nobody = subprocess.run(
            psql, capture_output=True, text=True, cwd="/", **unprivileged_account().popen_options()
        )

    assert nobody.returncode != 0
    assert "Peer authentication failed" in nobody.stderr


@as_root
def test_a_empty_directory_that_the_account_cannot_enter_puts_the_files_elsewhere(
    empty_dir, monkeypatch
):
    shared = empty_dir.root / "shared"
    monkeypatch.setattr(placement, "SHARED", shared)
    closed = empty_dir.root / "closed"
    closed.mkdir(mode=0o700)
    hidden = DataDir(closed / "var")

    with running_postgres(hidden) as url:
        fetch(url, "CREATE TABLE kept AS SELECT 7 AS n")
    with running_postgres(hidden) as url:
        assert fetch(url, "SELECT n FROM kept") == (7,)

    assert hidden.cluster.is_relative_to(shared)


@as_root
def test_programs_that_the_account_cannot_reach_are_copied(empty_dir, monkeypatch):
    account, root = unprivileged_account(), account_of(0)
    monkeypatch.setattr(binaries, "SHARED", empty_dir.root / "shared")
    wheel = binaries.wheel_folder()
    if wheel is None:
        pytest.skip("the wheel with PostgreSQL's programs is not installed")

    copy = binaries.reachable_copy(wheel)

    assert binaries.major_version(copy, account) == binaries.major_version(wheel, root)
    assert binaries.reachable_copy(wheel) == copy
