"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path

from core import health, settings_views, views

settings_patterns = [
    path("", settings_views.settings_home, name="settings"),
    path("keys/", settings_views.keys, name="settings-keys"),
    path(
        "keys/publishable/",
        settings_views.create_publishable_key,
        name="settings-keys-publishable",
    ),
    path("keys/<int:key_id>/revoke/", settings_views.revoke, name="settings-keys-revoke"),
    path("members/", settings_views.members, name="settings-members"),
    path(
        "members/<int:membership_id>/role/",
        settings_views.change_role,
        name="settings-members-role",
    ),
    path(
        "members/<int:membership_id>/remove/", settings_views.remove, name="settings-members-remove"
    ),
    path("audit/", settings_views.audit, name="settings-audit"),
]

urlpatterns = [
    path("", views.project_list, name="project-list"),
    path("login", views.log_in, name="login"),
    path("logout", views.log_out, name="logout"),
    path("p/<slug:slug>/settings/", include(settings_patterns)),
    path("p/<slug:slug>/settings/webhooks/", include("prompts.webhook_urls")),
    path("p/<slug:slug>/", include("prompts.urls")),
    path("p/<slug:slug>/", include("experiments.urls")),
    path("p/<slug:slug>/", include("tracking.urls")),
    path("api/", include("core.api_urls")),
    path("", include("tracking.ingest_urls")),
    path("", include("prompts.fallom_api")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/login/", views.admin_log_in),
    path("admin/", admin.site.urls),
]

handler400 = "core.views.bad_request"
handler403 = "core.views.permission_denied"
handler404 = "core.views.page_not_found"
handler500 = "core.views.server_error"
