"""Prompts of a project as what files say of them."""

from core.models import Project
from prompts.files import LabelFile, MessageFile, PromptFile, VariableFile, VersionFile
from prompts.models import PRODUCTION, Prompt, PromptVersion

VARIABLE_FIELDS = ("name", "type", "example", "description")


def export_all(project: Project) -> list[PromptFile]:
    """Every prompt with every version, archived ones and drafts too."""
    return [
        _file_of(prompt, list(prompt.versions.all())[::-1], is_whole=True)
        for prompt in _load(project)
    ]


def export_current(project: Project) -> list[PromptFile]:
    """Prompts that are not archived, each with its current version and the labels on it."""
    found = []
    for prompt in _load(project):
        if prompt.archived_at is None:
            version = find_current(prompt)
            found.append(_file_of(prompt, [version] if version else [], is_whole=False))
    return found


def find_current(prompt: Prompt) -> PromptVersion | None:
    """What is served without a label: production, else the newest published; else a draft."""
    versions = sorted(prompt.versions.all(), key=lambda each: -each.number)
    production = [each.version_id for each in prompt.labels.all() if each.name == PRODUCTION]
    for is_it in (
        lambda each: each.pk in production,
        lambda each: each.is_published,
        lambda each: True,
    ):
        if found := next(filter(is_it, versions), None):
            return found
    return None


def version_file(version: PromptVersion) -> VersionFile:
    messages = version.messages
    return VersionFile(
        number=version.number,
        system=version.system,
        user_template=version.user_template,
        messages=None
        if messages is None
        else [MessageFile(each["role"], each["content"]) for each in messages],
        variables=[
            VariableFile(**{name: each[name] for name in VARIABLE_FIELDS if name in each})
            for each in version.variables
        ],
        recommended_config=version.recommended_config,
        note=version.note,
        published=version.is_published,
        parent=version.parent.number if version.parent else 0,
    )


def _load(project: Project) -> list[Prompt]:
    prompts = Prompt.objects.filter(project=project).order_by("key")
    return list(prompts.prefetch_related("versions__parent", "labels__version"))


def _file_of(prompt: Prompt, versions: list[PromptVersion], *, is_whole: bool) -> PromptFile:
    numbers = {each.number for each in versions}
    labels = [
        LabelFile(each.name, each.version.number if each.version else None, each.is_protected)
        for each in prompt.labels.all()
    ]
    return PromptFile(
        key=prompt.key,
        name=prompt.name,
        description=prompt.description,
        tags=prompt.tags,
        archived=prompt.archived_at is not None,
        labels=[each for each in labels if is_whole or each.version in numbers],
        versions=[version_file(each) for each in versions],
    )
