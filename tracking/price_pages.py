"""Prices of a project: what models cost lately and by whose price, its own prices, repricing."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.access import PageRequest, project_view
from core.jobs import stop_jobs
from core.models import Job, Project, Role
from core.numerals import read_whole
from tracking.forms import PriceForm
from tracking.model_spend import DAYS, list_spend
from tracking.models import ModelPrice
from tracking.project_prices import book_of, end_price, save_price
from tracking.repricing import KIND, start_repricing

MOST_PRICES = 500


@require_http_methods(["GET", "POST"])
@project_view()
def prices(request: PageRequest, project: Project) -> HttpResponseBase:
    if request.method == "POST":
        return store_price(request, slug=project.slug)
    found = _find_price(project, request.GET.get("edit", ""))
    today = timezone.now().date()
    asked = {name: request.GET[name] for name in ("model", "provider") if name in request.GET}
    form = PriceForm(instance=found, initial=asked | ({} if found else {"starts_on": today}))
    return _prices_page(request, project, form=form)


@project_view(role=Role.ADMIN)
def store_price(request: PageRequest, project: Project) -> HttpResponse:
    found = _find_price(project, request.POST.get("price", ""))
    form = PriceForm(request.POST, instance=found or ModelPrice(project=project))
    if not found and ModelPrice.objects.filter(project=project).count() >= MOST_PRICES:
        form.add_error(None, f"A project has at most {MOST_PRICES} prices of its own.")
    if not form.is_valid():
        return _prices_page(request, project, form=form)
    price = form.save(commit=False)
    price.created_by = price.created_by or request.user
    save_price(price, actor=request.user)
    messages.success(
        request, f"The price of {price.model} is saved: calls that arrive from now on have it."
    )
    return redirect("tracking:settings-prices", slug=project.slug)


@require_POST
@project_view(role=Role.ADMIN)
def end(request: PageRequest, project: Project, price_id: int) -> HttpResponse:
    price = get_object_or_404(ModelPrice, project=project, pk=price_id)
    end_price(price, today=timezone.now().date(), actor=request.user)
    messages.success(request, f"The price of {price.model} has ended.")
    return redirect("tracking:settings-prices", slug=project.slug)


@require_POST
@project_view(role=Role.ADMIN)
def reprice(request: PageRequest, project: Project) -> HttpResponse:
    start_repricing(project, actor=request.user)
    return redirect("tracking:settings-prices", slug=project.slug)


@require_POST
@project_view(role=Role.ADMIN)
def stop_reprice(request: PageRequest, project: Project) -> HttpResponse:
    stop_jobs(project, KIND, actor=request.user)
    return redirect("tracking:settings-prices", slug=project.slug)


@require_GET
@project_view()
def progress(request: PageRequest, project: Project) -> HttpResponse:
    return render(request, "tracking/_repricing.html", {"job": _last_job(project)})


def _find_price(project: Project, text: str) -> ModelPrice | None:
    """The price that a parameter names; 404 for one of another project, or none at all."""
    if not text:
        return None
    return get_object_or_404(ModelPrice, project=project, pk=read_whole(text, digits=15) or 0)


def _last_job(project: Project) -> Job | None:
    return project.jobs.filter(kind=KIND).first()


def _prices_page(request: PageRequest, project: Project, *, form: PriceForm) -> HttpResponse:
    now = timezone.now()
    context: dict[str, Any] = {  # a template context
        "tab": "prices",
        "days": DAYS,
        "models": list_spend(project.pk, book_of(project.pk), now=now),
        "prices": ModelPrice.objects.filter(project=project).select_related("created_by")[
            :MOST_PRICES
        ],
        "today": now.date(),
        "form": form,
        "job": _last_job(project),
    }
    status = 400 if form.errors else 200
    return render(request, "tracking/settings_prices.html", context, status=status)
