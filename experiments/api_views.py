"""Experiments over HTTP: what they are, what came out, and the units behind a number."""

from datetime import datetime, timedelta
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import Problem
from core.authentication import project_id_of
from core.idempotency import IDEMPOTENT
from core.paging import page_of
from experiments.analysis import analyse
from experiments.api_management import KEY, declare_from
from experiments.declaration_inputs import ExperimentInput
from experiments.discovery import get_experiment
from experiments.finality import is_final
from experiments.freshness import analyse_project, current_snapshot, lag_seconds, utc_now
from experiments.metrics import METRICS
from experiments.models import Experiment, ResultSnapshot
from experiments.results import Results, ResultsAnswer
from experiments.selecting import SelectionError, read_selection
from experiments.serializers import (
    ExperimentPageSerializer,
    ExperimentSerializer,
    ResultsSerializer,
    UnitPageSerializer,
    describe_experiment,
    describe_unit,
)
from experiments.unit_lists import (
    PICKS,
    STATES,
    Selection,
    UnitRow,
    count_behind,
    list_picked,
    list_units,
)

LIST_BUDGET = timedelta(seconds=1)


class ExperimentListView(APIView):
    required_scope = {"GET": "read", "POST": "manage"}

    @extend_schema(
        operation_id="experiments_list",
        parameters=[OpenApiParameter("key", OpenApiTypes.STR)],
        responses=ExperimentPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """List the experiments of the project, newest first; the one of a ``key``, if asked."""
        now, project_id = utc_now(), project_id_of(request)
        key = request.GET.get("key")
        analyse_project(project_id, now=now, budget=LIST_BUDGET)

        def fetch(after: list[Any] | None, limit: int) -> list[Experiment]:
            rows = Experiment.objects.for_project(project_id).with_definitions().newest(after)
            if key is not None:
                rows = rows.none() if "\x00" in key else rows.filter(key=key)
            return list(rows[:limit])

        page = page_of(
            request,
            fetch,
            position_of=lambda experiment: [experiment.pk],
            serialize=describe_experiment,
            project_id=project_id,
        )
        return Response(page)

    @extend_schema(
        operation_id="experiments_create",
        parameters=[IDEMPOTENT],
        request=ExperimentInput,
        responses={201: ExperimentSerializer},
    )
    def post(self, request: Request) -> Response:
        """Declare an experiment, as a draft."""
        return declare_from(request)


class ExperimentView(APIView):
    required_scope = "read"

    @extend_schema(
        operation_id="experiments_retrieve", parameters=[KEY], responses=ExperimentSerializer
    )
    def get(self, request: Request, key: str) -> Response:
        """Return one experiment: its variants and its verdict."""
        experiment = get_experiment(project_id_of(request), key)
        experiment.snapshot = current_snapshot(experiment, now=utc_now())
        return Response(describe_experiment(experiment))


class ResultsView(APIView):
    required_scope = "read"

    @extend_schema(
        operation_id="experiments_results", parameters=[KEY], responses=ResultsSerializer
    )
    def get(self, request: Request, key: str) -> Response:
        """Return the results, at most seconds old."""
        experiment, now = get_experiment(project_id_of(request), key), utc_now()
        snapshot = current_snapshot(experiment, now=now)
        return Response(answer_of(snapshot, now=now))


class AnalyseView(APIView):
    required_scope = "manage"

    @extend_schema(
        operation_id="experiments_analyse",
        parameters=[KEY],
        request=None,
        responses=ResultsSerializer,
    )
    def post(self, request: Request, key: str) -> Response:
        """Compute the results anew and return them."""
        experiment, now = get_experiment(project_id_of(request), key), utc_now()
        return Response(answer_of(analyse(experiment, now=now), now=now))


class UnitListView(APIView):
    required_scope = "read"

    @extend_schema(
        operation_id="experiments_sessions",
        parameters=[
            KEY,
            OpenApiParameter("variant", OpenApiTypes.STR),
            OpenApiParameter("metric", OpenApiTypes.STR, enum=list(METRICS)),
            OpenApiParameter("pick", OpenApiTypes.STR, enum=list(PICKS)),
            OpenApiParameter("state", OpenApiTypes.STR, enum=list(STATES)),
        ],
        responses=UnitPageSerializer,
    )
    def get(self, request: Request, key: str) -> Response:
        """List exactly the units behind a number; ``count`` is how many there are."""
        experiment, now = get_experiment(project_id_of(request), key), utc_now()
        selection = selection_of(request)

        snapshot = current_snapshot(experiment, now=now)
        n = count_behind(experiment, selection, snapshot, now=now)

        def fetch(after: list[Any] | None, limit: int) -> list[UnitRow]:
            if not n:
                return []
            if selection.pick == "all":
                return list_units(experiment, selection, now=now, after=after, limit=limit)
            # A pick is one page: its order is by value, which no cursor resumes.
            return list_picked(experiment, selection, snapshot, now=now)[: limit - 1]

        page = page_of(
            request,
            fetch,
            position_of=lambda unit: [unit.unit_id, unit.variant],
            serialize=lambda unit: describe_unit(experiment, selection, unit),
            project_id=experiment.project_id,
        )
        return Response({"count": n, **page})


def selection_of(request: Request) -> Selection:
    try:
        return read_selection(request.GET)
    except SelectionError as error:
        raise Problem(
            400, str(error), code="invalid", errors={error.parameter: [str(error)]}
        ) from error


def answer_of(snapshot: ResultSnapshot, *, now: datetime) -> ResultsAnswer:
    results: Results = snapshot.results
    return ResultsAnswer(
        **results,
        as_of_lag_seconds=lag_seconds(snapshot, now=now),
        is_final=is_final(snapshot.experiment, snapshot),
    )
