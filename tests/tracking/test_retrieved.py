"""Documents of retrievers, in the forms in which they are told, and on the page."""

import json
from pathlib import Path

import pytest

from tests.flows import digest_all, make_sender, make_span, send_events
from tests.tracking.span_samples import make_detail
from tracking.pages import list_slots
from tracking.retrieved import SHOWN, RetrievedDocument, documents_of

PAYLOADS = Path(__file__).parent.parent / "payloads" / "fallom"
LANGCHAIN = [{"page_content": "Orders ship", "metadata": {"source": "faq.md", "score": 0.5}}]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (LANGCHAIN, RetrievedDocument("Orders ship", "faq.md", 0.5)),
        ({"results": [{"title": "A", "snippet": "b"}]}, RetrievedDocument("b", "A", None)),
        (
            {"matches": [{"id": 7, "score": 1, "document": {"text": "x", "id": "d"}}]},
            RetrievedDocument("x", "d", 1.0),
        ),
    ],
)
def test_forms_are_read(output, expected):
    assert documents_of(output, {}) == [expected]


def test_flattened_documents_are_read_in_their_order():
    said = {"retrieval.documents.10.document.id": "last", "retrieval.documents.2.document.id": "a"}
    said["retrieval.documents.2.document.score"] = 0.25

    assert [(d.source, d.score) for d in documents_of(None, said)] == [("a", 0.25), ("last", None)]


@pytest.mark.parametrize("odd", [None, "x", 5, {}, [], [5], [[]], {"documents": 5}, [{"a": {}}]])
def test_anything_else_is_no_document(odd):
    assert documents_of(odd, {"retrieval.documents.x": 1}) == []


@pytest.mark.parametrize("prefix", ["retrieval.documents", "reranker.output_documents"])
def test_flattened_documents_are_the_output_where_there_is_none(prefix):
    told = {"id": "d1", "content": "Cats", "score": 0.5, "metadata": '{"source": "a.md"}'}
    flat = {f"{prefix}.0.document.{name}": value for name, value in told.items()}
    asked = {"reranker.input_documents.0.document.content": "Dogs"}

    slots = list_slots(make_detail("r", attributes=flat | asked).content, kind="retriever")

    assert [slot.title for slot in slots] == ["Output"]
    assert slots[0].documents == [RetrievedDocument("Cats", "a.md", 0.5)]


def test_a_retriever_that_found_nothing_shows_no_output():
    assert list_slots(make_detail("r", input="cats").content, kind="retriever")[1:] == []
    (slot,) = list_slots(make_detail("r", output="none").content, kind="retriever")
    assert (slot.text, slot.documents) == ("none", [])


def test_documents_shown_are_bounded():
    assert len(documents_of([{"id": f"{n}"} for n in range(900)], {})) == SHOWN


@pytest.mark.usefixtures("pipeline")
def test_the_page_of_a_retriever_lists_what_it_found(alpha, bob_client):
    sender = make_sender(alpha)
    span = (PAYLOADS / "trace-langchain-retriever.json").read_bytes()
    sender.post("/fallom/v1/traces", span, content_type="application/json")
    found = [{"page_content": "<b>bold</b>", "metadata": {"source": "a.md", "score": 0.75}}]
    send_events(sender, [make_span("t", "r", kind="retriever", output=json.dumps(found))])
    digest_all()

    told = json.loads(span)
    pages = {
        "/p/alpha/traces/t/?span=r": ("a.md", "0.750", "&lt;b&gt;bold&lt;/b&gt;"),
        f"/p/alpha/traces/{told['trace_id']}/?span={told['span_id']}": ("faq.md", "Orders ship"),
    }
    for page, words in pages.items():
        text = bob_client.get(page).content.decode()
        assert "<b>bold</b>" not in text
        for word in words:
            assert word in text
        assert '<ol class="stack' in text
