"""The API, below ``/api/``: versions, the schema, its page."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from core.openapi import ApiDocsView

urlpatterns = [
    path("v1/", include("tracking.api_urls")),
    path("v1/", include("prompts.api_urls")),
    path("v1/", include("experiments.api_urls")),
    # With and without the slash: nothing below /api/ ever redirects.
    re_path(r"^schema/?$", SpectacularAPIView.as_view(), name="api-schema"),
    re_path(r"^docs/?$", ApiDocsView.as_view(url_name="api-schema"), name="api-docs"),
]
