"""Addresses whose views fail, for the tests of the error pages."""

from django.contrib.auth.decorators import login_not_required
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import path


@login_not_required
def break_down(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("canary")


@login_not_required
def lose_database(request: HttpRequest) -> HttpResponse:
    raise OperationalError("canary")


urlpatterns = [
    path("broken", break_down),
    path("away", lose_database),
    path("api/broken", break_down),
    path("api/away", lose_database),
]

handler500 = "core.views.server_error"
