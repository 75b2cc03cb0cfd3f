"""The shape of the code: imports go one way, files and functions stay small, pure stays pure."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ["core", "tracking", "prompts", "experiments"]
FILE_WALL, FUNCTION_WALL = 400, 50
DRAWERS = {
    f"{name}.py" for name in ["utils", "helpers", "common", "misc", "services", "manager", "tests"]
}

# What joins the apps: the only files that may know of a later one.
JOINTS = {"core/urls.py", "core/api_urls.py", "core/settings.py"}

# Without Django, or anything that loads it: arithmetic and decisions. Beside what lies in these
# folders, whatever says so of itself.
PURE_FOLDERS = ("tracking/adapters/", "experiments/stats/")
SAYS_PURE = re.compile(r"\bPure\b|\bWithout Django\b")


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return [path for path in found if "migrations" not in path.parts]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules_named(tree: ast.AST) -> Iterator[str]:
    """Modules a file imports, also by name: import_module, get_model, string foreign keys."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func).rsplit(".", 1)[-1]
            if called in {"import_module", "get_model", "ForeignKey", "OneToOneField"}:
                strings = (a for a in node.args if isinstance(a, ast.Constant))
                yield from (a.value for a in strings if isinstance(a.value, str))


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.mark.parametrize("path", sources(*APPS), ids=name_of)
def test_imports_go_one_way(path: Path):
    if name_of(path) in JOINTS:
        return
    app = name_of(path).split("/")[0]
    later = APPS[APPS.index(app) + 1 :]

    wrong = [m for m in modules_named(parse(path)) if m.split(".")[0] in later]

    assert wrong == []


@pytest.mark.parametrize("path", sources(*APPS, "tests"), ids=name_of)
def test_files_and_functions_stay_below_their_walls(path: Path):
    tree = parse(path)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]

    long = {f.name for f in functions if (f.end_lineno or 0) - f.lineno + 1 > FUNCTION_WALL}

    assert path.read_text().count("\n") <= FILE_WALL
    assert long == set()
    assert path.name not in DRAWERS


def is_pure(path: Path) -> bool:
    said = ast.get_docstring(parse(path)) or ""
    return name_of(path).startswith(PURE_FOLDERS) or SAYS_PURE.search(said) is not None


def pure_files() -> list[Path]:
    return [path for path in sources(*APPS) if is_pure(path)]


def project_imports(path: Path) -> set[Path]:
    """The project's own files that a file imports."""
    found = set()
    for module in modules_named(parse(path)):
        base = ROOT / Path(*module.split("."))
        found |= {f for f in (base.with_suffix(".py"), base / "__init__.py") if f.exists()}
    return found


@pytest.mark.parametrize("path", pure_files(), ids=name_of)
def test_pure_modules_reach_no_django(path: Path):
    seen: set[Path] = set()
    todo = [path]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += project_imports(current)

    impure = {
        name_of(file)
        for file in seen
        for module in modules_named(parse(file))
        if module.split(".")[0] in {"django", "rest_framework", "celery", "psycopg"}
    }

    assert impure == set()


def test_no_template_holds_inline_script_style_or_unsafe_output():
    bad = re.compile(
        r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>\s*\S|\sstyle=|\son[a-z]+=\""
        r"|\|\s*safe\b|autoescape off|<style"
    )

    found = [name_of(p) for p in (ROOT / "templates").rglob("*.html") if bad.search(p.read_text())]

    assert found == []


def test_nothing_marks_text_as_safe():
    found = [name_of(p) for p in sources(*APPS) if re.search(r"\bmark_safe\b", p.read_text())]

    assert found == []


@pytest.mark.parametrize("path", sources("tests"), ids=name_of)
def test_no_test_is_made_of_another_one(path: Path):
    """What two of them need stands beside them."""
    borrowed = [m for m in modules_named(parse(path)) if re.search(r"^tests\..*\btest_\w+$", m)]

    assert borrowed == []
