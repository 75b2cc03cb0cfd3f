"""Declared experiments: written as a draft, started, paused, stopped; each in one transaction."""

import re
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from core.audit import record_audit
from core.database.types import MAX_INT4
from core.models import Project
from experiments.declarations import MAX_KEY, Declaration, Fault, complete, find_faults
from experiments.discovery import outcome_window
from experiments.models import (
    Experiment,
    ExperimentMetric,
    ResultSnapshot,
    StatusChange,
    Variant,
)
from prompts.acting import Author
from prompts.models import KEY_PATTERN, Prompt, PromptVersion

MAX_DECLARED = 500
MAX_CHANGES = 100  # each pause is one more period that every unit is compared with
DRAFT, RUNNING = Experiment.Status.DRAFT, Experiment.Status.RUNNING
PAUSED, STOPPED = Experiment.Status.PAUSED, Experiment.Status.STOPPED
# Action → (from which states, to which).
MOVES = {
    "start": ((DRAFT, PAUSED), RUNNING),
    "pause": ((RUNNING,), PAUSED),
    "stop": ((RUNNING, PAUSED), STOPPED),
}


class ExperimentError(ValueError):
    """What cannot be done. ``code`` is a word for programs, ``faults`` say where and why."""

    def __init__(self, code: str, message: str, *, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.faults = faults

    @classmethod
    def of_faults(cls, code: str, *faults: Fault) -> "ExperimentError":
        return cls(
            code, "; ".join(f"{each.field}: {each.message}" for each in faults), faults=faults
        )


@transaction.atomic
def declare(project: Project, said: Declaration, author: Author) -> Experiment:
    """Write a draft. One that events alone had named becomes it: one key is one experiment.

    Raises ExperimentError: "invalid" with all faults, "key_taken", "too_many".
    """
    said = complete(said)
    found = find_prompts(project, said)
    if faults := [*find_faults(said), *found.missing]:
        raise ExperimentError.of_faults("invalid", *faults)
    declared = Experiment.objects.for_project(project.pk).filter(source=Experiment.Source.DEFINED)
    if declared.count() >= MAX_DECLARED:
        raise ExperimentError("too_many", f"A project has at most {MAX_DECLARED} experiments.")
    experiment = _write_experiment(project, said, author)
    _write_parts(experiment, said, found)
    _note(experiment, author, "experiment.create", kind=said.kind)
    return experiment


def _write_parts(experiment: Experiment, said: Declaration, found: "Found") -> None:
    Variant.objects.bulk_create(
        Variant(
            experiment=experiment,
            key=variant.key,
            name=variant.name,
            is_control=variant.is_control,
            weight=variant.weight,
            model=variant.model,
            prompt=found.prompts.get(variant.prompt),
            prompt_version=found.versions.get((variant.prompt, variant.prompt_version)),
            config=variant.config,
        )
        for variant in said.variants
    )
    ExperimentMetric.objects.bulk_create(
        ExperimentMetric(
            experiment=experiment,
            metric=metric.metric,
            role=metric.role,
            margin=metric.margin,
            margin_kind=metric.margin_kind,
        )
        for metric in said.metrics
    )


def _write_experiment(project: Project, said: Declaration, author: Author) -> Experiment:
    fields = {
        "name": said.name,
        "source": Experiment.Source.DEFINED,
        "kind": said.kind,
        "unit": said.unit,
        "hash": said.hash,
        "hypothesis": said.hypothesis,
        "environment": said.environment,
        "status": DRAFT,
        "alpha": said.alpha,
        "tuning_units": said.planned_units,
        "outcome_window": None,
        "created_by": author.user,
        "started_at": None,
    }
    experiment, is_new = Experiment.objects.get_or_create(
        project=project, key=said.key, defaults=fields
    )
    if is_new:
        return experiment
    experiment = lock_experiment(experiment)
    if experiment.is_declared:
        fault = Fault("key", f"An experiment '{said.key}' exists already.")
        raise ExperimentError("key_taken", fault.message, faults=(fault,))
    experiment.variants.all().delete()
    ResultSnapshot.objects.filter(experiment=experiment).delete()
    for name, value in fields.items():
        setattr(experiment, name, value)
    experiment.save()
    return experiment


@dataclass(frozen=True, slots=True)
class Found:
    """The prompts in use by key, their published versions by (key, number), what is missing."""

    prompts: dict[str, Prompt]
    versions: dict[tuple[str, int | None], PromptVersion]
    missing: list[Fault]


def find_prompts(project: Project, said: Declaration) -> Found:
    keys = {each.prompt for each in said.variants if re.fullmatch(KEY_PATTERN, each.prompt)}
    rows = Prompt.objects.filter(project=project, key__in=keys, archived_at=None)
    prompts = {prompt.key: prompt for prompt in rows}
    asked = (each.prompt_version for each in said.variants)
    numbers = {number for number in asked if number is not None and 0 < number <= MAX_INT4}
    published = PromptVersion.objects.filter(prompt__in=prompts.values(), number__in=numbers)
    versions: dict[tuple[str, int | None], PromptVersion] = {
        (version.prompt.key, version.number): version
        for version in published.exclude(published_at=None).select_related("prompt")
    }
    missing = []
    for at, variant in enumerate(said.variants):
        named = (variant.prompt, variant.prompt_version)
        if variant.prompt and variant.prompt not in prompts:
            text = f"There is no prompt '{variant.prompt[:MAX_KEY]}' in use."
            missing.append(Fault(f"variants.{at}.prompt", text))
        elif variant.prompt and variant.prompt_version is not None and named not in versions:
            text = f"'{variant.prompt}' has no published v{variant.prompt_version}."
            missing.append(Fault(f"variants.{at}.prompt", text))
    return Found(prompts, versions, missing)


def lock_experiment(experiment: Experiment) -> Experiment:
    """The experiment as it is now. Raises ExperimentError: "gone", a draft discarded meanwhile."""
    locked = Experiment.objects.select_for_update().filter(pk=experiment.pk).first()
    if locked is None:
        raise ExperimentError("gone", f"'{experiment.key}' was discarded meanwhile.")
    return locked


@transaction.atomic
def change_status(
    experiment: Experiment, action: str, author: Author, *, now: datetime, note: str = ""
) -> Experiment:
    """Start, pause or stop, as of now.

    Raises ExperimentError: "discovered", "wrong_status", "too_many_changes".
    """
    experiment = lock_experiment(experiment)
    status = _status_after(experiment, action)
    if (last := experiment.status_changes.last()) is not None:
        now = max(now, last.at)  # who waited for that change asked before it
    if experiment.is_draft:
        _begin(experiment, now)
    experiment.status = status
    experiment.n_changes += 1
    if status == STOPPED:
        experiment.ended_at = now
    experiment.save()
    StatusChange.objects.create(
        experiment=experiment,
        status=status,
        at=now,
        actor=author.user,
        actor_label=author.label[:160],
        note=note.strip(),
    )
    _note(experiment, author, f"experiment.{action}")
    return experiment


def _status_after(experiment: Experiment, action: str) -> str:
    if not experiment.is_declared:
        raise ExperimentError(
            "discovered",
            f"'{experiment.key}' was never declared: it runs while events name it.",
        )
    allowed, status = MOVES[action]
    if experiment.status not in allowed:
        raise ExperimentError(
            "wrong_status", f"'{experiment.key}' is {experiment.status}: it cannot {action}."
        )
    if status != STOPPED and experiment.n_changes >= MAX_CHANGES:
        text = f"'{experiment.key}' was started and paused {MAX_CHANGES} times: stop it."
        raise ExperimentError("too_many_changes", text)
    return status


def start_as_of(
    experiment: Experiment, at: datetime, author: Author, *, now: datetime
) -> Experiment:
    """Start a draft that ran before it was declared here; its log says when that was told.

    Who chooses a start after looking at results can choose the results: operators alone may.
    Raises ExperimentError as change_status does, "in_the_future", "not_a_draft".
    """
    if at > now:
        raise ExperimentError("in_the_future", f"{at.isoformat()} is yet to come.")
    if not experiment.is_draft:
        raise ExperimentError("not_a_draft", f"'{experiment.key}' is {experiment.status}.")
    note = f"Told on {now:%-d %b %Y}: it had been running since then." if at < now else ""
    return change_status(experiment, "start", author, now=at, note=note)


def _begin(experiment: Experiment, now: datetime) -> None:
    """Freeze what the first start decides."""
    archived = experiment.variants.filter(prompt__archived_at__isnull=False)
    gone = archived.select_related("prompt").first()
    if gone is not None and gone.prompt is not None:
        raise ExperimentError("prompt_archived", f"The prompt '{gone.prompt.key}' is archived.")
    experiment.started_at = now
    if not experiment.is_of_runs:
        experiment.outcome_window = outcome_window(experiment.project_id, now)


@transaction.atomic
def discard_draft(experiment: Experiment, author: Author) -> None:
    """Remove a draft; where events name it, it is discovered anew."""
    experiment = lock_experiment(experiment)
    if not experiment.is_declared or not experiment.is_draft:
        raise ExperimentError("wrong_status", "Only a draft is discarded; stop the experiment.")
    _note(experiment, author, "experiment.discard")
    experiment.delete()


def _note(experiment: Experiment, author: Author, action: str, **detail: str) -> None:
    record_audit(
        experiment.project,
        author.user,
        action,
        target=experiment.key,
        detail=detail,
        actor_label=author.label,
    )
