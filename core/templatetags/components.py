"""Tags that draw the small parts pages are made of. Built into every template."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django import template
from django.http import HttpRequest, QueryDict
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

# (section, label, icon, URL name): what is not there yet is not linked.
RAIL = (
    ("overview", "Overview", "layout-dashboard", "tracking:overview"),
    ("experiments", "Experiments", "flask", "experiments:list"),
    ("sessions", "Sessions", "messages", "tracking:session-list"),
    ("traces", "Traces", "list-tree", "tracking:trace-list"),
    ("prompts", "Prompts", "file-text", "prompts:list"),
    ("configs", "Model configs", "adjustments", "experiments:config-list"),
    ("evals", "Evals", "checkbox", "experiments:eval-list"),
    ("runs", "Runs", "route", "tracking:run-list"),
    ("events", "Events", "activity", "tracking:event-list"),
    ("send", "Send data", "send", "tracking:send"),
    ("settings", "Settings", "settings", "settings-keys"),
)
JSON_DEPTH = 12
JSON_ITEMS = 200
JSON_TEXT = 2_000


def find_url(name: str, *args: object) -> str:
    """The URL of a page, or "" when no such page exists."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


@register.simple_tag
@lru_cache(maxsize=256)  # pages of trees draw hundreds of the same few
def icon(name: str, label: str = "") -> SafeString:
    """One icon of the sprite; hidden from screen readers unless it has a label."""
    href = f"{static('vendor/icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, href
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', href)


KIND_ICONS = {
    "llm": "sparkles",
    "tool": "tool",
    "agent": "robot",
    "chain": "link",
    "retriever": "search",
    "embedding": "vector",
    "evaluator": "scale",
    "guardrail": "shield-check",
    "event": "point",
}


@register.simple_tag
def kind_icon(kind: str, status: str = "") -> SafeString:
    """The icon of a span's kind, named for screen readers; an error says so."""
    if status == "error":
        return icon("alert-circle", f"{kind}, error")
    return icon(KIND_ICONS.get(kind, "point"), kind)


@register.simple_tag
def rail_links(slug: str) -> list[dict[str, str]]:
    links = [
        {"section": section, "label": label, "icon": icon_name, "url": find_url(name, slug)}
        for section, label, icon_name, name in RAIL
    ]
    return [link for link in links if link["url"]]


@register.simple_tag
def page_url(name: str, *args: object) -> str:
    """Like {% url %}, but "" for a page that does not exist (yet)."""
    return find_url(name, *args)


@register.simple_tag(takes_context=True)
def drill_query(context: Mapping[str, Any], name: str, value: object) -> str:
    """The query of a list that shows one value, in the time range and environment of this page."""
    request: HttpRequest = context["request"]
    query = QueryDict(mutable=True)
    for kept in ("range", "from", "to", "environment"):
        if kept in request.GET:
            query[kept] = request.GET[kept]
    query[name] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def sort_query(context: Mapping[str, Any], key: str, default: str = "") -> dict[str, str]:
    """Return what a column head links to: sort by it, or turn round when it already does."""
    request: HttpRequest = context["request"]
    current = request.GET.get("sort") or default
    wanted = key if current == f"-{key}" else f"-{key}"
    query = request.GET.copy()
    query["sort"] = wanted
    query.pop("cursor", None)
    state = {f"-{key}": "descending", key: "ascending"}.get(current, "none")
    return {"url": f"?{query.urlencode()}", "state": state}


@register.inclusion_tag("_interval.html")
def interval_bar(
    low: float | None, value: float | None, high: float | None, **options: Any
) -> dict[str, object]:
    """An interval against zero (or ``zero=``) on the scale ``lowest=`` to ``highest=``.

    ``tone``: good, bad or even; ``label``: the same as words, for the title and screen readers.
    """
    lowest, highest = float(options["lowest"]), float(options["highest"])
    zero = float(options.get("zero", 0.0))

    def place(number: float | None) -> str:
        width = highest - lowest
        share = 50.0 if number is None or width <= 0 else 100 * (number - lowest) / width
        return f"{min(100.0, max(0.0, share)):.2f}%"

    return {
        "drawn": None not in (low, value, high),
        "low": place(low),
        "value": place(value),
        "high": place(high),
        "zero": place(zero),
        "tone": options.get("tone", "even"),
        "label": options.get("label", ""),
    }


@register.simple_tag
def json_view(value: object, opened: int = 2) -> SafeString:
    """A JSON value as nested, collapsible lists; all text escaped, all sizes bounded."""
    return format_html('<div class="json">{}</div>', _json_node(value, opened, depth=0))


def _json_node(value: object, opened: int, *, depth: int) -> SafeString:
    if isinstance(value, dict):
        pairs: Iterable[tuple[object, object]] = value.items()
        return _json_branch(pairs, "{}", opened, depth=depth, size=len(value))
    if isinstance(value, list | tuple):
        return _json_branch(enumerate(value), "[]", opened, depth=depth, size=len(value))
    return _json_leaf(value)


def _json_branch(
    pairs: Iterable[tuple[object, object]], braces: str, opened: int, *, depth: int, size: int
) -> SafeString:
    if not size or depth >= JSON_DEPTH:
        return format_html('<span class="json-note">{}</span>', braces if not size else "…")
    rows = [
        (key, _json_node(item, opened, depth=depth + 1))
        for index, (key, item) in enumerate(pairs)
        if index < JSON_ITEMS
    ]
    items = format_html_join("", '<li><span class="json-key">{}</span> {}</li>', rows)
    rest = format_html('<li class="json-note">{} more not shown</li>', size - JSON_ITEMS)
    return format_html(
        '<details{}><summary class="json-note">{} {} {}</summary><ul>{}{}</ul></details>',
        SafeString(" open") if depth < opened else "",
        braces,
        f"{size:,}",
        "item" if size == 1 else "items",
        items,
        rest if size > JSON_ITEMS else "",
    )


def _json_leaf(value: object) -> SafeString:
    if isinstance(value, str):
        shown = value if len(value) <= JSON_TEXT else f"{value[:JSON_TEXT]}…"
        return format_html('<span class="json-text">{}</span>', shown)
    if value is None or isinstance(value, bool):
        return format_html(
            '<span class="json-value">{}</span>', "null" if value is None else str(value).lower()
        )
    return format_html('<span class="json-value">{}</span>', value)
