"""Where it serves, and whether a start has anything to set up, which it does before."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from core.embedded.errors import EmbeddedError
from core.embedded.plan import Plan
from core.embedded.programs import web_command
from core.embedded.supervisor import code_digest


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "app" / "migrations").mkdir(parents=True)
    (tmp_path / "app" / "migrations" / "0001_initial.py").write_text("")
    (tmp_path / "static").mkdir()
    (tmp_path / "requirements.txt").write_text("")
    return Plan(
        project=str(tmp_path),
        root=str(tmp_path / "var"),
        host="127.0.0.1",
        port=8000,
        web_workers=1,
        digest_workers=1,
        embedded=True,
        pg_bin="",
    )


def test_a_start_that_is_like_the_last_one_has_nothing_to_set_up(plan):
    assert code_digest(plan) == code_digest(plan)


@pytest.mark.parametrize(
    "name", ["DATABASE_URL", "ASSAY_API_KEY", "ASSAY_ADMIN_USERNAME", "ASSAY_DEMO"]
)
def test_it_sets_up_what_the_environment_newly_asks_for(plan, monkeypatch, name):
    monkeypatch.delenv(name, raising=False)
    before = code_digest(plan)

    monkeypatch.setenv(name, "something-else")

    assert code_digest(plan) != before


@pytest.mark.parametrize(
    "path", ["app/migrations/0002_more.py", "static/site.css", "requirements.txt"]
)
def test_it_sets_up_after_a_change_of_files(plan, path):
    before = code_digest(plan)

    Path(plan.project, path).write_text("changed")
    os.utime(Path(plan.project, path), (1, 1))

    assert code_digest(plan) != before


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104
        ("localhost", "127.0.0.1"),
        ("::1", "::1"),
        ("::", "::"),
    ],
)
def test_the_web_server_is_given_an_address_for_a_name(plan, host, address):
    named = replace(plan, host=host)

    assert named.bind_address == address
    assert web_command(named)[2] == address


def test_a_host_that_cannot_be_is_named(plan):
    with pytest.raises(EmbeddedError, match=r"ASSAY_HOST: 'no\.\.where'"):
        _ = replace(plan, host="no..where").bind_address
