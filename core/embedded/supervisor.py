"""The process tree of ``serve``: ``python -m core.embedded.supervisor``.

Loads the programs while PostgreSQL starts, and forks them: they are there at once, at the start and
after a crash, and share the memory of what is loaded. Itself it only waits. ``manage.py serve``
replaces itself with it.
"""

import hashlib
import os
import signal
import socket
import sys
import tempfile
import time
import traceback
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from core.embedded.child import Child
from core.embedded.errors import EmbeddedError
from core.embedded.first_start import read_state
from core.embedded.forking import fork_program
from core.embedded.layout import recorded_text, replace_text
from core.embedded.locks import FileLock
from core.embedded.logfiles import LogFile
from core.embedded.plan import Plan, plan_of_settings
from core.embedded.postgres import FAST_STOP, RETRY_SECONDS, PostgresServer
from core.embedded.preload import load_programs
from core.embedded.processes import stop_leftovers
from core.embedded.programs import (
    analysis_command,
    digest_command,
    manage_command,
    web_command,
)
from core.embedded.tree import ProcessTree, StopRequested, say

# Web first, so that nothing new is accepted; PostgreSQL last, so that all can finish. A worker
# that needs longer is killed: its transaction rolls back and the work is taken again.
STOP_ORDER = (
    (("web", "demo", "bootstrap"), 2.0),
    (("digest", "analysis"), 5.0),  # Celery's pool takes up to 3 s to end its threads, even idle
    (("postgres",), 2.5),
)
WEB_START_SECONDS = 60.0
START_ATTEMPTS = 3
BOOTSTRAPPED = ("DATABASE_URL", "ASSAY_API_KEY", "ASSAY_ADMIN_USERNAME", "ASSAY_DEMO")


def run(plan: Plan) -> None:
    """Serve until a signal comes; EmbeddedError when it cannot even begin."""
    lock = FileLock(plan.data_dir.lock)
    lock.acquire()
    tree = ProcessTree(plan.data_dir)
    tree.catch_signals()
    try:
        begin(tree, plan)
        while not tree.is_stopping:
            tree.pump(tree.next_wait())
    except StopRequested:
        pass
    finally:
        began = time.monotonic()
        tree.stop(STOP_ORDER)
        say(f"Assay stopped in {time.monotonic() - began:.1f} s.")


def begin(tree: ProcessTree, plan: Plan) -> None:
    for name in stop_leftovers(plan.data_dir.processes, plan.data_dir.root):
        say(f"Stopped {name}, left over from a start that was killed.")
    refuse_taken_port(plan)
    say("Assay starts. Its processes and their logs:")
    server = launch_postgres(tree, plan) if plan.embedded else None
    with tree.interruptible():
        load()
    if server is not None:
        wait_for_postgres(tree, server)
    stamp = plan.data_dir.code_stamp
    digest = code_digest(plan)
    is_known = recorded_text(stamp) == digest
    if is_known:
        # Nothing to migrate, no static file, no key to make: the web server need not wait for it.
        add_servers(tree, plan)
    announcement = bootstrap(tree, plan)
    if not is_known:
        replace_text(stamp, digest)
        add_servers(tree, plan)
    wait_for_web(tree, plan, tree.children["web"])
    say(announcement)
    if read_state(plan.data_dir).get("phase") != "ready":
        load_demo = manage_command("bootstrap", "--demo", plan.base_url)
        add_program(tree, "demo", load_demo, is_once=True)


def add_servers(tree: ProcessTree, plan: Plan) -> None:
    add_program(tree, "web", web_command(plan))
    add_program(tree, "digest", digest_command(plan))
    add_program(tree, "analysis", analysis_command(plan))


def code_digest(plan: Plan) -> str:
    """Changes with what gives bootstrap work: migrations, static files, packages, database, and
    what the environment asks it to make."""
    project = Path(plan.project)
    files = [*project.glob("*/migrations/*.py"), project / "requirements.txt"]
    files += [path for path in (project / "static").rglob("*") if path.is_file()]
    rows = [f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}" for path in sorted(files)]
    rows += [os.environ.get(name, "") for name in BOOTSTRAPPED]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def add_program(
    tree: ProcessTree,
    name: str,
    arguments: list[str],
    *,
    is_once: bool = False,
    stdout: int | None = None,
) -> Child:
    """``stdout``: a descriptor for what it prints, in place of its log."""
    title = f"assay: {name}"
    return tree.add(
        name,
        lambda output: fork_program(arguments, title=title, output=output, stdout=stdout),
        is_once=is_once,
    )


def load() -> None:
    try:
        load_programs()
    except StopRequested:
        raise
    except Exception as error:
        raise EmbeddedError(f"Assay cannot be loaded.\n{traceback.format_exc()}") from error


def refuse_taken_port(plan: Plan) -> None:
    address = plan.bind_address
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, plan.port))
        except OSError as error:
            raise EmbeddedError(
                f"Cannot listen on {plan.host} port {plan.port}: {error.strerror}. Stop what uses "
                "it, or set ASSAY_PORT (and ASSAY_HOST) to something else."
            ) from error


def launch_postgres(tree: ProcessTree, plan: Plan) -> PostgresServer:
    server = PostgresServer(plan.data_dir, pg_bin=plan.pg_bin)
    server.prepare()
    if plan.data_dir.cluster_record.exists():
        say(f"  The database's files are in {server.cluster}: PostgreSQL does not run as root,")
        say(f"  and {server.account.name}, who runs it, may not enter {plan.root}.")
    environment = dict(os.environ)
    tree.add(
        "postgres",
        lambda output: server.launch(output=output, environment=environment),
        stop_signal=FAST_STOP,
    )
    return server


def wait_for_postgres(tree: ProcessTree, server: PostgresServer) -> None:
    child = tree.children["postgres"]
    began = time.monotonic()
    while not tree.pump_until(lambda: is_ready(server, child), seconds=10):
        if not child.is_running and time.monotonic() - began > RETRY_SECONDS:
            raise EmbeddedError(failure("PostgreSQL does not start", child.log))
        say("  PostgreSQL is not ready yet (after a crash it recovers first).")


def is_ready(server: PostgresServer, child: Child) -> bool:
    return child.process is not None and server.is_ready(child.process.pid)


def bootstrap(tree: ProcessTree, plan: Plan) -> str:
    """Migrate and make what a first start needs; what to print once the web server answers."""
    arguments = manage_command("bootstrap", "--base-url", plan.base_url)
    with tempfile.TemporaryFile() as answer:
        child = add_program(tree, "bootstrap", arguments, is_once=True, stdout=answer.fileno())
        tree.pump_until(lambda: child.exit_code is not None)
        answer.seek(0)
        text = answer.read().decode().rstrip()
    if child.exit_code != 0:
        raise EmbeddedError(text or failure("The database was not set up", child.log))
    return text


def wait_for_web(tree: ProcessTree, plan: Plan, web: Child) -> None:
    def has_settled() -> bool:
        return web.failures >= START_ATTEMPTS or answers(plan)

    in_time = tree.pump_until(has_settled, seconds=WEB_START_SECONDS)
    if not in_time or web.failures >= START_ATTEMPTS:
        raise EmbeddedError(failure("The web server does not start", web.log))


def answers(plan: Plan) -> bool:
    """Whether anything speaks HTTP there; which status it is depends on the allowed hosts."""
    request = f"GET /healthz HTTP/1.0\r\nHost: {plan.connect_host}\r\n\r\n".encode()
    try:
        with socket.create_connection((plan.connect_host, plan.port), timeout=2) as connection:
            connection.sendall(request)
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def failure(what: str, log: LogFile) -> str:
    lines = "\n".join(f"  {line[:400]}" for line in log.tail())
    return f"{what}. The end of {log.path}:\n{lines}"


def main() -> int:
    try:
        plan = plan_of_settings()
        os.umask(0o022)
        run(plan)
    except (EmbeddedError, ImproperlyConfigured) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    sys.exit(main())
