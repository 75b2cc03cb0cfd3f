"""The cast: Alice owns the project alpha, Dana administers, Erin edits, Bob reads, Charlie is a
stranger with a project of his own. Imported by conftest.
"""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from core.keys import forget_cached_keys, issue_key
from core.models import Membership, Project, Role, Scope

LIFT_TRUNCATE_GUARDS = """
DO $$ DECLARE guard record; BEGIN
    FOR guard IN SELECT tgrelid::regclass AS held, tgname FROM pg_trigger
                 WHERE tgname LIKE '%\\_no\\_truncate' LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', guard.held, guard.tgname);
    END LOOP;
END $$
"""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> None:
    """Append-only tables refuse TRUNCATE, which is how a transactional test cleans up."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(LIFT_TRUNCATE_GUARDS)


@pytest.fixture(autouse=True)
def fresh_key_cache() -> Iterator[None]:
    forget_cached_keys()
    yield
    forget_cached_keys()


def make_user(username: str, **fields: object) -> User:
    return User.objects.create(username=username, password="!", **fields)


def make_client(user: User | None = None, *, key: str = "", **options: bool) -> Client:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    client = Client(headers=headers, **options)
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def alpha(db: None) -> Project:
    return Project.objects.create(slug="alpha", name="Alpha")


@pytest.fixture
def beta(charlie: User) -> Project:
    """Charlie's own project, which the others must never see."""
    project = Project.objects.create(slug="beta", name="Beta canary-5c1f")
    Membership.objects.create(project=project, user=charlie, role=Role.OWNER)
    return project


@pytest.fixture
def alice(alpha: Project) -> User:
    return make_member(alpha, "alice", Role.OWNER)


@pytest.fixture
def dana(alpha: Project) -> User:
    return make_member(alpha, "dana", Role.ADMIN)


@pytest.fixture
def erin(alpha: Project) -> User:
    return make_member(alpha, "erin", Role.EDITOR)


@pytest.fixture
def bob(alpha: Project) -> User:
    return make_member(alpha, "bob", Role.VIEWER)


@pytest.fixture
def charlie(db: None) -> User:
    return make_user("charlie")


@pytest.fixture
def root(db: None) -> User:
    return make_user("root", is_superuser=True, is_staff=True)


def make_member(project: Project, username: str, role: Role) -> User:
    user = make_user(username)
    Membership.objects.create(project=project, user=user, role=role)
    return user


@pytest.fixture
def alice_client(alice: User) -> Client:
    return make_client(alice)


@pytest.fixture
def bob_client(bob: User) -> Client:
    return make_client(bob)


@pytest.fixture
def charlie_client(charlie: User) -> Client:
    return make_client(charlie)


@pytest.fixture
def make_key(alpha: Project) -> Callable[..., str]:
    def make(*scopes: str, project: Project = alpha) -> str:
        return issue_key(project, "test", scopes or Scope.values, None)[1]

    return make


@pytest.fixture
def alpha_key(make_key: Callable[..., str]) -> str:
    """A key of alpha with every scope."""
    return make_key()


@pytest.fixture
def api(alpha_key: str) -> Client:
    """A client that sends ``alpha_key``."""
    return make_client(key=alpha_key)


@pytest.fixture
def sender(api: Client) -> Client:
    """The same, as tests of what is sent call it."""
    return api
