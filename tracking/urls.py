"""Pages of this app, below ``/p/<slug>/``."""

from django.urls import path, register_converter

from tracking import (
    attribute_views,
    backend_views,
    event_views,
    ingestion_pages,
    price_pages,
    privacy_pages,
    score_pages,
    send_pages,
    views,
)
from tracking.runs import views as run_views


class AnyId:
    """An id as a client sent it: any character, slashes too, arrives decoded from the server."""

    regex = r"(?s:.+)"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(AnyId, "anyid")

app_name = "tracking"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("usage/", views.usage, name="usage-fragment"),
    path("freshness/", views.freshness_fragment, name="freshness-fragment"),
    path("sessions/", views.session_list, name="session-list"),
    path("sessions/<anyid:session_id>/", views.session_detail, name="session-detail"),
    path("scores/", score_pages.add_score, name="add-score"),
    path("traces/", views.trace_list, name="trace-list"),
    path("traces/<anyid:trace_id>/", views.trace_detail, name="trace-detail"),
    path("runs/", run_views.run_list, name="run-list"),
    path("runs/<anyid:run_id>/", run_views.run_detail, name="run-detail"),
    path("send/", send_pages.send, name="send"),
    path("send/arrivals/", send_pages.arrivals, name="send-arrivals-fragment"),
    path("events/", event_views.event_list, name="event-list"),
    path("events/upload/", event_views.upload, name="event-upload"),
    path("events/<uuid:event_id>/", event_views.event_detail, name="event-detail"),
    path("settings/ingestion/", ingestion_pages.ingestion, name="settings-ingestion"),
    path("settings/ingestion/settle/", ingestion_pages.settle, name="settings-ingestion-settle"),
    path(
        "settings/ingestion/quarantine/",
        ingestion_pages.quarantine,
        name="settings-ingestion-quarantine",
    ),
    path("settings/privacy/", privacy_pages.privacy, name="settings-privacy"),
    path("settings/privacy/try/", privacy_pages.try_masks, name="settings-privacy-try"),
    path(
        "settings/privacy/retention/",
        privacy_pages.set_retention,
        name="settings-privacy-retention",
    ),
    path("settings/privacy/erase/", privacy_pages.erase, name="settings-privacy-erase"),
    path("settings/privacy/erasures/", privacy_pages.erasures, name="settings-privacy-erasures"),
    path(
        "settings/privacy/erasures/<int:erasure_id>/lift/",
        privacy_pages.lift,
        name="settings-privacy-lift",
    ),
    path("settings/prices/", price_pages.prices, name="settings-prices"),
    path("settings/prices/<int:price_id>/end/", price_pages.end, name="settings-prices-end"),
    path("settings/prices/reprice/", price_pages.reprice, name="settings-prices-reprice"),
    path("settings/prices/stop/", price_pages.stop_reprice, name="settings-prices-stop"),
    path("settings/prices/progress/", price_pages.progress, name="settings-prices-progress"),
    path("settings/capabilities/", backend_views.backends, name="settings-backends"),
    path("settings/attributes/", attribute_views.attributes, name="settings-attributes"),
    path("settings/attributes/remap/", attribute_views.remap, name="settings-attributes-remap"),
    path("settings/attributes/stop/", attribute_views.stop_remap, name="settings-attributes-stop"),
    path(
        "settings/attributes/progress/",
        attribute_views.remap_progress,
        name="settings-attributes-progress",
    ),
]
