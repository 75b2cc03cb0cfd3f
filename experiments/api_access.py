"""What the API's views share: which experiment is asked for."""

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from core.authentication import project_id_of
from experiments.discovery import find_experiment
from experiments.models import Experiment

KEY = OpenApiParameter("key", OpenApiTypes.STR, OpenApiParameter.PATH)


def get_experiment(request: Request, key: str) -> Experiment:
    experiment = None if "\x00" in key else find_experiment(project_id_of(request), key)
    if experiment is None:
        raise Http404("no such experiment")
    return experiment
