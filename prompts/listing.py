"""The list of prompts: which version is live, what it was used for, where labels stand."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Func, Max, Prefetch, Q, QuerySet
from django.http import HttpRequest

from core.models import Project
from core.paging import filters_of, take_page
from core.timebuckets import TimeRange
from prompts.models import (
    PRODUCTION,
    VERSION_TEXTS,
    LabelRequest,
    Prompt,
    PromptLabel,
    PromptVersion,
)
from tracking.filters import EventFilter
from tracking.prompt_usage import NO_USAGE, Named, PromptUsage, read_prompt_usage
from tracking.shapes import Page

PAGE_SIZE = 50
TAGS_OFFERED = 50


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt and its live version: that of production, else the newest published one.

    ``usage`` is the live version's, ``calls`` are those of all versions, also unknown ones.
    """

    prompt: Prompt
    labels: list[PromptLabel]
    live: int | None
    usage: PromptUsage
    calls: int
    n_waiting: int

    @property
    def is_in_production(self) -> bool:
        return any(each.name == PRODUCTION and each.version_id for each in self.labels)


def list_prompts(
    request: HttpRequest, project: Project, flt: EventFilter, time_range: TimeRange
) -> Page[PromptRow]:
    """A page of prompts by key: with ``q`` in their words, with ``tag``, or the archived ones.

    Raises CursorError for a cursor of another list.
    """
    prompts = _matching(project, flt, is_archived=request.GET.get("archived") == "1")
    shown, following = take_page(
        request.GET.get("cursor", ""),
        lambda after, n: (prompts.filter(key__gt=after[0]) if after else prompts)[:n],
        position_of=lambda prompt: [prompt.key],
        size=PAGE_SIZE,
        project_id=project.pk,
        filters=filters_of(request),
    )
    usage = read_prompt_usage(project.pk, time_range, [prompt.key for prompt in shown])
    return Page([_build_row(prompt, usage) for prompt in shown], following)


def list_tags(project: Project) -> list[str]:
    tags = Prompt.objects.filter(project=project).annotate(tag=Func(F("tags"), function="unnest"))
    names = tags.order_by("tag").values_list("tag", flat=True).distinct()
    return list(names[:TAGS_OFFERED])


def _matching(project: Project, flt: EventFilter, *, is_archived: bool) -> QuerySet[Any]:
    """Prompts with ``newest`` published number and ``n_waiting`` requests (annotated: Any)."""
    prompts = Prompt.objects.filter(project=project, archived_at__isnull=not is_archived)
    if flt.q:
        words = Q(key__icontains=flt.q) | Q(name__icontains=flt.q)
        prompts = prompts.filter(words | Q(description__icontains=flt.q))
    if flt.tag:
        prompts = prompts.filter(tags__contains=[flt.tag])
    waiting = Q(requests__state=LabelRequest.State.PENDING)
    return (
        prompts.order_by("key")
        .prefetch_related(
            "labels", Prefetch("labels__version", PromptVersion.objects.defer(*VERSION_TEXTS))
        )
        .annotate(
            newest=Max("versions__number", filter=Q(versions__published_at__isnull=False)),
            n_waiting=Count("requests", filter=waiting, distinct=True),
        )
    )


def _build_row(prompt: Any, usage: dict[Named, PromptUsage]) -> PromptRow:  # annotated: Any
    labels = list(prompt.labels.all())
    served = {each.name: each.version.number for each in labels if each.version}
    live = served.get(PRODUCTION, prompt.newest)
    return PromptRow(
        prompt,
        labels,
        live,
        usage.get((prompt.key, str(live)), NO_USAGE),
        sum(each.calls for (key, _), each in usage.items() if key == prompt.key),
        prompt.n_waiting,
    )
