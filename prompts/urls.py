"""Pages of this app, below ``/p/<slug>/``."""

from django.urls import path

from prompts import views

app_name = "prompts"
urlpatterns = [
    path("prompts/", views.prompt_list, name="list"),
    # Beside, not below, the prompts: any word there is the key of one.
    path("stale-prompt-tags/", views.stale_tags, name="stale-tags"),
    path("prompts/<str:key>/", views.prompt_detail, name="detail"),
    path("prompts/<str:key>/diff/", views.prompt_diff, name="diff"),
    path("prompts/<str:key>/render/", views.render_version, name="render"),
    path("prompts/<str:key>/labels/", views.move, name="move-label"),
]
