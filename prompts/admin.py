"""Where prompts are written: drafts, published versions, labels and who approves their moves.

Pages of the Django admin for editors, in the shell of the product. Nothing is deleted here, and
nothing is saved but through ``drafts`` and ``labels``, where each change is audited.
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Count, Max, Model, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET

from core.admin_site import edits_anywhere
from core.models import Project, Role
from prompts import admin_drafts, admin_labels, admin_views
from prompts.admin_access import asked_project
from prompts.models import VERSION_TEXTS, LabelRequest, Prompt, PromptVersion

if TYPE_CHECKING:
    PromptModelAdmin = admin.ModelAdmin[Prompt]
    Prompts = QuerySet[Prompt]
else:
    PromptModelAdmin, Prompts = admin.ModelAdmin, QuerySet  # generic in the stubs alone

PLACE = "<int:prompt_id>"


class ProjectFilter(admin.SimpleListFilter):
    title = parameter_name = "project"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        projects = Project.objects.open_to(request.user, Role.EDITOR)
        return list(projects.values_list("slug", "name"))

    def has_output(self) -> bool:
        return True  # also for the one project there is

    def queryset(self, request: HttpRequest, queryset: Prompts) -> Prompts:
        return queryset.filter(project__slug=self.value()) if self.value() else queryset


class StateFilter(admin.SimpleListFilter):
    """Archived prompts are shown when they are asked for."""

    title = parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        return [("waiting", "waiting for approval"), ("archived", "archived")]

    def queryset(self, request: HttpRequest, queryset: Prompts) -> Prompts:
        if self.value() == "archived":
            return queryset.exclude(archived_at=None)
        if self.value() == "waiting":
            pending = LabelRequest.objects.filter(state=LabelRequest.State.PENDING)
            queryset = queryset.filter(pk__in=pending.values("prompt"))
        return queryset.filter(archived_at=None)


@admin.register(Prompt)
class PromptAdmin(PromptModelAdmin):
    open_to_editors = True
    list_display = ("key", "name", "project")
    list_filter = (ProjectFilter, StateFilter)
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    search_fields = ("key", "name", "description", "tags")
    ordering = ("project__name", "key")
    actions = None  # no bulk actions

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, name: str, view: Callable[..., HttpResponseBase]) -> URLPattern:
            def wrapper(*args: Any, **kwargs: Any) -> HttpResponseBase:
                return self.admin_site.admin_view(view)(*args, **kwargs)

            wrapper.model_admin = self  # type: ignore[attr-defined] # as ModelAdmin does
            return path(route, update_wrapper(wrapper, view), name=f"prompts_prompt_{name}")

        version = f"{PLACE}/versions/<int:number>"
        request = f"{PLACE}/requests/<int:request_id>"
        return [
            page("", "changelist", require_GET(self.changelist_view)),
            page("add/", "add", admin_views.add_prompt),
            page(f"{PLACE}/change/", "change", admin_views.prompt_page),
            page(f"{PLACE}/rename/", "rename", admin_views.rename),
            page(f"{PLACE}/archive/", "archive", admin_views.archive),
            page(f"{PLACE}/drafts/add/", "draft_add", admin_drafts.add_draft),
            page(f"{PLACE}/drafts/preview/", "preview", admin_drafts.show_preview),
            page(f"{version}/", "version", admin_views.version_page),
            page(f"{version}/edit/", "draft", admin_drafts.edit_draft),
            page(f"{version}/publish/", "publish", admin_drafts.publish_draft),
            page(f"{version}/discard/", "discard", admin_drafts.discard),
            page(f"{PLACE}/labels/move/", "move", admin_labels.move),
            page(f"{PLACE}/labels/rollback/", "roll_back", admin_labels.roll_back_label),
            page(f"{PLACE}/labels/protect/", "protect", admin_labels.protect),
            page(f"{request}/decide/", "decide", admin_labels.decide_request),
            page(f"{request}/withdraw/", "withdraw", admin_labels.withdraw_request),
        ]

    def get_queryset(self, request: HttpRequest) -> Prompts:
        projects = Project.objects.open_to(request.user, Role.EDITOR)
        waiting = Q(requests__state=LabelRequest.State.PENDING)
        light = PromptVersion.objects.defer(*VERSION_TEXTS)
        drafts = Q(versions__published_at=None, versions__isnull=False)
        return (
            super()
            .get_queryset(request)
            .filter(project__in=projects)
            .select_related("project")
            .prefetch_related("labels", Prefetch("labels__version", light))
            .annotate(
                newest=Max("versions__number", filter=Q(versions__published_at__isnull=False)),
                n_drafts=Count("versions", filter=drafts, distinct=True),
                n_waiting=Count("requests", filter=waiting, distinct=True),
            )
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        asked_project(request)
        context = {"section": "prompts", **(extra_context or {})}
        response = super().changelist_view(request, context)
        shown = getattr(response, "context_data", None)  # a redirect has none
        if shown and (changes := shown.get("cl")):
            specs = changes.filter_specs
            shown["filters"] = [(spec.title, list(spec.choices(changes))) for spec in specs]
        return response

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in {"project", "state"}  # the two filters

    def has_module_permission(self, request: HttpRequest) -> bool:
        return edits_anywhere(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return edits_anywhere(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return edits_anywhere(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # nothing is edited in the list

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
