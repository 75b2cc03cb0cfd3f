"""What a first start needs, and what every start checks: schema, admin, demo project, its key.

Runs before the web server; the demo data comes after, through the web server, as anybody's would.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from core.embedded.layout import replace_text, write_private
from core.keys import (
    KeyFormatError,
    authenticate_key,
    check_given_key,
    is_known_key,
    issue_key,
)
from core.models import Project, Scope
from core.projects import create_project

DEMO_SLUG, DEMO_NAME = "demo", "Demo"
MIGRATION_LOCK = 0x41535341  # "ASSA": one migration at a time over all machines

# What packages bring and no page shows; hashing and compressing it is most of a first start.
UNUSED_STATIC = ["rest_framework", "redoc*", "django_htmx", "build.py"]


class BootstrapError(Exception):
    """Why the installation cannot be set up, for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Login:
    username: str
    password: str  # empty when it is not known any more


def prepare(*, is_unfinished: bool = False) -> tuple[Login, str, bool]:
    """Everything up to the web server's start: the login, the demo project's key or "", and
    whether that project was made just now. ``is_unfinished``: a first start did not come to its
    end, so that nobody may know the password."""
    with migration_lock():
        migrate()
        login = ensure_admin(is_unfinished=is_unfinished)
        is_new = not Project.objects.filter(slug=DEMO_SLUG).exists()
        project = ensure_project(User.objects.get(username=login.username))
        key = ensure_key(project)
    collect_static()
    return login, key, is_new


def migrate() -> None:
    """A look first: migrate with nothing to do still costs half a second of signals."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


@contextmanager
def migration_lock() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def ensure_admin(*, is_unfinished: bool = False) -> Login:
    """The first superuser. An existing one keeps a password that was changed meanwhile; one who
    never signed in gets another when the first start stopped before it could be told."""
    username, given = settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD
    password = given or secrets.token_urlsafe(12)
    user = User.objects.filter(username=username).first()
    if user is None:
        User.objects.create_superuser(username=username, password=password)
    elif is_unfinished and not given and user.last_login is None:
        user.set_password(password)
        user.save(update_fields=["password"])
    elif not given or not user.check_password(given):
        return Login(username, "")
    return Login(username, password)


def ensure_project(owner: User) -> Project:
    project = Project.objects.filter(slug=DEMO_SLUG).first()
    return project or create_project(DEMO_SLUG, DEMO_NAME, owner=owner)


def ensure_key(project: Project) -> str:
    """The key to print: the given one, else the one kept in the data directory, else a new one."""
    if settings.DEMO_API_KEY:
        return ensure_given_key(project, settings.DEMO_API_KEY)
    path: Path = settings.DATA_DIR.demo_key
    if path.exists():
        raw = path.read_text().strip()
        if authenticate_key(raw):
            return raw
        if is_known_key(raw):
            return ""  # somebody revoked it: that is not undone by a restart
        path.unlink()  # of another database
    _, raw = issue_key(project, "demo", Scope.values, None)
    write_private(path, raw)
    return raw


def ensure_given_key(project: Project, raw: str) -> str:
    try:
        check_given_key(raw)
    except KeyFormatError as error:
        raise BootstrapError(f"ASSAY_API_KEY: {error}.") from error
    info = authenticate_key(raw)
    if info is None:
        if is_known_key(raw):
            raise BootstrapError("ASSAY_API_KEY was revoked or has expired: give another one.")
        issue_key(project, "ASSAY_API_KEY", Scope.values, None, raw=raw)
    elif info.project_id != project.pk:
        raise BootstrapError(f"ASSAY_API_KEY belongs to the project {info.project_slug}.")
    return raw


def collect_static() -> None:
    """Hash and compress static files when any has changed: it takes seconds, a look does not."""
    stamp = Path(settings.STATIC_ROOT) / ".stamp"
    digest = static_digest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    call_command(
        "collectstatic", verbosity=0, interactive=False, clear=True, ignore_patterns=UNUSED_STATIC
    )
    replace_text(stamp, digest)


def static_digest() -> str:
    rows = []
    for finder in get_finders():
        for name, storage in finder.list([]):
            state = Path(storage.path(name)).stat()
            rows.append(f"{name} {state.st_size} {state.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()
