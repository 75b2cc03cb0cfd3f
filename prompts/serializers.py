"""What the API takes and sends about prompts."""

from typing import Any

from rest_framework import serializers

from core.database.types import MAX_INT4
from prompts.files import VARIABLE_TYPES
from prompts.models import LabelMove, LabelRequest, Prompt, PromptVersion


class PromptInput(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=128)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    description = serializers.CharField(
        max_length=10_000, required=False, allow_blank=True, default=""
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=50, default=list
    )


class MessageShape(serializers.Serializer[Any]):
    role = serializers.CharField()
    content = serializers.CharField(allow_blank=True, trim_whitespace=False)


class VariableShape(serializers.Serializer[Any]):
    name = serializers.RegexField(r"^\w+$", max_length=128)
    type = serializers.ChoiceField(VARIABLE_TYPES, default="text")
    example = serializers.CharField(
        max_length=2_000, required=False, allow_blank=True, trim_whitespace=False, default=""
    )
    description = serializers.CharField(
        max_length=500, required=False, allow_blank=True, default=""
    )


class VersionInput(serializers.Serializer[Any]):
    """``publish`` needs a ``note``; ``labels`` move to the version once it is published."""

    system = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, default=""
    )
    user_template = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, default=""
    )
    messages = MessageShape(many=True, required=False, allow_null=True, default=None)
    variables = serializers.ListField(
        child=VariableShape(), required=False, max_length=200, default=list
    )
    recommended_config = serializers.CharField(
        max_length=128, required=False, allow_blank=True, default=""
    )
    note = serializers.CharField(max_length=2_000, required=False, allow_blank=True, default="")
    publish = serializers.BooleanField(required=False, default=False)
    labels = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=20, default=list
    )


class PublishInput(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=2_000)


class LabelInput(serializers.Serializer[Any]):
    """``version`` null takes the label off."""

    version = serializers.IntegerField(min_value=1, max_value=MAX_INT4, allow_null=True)
    reason = serializers.CharField(max_length=2_000)


class RenderInput(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=1, max_value=MAX_INT4, required=False)
    label = serializers.CharField(  # type: ignore[assignment] # a field, whatever its name
        max_length=40, required=False, allow_blank=True, default=""
    )
    variables = serializers.DictField(required=False, default=dict)
    strict = serializers.BooleanField(required=False, default=False)


class RenderedShape(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    system = serializers.CharField()
    user = serializers.CharField()
    messages = MessageShape(many=True, allow_null=True)
    missing = serializers.ListField(child=serializers.CharField())
    unused = serializers.ListField(child=serializers.CharField())


class ResolvedShape(serializers.Serializer[Any]):
    key = serializers.CharField()
    version = serializers.IntegerField()
    system = serializers.CharField()
    user_template = serializers.CharField()
    messages = MessageShape(many=True, allow_null=True)
    variables = serializers.ListField(child=serializers.CharField())
    labels = serializers.ListField(child=serializers.CharField())
    recommended_config = serializers.CharField()


class PromptShape(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    labels = serializers.DictField(child=serializers.IntegerField(allow_null=True))
    latest_version = serializers.IntegerField(allow_null=True)
    archived = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class PromptPageShape(serializers.Serializer[Any]):
    results = PromptShape(many=True)
    next = serializers.CharField(allow_null=True)


class VersionShape(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    status = serializers.ChoiceField(["draft", "published"])
    system = serializers.CharField()
    user_template = serializers.CharField()
    messages = MessageShape(many=True, allow_null=True)
    variables = VariableShape(many=True)
    variables_found = serializers.ListField(child=serializers.CharField())
    recommended_config = serializers.CharField()
    note = serializers.CharField()
    author = serializers.CharField()
    parent = serializers.IntegerField(allow_null=True)  # type: ignore[assignment] # a field, whatever its name
    labels = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    published_at = serializers.DateTimeField(allow_null=True)


class VersionPageShape(serializers.Serializer[Any]):
    results = VersionShape(many=True)
    next = serializers.CharField(allow_null=True)


class LabelShape(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment] # a field, whatever its name
    version = serializers.IntegerField(allow_null=True)
    from_version = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(["moved", "waits_for_approval"])


def describe_prompt(prompt: Prompt) -> dict[str, Any]:
    """``versions`` and ``labels`` (with their versions) are prefetched, or read here."""
    published = [version.number for version in prompt.versions.all() if version.is_published]
    return {
        "key": prompt.key,
        "name": prompt.name,
        "description": prompt.description,
        "tags": prompt.tags,
        "labels": {
            label.name: label.version.number if label.version else None
            for label in prompt.labels.all()
        },
        "latest_version": max(published, default=None),
        "archived": prompt.archived_at is not None,
        "created_at": prompt.created_at.isoformat(),
    }


def describe_version(version: PromptVersion) -> dict[str, Any]:
    return {
        "number": version.number,
        "status": "published" if version.is_published else "draft",
        "system": version.system,
        "user_template": version.user_template,
        "messages": version.messages,
        "variables": version.variables,
        "variables_found": version.variables_found,
        "recommended_config": version.recommended_config,
        "note": version.note,
        "author": version.author_label,
        "parent": version.parent.number if version.parent else None,
        "labels": sorted(label.name for label in version.labels.all()),
        "created_at": version.created_at.isoformat(),
        "published_at": version.published_at.isoformat() if version.published_at else None,
    }


def describe_move(change: LabelMove | LabelRequest) -> dict[str, Any]:
    moved = isinstance(change, LabelMove)
    return {
        "label": change.label,
        "version": change.to_number or None,
        "from_version": change.from_number or None,
        "status": "moved" if moved else "waits_for_approval",
    }
