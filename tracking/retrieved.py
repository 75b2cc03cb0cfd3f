"""Documents that a retriever found, as its output or its attributes tell them. Pure.

Read are lists of LangChain's documents, of Fallom's previews of them, of answers of search
services, and OpenInference's ``retrieval.documents.N.document.…``, and what a reranker chose.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tracking.adapters import json_values
from tracking.adapters.dialects.message_parts import decode_json
from tracking.adapters.json_values import JsonObject

SHOWN = 50
_LISTS = ("documents", "results", "matches", "chunks", "hits")
_TEXTS = ("page_content", "pageContent", "content", "content_preview", "text", "snippet", "body")
_SOURCES = ("source", "doc_uri", "url", "title", "file", "path", "name", "id")
_SCORES = ("score", "relevance_score", "similarity")
_FLATTENED = re.compile(
    r"(?:retrieval|reranker)\.(?:output_)?documents\.(\d{1,6})\.document\.(content|id|score|metadata)"
)


@dataclass(frozen=True, slots=True)
class RetrievedDocument:
    text: str
    source: str
    score: float | None


def documents_of(output: object, attributes: Mapping[str, object]) -> list[RetrievedDocument]:
    """The first documents, in their order; none where nothing looks like one."""
    found = [_read(each) for each in _list_in(output)[:SHOWN]]
    if not any(each.text or each.source for each in found):
        found = [_read(each) for each in _flattened(attributes)]
    return [each for each in found if each.text or each.source]


def _list_in(output: object) -> list[JsonObject]:
    if isinstance(output, dict):
        output = next((output[key] for key in _LISTS if isinstance(output.get(key), list)), None)
    return json_values.objects(output)


def _flattened(attributes: Mapping[str, object]) -> list[JsonObject]:
    documents: dict[int, JsonObject] = {}
    for name, value in attributes.items():
        if (met := _FLATTENED.fullmatch(name)) is not None:
            held = decode_json(value) if met[2] == "metadata" and isinstance(value, str) else value
            documents.setdefault(int(met[1]), {})[met[2]] = held
    return [documents[index] for index in sorted(documents)[:SHOWN]]


def _read(sent: JsonObject) -> RetrievedDocument:
    inner = json_values.obj(sent.get("document")) or sent
    metadata = json_values.obj(inner.get("metadata"))
    scores = [json_values.number(each.get(key)) for each in (sent, metadata) for key in _SCORES]
    return RetrievedDocument(
        text=_first(inner, _TEXTS),
        source=_first(metadata, _SOURCES) or _first(inner, _SOURCES),
        score=next((score for score in scores if score is not None), None),
    )


def _first(value: JsonObject, keys: tuple[str, ...]) -> str:
    return next((said for key in keys if (said := json_values.name(value.get(key)))), "")
