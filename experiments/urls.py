"""Pages of this app, below ``/p/<slug>/``."""

from django.urls import path

import tracking.urls  # noqa: F401  # registers the converter "anyid"
from experiments import decision_pages, declare_pages, prompt_uses, views

app_name = "experiments"
urlpatterns = [
    path("experiments/", views.experiment_list, name="list"),
    path("experiments/new/", declare_pages.new_experiment, name="new"),
    # Beside, not below, the experiments: any text there is the key of one.
    path("running-experiments/", views.running_fragment, name="running-fragment"),
    path("experiments-of-prompt/", prompt_uses.prompt_fragment, name="prompt-fragment"),
    path("decisions/", decision_pages.decision_list, name="decision-list"),
    path("experiments/<anyid:key>/", views.experiment_detail, name="detail"),
    # The same page where its key is "new", which is the form's address.
    path("experiment/<anyid:key>/", views.experiment_detail, name="detail-of-any"),
    path("experiment-status/<anyid:key>/", declare_pages.act, name="act"),
]
