"""Fixtures of every test. Which database: tests/environment.py."""

import pytest
from django.conf import settings

from core.jobs import forget_bells
from core.refusals import forget_counters
from tests.cast import *  # noqa: F403
from tracking import doorbell
from tracking.draining import QUEUE


def pytest_configure() -> None:
    # Hashed names need a collectstatic; the tests read the sources.
    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    settings.WHITENOISE_USE_FINDERS = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Debian's Chromium: nothing is downloaded."""
    return {
        **browser_type_launch_args,
        "executable_path": find_chromium(),
        "args": ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
    }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """What was logged may hold lone surrogates, which cannot travel from a worker of xdist."""
    report = yield
    report.sections = [(n, text.encode(errors="replace").decode()) for n, text in report.sections]
    return report


@pytest.fixture(scope="session", autouse=True)
def no_bells() -> None:
    """Tests digest when they say so; those of the doorbell register it again."""
    doorbell.unregister(QUEUE)
    forget_bells()
    forget_counters()


def find_chromium() -> str:
    import os
    import shutil

    found = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if not found:
        pytest.skip("no Chromium: apt-get install chromium, or set CHROMIUM to its path")
    return found
