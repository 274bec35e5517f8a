"""Import and export: patterns from skills and exported files, and back."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from crossrun.errors import UsageError
from crossrun.memory.skill_folders import SkillFolder, is_relative, write_folder
from crossrun.model.workflows import Pattern, PatternFile, Preconditions, Workflow
from crossrun.patterns.formats import skill as skills
from crossrun.patterns.formats import yaml_form as forms
from crossrun.patterns.formats.fingerprints import fingerprint
from crossrun.patterns.importing.dangers import (
    Danger,
    SkillFile,
    dangers_of,
    dangers_of_fields,
    visible,
)
from crossrun.store import Store
from crossrun.system.commandlines import one_line
from crossrun.workspace.files.atomic import remove_tree

if TYPE_CHECKING:
    from crossrun.store.user_changes import PatternSession

DEFAULT_TASK_TYPE = "code"
_LONGEST_TASK = 10_000
_LONGEST_OUTLINE = 6_000
_REFERENCES = (".md", ".mdx", ".rst", ".txt")
_ID_LENGTHS = (6, 10, 16, 40)
"""Letters of an id's hash: as few as tell the pattern from those that are stored."""
_NEW = "Imported: no evidence here yet."


class PatternImport(Struct, frozen=True, kw_only=True):
    """The pattern that a file or folder would become.

    `source` is its path, `digest` the hash of its contents, `origin` the id that it claims to have
    had, with the hash of its workflow in `pattern`.
    """

    source: Path
    pattern: Pattern
    digest: str
    origin: str = ""
    contents: Mapping[str, bytes] = {}
    dangers: tuple[Danger, ...] = ()

    @property
    def name(self) -> str:
        """The name to show."""
        return self.pattern.workflow.name or self.pattern.workflow.summary

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.pattern.workflow.files)


class StoredImport(Struct, frozen=True, kw_only=True):
    """An import's id in the store, and whether it is new there."""

    pattern_import: PatternImport
    pattern_id: str
    is_new: bool


def of_skill(
    skill: SkillFolder, *, project_id: str, conceal: Callable[[str], str], at: str
) -> PatternImport:
    """The import of a skill.

    Its files stay as they are, byte for byte; secrets are removed from the texts that the index
    and the block use.

    Args:
        skill: the folder, with its `SKILL.md`.
        project_id: the project that the pattern will belong to.
        conceal: takes secrets out of a text.
        at: the time of the import.
    """
    text = skills.read(skill.content(skills.SKILL_FILE) or b"", skill.folder.name)
    name, description = visible(conceal(text.name)), visible(conceal(text.description))
    contents = {_sha256(file.content): file.content for file in skill.files}
    workflow = Workflow(
        summary=skills.summary_of(description),
        steps=(),
        preconditions=Preconditions(),
        files=tuple(_pattern_file(file, kind="resource") for file in skill.files),
        body=visible(conceal(text.body[: skills.LONGEST_BODY])),
        name=name,
        first_line=text.first_line,
        outline=tuple(_outline(skill.files, conceal)),
    )
    manifest = [f"{file.path}\0{file.sha256}\0{file.executable}" for file in workflow.files]
    return PatternImport(
        source=skill.folder,
        pattern=_pattern(
            workflow,
            task=one_line(f"{name}: {description}")[:_LONGEST_TASK],
            task_type=DEFAULT_TASK_TYPE,
            project_id=project_id,
            at=at,
        ),
        digest=_sha256("\n".join(["skill", *manifest]).encode()),
        contents=contents,
        dangers=_with_fields(
            dangers_of(skill.files, conceal=conceal),
            dangers_of_fields(text.name, text.description),
        )
        + skill.left_out,
    )


def of_form(
    form: forms.Form, folder: SkillFolder, *, project_id: str, conceal: Callable[[str], str],
    at: str,
) -> PatternImport:  # fmt: skip
    """The import of an exported pattern, with the files in the folder of its skill.

    Args:
        form: of the pattern, without secrets.
        folder: the folder that it was exported to, or a single file as if it lay in one.
        project_id: the project that the pattern will belong to.
        conceal: takes secrets out of a text.
        at: the time of the import.

    Raises:
        UsageError: a file of the pattern is missing, or its path leads out of the folder.
    """
    embedded = list(_embedded_files(form))
    files, contents = _files_of_form(form, folder, embedded)
    workflow = replace(form.workflow, files=tuple(files))
    everything = "\0".join(("import", form.task_type, form.task, repr(workflow)))
    return PatternImport(
        source=folder.folder,
        pattern=_pattern(
            workflow, task=form.task, task_type=form.task_type, project_id=project_id, at=at
        ),
        digest=_sha256(everything.encode("utf-8", "replace")),
        origin=form.provenance.pattern_id,
        contents=contents,
        dangers=(
            *dangers_of((*folder.files, *embedded), conceal=conceal),
            *folder.left_out,
        ),
    )


def _embedded_files(form: forms.Form) -> Iterator[SkillFile]:
    """The files whose contents are in the form itself."""
    for file in form.workflow.files:
        if file.sha256 in form.contents:
            yield SkillFile(
                path=skills.place_of(file),
                content=form.contents[file.sha256].encode("utf-8", "replace"),
                executable=file.executable,
            )


def _files_of_form(
    form: forms.Form, folder: SkillFolder, embedded: Sequence[SkillFile]
) -> tuple[list[PatternFile], dict[str, bytes]]:
    """The files of the form as they are in the folder or the form, and contents by hash."""
    by_path = {file.path: file for file in (*embedded, *folder.files)}
    files: list[PatternFile] = []
    contents: dict[str, bytes] = {}
    for file in form.workflow.files:
        source = by_path.get(skills.place_of(file))
        if source is None or not is_relative(file.path):
            raise UsageError(
                "PATTERN_INVALID",
                f"{folder.folder} has no file {skills.place_of(file)}",
                hint="export the pattern with its files: crossrun patterns export PAT --skill DIR",
            )
        files.append(replace(_pattern_file(source, kind=file.kind), path=file.path))
        contents[files[-1].sha256] = source.content
    return files, contents


def stored(store: Store, imports: Iterable[PatternImport]) -> Iterator[StoredImport]:
    """The ids of imports in the store, and which of them are new.

    Skills with the same name are one family: versions of one skill, of which one is used at a time.
    """
    taken: dict[str, str] = {}
    for pattern_import in imports:
        existing = _original(store, pattern_import)
        pattern_id = existing or _free_id(store, pattern_import, taken)
        is_new = pattern_id not in taken and store.patterns.find(pattern_id) is None
        taken[pattern_id] = pattern_import.digest
        yield StoredImport(pattern_import=pattern_import, pattern_id=pattern_id, is_new=is_new)


def add(store: Store, imports: Sequence[StoredImport]) -> None:
    """Stores the new imports in one transaction."""
    families: dict[str, str] = {}
    patterns = []
    for new in (item for item in imports if item.is_new):
        pattern = new.pattern_import.pattern
        name = pattern.workflow.name
        if name and name not in families:
            families[name] = store.patterns.family_of_skill(name) or new.pattern_id
        family_id = families.get(name, new.pattern_id)
        patterns.append(
            (replace(pattern, id=new.pattern_id, family_id=family_id), new.pattern_import.contents)
        )
    if not patterns:
        return

    def change(session: "PatternSession") -> None:
        for pattern, contents in patterns:
            session.add(pattern, made_by="import")
            session.put_contents(contents)

    store.change_patterns(change)


def export_skill(store: Store, pattern: Pattern, folder: Path) -> Path:
    """Writes a pattern as a skill into a new folder below `folder`, and returns that.

    An imported skill comes out as it came in. A learned pattern gets a `SKILL.md`, its files, and a
    `pattern.yaml` from which another crossrun imports all of it.

    Raises:
        UsageError: the folder cannot be written, or exists already.
    """
    target = folder / skills.folder_name(pattern)
    files, contents = _skill_files(store, pattern)
    missing = [file.path for file in files if file.sha256 not in contents]
    if missing:
        raise UsageError(
            "PATTERN_FILE_MISSING",
            f"the store has no content for the file {missing[0]!r} of the pattern {pattern.id}",
            hint="it may have been damaged; import the skill again, or restore a backup",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.mkdir()
    except OSError as error:
        raise _not_written(target, error) from error
    try:
        write_folder(target, files, contents)
    except OSError as error:
        remove_tree(target)
        raise _not_written(target, error) from error
    return target


def _skill_files(store: Store, pattern: Pattern) -> tuple[list[PatternFile], dict[str, bytes]]:
    """The files of the skill that a pattern is written as, with their contents by hash."""
    workflow = pattern.workflow
    contents = store.patterns.contents(file.sha256 for file in workflow.files)
    original = next((file for file in workflow.files if _is_skill_file(file)), None)
    if original is not None:
        return _edited_files(pattern, original, contents), contents
    files = [replace(file, path=skills.place_of(file)) for file in workflow.files]
    made = {
        skills.SKILL_FILE: skills.written(pattern),
        skills.PATTERN_FILE: forms.written(pattern),
    }
    for path, text in made.items():
        file = SkillFile(path=path, content=text.encode())
        files.append(_pattern_file(file, kind="resource"))
        contents[files[-1].sha256] = file.content
    return files, contents


def _edited_files(
    pattern: Pattern, original: PatternFile, contents: dict[str, bytes]
) -> list[PatternFile]:
    """An imported skill's files; where the user has edited the text, `SKILL.md` has the new one."""
    files = list(pattern.workflow.files)
    content = contents.get(original.sha256)
    if pattern.version == 1 or content is None:
        return files
    edited = SkillFile(path=original.path, content=skills.with_body(content, pattern.workflow.body))
    file = _pattern_file(edited, kind=original.kind)
    contents[file.sha256] = edited.content
    return [file if item is original else item for item in files]


def _is_skill_file(file: PatternFile) -> bool:
    return file.kind == "resource" and file.path.lower() == skills.SKILL_FILE.lower()


def _with_fields(dangers: tuple[Danger, ...], of_fields: tuple[Danger, ...]) -> tuple[Danger, ...]:
    """All dangers; those of fields only if the text of the file does not show them already."""
    seen = {danger.kind for danger in dangers if danger.path.lower() == skills.SKILL_FILE.lower()}
    return (*(danger for danger in of_fields if danger.kind not in seen), *dangers)


def _outline(files: Sequence[SkillFile], conceal: Callable[[str], str]) -> Iterator[str]:
    """An outline of the other texts of a skill, for the index."""
    room = _LONGEST_OUTLINE
    for file in files:
        name = file.path.lower()
        if name.endswith(_REFERENCES) and name != skills.SKILL_FILE.lower():
            line = visible(conceal(skills.outline(file.path, file.content)))
            room -= len(line)
            if room < 0:
                return
            yield line


def _original(store: Store, pattern_import: PatternImport) -> str | None:
    """The id of the stored pattern that this is an export of.

    The id that a file claims counts only if the stored pattern with that id has the same workflow.
    """
    original = store.patterns.find(pattern_import.origin) if pattern_import.origin else None
    if original is None or original.hash != pattern_import.pattern.hash:
        return None
    return original.id


def _free_id(store: Store, pattern_import: PatternImport, taken: Mapping[str, str]) -> str:
    """The id of an import: a prefix of its digest, longer if another import has the short one."""
    pattern = pattern_import.pattern
    for length in _ID_LENGTHS:
        pattern_id = f"x{pattern_import.digest[:length]}"
        existing = store.patterns.find(pattern_id)
        if taken.get(pattern_id, pattern_import.digest) != pattern_import.digest:
            continue
        if existing is None or (not existing.own and _says_same(existing, pattern)):
            return pattern_id
    return f"x{pattern_import.digest}"


def _says_same(existing: Pattern, pattern: Pattern) -> bool:
    """Whether a stored import is this one; the user may have edited it since."""
    return existing.workflow.name == pattern.workflow.name and existing.task == pattern.task


def _pattern(workflow: Workflow, *, task: str, task_type: str, project_id: str, at: str) -> Pattern:
    return Pattern(
        id="",
        family_id="",
        version=1,
        hash=fingerprint(workflow),
        state="candidate",
        reason=_NEW,
        own=False,
        kept_by_user=False,
        project_id=project_id,
        task_type=task_type,
        task=task,
        created_at=at,
        updated_at=at,
        workflow=workflow,
        source_run_ids=(),
    )


def _pattern_file(file: SkillFile, *, kind: str) -> PatternFile:
    return PatternFile(
        path=file.path,
        kind=kind,
        sha256=_sha256(file.content),
        size=len(file.content),
        executable=file.executable,
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _not_written(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        "FILE_NOT_WRITTEN",
        f"{folder} cannot be written: {error.strerror}",
        hint="choose another place; nothing is overwritten",
    )
