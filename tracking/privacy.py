"""What a project keeps of what is said in it, changed by its admins and recorded."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum

from core.audit import record_audit
from core.keys import forget_cached_keys
from core.models import Project
from tracking.mask_settings import MaskSettings, read_settings, write_settings
from tracking.models import UsageRollup
from tracking.statements import fetch_one

OLDEST = "SELECT min(occurred_at) FROM tracking_event WHERE project_id = %s"


@dataclass(frozen=True, slots=True)
class Holdings:
    """``n_expiring``: events that the retention in force deletes at its next turn."""

    oldest_at: datetime | None
    n_expiring: int


def save_content_rules(
    project: Project, *, capture_content: bool, masking: MaskSettings, actor: User
) -> None:
    """Digests follow from their next batch on. What is stored stays as it is."""
    is_same = read_settings(project.masking) == masking
    stored = project.masking if is_same else write_settings(masking)
    _save(
        project,
        "privacy.content",
        {"capture_content": capture_content, "masking": stored},
        actor=actor,
    )


def save_retention(
    project: Project, *, retention_days: int | None, summary_days: int | None, actor: User
) -> None:
    """The next turn of retention, within the hour, deletes by this."""
    _save(
        project,
        "privacy.retention",
        {"retention_days": retention_days, "summary_days": summary_days},
        actor=actor,
    )
    forget_cached_keys()


def _save(project: Project, action: str, fields: dict[str, Any], *, actor: User) -> None:
    with transaction.atomic():
        current = Project.objects.select_for_update().get(pk=project.pk)
        before = {name: getattr(current, name) for name in fields}
        if before == fields:
            return
        for name, value in fields.items():
            setattr(current, name, value)
        current.full_clean(exclude=["slug", "name"])
        current.save(update_fields=list(fields))
        changed = {name: fields[name] for name in fields if fields[name] != before[name]}
        record_audit(
            project, actor, action, detail={n: _told(value) for n, value in changed.items()}
        )


def _told(value: Any) -> Any:
    """A value for the record. Own patterns by name: they may spell out what they hide."""
    if isinstance(value, dict):
        own = [each["name"] for each in value.get("own", ())]
        return ", ".join([*value.get("patterns", ()), *own]) or "nothing"
    return "never" if value is None else value


def read_holdings(project: Project, *, now: datetime) -> Holdings:
    row = fetch_one(OLDEST, [project.pk])
    n_expiring = 0
    if project.retention_days is not None:
        hours = UsageRollup.objects.filter(
            project_id=project.pk,
            family=UsageRollup.Family.ALL,
            hour__lt=now - timedelta(days=project.retention_days),
        )
        if project.events_from is not None:
            hours = hours.filter(hour__gte=project.events_from)
        n_expiring = hours.aggregate(n=Sum("n"))["n"] or 0
    return Holdings(row[0] if row else None, n_expiring)
