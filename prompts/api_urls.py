"""API of this app, below ``/api/v1/``, with and without a slash at the end."""

from django.urls import re_path

from prompts import api_views, serving_views

KEY = r"(?P<key>[^/]+)"
VERSION = rf"prompts/{KEY}/versions/(?P<number>[0-9]{{1,9}})"

urlpatterns = [
    re_path(r"^prompts/?$", api_views.PromptListView.as_view(), name="api-prompts"),
    re_path(rf"^prompts/{KEY}/?$", api_views.PromptView.as_view(), name="api-prompt"),
    re_path(
        rf"^prompts/{KEY}/versions/?$",
        api_views.VersionListView.as_view(),
        name="api-prompt-versions",
    ),
    re_path(rf"^{VERSION}/?$", api_views.VersionView.as_view(), name="api-prompt-version"),
    re_path(rf"^{VERSION}/publish/?$", api_views.PublishView.as_view(), name="api-prompt-publish"),
    re_path(
        rf"^prompts/{KEY}/labels/(?P<label>[^/]+)/?$",
        api_views.LabelView.as_view(),
        name="api-prompt-label",
    ),
    re_path(rf"^prompts/{KEY}/resolve/?$", serving_views.ResolveView.as_view(), name="api-resolve"),
    re_path(rf"^prompts/{KEY}/render/?$", serving_views.RenderView.as_view(), name="api-render"),
]
