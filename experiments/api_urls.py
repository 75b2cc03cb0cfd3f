"""API of this app, below ``/api/v1/``, with and without a slash at the end."""

from django.urls import re_path

from experiments import api_management, api_views

KEY = r"(?P<key>(?s:.+?))"

urlpatterns = [
    re_path(r"^experiments/?$", api_views.ExperimentListView.as_view(), name="api-experiments"),
    re_path(
        rf"^experiments/{KEY}/results/?$",
        api_views.ResultsView.as_view(),
        name="api-experiment-results",
    ),
    re_path(
        rf"^experiments/{KEY}/analyse/?$",
        api_views.AnalyseView.as_view(),
        name="api-experiment-analyse",
    ),
    re_path(
        rf"^experiments/{KEY}/sessions/?$",
        api_views.UnitListView.as_view(),
        name="api-experiment-sessions",
    ),
    re_path(
        rf"^experiments/{KEY}/start/?$",
        api_management.StartView.as_view(),
        name="api-experiment-start",
    ),
    re_path(
        rf"^experiments/{KEY}/pause/?$",
        api_management.PauseView.as_view(),
        name="api-experiment-pause",
    ),
    re_path(
        rf"^experiments/{KEY}/stop/?$",
        api_management.StopView.as_view(),
        name="api-experiment-stop",
    ),
    re_path(rf"^experiments/{KEY}/?$", api_views.ExperimentView.as_view(), name="api-experiment"),
]
