"""Who owns what: projects, their members and keys, and the record of who changed what."""

from core.models.audit import AuditEntry
from core.models.jobs import Heartbeat, Job
from core.models.keys import ApiKey, ApiKeyQuerySet, KeyAllowance, Scope
from core.models.projects import SLUG_PATTERN, Membership, Project, ProjectQuerySet, Role
from core.models.requests import IdempotentReply, LoginThrottle

__all__ = [
    "SLUG_PATTERN",
    "ApiKey",
    "ApiKeyQuerySet",
    "AuditEntry",
    "Heartbeat",
    "IdempotentReply",
    "Job",
    "KeyAllowance",
    "LoginThrottle",
    "Membership",
    "Project",
    "ProjectQuerySet",
    "Role",
    "Scope",
]
