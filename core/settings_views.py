"""Settings of a project: keys, members, audit."""

from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.access import PageRequest, project_view
from core.forms import KeyForm, MemberForm, PublishableKeyForm, RoleForm
from core.keys import issue_key, issue_publishable_key, revoke_key
from core.models import ApiKey, AuditEntry, Membership, Project, Role
from core.paging import take_page
from core.projects import MembershipError, add_member, change_member_role, remove_member

AUDIT_PAGE = 100


@require_GET
@project_view()
def settings_home(request: PageRequest, project: Project) -> HttpResponse:
    return redirect("settings-keys", slug=project.slug)


@require_http_methods(["GET", "POST"])
@project_view()
def keys(request: PageRequest, project: Project) -> HttpResponseBase:
    if request.method == "POST":
        return create_key(request, slug=project.slug)
    return _keys_page(request, project, form=KeyForm())


@project_view(role=Role.ADMIN)
def create_key(request: PageRequest, project: Project) -> HttpResponse:
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _keys_page(request, project, form=form)
    fields = form.cleaned_data
    _, raw = issue_key(
        project,
        fields["name"],
        fields["scopes"],
        request.user,
        expires_at=fields["expires_on"],
        rate_limit=fields["rate_limit"],
    )
    # Shown in this answer alone: a redirect would have to keep it somewhere.
    return _keys_page(request, project, form=KeyForm(), new_key=raw)


@require_POST
@project_view(role=Role.ADMIN)
def create_publishable_key(request: PageRequest, project: Project) -> HttpResponse:
    form = PublishableKeyForm(request.POST)
    if not form.is_valid():
        return _keys_page(request, project, form=KeyForm(), publishable_form=form)
    fields = form.cleaned_data
    key = issue_publishable_key(
        project,
        fields["name"],
        request.user,
        origins=fields["origins"],
        rate_limit=fields["rate_limit"],
        expires_at=fields["expires_on"],
    )
    messages.success(request, f"The publishable key {key.prefix} is made.")
    return redirect("settings-keys", slug=project.slug)


def _keys_page(
    request: PageRequest,
    project: Project,
    *,
    form: KeyForm,
    publishable_form: PublishableKeyForm | None = None,
    new_key: str = "",
) -> HttpResponse:
    publishable_form = publishable_form or PublishableKeyForm()
    keys = project.api_keys.select_related("created_by")
    context = {
        "tab": "keys",
        "keys": [key for key in keys if not key.is_publishable],
        "publishable_keys": [key for key in keys if key.is_publishable],
        "form": form,
        "publishable_form": publishable_form,
        "new_key": new_key,
        "base_url": request.build_absolute_uri("/").rstrip("/"),
    }
    status = 400 if form.errors or publishable_form.errors else 200
    return render(request, "core/settings/keys.html", context, status=status)


@require_POST
@project_view(role=Role.ADMIN)
def revoke(request: PageRequest, project: Project, key_id: int) -> HttpResponse:
    key = get_object_or_404(ApiKey, project=project, pk=key_id)
    if revoke_key(key, request.user):
        messages.success(request, f"The key {key.prefix} is revoked.")
    return redirect("settings-keys", slug=project.slug)


@require_http_methods(["GET", "POST"])
@project_view()
def members(request: PageRequest, project: Project) -> HttpResponseBase:
    if request.method == "POST":
        return create_member(request, slug=project.slug)
    return _members_page(request, project, form=MemberForm())


@project_view(role=Role.ADMIN)
def create_member(request: PageRequest, project: Project) -> HttpResponse:
    form = MemberForm(request.POST)
    if form.is_valid():
        fields = form.cleaned_data
        try:
            add_member(project, fields["username"], fields["role"], actor=request.user)
        except MembershipError as error:
            form.add_error(None, str(error))
        else:
            return redirect("settings-members", slug=project.slug)
    return _members_page(request, project, form=form)


def _members_page(request: PageRequest, project: Project, *, form: MemberForm) -> HttpResponse:
    context = {
        "tab": "members",
        "members": project.memberships.select_related("user").order_by("user__username"),
        "roles": Role.choices,
        "form": form,
    }
    return render(
        request, "core/settings/members.html", context, status=400 if form.errors else 200
    )


@require_POST
@project_view(role=Role.ADMIN)
def change_role(request: PageRequest, project: Project, membership_id: int) -> HttpResponse:
    membership = get_object_or_404(Membership, project=project, pk=membership_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "There is no such role.")
        return redirect("settings-members", slug=project.slug)
    try:
        change_member_role(membership, form.cleaned_data["role"], actor=request.user)
    except MembershipError as error:
        messages.error(request, str(error))
    return redirect("settings-members", slug=project.slug)


@require_POST
@project_view(role=Role.ADMIN)
def remove(request: PageRequest, project: Project, membership_id: int) -> HttpResponse:
    membership = get_object_or_404(Membership, project=project, pk=membership_id)
    try:
        remove_member(membership, actor=request.user)
    except MembershipError as error:
        messages.error(request, str(error))
    return redirect("settings-members", slug=project.slug)


@require_GET
@project_view(role=Role.ADMIN)
def audit(request: PageRequest, project: Project) -> HttpResponse:
    entries, following = take_page(
        request.GET.get("cursor", ""),
        lambda after, limit: _older_than(project, after)[:limit],
        position_of=lambda entry: [entry.at.isoformat(), entry.pk],
        size=AUDIT_PAGE,
        project_id=project.pk,
        filters="audit",
    )
    context = {"tab": "audit", "entries": entries, "next_cursor": following}
    return render(request, "core/settings/audit.html", context)


def _older_than(project: Project, place: list[Any] | None) -> QuerySet[AuditEntry]:  # JSON values
    entries = project.audit_entries.all()
    if place is None:
        return entries
    at, pk = place
    return entries.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk))
