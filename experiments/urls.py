"""Pages of this app, below ``/p/<slug>/``."""

from django.urls import URLPattern

app_name = "experiments"
urlpatterns: list[URLPattern] = []
