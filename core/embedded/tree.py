"""A set of child processes kept alive: one loop that waits for output, deaths and signals."""

import contextlib
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from core.embedded.child import Child, Launch, describe_exit
from core.embedded.errors import EmbeddedError
from core.embedded.layout import DataDir
from core.embedded.logfiles import LogFile
from core.embedded.processes import record_processes


class StopRequested(Exception):  # noqa: N818 -- a way out of the start, not a fault
    pass


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(text, flush=True)


class ProcessTree:
    """Single-threaded on purpose: a child's death signal is bound to the thread that made it."""

    def __init__(self, data_dir: DataDir) -> None:
        self.data_dir = data_dir
        self.selector = selectors.DefaultSelector()
        self.children: dict[str, Child] = {}
        self.is_stopping = False
        self.is_interruptible = False

    def catch_signals(self) -> None:
        """From here on SIGTERM, Ctrl-C and a closed terminal only set ``is_stopping``."""
        self.reader, self.writer = socket.socketpair()
        for end in (self.reader, self.writer):
            end.setblocking(False)
        signal.set_wakeup_fd(self.writer.fileno(), warn_on_full_buffer=False)
        self.selector.register(self.reader, selectors.EVENT_READ, self.drain_wakeup)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.request_stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means to stay
            signal.signal(signal.SIGHUP, self.request_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only wakes the loop

    def request_stop(self, number: int, frame: FrameType | None) -> None:
        if self.is_stopping and number == signal.SIGINT:
            for child in self.children.values():
                child.kill()
        self.is_stopping = True
        if self.is_interruptible:
            raise StopRequested

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """For work without clean-up: StopRequested ends it as soon as somebody wants the end."""
        self.is_interruptible = True
        try:
            yield
        finally:
            self.is_interruptible = False
        if self.is_stopping:  # before the work began, or it caught what told it
            raise StopRequested

    def drain_wakeup(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.reader.recv(4096)

    def pump(self, seconds: float | None) -> None:
        """File what the children said, notice who ended, start again who is due."""
        for key, _ in self.selector.select(seconds):
            key.data()
        now = time.monotonic()
        for child in list(self.children.values()):
            code = child.reap()
            if code is not None:
                self.after_end(child, code)
            elif child.restart_at is not None and now >= child.restart_at:
                self.start(child)

    def pump_until(self, condition: Callable[[], bool], *, seconds: float | None = None) -> bool:
        """False when the time passed first; StopRequested when somebody wants the end."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not condition():
            if self.is_stopping:
                raise StopRequested
            if deadline is not None and time.monotonic() > deadline:
                return False
            self.pump(0.02)
        return True

    def next_wait(self) -> float | None:
        """Seconds to the next restart; None waits for whatever comes."""
        due = [c.restart_at for c in self.children.values() if c.restart_at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def add(
        self,
        name: str,
        launch: Launch,
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        is_once: bool = False,
    ) -> Child:
        log = LogFile(self.data_dir.logs, name)
        child = Child(name, launch, log, stop_signal=stop_signal, is_once=is_once)
        self.selector.register(child.pipe[0], selectors.EVENT_READ, child.read_log)
        self.children[name] = child
        self.start(child)
        if not is_once:
            say(f"  {name:<9} pid {child.pid or '-':<8} {log.path}")
        return child

    def start(self, child: Child) -> None:
        try:
            child.start()
        except (OSError, EmbeddedError) as error:
            child.log.say(f"cannot start: {error}", child=child.name)
            child.schedule_restart()
        self.record()

    def record(self) -> None:
        running = [c.started for c in self.children.values() if c.started is not None]
        record_processes(self.data_dir.processes, running)

    def after_end(self, child: Child, code: int) -> None:
        self.record()
        if self.is_stopping or child.is_once:
            return
        delay = child.schedule_restart()
        say(
            f"{child.name} ended with {describe_exit(code)}; starting it again in {delay:g} s. "
            f"See {child.log.path}"
        )

    def stop(self, order: Sequence[tuple[Sequence[str], float]]) -> None:
        """Stop group after group; who does not stop in its seconds is killed."""
        self.is_stopping = True
        for names, seconds in order:
            members = [self.children[name] for name in names if name in self.children]
            for child in members:
                child.ask_to_stop()
            deadline = time.monotonic() + seconds
            while any(c.is_running for c in members) and time.monotonic() < deadline:
                self.pump(0.05)
            for child in members:
                child.kill()
            while any(c.is_running for c in members):
                self.pump(0.05)
        for child in self.children.values():
            child.close()
        self.children.clear()
        self.data_dir.processes.unlink(missing_ok=True)
