"""One child process: started, filed, restarted with back-off, stopped with all it started."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from core.embedded.logfiles import LogFile
from core.embedded.processes import Started, signal_group, start_time

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
STABLE_SECONDS = 30.0  # a child that lived so long starts again without a history


class Process(Protocol):
    """A child of this process: subprocess.Popen, or core.embedded.forking.Forked."""

    @property
    def pid(self) -> int: ...

    def wait(self) -> int: ...

    def send_signal(self, sig: int, /) -> None: ...


Launch = Callable[[int], Process]


@dataclass(eq=False)
class Child:
    """``launch`` gets the file descriptor that standard output and error go to."""

    name: str
    launch: Launch
    log: LogFile
    stop_signal: signal.Signals = signal.SIGTERM
    is_once: bool = False
    process: Process | None = None
    started: Started | None = None
    began_at: float = 0.0
    failures: int = 0
    restart_at: float | None = None
    exit_code: int | None = None
    pipe: tuple[int, int] = field(default_factory=os.pipe)

    def __post_init__(self) -> None:
        # One pipe for all its lives: lines of the last one are read after the next has begun.
        os.set_blocking(self.pipe[0], False)

    def start(self) -> None:
        self.restart_at = None
        self.began_at = time.monotonic()
        self.process = self.launch(self.pipe[1])
        self.started = Started(self.name, self.process.pid, start_time(self.process.pid) or 0)
        self.log.say("started", child=self.name, pid=self.process.pid)

    @property
    def is_running(self) -> bool:
        return self.process is not None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def read_log(self) -> None:
        try:
            while chunk := os.read(self.pipe[0], 65_536):
                self.log.feed(chunk)
        except BlockingIOError:
            return

    def reap(self) -> int | None:
        """The exit code when it has ended by now; what it started ends with it.

        The group is killed before the leader is waited for: until then its number is not reused.
        """
        if self.process is None or not has_ended(self.process.pid):
            return None
        signal_group(self.process.pid, signal.SIGKILL)
        code = self.exit_code = self.process.wait()
        self.process = self.started = None
        self.read_log()
        self.log.say("ended", child=self.name, code=code)
        return code

    def schedule_restart(self) -> float:
        """When to start it again, in seconds from now."""
        now = time.monotonic()
        if now - self.began_at > STABLE_SECONDS:
            self.failures = 0
        delay: float = min(LONGEST_DELAY, FIRST_DELAY * 2**self.failures)
        self.failures += 1
        self.restart_at = now + delay
        return delay

    def ask_to_stop(self) -> None:
        self.restart_at = None
        if self.process is not None and not has_ended(self.process.pid):
            self.process.send_signal(self.stop_signal)

    def kill(self) -> None:
        if self.process is not None:
            signal_group(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        for handle in self.pipe:
            os.close(handle)
        self.log.close()


def has_ended(pid: int) -> bool:
    """Without reaping it."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, pid, flags) is not None


def describe_exit(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
