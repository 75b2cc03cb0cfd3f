"""Every code under which an item is refused is told to senders, and to who looks at the page."""

import ast

import pytest
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

from tracking.ingest_health import hint_of
from tracking.refused_codes import (
    MEANINGS,
    OF_ANY,
    OF_CHATS,
    OF_EVENTS,
    OF_FLAT_SPANS,
    OF_OTLP,
    OF_RUNS,
)

RAISED = {"FaultError", "Fault"}


def codes_raised():
    """The codes that adapters name in so many words."""
    found = set()
    for path in (settings.BASE_DIR / "tracking" / "adapters").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    found.add(code.value)
    return found


def test_each_has_a_meaning():
    found = codes_raised()

    assert len(found) > 25
    assert found - MEANINGS.keys() == set()


def test_the_page_says_it():
    assert [code for code in MEANINGS if not hint_of(code)] == []


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("/api/v1/events/", OF_EVENTS | OF_ANY),
        ("/api/analytics/", OF_EVENTS | OF_ANY),
        ("/api/v1/chats/", OF_CHATS | OF_ANY),
        ("/api/v1/runs/", OF_RUNS | OF_ANY),
        ("/v1/traces/", OF_OTLP | OF_FLAT_SPANS),
    ],
)
def test_the_schema_names_them_and_all_refusals(schema, path, codes):
    operation = schema["paths"][path]["post"]
    told = operation["responses"]

    assert [code for code in codes if f"`{code}`" not in operation["description"]] == []
    assert told.keys() >= {"400", "401", "403", "408", "413", "415", "503"}
    assert all(len(told[status]["description"]) > 20 for status in told if status >= "400")
    assert "Retry-After" in told["503"]["headers"]
