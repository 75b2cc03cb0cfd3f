"""What ``serve`` gives the supervisor it becomes."""

import sys
from pathlib import Path

import pytest

from core.embedded.layout import DataDir, configured_data_dir
from core.embedded.processes import MARKER
from core.embedded.programs import bytecode_cache, served_environment

PROJECT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("given", "root"),
    [("/srv/assay", "/srv/assay"), (" /srv/assay ", "/srv/assay"), ("", "/project/var")],
)
def test_the_data_directory_is_the_given_one_or_the_projects(monkeypatch, given, root):
    monkeypatch.setenv("ASSAY_DATA_DIR", given)

    assert configured_data_dir(Path("/project")).root == Path(root)


def test_a_relative_data_directory_is_told_whole_to_those_who_run_elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSAY_DATA_DIR", "data")

    environment = served_environment(PROJECT, configured_data_dir(PROJECT))

    assert environment["ASSAY_DATA_DIR"] == environment[MARKER] == str(tmp_path / "data")


def test_compiled_code_is_kept_in_the_data_directory_when_it_may_not_be_beside_the_sources(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)

    environment = served_environment(PROJECT, DataDir(tmp_path))

    assert environment["PYTHONDONTWRITEBYTECODE"] == ""
    assert environment["PYTHONPYCACHEPREFIX"] == str(tmp_path / "bytecode")


def test_compiled_code_stays_where_python_puts_it_otherwise(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    assert bytecode_cache(tmp_path, DataDir(tmp_path)) == {}


def test_a_folder_for_compiled_code_that_somebody_chose_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "/srv/compiled")

    cache = bytecode_cache(tmp_path, DataDir(tmp_path))

    assert cache["PYTHONPYCACHEPREFIX"] == "/srv/compiled"
