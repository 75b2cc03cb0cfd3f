"""Ingestion at the root: OTLP and the paths of other products' clients."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
