"""Declared experiments over HTTP: who asks, what is answered when it cannot be."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import Problem, read_input
from core.authentication import project_id_of
from core.idempotency import IDEMPOTENT, answer_once
from core.models import Project
from experiments.declaration_inputs import ExperimentInput, StatusInput, read_declaration
from experiments.declarations import Fault
from experiments.discovery import get_experiment
from experiments.freshness import utc_now
from experiments.lifecycle import ExperimentError, change_status, declare
from experiments.models import Experiment
from experiments.serializers import ExperimentBody, ExperimentSerializer, describe_experiment
from prompts.api_access import author_of

Tree = dict[str, Any]  # messages by field, of any nesting
KEY = OpenApiParameter("key", OpenApiTypes.STR, OpenApiParameter.PATH)
ITSELF = "non_field_errors"  # where a field has messages of its own and of its parts


@contextmanager
def answering_refusals() -> Iterator[None]:
    """Answer what cannot be done: 400 where the request is wrong, 409 where the state is."""
    try:
        yield
    except ExperimentError as error:
        status = 400 if error.code == "invalid" else 409
        errors = nest(error.faults) or None
        raise Problem(status, str(error), code=error.code, errors=errors) from error


def nest(faults: Iterable[Fault]) -> Tree:
    """Messages by field, nested as the serializers' own: ``{"variants": {"1": {"key": […]}}}``."""
    tree: Tree = {}
    for fault in faults:
        place = tree
        *path, last = [*fault.field.split("."), ITSELF]
        for name in path:
            place = place.setdefault(name, {})
        place.setdefault(last, []).append(fault.message)
    return {name: _prune(branch) for name, branch in tree.items()}


def _prune(branch: Any) -> Any:  # a tree, or its messages
    if not isinstance(branch, dict):
        return branch
    if set(branch) == {ITSELF}:
        return branch[ITSELF]
    return {name: _prune(each) for name, each in branch.items()}


def write(request: Request, act: Callable[[], Response]) -> Response:
    """A change of experiments: all of it or nothing, once for an Idempotency-Key."""
    with answering_refusals():
        return answer_once(request, act)


def declare_from(request: Request) -> Response:
    """Write the draft that a request declares."""
    said = read_declaration(read_input(request, ExperimentInput))
    project = Project.objects.get(pk=project_id_of(request))

    def act() -> Response:
        experiment = declare(project, said, author_of(request))
        return Response(_describe(experiment), status=201)

    return write(request, act)


def _describe(experiment: Experiment) -> ExperimentBody:
    return describe_experiment(Experiment.objects.with_definitions().get(pk=experiment.pk))


class _StatusView(APIView):  # a docstring here would stand in the schema of each action
    required_scope = "manage"
    action = ""

    def _change(self, request: Request, key: str) -> Response:
        note = read_input(request, StatusInput)["note"]
        experiment = get_experiment(project_id_of(request), key)

        def act() -> Response:
            author = author_of(request)
            changed = change_status(experiment, self.action, author, now=utc_now(), note=note)
            return Response(_describe(changed))

        return write(request, act)


def _schema(name: str) -> Callable[..., object]:
    return extend_schema(
        operation_id=f"experiments_{name}",
        parameters=[KEY, IDEMPOTENT],
        request=StatusInput,
        responses=ExperimentSerializer,
    )


class StartView(_StatusView):
    action = "start"

    @_schema("start")
    def post(self, request: Request, key: str) -> Response:
        """Start a draft, or go on with a paused experiment: from now on units count."""
        return self._change(request, key)


class PauseView(_StatusView):
    action = "pause"

    @_schema("pause")
    def post(self, request: Request, key: str) -> Response:
        """Pause: units that meet a variant from now on do not count."""
        return self._change(request, key)


class StopView(_StatusView):
    action = "stop"

    @_schema("stop")
    def post(self, request: Request, key: str) -> Response:
        """Stop for good; what was counted stays."""
        return self._change(request, key)
