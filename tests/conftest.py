"""Fixtures of every test. Which database: tests/environment.py."""

import hypothesis
import pytest
from django.conf import settings
from hypothesis.internal.conjecture import providers

from core.jobs import forget_bells
from core.refusals import forget_counters
from tests.cast import *  # noqa: F403
from tests.flows import forget_process_caches
from tracking import doorbell
from tracking.draining import QUEUE

# Properties are tried with the same examples in every run, whatever the machine and its load: one
# that fails has to be of the change at hand. To look for new ones:
#     make test ARGS="--hypothesis-profile=explore"
SAME_EXAMPLES, EXPLORE = "same-examples", "explore"
UNTIMED = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.register_profile(EXPLORE, UNTIMED, max_examples=500)
hypothesis.settings.register_profile(SAME_EXAMPLES, UNTIMED, derandomize=True, database=None)
hypothesis.settings.load_profile(SAME_EXAMPLES)


def pytest_configure() -> None:
    if hypothesis.settings.get_current_profile_name() == SAME_EXAMPLES:
        # Else constants of all modules that happen to be loaded are among the examples.
        providers._get_local_constants = lambda: providers._local_constants
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


@pytest.fixture
def no_caches():
    """For tests with real commits: their database is emptied behind this process's back."""
    forget_process_caches()
    yield
    forget_process_caches()


def find_chromium() -> str:
    import os
    import shutil

    found = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if not found:
        pytest.skip("no Chromium: apt-get install chromium, or set CHROMIUM to its path")
    return found
