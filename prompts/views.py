"""Pages of prompts: the list, one prompt, two versions of it, stale tags of a session."""

from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.access import PageRequest, project_view
from core.models import Project, Role
from core.numerals import read_whole
from prompts.admin_access import act, author_of, tell_move
from prompts.catalogue import texts_of
from prompts.labels import move_label, roll_back
from prompts.listing import list_prompts, list_tags
from prompts.models import Prompt
from prompts.pages import describe_diff, describe_prompt, describe_version, find_prompt
from prompts.previewing import preview
from prompts.rendering import RenderError
from prompts.tag_checks import check_session
from tracking.filterbar import LABELS, PageFilter, build_facet, describe_bar, read_page_filter

FIELD = "var."  # before the name of a variable, in the form that renders
CHIPS = (LABELS["q"], LABELS["tag"])
RANGE = ("range", "from", "to")


@require_GET
@project_view()
def prompt_list(request: PageRequest, project: Project) -> HttpResponseBase:
    if "key" in request.GET or "named" in request.GET:
        return _to_named(request, project)
    page = read_page_filter(request, now=timezone.now())
    found = list_prompts(request, project, page.flt, page.time_range)
    tags = list_tags(project)
    context = {
        **_describe_range(request, page),
        "filter_error": page.error,
        "page": found,
        "facets": [build_facet(request.GET, "tag", [(tag, None) for tag in tags])] if tags else [],
        "is_archived": request.GET.get("archived") == "1",
        "is_filtered": bool(page.flt.q or page.flt.tag),
    }
    return render(request, "prompts/list.html", context)


def _to_named(request: PageRequest, project: Project) -> HttpResponse:
    """To the prompt that spans name; to their sessions when there is none of that key.

    Pages of events link here without having to know which prompts there are: by ``key`` and
    ``version``, or as ``named``, "key@version" or "key".
    """
    key, version = request.GET.get("key", ""), request.GET.get("version", "")
    if not key:
        named = request.GET.get("named", "")
        before, at, after = named.rpartition("@")
        key, version = (before, after) if at and before else (named, "")
    query = QueryDict(mutable=True)
    query.update({name: request.GET[name] for name in RANGE if name in request.GET})
    if "\0" not in key and Prompt.objects.filter(project=project, key=key).exists():
        if read_whole(version) is not None:
            query["version"] = version
        target = reverse("prompts:detail", args=[project.slug, key])
    else:
        query["prompt"] = key
        if version:
            query["prompt_version"] = version
        target = reverse("tracking:session-list", args=[project.slug])
    return redirect(f"{target}?{query.urlencode()}" if query else target)


def _describe_range(request: PageRequest, page: PageFilter) -> dict[str, object]:
    bar = describe_bar(request, page, environments=())
    chips = [chip for chip in bar["chips"] if chip["label"] in CHIPS]
    kept = [(name, request.GET[name]) for name in RANGE if name in request.GET]
    return {**bar, "chips": chips, "can_live": False, "kept_range": kept}


@require_GET
@project_view()
def prompt_detail(request: PageRequest, project: Project, key: str) -> HttpResponse:
    prompt = find_prompt(project.pk, key)
    page = read_page_filter(request, now=timezone.now())
    context = {
        **_describe_range(request, page),
        **describe_prompt(prompt, page.time_range, request.GET),
    }
    return render(request, "prompts/detail.html", context)


@require_GET
@project_view()
def prompt_diff(request: PageRequest, project: Project, key: str) -> HttpResponse:
    prompt = find_prompt(project.pk, key)
    page = read_page_filter(request, now=timezone.now())
    context = {
        **_describe_range(request, page),
        **describe_diff(prompt, page.time_range, request.GET),
    }
    return render(request, "prompts/diff.html", context)


@require_POST
@project_view()
def render_version(request: PageRequest, project: Project, key: str) -> HttpResponse:
    """A version with the values of the form: for the page's box, or as a page of its own."""
    prompt = find_prompt(project.pk, key)
    number = read_whole(request.POST.get("version", ""))
    version = None if number is None else prompt.versions.filter(number=number).first()
    if version is None:
        raise Http404("no such version")
    context = {"prompt": prompt, **describe_version(version)}
    for field in context["fields"]:
        field["example"] = request.POST.get(FIELD + field["name"], "")
    try:
        context["rendered"] = preview(texts_of(version), context["fields"])
    except RenderError as error:
        context["refusal"] = str(error)
    template = "prompts/_rendered.html" if request.htmx else "prompts/rendered.html"
    return render(request, template, context)


@require_POST
@project_view(role=Role.EDITOR)
def move(request: PageRequest, project: Project, key: str) -> HttpResponse:
    """Put a label onto a version, or, without one, back to where it was before its last move."""
    prompt = find_prompt(project.pk, key)
    label, reason = request.POST.get("label", ""), request.POST.get("reason", "")
    number, seen = (read_whole(request.POST.get(name, "")) for name in ("version", "seen"))
    if number is None and (seen is None or request.POST.get("version")):
        raise Http404("a label moves to a version, or back from one")

    def do() -> str:
        author = author_of(request)
        if number is not None:
            return tell_move(move_label(prompt, label, number, reason, author))
        return tell_move(roll_back(prompt, label, reason, author, seen=seen))

    act(request, do)
    return redirect("prompts:detail", slug=project.slug, key=prompt.key)


@require_GET
@project_view()
def stale_tags(request: PageRequest, project: Project) -> HttpResponse:
    """Prompts that spans of a session carry and cannot have used: a fragment of its page."""
    found = check_session(project.pk, request.GET.get("session", ""))
    return render(request, "prompts/_stale_tags.html", {"found": found})
