"""The Django admin: support pages for superusers, and what editors of a project write there.

A page is for superusers unless its ModelAdmin says ``open_to_editors``; such a ModelAdmin looks
itself at whose project a thing is.
"""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


class AssayAdminSite(AdminSite):
    site_header = site_title = "Assay support"

    def has_permission(self, request: HttpRequest) -> bool:
        if not request.user.is_active:
            return False
        return request.user.is_superuser or (_is_for_editors(request) and edits_anywhere(request))

    def index(  # type: ignore[override] # a redirect is an answer too
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list of all tables; editors go to the one page there is for them."""
        if not request.user.is_superuser:
            return redirect(self.get_app_list(request)[0]["models"][0]["admin_url"])
        return super().index(request, extra_context)


class AssayAdminConfig(AdminConfig):
    default_site = "core.admin_site.AssayAdminSite"


def _is_for_editors(request: HttpRequest) -> bool:
    match = request.resolver_match
    if match is None:
        return False
    # ModelAdmin.get_urls leaves itself on each of its views.
    model_admin = getattr(match.func, "model_admin", None)
    return match.view_name == "admin:index" or getattr(model_admin, "open_to_editors", False)


def edits_anywhere(request: HttpRequest) -> bool:
    """Whether the user is an editor of some project; the admin asks several times a page."""
    from core.models import Project, Role  # this module is read before models may be

    known: bool | None = getattr(request, "edits_anywhere", None)
    if known is None:
        known = Project.objects.open_to(request.user, Role.EDITOR).exists()
        request.edits_anywhere = known  # type: ignore[attr-defined] # kept for this request
    return known
