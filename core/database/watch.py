"""Noticing a database that hangs, while somebody waits for an answer.

A dead server's sockets close. One that is stopped (SIGSTOP, a frozen disk or machine) leaves them
open and says nothing; libpq then reads for ever, and no time-out of the server or of TCP applies.
So whoever has heard nothing for a while asks over a new connection, within a deadline. When that
is not answered either, the waiting ones give up, and until the server answers again everybody is
refused at once: requests do not pile up behind it.

Only web servers watch. Workers wait, and go on where they were when the server does.
"""

import errno
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from django.db import connection
from psycopg.abc import PQGen

logger = logging.getLogger(__name__)

PATIENCE = 1.5  # seconds of silence before asking; a longer statement costs a short connection
DEADLINE = 2  # seconds; libpq's shortest connect_timeout
LONGEST = 60.0  # of silence, whatever the server says: no statement of a page takes so long
PAUSE = 0.5  # between two questions to a server that hangs

# What libpq says of a unix socket from which nobody accepts any more: its queue is full, of those
# who asked before and gave up.
QUEUE_IS_FULL = os.strerror(errno.EAGAIN)

# Idle since before the statement was sent: that process never took it up. One that has just
# finished is idle too, but not for so long.
IS_STUCK = (
    "SELECT state LIKE 'idle%%' AND clock_timestamp() - state_change > %s * interval '1 second'"
    " FROM pg_stat_activity WHERE pid = %s"
)
T = TypeVar("T")


def attended(gen: PQGen[T], *, seconds: float, ask: Callable[[float], None]) -> PQGen[T]:
    """The same generator of psycopg's; ``ask`` is told how long it was silent, every ``seconds``.

    psycopg resumes it with what the socket is ready for, and ten times a second with nothing.
    """
    heard = asked = time.monotonic()
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            now = time.monotonic()
            if ready:
                heard = asked = now
            elif now - asked >= seconds:
                ask(now - heard)
                asked = time.monotonic()
            wanted = gen.send(ready)
    except StopIteration as end:
        result: T = end.value
        return result


class Question(psycopg.Connection[Any]):
    """A connection that gives up on a statement that is not answered in time."""

    def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:
        return super().wait(attended(gen, seconds=DEADLINE, ask=self._give_up), *args, **options)

    def _give_up(self, silent: float) -> None:
        self.close()
        raise psycopg.errors.ConnectionTimeout(f"no answer for {silent:.1f} s")


def is_stuck(pid: int, silent: float) -> bool:
    """Whether the server answers others while its process ``pid`` left a statement lying.

    ConnectionTimeout when it answers nobody. Any other error is an answer: it is up and full, or
    gone, and then those who wait learn it from their own connections.
    """
    parameters = {**connection.get_connection_params(), "connect_timeout": DEADLINE}
    try:
        with Question.connect(**parameters, autocommit=True) as question:
            row = question.execute(IS_STUCK, [silent, pid]).fetchone()
    except psycopg.errors.ConnectionTimeout:
        raise
    except psycopg.Error as error:
        if QUEUE_IS_FULL in str(error):
            raise psycopg.errors.ConnectionTimeout("nobody accepts connections") from error
        return False
    return bool(row and row[0])


class Watch:
    """What this process knows of its database."""

    def __init__(self) -> None:
        self.is_on = False
        self._hangs = threading.Event()
        self._asking = threading.Lock()

    @property
    def is_hanging(self) -> bool:
        return self._hangs.is_set()

    def refuse(self) -> None:
        """Raise OperationalError while the database is known to hang."""
        if self.is_hanging:
            raise psycopg.OperationalError("The database hangs.")

    def look(self, pid: int, silent: float) -> None:
        """Raise OperationalError unless the server's process ``pid`` may still be at work."""
        with self._asking:  # one asks for all
            self.refuse()
            try:
                stuck = is_stuck(pid, silent)
            except psycopg.errors.ConnectionTimeout:
                self.note_hang()
                raise
        if stuck or silent > LONGEST:
            raise psycopg.OperationalError("The database's process for this connection hangs.")

    def note_hang(self) -> None:
        """Refuse everybody until the server answers again; a thread finds out when."""
        if not self.is_hanging:
            self._hangs.set()
            threading.Thread(target=self._ask_until_it_answers, daemon=True).start()

    def _ask_until_it_answers(self) -> None:
        try:
            while not self._is_answered():
                pass
        except Exception:  # those who need the database find out by themselves
            logger.exception("The database cannot be asked whether it answers again")
        finally:  # whatever ends this thread: nobody else would lift it
            self._hangs.clear()

    def _is_answered(self) -> bool:
        time.sleep(PAUSE)
        try:
            is_stuck(0, 0.0)
        except psycopg.errors.ConnectionTimeout:
            return False
        return True


watch = Watch()


class WatchedConnection(psycopg.Connection[Any]):
    """What all of Assay uses. Closed, with an OperationalError, when its server hangs."""

    def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:
        if not watch.is_on:
            return super().wait(gen, *args, **options)
        watch.refuse()
        return super().wait(attended(gen, seconds=PATIENCE, ask=self._look), *args, **options)

    def _look(self, silent: float) -> None:
        try:
            watch.look(self.info.backend_pid, silent)
        except psycopg.OperationalError:
            self.close()
            raise
