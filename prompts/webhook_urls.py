"""Settings → Webhooks, below ``/p/<slug>/settings/webhooks/``."""

from django.urls import path

from prompts import webhook_pages

app_name = "webhooks"
urlpatterns = [
    path("", webhook_pages.webhooks, name="settings"),
    path("deliveries/", webhook_pages.deliveries, name="deliveries-fragment"),
    path("<int:webhook_id>/switch/", webhook_pages.switch, name="switch"),
    path("<int:webhook_id>/test/", webhook_pages.test, name="test"),
    path("<int:webhook_id>/delete/", webhook_pages.delete, name="delete"),
]
