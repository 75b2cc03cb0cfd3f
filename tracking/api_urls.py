"""Reading over HTTP, below ``/api/v1/``, with and without a slash at the end.

Ids hold any character a client sent, slashes and line breaks too, even at their end: the views tell
a slash of the id from one of the path. Of a span's path the last part is the span.
"""

from django.urls import re_path

from tracking import api_views
from tracking.runs.api_views import RunView

SESSION = r"(?P<session_id>(?s:.+))"
TRACE = r"(?P<trace_id>(?s:.+))"

urlpatterns = [
    re_path(r"^totals/?$", api_views.TotalsView.as_view(), name="api-totals"),
    re_path(r"^series/?$", api_views.SeriesView.as_view(), name="api-series"),
    re_path(r"^sessions/?$", api_views.SessionListView.as_view(), name="api-sessions"),
    re_path(rf"^sessions/{SESSION}$", api_views.SessionView.as_view(), name="api-session"),
    re_path(r"^traces/?$", api_views.TraceListView.as_view(), name="api-traces"),
    re_path(rf"^traces/{TRACE}$", api_views.TraceView.as_view(), name="api-trace"),
    re_path(r"^runs/(?P<run_id>(?s:.+))$", RunView.as_view(), name="api-run"),
    re_path(r"^spans/?$", api_views.SpanListView.as_view(), name="api-spans"),
    re_path(
        r"^spans/(?P<trace_id>(?s:.+))/(?P<span_id>[^/]+)/?$",
        api_views.SpanView.as_view(),
        name="api-span",
    ),
]
