"""Processes by pid and start time, so that a reused pid is never taken for ours. Linux's /proc."""

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from core.embedded.layout import replace_text

MARKER = "ASSAY_SERVED_FROM"
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
# Positions in /proc/<pid>/stat after the command's name.
STATE, GROUP, STARTED, ARGUMENTS_BEGIN, ARGUMENTS_END = 0, 2, 19, 45, 46


@dataclass(frozen=True, slots=True)
class Started:
    """A process that a ``serve`` started; it leads its own group."""

    name: str
    pid: int
    started: int


def stat_fields(pid: int) -> list[str]:
    """The fields after the name, which may itself hold spaces and brackets; [] when gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def start_time(pid: int) -> int | None:
    """Clock ticks after boot; None when there is no such process or it is a zombie."""
    fields = stat_fields(pid)
    if not fields or fields[STATE] in "ZX":
        return None
    return int(fields[STARTED])


def command_of(pid: int) -> list[str]:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [part.decode(errors="replace") for part in raw.split(b"\0") if part]


def group_members(group: int) -> list[int]:
    """The living processes of a process group."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if is_member(pid, group)]


def is_member(pid: int, group: int) -> bool:
    fields = stat_fields(pid)
    return bool(fields) and int(fields[GROUP]) == group and fields[STATE] not in "ZX"


def carries_marker(pid: int, root: Path) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"{MARKER}={root}".encode() in environment.split(b"\0")


def record_processes(path: Path, processes: Iterable[Started]) -> None:
    rows = [{"name": p.name, "pid": p.pid, "started": p.started} for p in processes]
    replace_text(path, json.dumps(rows))


def recorded_processes(path: Path) -> list[Started]:
    try:
        rows = json.loads(path.read_text())
        return [Started(str(r["name"]), int(r["pid"]), int(r["started"])) for r in rows]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def leftover_members(process: Started, root: Path) -> list[int]:
    """What still lives of a recorded process and the group it led.

    A group without its leader may belong to strangers who were given the same number later, so
    a member counts only when it carries the marker of this data directory.
    """
    if start_time(process.pid) == process.started:
        return group_members(process.pid)
    return [pid for pid in group_members(process.pid) if carries_marker(pid, root)]


def signal_pid(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def stop_leftovers(record: Path, root: Path) -> list[str]:
    """Stop what a killed ``serve`` left behind; the names of what was found."""
    found = [p for p in recorded_processes(record) if leftover_members(p, root)]
    for process in found:
        # PostgreSQL takes SIGINT for a fast stop; SIGTERM would wait for its clients.
        number = signal.SIGINT if process.name == "postgres" else signal.SIGTERM
        signal_pid(process.pid, number)
    wait_until(lambda: not any(leftover_members(p, root) for p in found), seconds=6)
    for process in found:
        for pid in leftover_members(process, root):
            signal_pid(pid, signal.SIGKILL)
    wait_until(lambda: not any(leftover_members(p, root) for p in found), seconds=5)
    return [process.name for process in found]


def load_prctl() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
    return prctl


PRCTL = load_prctl()


def die_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Ask the kernel for ``number`` when the parent dies, however it dies.

    The parent may have died before the request: then nothing would ever come, so leave at once.
    """
    if PRCTL is None:
        return
    PRCTL(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def entitle(title: str) -> None:
    """What ``ps`` and ``top`` call this process, in place of the command line it was forked with.

    Written over the arguments where the kernel keeps them: Python has its own copy.
    """
    if PRCTL is None:
        return
    PRCTL(PR_SET_NAME, title.encode()[:15])
    begin, end = (int(stat_fields(os.getpid())[at]) for at in (ARGUMENTS_BEGIN, ARGUMENTS_END))
    room = end - begin
    if begin and room > 0:
        ctypes.memmove(begin, title.encode()[: room - 1].ljust(room, b"\0"), room)
