"""Ingestion at the root: OTLP and the paths of other products' clients.

Every path answers with and without its closing slash: exporters take a redirect for success.
"""

from django.urls import re_path

from tracking.chat_views import ChatsView
from tracking.fallom_api import FallomMetricsView
from tracking.ingest_views import EventsView, IngestStatusView
from tracking.otlp_views import OtlpLogsView, OtlpTracesView, OtlpUnknownView
from tracking.publishable_views import PublishableEventsView, PublishableScoresView
from tracking.runs.api_views import RunsView
from tracking.score_views import ScoresView

urlpatterns = [
    re_path(r"^v1/traces/?$", OtlpTracesView.as_view(), name="otlp-traces"),
    re_path(r"^api/public/otel/v1/traces/?$", OtlpTracesView.as_view(), name="otlp-traces-alias"),
    re_path(r"^v1/logs/?$", OtlpLogsView.as_view(), name="otlp-logs"),
    re_path(r"^api/public/otel/v1/logs/?$", OtlpLogsView.as_view(), name="otlp-logs-alias"),
    re_path(r"^fallom/v1/traces/?$", OtlpTracesView.as_view(), name="fallom-traces"),
    re_path(r"^fallom/spans/?$", FallomMetricsView.as_view(), name="fallom-spans"),
    re_path(r"^v1/(?P<path>.+)$", OtlpUnknownView.as_view()),
    re_path(r"^api/v1/events/?$", EventsView.as_view(), name="events"),
    re_path(r"^api/v1/scores/?$", ScoresView.as_view(), name="scores"),
    re_path(r"^api/v1/chats/?$", ChatsView.as_view(), name="chats"),
    re_path(r"^api/v1/runs/?$", RunsView.as_view(), name="runs"),
    re_path(r"^api/v1/ingest/status/?$", IngestStatusView.as_view(), name="ingest-status"),
    re_path(r"^api/analytics/?$", EventsView.as_view(), name="analytics"),
    re_path(r"^api/analytics/batch/?$", EventsView.as_view(), name="analytics-batch"),
    # From web pages, with a publishable key and no header.
    re_path(r"^k/(?P<key>[^/]+)/api/v1/events/?$", PublishableEventsView.as_view()),
    re_path(r"^k/(?P<key>[^/]+)/api/v1/scores/?$", PublishableScoresView.as_view()),
    re_path(r"^k/(?P<key>[^/]+)/api/analytics/?$", PublishableEventsView.as_view()),
    re_path(r"^k/(?P<key>[^/]+)/api/analytics/batch/?$", PublishableEventsView.as_view()),
]
