"""Markdown of models and strangers as HTML that can do no harm."""

from dataclasses import dataclass
from functools import cache

import nh3
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

register = template.Library()

# No images: loading one tells its host who reads what. No classes, ids or styles either.
TAGS = (
    "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre s strong "
    "table tbody td th thead tr ul"
)
LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class SanitisedHtml:
    """HTML that nh3 has cleaned: escaping takes it as it is, because of this type."""

    text: str

    def __html__(self) -> str:
        return self.text


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(
        ["table", "strikethrough"]
    )


@register.filter
def markdown(text: object) -> SafeString:
    """Render Markdown, then clean it; beyond the limit the rest is left out and said to be."""
    source = str(text or "")
    shown = source if len(source) <= LIMIT else f"{source[:LIMIT]}\n\n…"
    cleaned = nh3.clean(
        _parser().render(shown),
        tags=set(TAGS.split()),
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow ugc",
    )
    return format_html("{}", SanitisedHtml(cleaned))
