"""Pages of this app, below ``/p/<slug>/``."""

from django.urls import URLPattern

app_name = "tracking"
urlpatterns: list[URLPattern] = []
