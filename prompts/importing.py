"""Files into a project: what differs becomes drafts, or versions if that is asked for.

The caller holds the transaction: a dry run does everything and rolls it back, so that it refuses
what the import itself would.
"""

from dataclasses import dataclass, field

import msgspec
from django.core.exceptions import ValidationError

from core.models import Project
from prompts.acting import Author, PromptError
from prompts.drafts import (
    Draft,
    create_draft,
    create_prompt,
    publish,
    rename_prompt,
    set_archived,
)
from prompts.exporting import version_file
from prompts.files import LabelFile, PromptFile, VersionFile
from prompts.labels import move_label, protect_label
from prompts.models import LabelMove, Prompt, PromptVersion

AUTHOR = Author(None, "prompts_import")


class ImportRefusedError(Exception):
    """A prompt of the files that Assay would not take from anybody, and why."""


@dataclass(frozen=True, slots=True)
class Options:
    publish: bool = False
    note: str = ""  # of what is published, where its file brings none of its own
    labels: bool = False  # move those of the files too
    force: bool = False  # what stands against it is overruled


@dataclass(slots=True)
class Import:
    """What was done, as sentences that begin with the prompt's key, and what stands against it."""

    project: Project
    options: Options
    done: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    n_same: int = 0  # prompts

    def add(self, file: PromptFile, *, is_history: bool) -> None:
        """Take one prompt. ``is_history``: its versions are all there are, by number; else one,
        the current. Raises ImportRefusedError."""
        before = len(self.done) + len(self.conflicts)
        try:
            self._add(file, is_history=is_history)
        except PromptError as error:
            place = f"{error.field}: " if error.field else ""
            raise ImportRefusedError(f"{file.key}: {place}{error}") from error
        except ValidationError as error:
            raise ImportRefusedError(f"{file.key}: {'; '.join(error.messages)}") from error
        self.n_same += before == len(self.done) + len(self.conflicts)

    def _add(self, file: PromptFile, *, is_history: bool) -> None:
        prompt = Prompt.objects.filter(project=self.project, key=file.key).first()
        is_new = prompt is None
        if prompt is None:
            prompt = create_prompt(
                self.project,
                file.key,
                AUTHOR,
                name=file.name,
                description=file.description,
                tags=file.tags,
            )
            self.done.append(f"{file.key}: created")
        elif prompt.archived_at is not None:
            self._compare_archived(prompt, file)
            return
        else:
            self._rename(prompt, file)
        numbers = {
            each.number: self._take_version(prompt, each, is_history=is_history, is_new=is_new)
            for each in sorted(file.versions, key=lambda each: each.number)
        }
        if self.options.labels:
            for label in file.labels:
                self._take_label(prompt, label, numbers, is_history=is_history)
        if file.archived and is_new:
            set_archived(prompt, AUTHOR, archived=True)
            self.done.append(f"{file.key}: archived")

    def _compare_archived(self, prompt: Prompt, file: PromptFile) -> None:
        known = [_content(version_file(each)) for each in prompt.versions.all()]
        if any(_content(each) not in known for each in file.versions):
            self.conflicts.append(f"{file.key}: archived in the project; unarchive it there")

    def _rename(self, prompt: Prompt, file: PromptFile) -> None:
        said = (file.name, file.description, file.tags)
        if said != (prompt.name, prompt.description, prompt.tags):
            rename_prompt(
                prompt, AUTHOR, name=file.name, description=file.description, tags=file.tags
            )
            self.done.append(f"{file.key}: name, description, tags as in the file")

    def _take_version(
        self, prompt: Prompt, file: VersionFile, *, is_history: bool, is_new: bool
    ) -> PromptVersion | None:
        """The version that says this, new or not; None when something stands against it."""
        versions = list(prompt.versions.select_related("parent").order_by("number"))
        same = _find_same(versions, file, is_history=is_history)
        if same is None:
            objection = (_object_to_number if is_history else _object_to_base)(versions, file)
            if objection and not self.options.force:
                self.conflicts.append(f"{prompt.key}: {objection}")
                return None
            same = self._create(prompt, file, versions, is_history=is_history, is_new=is_new)
        wants = self.options.publish and (file.published or not is_history)
        if wants and not same.is_published:
            own_note = file.note if is_history or is_new else ""
            same = publish(same, self.options.note or own_note, AUTHOR)
            self.done.append(f"{prompt.key}: v{same.number} published")
        return same

    def _create(
        self,
        prompt: Prompt,
        file: VersionFile,
        versions: list[PromptVersion],
        *,
        is_history: bool,
        is_new: bool,
    ) -> PromptVersion:
        taken = {each.number for each in versions}
        keeps_number = (is_history or is_new) and file.number not in taken
        draft = Draft(
            system=file.system,
            user_template=file.user_template,
            messages=msgspec.to_builtins(file.messages),
            variables=tuple(msgspec.to_builtins(file.variables)),
            recommended_config=file.recommended_config,
            note=file.note if is_history or is_new else self.options.note,
        )
        number = file.number if keeps_number and file.number else None
        base = file.parent if file.parent in taken or is_history else None
        version = create_draft(prompt, draft, AUTHOR, base=base, number=number)
        version.full_clean(exclude=["author", "parent"])
        self.done.append(f"{prompt.key}: v{version.number} as a draft")
        return version

    def _take_label(
        self,
        prompt: Prompt,
        label: LabelFile,
        numbers: dict[int, PromptVersion | None],
        *,
        is_history: bool,
    ) -> None:
        target = numbers.get(label.version) if label.version is not None else None
        if label.version is not None and (target is None or not target.is_published):
            self.conflicts.append(f"{prompt.key}: '{label.name}' takes no draft; --publish it")
            return
        row = prompt.labels.select_related("version").filter(name=label.name).first()
        now = row.version.number if row is not None and row.version else None
        wanted = target.number if target else None
        if row is not None and row.is_protected and now != wanted and not self.options.force:
            self.conflicts.append(f"{prompt.key}: '{label.name}' is protected: move it in Assay")
            return
        if now != wanted:
            reason = self.options.note or "Imported from a file."
            change = move_label(prompt, label.name, wanted, reason, AUTHOR)
            waits = "" if isinstance(change, LabelMove) else " once somebody approves"
            where = f"to v{wanted}" if wanted else "off"
            self.done.append(f"{prompt.key}: '{label.name}' moves {where}{waits}")
        if row is None and is_history:
            protect_label(prompt, label.name, AUTHOR, protected=label.protected)


def _find_same(
    versions: list[PromptVersion], file: VersionFile, *, is_history: bool
) -> PromptVersion | None:
    """The version that says the same: of the same number in a history, which may repeat itself."""
    same = [each for each in versions if _content(version_file(each)) == _content(file)]
    numbered = [each for each in same if each.number == file.number]
    if numbered or is_history:
        return numbered[0] if numbered else None
    return max(same, key=lambda each: (each.is_published, each.number), default=None)


def _object_to_number(versions: list[PromptVersion], file: VersionFile) -> str:
    if any(each.number == file.number for each in versions):
        return f"v{file.number} says something else in the project"
    return ""


def _object_to_base(versions: list[PromptVersion], file: VersionFile) -> str:
    """Somebody's own version is newer than the one that the file was made from."""
    for each in reversed(versions):
        is_own = each.author_label == AUTHOR.label
        if each.is_published and each.number > file.number and not is_own:
            by = f" by {each.author_label}" if each.author_label else ""
            return f"v{each.number}{by} is newer than the file's v{file.number}; export again"
    return ""


def _content(file: VersionFile) -> tuple[object, ...]:
    return (
        file.system,
        file.user_template,
        file.messages,
        file.variables,
        file.recommended_config,
    )
