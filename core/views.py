"""Signing in and out, the list of projects, and the pages of errors."""

import sys
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from core.api import DATABASE_ERRORS, is_api_path, problem_http
from core.forms import LoginForm
from core.models import Project
from core.throttling import client_address, count_failure, forget_failures, is_throttled

# One answer for a wrong name, a wrong password, a locked account and too many tries: nothing to
# learn from it.
REFUSED = "That did not work. Check the name and the password; after several tries wait 15 minutes."


def safe_next(request: HttpRequest) -> str:
    """Where to go after signing in: the ``next`` given if it is on this host, else the projects."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    # Only a path: an absolute address of this very host would pass too, and is never needed.
    if allowed and target.startswith("/") and not urlsplit(target).netloc:
        return target
    return resolve_url(settings.LOGIN_REDIRECT_URL)


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    if htmx and request.method == "GET":
        # A fragment was asked for after the session ended: the whole page goes to the login.
        page = urlencode({"next": htmx.current_url_abs_path or "/"}, safe="/")
        return HttpResponseClientRedirect(f"{resolve_url('login')}?{page}")
    if request.user.is_authenticated and request.method == "GET":
        return redirect(safe_next(request))
    form = LoginForm(request.POST or None)
    if request.method == "POST":
        if form.is_valid() and _sign_in(request, **form.cleaned_data):
            return redirect(safe_next(request))
        form.add_error(None, REFUSED)
    return render(request, "registration/login.html", {"form": form, "next": safe_next(request)})


def _sign_in(request: HttpRequest, *, username: str, password: str) -> bool:
    address, now = client_address(request), timezone.now()
    if is_throttled(username, address, now=now):
        return False
    user = authenticate(request, username=username, password=password)
    if user is None:
        count_failure(username, address, now=now)
        return False
    forget_failures(username, address)
    login(request, user)
    return True


@login_not_required
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@login_not_required
def admin_log_in(request: HttpRequest) -> HttpResponse:
    """The admin's own login would be a second door without a throttle."""
    if request.user.is_authenticated:
        raise PermissionDenied("Support pages are for superusers, prompts for editors.")
    target = request.GET.get("next") or resolve_url("admin:index")
    return redirect(f"{resolve_url('login')}?{urlencode({'next': target}, safe='/')}")


@require_GET
def project_list(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated  # LoginRequiredMiddleware
    projects = Project.objects.visible_to(request.user)
    counted = Project.objects.filter(pk__in=projects).annotate(n_members=Count("memberships"))
    return render(request, "core/project_list.html", {"listed_projects": counted})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 400, "This request is not valid.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 403, str(exception) or "You may not do this.")


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _error(request, 403, "This form is out of date: reload the page and send it again.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 404, "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error nobody foresaw; without the shell, as the database may be away."""
    if isinstance(sys.exc_info()[1], DATABASE_ERRORS):
        if not connection.in_atomic_block:
            connection.close()
        response = _error(
            request, 503, "The database is away or overloaded. Try again in a moment."
        )
        response["Retry-After"] = "1"
        return response
    return _error(request, 500, "Something went wrong. The error was logged.")


def _error(request: HttpRequest, status: int, message: str) -> HttpResponse:
    if is_api_path(request.path):
        return problem_http(status, message)
    context = {"status": status, "message": message}
    if status in {403, 404}:
        return render(request, "core/error_page.html", context, status=status)
    return HttpResponse(render_to_string("core/error.html", context), status=status)
