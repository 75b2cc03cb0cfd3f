"""Runs a script of ``clients/node`` with the packages it names, installed once below var/."""

import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.contract.running_clients import ROOT, SCRIPTS, environment_of, run_script

SOURCES = SCRIPTS / "node"
INSTALL_SECONDS = 120
# No lock file: one would hold the addresses that packages came from. Versions are exact instead.
INSTALL = ("install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")


def run_node(name: str, *, url: str, key: str, further: dict[str, str]) -> str:
    """Run ``clients/node/<name>.mjs`` and return what it printed.

    Skips the test without Node or when its packages cannot be had. Raises ClientError.
    """
    folder = installed_folder()
    shutil.copy(SOURCES / f"{name}.mjs", folder)
    command = [str(shutil.which("node")), str(folder / f"{name}.mjs")]
    return run_script(command, {**environment_of(url, key, ""), **further})


def run_shown(text: str, folder: Path, environment: dict[str, str], *, packages: str = "") -> str:
    """Run a program as a page shows it, with the packages of ``clients/<packages>`` if any.

    Skips the test without Node or when its packages cannot be had. Raises ClientError.
    """
    node = shutil.which("node")
    if not node:
        pytest.skip("no Node client: node is not installed")
    if packages:
        (folder / "node_modules").symlink_to(installed_folder(SCRIPTS / packages) / "node_modules")
    (folder / "hello.mjs").write_text(text)
    return run_script([node, str(folder / "hello.mjs")], environment)


def installed_folder(sources: Path = SOURCES) -> Path:
    reason, folder = _install(sources)
    if reason:
        pytest.skip(reason)
    return folder


@cache
def _install(sources: Path) -> tuple[str, Path]:
    """Why there are no packages, or "", and the folder they are in."""
    wanted = (sources / "package.json").read_bytes()
    folder = ROOT / "var" / "clients-node" / hashlib.sha256(wanted).hexdigest()[:12]
    if (folder / ".installed").exists():
        return "", folder
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        return "no Node client: node and npm are not installed", folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_bytes(wanted)
    try:
        done = subprocess.run(
            [npm, *INSTALL],
            cwd=folder,
            env={**os.environ, "NODE_ENV": "production"},
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no Node client: npm was not done after {INSTALL_SECONDS} s", folder
    if done.returncode:
        return f"no Node client: npm install failed: {done.stderr[-300:]}", folder
    (folder / ".installed").touch()
    return "", folder
