"""Projects and their members: made, changed, and never left without an owner."""

from django.contrib.auth.models import User
from django.db import transaction

from core.audit import record_audit
from core.models import Membership, Project, Role


class MembershipError(Exception):
    """A change of members that is refused, with the reason for the person who asked."""


def create_project(slug: str, name: str, *, owner: User | None = None) -> Project:
    """Make the project; ``ValidationError`` when the slug is taken or has a wrong shape."""
    project = Project(slug=slug, name=name)
    project.full_clean()
    with transaction.atomic():
        project.save()
        record_audit(project, owner, "project.create", target=slug)
        if owner is not None:
            Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    return project


def add_member(project: Project, user: User, role: Role, *, actor: User | None) -> Membership:
    with transaction.atomic():
        _lock(project)
        _refuse_above_own_role(project, actor, role)
        membership, is_new = Membership.objects.get_or_create(
            project=project, user=user, defaults={"role": role}
        )
        if not is_new:
            raise MembershipError(f"{user.get_username()} is a member already.")
        record_audit(
            project, actor, "member.add", target=user.get_username(), detail={"role": role.value}
        )
    return membership


def change_member_role(membership: Membership, role: Role, *, actor: User | None) -> None:
    with transaction.atomic():
        membership = _locked(membership)
        _refuse_above_own_role(membership.project, actor, Role(membership.role), role)
        if role != Role.OWNER:
            _keep_an_owner(membership)
        before, membership.role = membership.role, role
        membership.save(update_fields=["role"])
        record_audit(
            membership.project,
            actor,
            "member.role",
            target=membership.user.get_username(),
            detail={"before": before, "after": role.value},
        )


def remove_member(membership: Membership, *, actor: User | None) -> None:
    with transaction.atomic():
        membership = _locked(membership)
        _refuse_above_own_role(membership.project, actor, Role(membership.role))
        _keep_an_owner(membership)
        membership.delete()
        record_audit(
            membership.project, actor, "member.remove", target=membership.user.get_username()
        )


def _lock(project: Project) -> None:
    """Changes of members of one project happen one after the other, so owners can be counted."""
    Project.objects.select_for_update().get(pk=project.pk)


def _locked(membership: Membership) -> Membership:
    _lock(membership.project)
    current = Membership.objects.select_related("project", "user").filter(pk=membership.pk).first()
    if current is None:
        raise MembershipError("This member was removed meanwhile.")
    return current


def _refuse_above_own_role(project: Project, actor: User | None, *roles: Role) -> None:
    """Nobody gives, changes or takes a role above their own. Commands (no actor) may."""
    if actor is None or actor.is_superuser:
        return
    own = Membership.objects.filter(project=project, user=actor).first()
    if own is None or not all(Role(own.role).covers(role) for role in roles):
        raise MembershipError("Only members with that role or a higher one can do this.")


def _keep_an_owner(membership: Membership) -> None:
    others = Membership.objects.filter(project=membership.project, role=Role.OWNER).exclude(
        pk=membership.pk
    )
    if membership.role == Role.OWNER and not others.exists():
        raise MembershipError("A project needs an owner: make somebody else owner first.")
