"""What the pages of one prompt show: its versions in use, its texts, two versions side by side."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import Http404, QueryDict

from core.formats import count, duration, exact, money, percent
from core.numerals import read_whole
from core.timebuckets import TimeRange
from prompts.catalogue import texts_of
from prompts.models import PRODUCTION, LabelMove, LabelRequest, Prompt, PromptLabel, PromptVersion
from prompts.previewing import preview
from prompts.version_diffs import diff_versions
from tracking.overview import change_of
from tracking.prompt_usage import (
    NO_LATENCY,
    NO_USAGE,
    PromptUsage,
    VersionLatency,
    read_prompt_usage,
    read_version_latency,
)

Context = dict[str, Any]  # a template context: values of any type, read by name

VERSIONS_SHOWN = 30
CHOICES = 200
MOVES_SHOWN = 30
STRANGERS_SHOWN = 10
FIELDS_SHOWN = 50
UNNAMED = "no version"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a version was used for. ``query``: of the session list, with these sessions."""

    usage: PromptUsage
    latency: VersionLatency
    query: str


@dataclass(frozen=True, slots=True)
class VersionRow:
    version: PromptVersion
    labels: list[PromptLabel]
    measured: Measured


@dataclass(frozen=True, slots=True)
class Comparison:
    """One number of two versions. Nobody drew lots for them: a change is neither good nor bad."""

    label: str
    old: str
    new: str
    change: float | None


@dataclass(frozen=True, slots=True)
class MoveRow:
    """A move of a label, and what an editor may do about it now."""

    move: LabelMove
    can_restore: bool  # put the label back to where this move had put it
    can_roll_back: bool  # undo this move: it is the label's last


class Measurements:
    """The usage of all versions of a prompt in a time range; ``params``: the page's own."""

    def __init__(self, prompt: Prompt, time_range: TimeRange, params: QueryDict) -> None:
        self.prompt = prompt
        usage = read_prompt_usage(prompt.project_id, time_range, [prompt.key])
        self.usage = {version: found for (_, version), found in usage.items()}
        self.latency = (
            read_version_latency(prompt.project_id, time_range, prompt.key) if usage else {}
        )
        self.kept = {name: params[name] for name in ("range", "from", "to") if name in params}

    def of(self, version: str) -> Measured:
        query = self.kept | {"prompt": self.prompt.key}
        if version:
            query |= {"prompt_version": version}
        return Measured(
            self.usage.get(version, NO_USAGE),
            self.latency.get(version, NO_LATENCY),
            urlencode(query),
        )


def find_prompt(project_id: int, key: str) -> Prompt:
    prompts = Prompt.objects.filter(project_id=project_id, key=key)
    prompt = None if "\0" in key else prompts.select_related("project").first()
    if prompt is None:
        raise Http404("no such prompt")
    return prompt


def describe_prompt(prompt: Prompt, time_range: TimeRange, params: QueryDict) -> Context:
    labels = list(prompt.labels.select_related("version"))
    measured = Measurements(prompt, time_range, params)
    numbers = list_numbers(prompt)
    rows, older_than = _version_rows(prompt, labels, measured, before=params.get("before", ""))
    live = _live_number(labels, numbers)
    chosen = (
        read_whole(params.get("version", ""))
        or live
        or max((row.version.number for row in rows), default=0)
    )
    version = _pick_version(prompt, rows, chosen)
    return {
        "prompt": prompt,
        "labels": labels,
        "live": live,
        "rows": rows,
        "older_than": older_than,
        "numbers": numbers,
        "pair": _pair_to_compare(live, numbers),
        "strangers": _strangers(prompt, measured, {*numbers, *(r.version.number for r in rows)}),
        "moves": list_moves(prompt, labels),
        "requests": list(prompt.requests.filter(state=LabelRequest.State.PENDING)),
        **(describe_version(version) if version else {"version": None}),
        "version_labels": [each for each in labels if version and each.version_id == version.pk],
    }


def describe_version(version: PromptVersion) -> Context:
    """The texts of a version with its variables marked, and a field for each of them."""
    examples = {each["name"]: each for each in version.variables}
    names = list(dict.fromkeys([*version.variables_found, *examples]))
    return {
        "version": version,
        "content": preview(texts_of(version), ()),
        "fields": [
            {"name": name, "used": name in version.variables_found, **examples.get(name, {})}
            for name in names[:FIELDS_SHOWN]
        ],
        "n_more_fields": max(0, len(names) - FIELDS_SHOWN),
    }


def describe_diff(prompt: Prompt, time_range: TimeRange, params: QueryDict) -> Context:
    """Two versions: texts beside numbers. Without ``a`` and ``b``, the newest two."""
    numbers = list_numbers(prompt)
    new = read_whole(params.get("b", "")) or (numbers[0] if numbers else 0)
    earlier = [number for number in numbers if number < new]
    old = read_whole(params.get("a", "")) or (earlier[0] if earlier else new)
    found = {each.number: each for each in _versions(prompt).filter(number__in=[old, new])}
    if old not in found or new not in found:
        raise Http404("no such version")
    measured = Measurements(prompt, time_range, params)
    sides = [measured.of(str(number)) for number in (old, new)]
    return {
        "prompt": prompt,
        "old": found[old],
        "new": found[new],
        "numbers": sorted({*numbers, old, new}, reverse=True),
        "sections": diff_versions(found[old], found[new]),
        "sides": sides,
        "comparisons": compare(*sides),
    }


def compare(old: Measured, new: Measured) -> list[Comparison]:
    a, b = old.usage, new.usage
    return [
        Comparison("Calls", exact(a.calls), exact(b.calls), change_of(b.calls, a.calls)),
        _compared("Error share", percent, (a.error_rate, b.error_rate)),
        _compared("Latency p50", duration, (old.latency.p50, new.latency.p50)),
        _compared("Latency p95", duration, (old.latency.p95, new.latency.p95)),
        _compared("Tokens a call", count, (a.tokens_per_call, b.tokens_per_call)),
        _compared("Cost a call", money, (a.cost_per_call, b.cost_per_call)),
    ]


def _compared(label: str, show: Any, pair: tuple[float | None, float | None]) -> Comparison:
    old, new = pair
    return Comparison(label, show(old), show(new), change_of(new, old))


def list_numbers(prompt: Prompt) -> list[int]:
    """The newest published versions, newest first."""
    published = prompt.versions.exclude(published_at=None).order_by("-number")
    return list(published.values_list("number", flat=True)[:CHOICES])


def _versions(prompt: Prompt) -> QuerySet[PromptVersion]:
    return prompt.versions.order_by("-number")


def _version_rows(
    prompt: Prompt, labels: list[PromptLabel], measured: Measurements, *, before: str
) -> tuple[list[VersionRow], int | None]:
    versions = _versions(prompt)
    if number := read_whole(before):
        versions = versions.filter(number__lt=number)
    found = list(versions[: VERSIONS_SHOWN + 1])
    shown = found[:VERSIONS_SHOWN]
    rows = [
        VersionRow(
            version,
            [label for label in labels if label.version_id == version.pk],
            measured.of(str(version.number)),
        )
        for version in shown
    ]
    return rows, shown[-1].number if len(found) > VERSIONS_SHOWN else None


def _pair_to_compare(live: int | None, numbers: list[int]) -> tuple[int, int] | None:
    """What is served and the newest version, or the newest two."""
    if len(numbers) < 2:
        return None
    newest = numbers[0]
    return (live, newest) if live and live != newest else (numbers[1], newest)


def _pick_version(prompt: Prompt, rows: list[VersionRow], number: int) -> PromptVersion | None:
    """The version to show; None when the prompt has none at all."""
    for row in rows:
        if row.version.number == number:
            return row.version
    version = _versions(prompt).filter(number=number).first()
    if version is None and rows:
        raise Http404("no such version")
    return version


def _live_number(labels: list[PromptLabel], numbers: list[int]) -> int | None:
    served = {label.name: label.version.number for label in labels if label.version}
    return served.get(PRODUCTION, numbers[0] if numbers else None)


def list_moves(prompt: Prompt, labels: list[PromptLabel]) -> list[MoveRow]:
    """The latest moves, newest first."""
    serving = {label.name: label.version.number if label.version else 0 for label in labels}
    seen: set[str] = set()
    rows = []
    for move in prompt.moves.select_related("approved_by")[:MOVES_SHOWN]:
        is_last = move.label not in seen
        seen.add(move.label)
        elsewhere = serving.get(move.label, 0) != move.to_number
        rows.append(
            MoveRow(
                move,
                can_restore=bool(move.to_number) and elsewhere,
                can_roll_back=is_last and bool(move.from_number) and not elsewhere,
            )
        )
    return rows


def _strangers(
    prompt: Prompt, measured: Measurements, known: set[int]
) -> list[tuple[str, Measured]]:
    """What spans call a version of this prompt that is none, the most used first."""
    named = [text for text in measured.usage if read_whole(text) not in known]
    if numbers := {number for text in named if (number := read_whole(text)) is not None}:
        found = prompt.versions.filter(number__in=numbers).values_list("number", flat=True)
        older = set(found)
        named = [text for text in named if read_whole(text) not in older]
    named.sort(key=lambda text: (-measured.usage[text].calls, text))
    return [(text or UNNAMED, measured.of(text)) for text in named[:STRANGERS_SHOWN]]
