"""The record of who changed what. Write it in the transaction of the change it describes."""

from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from core.models import AuditEntry, Project


def record_audit(
    project: Project | None,
    actor: User | AnonymousUser | None,
    action: str,
    *,
    target: str = "",
    detail: dict[str, Any] | None = None,  # JSON of the caller's own making
    actor_label: str = "",
) -> AuditEntry:
    """Add an entry. ``action`` reads ``thing.verb``: ``api_key.create``, ``member.remove``.

    Without a user (a command, an API key) ``actor_label`` says who acted.
    """
    user = actor if isinstance(actor, User) else None
    return AuditEntry.objects.create(
        project=project,
        actor=user,
        actor_label=(user.get_username() if user else actor_label or "system")[:160],
        action=action,
        target=target[:300],
        detail=detail or {},
    )
