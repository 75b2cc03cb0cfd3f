"""Runs a Python program of the project in a copy of this process, which has loaded it already.

The copy begins where the original is, so that must have no second thread, whose locks would stay
locked, and no connection, which two would write to.
"""

import os
import runpy
import signal
import sys
import traceback
from dataclasses import dataclass
from typing import NoReturn

from core.embedded.processes import die_with_parent, entitle

MOST_DESCRIPTORS = 65_536


@dataclass(frozen=True, slots=True)
class Forked:
    """A child of this process, to be waited for once."""

    pid: int

    def wait(self) -> int:
        """The exit code; minus the signal that ended it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


def fork_program(
    arguments: list[str], *, title: str, output: int, stdout: int | None = None
) -> Forked:
    """Run what ``python ARGUMENTS`` would, in a session of its own, gone when this process is.

    Its own session, so that Ctrl-C reaches the supervisor alone, which then stops in order.
    Returns when the copy leads its group and has let go of this process's locks and pipes.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    released, held = os.pipe()
    # A signal meant for the copy must not meet the handlers of the original.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            outputs = (output if stdout is None else stdout, output)
            _become(arguments, title=title, parent=parent, outputs=outputs)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(held)
        os.read(released, 1)
        os.close(released)
    return Forked(pid)


def _become(arguments: list[str], *, title: str, parent: int, outputs: tuple[int, int]) -> NoReturn:
    """Never returns, nor unwinds: the frames below are the original's, and so is their clean-up."""
    code = 1
    try:
        _detach(parent, outputs)
        entitle(title)
        os.environ.setdefault("PGAPPNAME", title)  # who it is in pg_stat_activity
        code = _run(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _detach(parent: int, outputs: tuple[int, int]) -> None:
    os.setsid()
    die_with_parent(parent)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        if callable(signal.getsignal(number)):  # what is ignored stays so: nohup means to stay
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((null, *outputs)):
        os.dup2(source, target)
    os.closerange(3, MOST_DESCRIPTORS)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _run(arguments: list[str]) -> int:
    """The exit code of ``python FILE …`` or ``python -m MODULE …``."""
    is_module = arguments[0] == "-m"
    sys.argv = arguments[1:] if is_module else list(arguments)
    try:
        if is_module:
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    return 0
