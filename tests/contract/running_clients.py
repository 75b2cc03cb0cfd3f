"""Runs a script with a real client in the clients' own environment (.venv-clients).

Scripts are ``clients/<name>.py``. They find in their environment: ``ASSAY_URL`` (the server's
root), ``ASSAY_KEY``, ``OPENAI_BASE_URL``, ``ANTHROPIC_BASE_URL`` and keys for both.
"""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
SCRIPTS = Path(__file__).resolve().parent / "clients"
TIMEOUT_SECONDS = 300

MISSING = "no real clients: .venv-clients is not installed (make install-dev)"


class ClientError(AssertionError):
    """A client's script ended badly; the text is what it said."""


def run_client(
    name: str,
    *,
    url: str,
    key: str,
    providers_url: str = "",
    further: dict[str, str] | None = None,
) -> str:
    """Run ``clients/<name>.py`` to its end and return what it printed.

    Raises ClientError with its errors when it fails. Skips the test without the environment.
    """
    if not PYTHON.exists():
        pytest.skip(MISSING)
    return run_script(
        [str(PYTHON), "-W", "ignore", str(SCRIPTS / f"{name}.py")],
        {**environment_of(url, key, providers_url), **(further or {})},
    )


def environment_of(url: str, key: str, providers_url: str) -> dict[str, str]:
    """All that a client knows of the world: no proxy, no settings of whoever runs the tests."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "PYTHONUNBUFFERED": "1",
        "ASSAY_URL": url,
        "ASSAY_KEY": key,
        "OPENAI_BASE_URL": f"{providers_url}/v1",
        "OPENAI_API_KEY": "sk-no-key",
        "ANTHROPIC_BASE_URL": providers_url,
        "ANTHROPIC_API_KEY": "sk-ant-no-key",
    }


def run_script(command: list[str], environment: dict[str, str]) -> str:
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ClientError(f"not done after {TIMEOUT_SECONDS} s: {error.stderr!r}") from None
    if done.returncode:
        raise ClientError(f"{command[-1]} exited {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
