"""pytest plugin, loaded before Django's settings are read: where the tests' database and files are.

With DATABASE_URL set that server is used. Without it one embedded PostgreSQL serves the whole
session, shared by xdist's workers, each of which makes a database of its own on it.
"""

import atexit
import contextlib
import os
import tempfile
from pathlib import Path

import pytest

from core.embedded.layout import DataDir
from tests.postgres import running_postgres

# A test database need not survive a power cut; tests of durability start servers of their own.
LOCAL_SETTINGS = "fsync = off\nfull_page_writes = off\nmax_connections = 100\n"

session = contextlib.ExitStack()
atexit.register(session.close)  # also when pytest gives up before its own end


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    # Playwright's loop lives in the main thread, where Django then suspects asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # everything is inherited from the controller
    for name in [name for name in os.environ if name.startswith("ASSAY_")]:
        del os.environ[name]
    folder = Path(session.enter_context(tempfile.TemporaryDirectory(prefix="assay-tests-")))
    folder.chmod(0o711)  # root's server runs as somebody else
    (folder / "static").mkdir()
    os.environ["ASSAY_DATA_DIR"] = str(folder)
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = session.enter_context(
            running_postgres(
                DataDir(folder), pg_bin=os.environ.get("PG_BIN", ""), local_settings=LOCAL_SETTINGS
            )
        )


def pytest_unconfigure() -> None:
    session.close()
