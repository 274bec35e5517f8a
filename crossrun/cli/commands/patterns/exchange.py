"""Patterns to and from files."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.commands.patterns.changes import PatternReference
from crossrun.cli.commands.patterns.files import cleaned, read_text, tell
from crossrun.cli.globals import current
from crossrun.errors import UsageError
from crossrun.projections.documents import document
from crossrun.system.clock import now

if TYPE_CHECKING:
    from crossrun.model.workflows import Pattern
    from crossrun.patterns.formats.yaml_form import Form
    from crossrun.store import Store


def export(
    pattern: PatternReference = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it to a file.")
    ] = None,
    skill: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write a skill folder here; Codex looks in .agents/skills."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Print a pattern as YAML, or write it as a skill that agents find by themselves.

    \b
    Examples:
      crossrun patterns export 9c1xyz > convert.yaml
      crossrun patterns export 9c1xyz --skill .agents/skills
    """
    from crossrun.patterns.formats import skill as skills
    from crossrun.patterns.formats import yaml_form as forms

    options = current()
    chosen = options.open_app().store.patterns.pattern(pattern)
    text = forms.written(chosen)
    if skill is not None:
        folder = skill / skills.folder_name(chosen)
        _write_new(folder / skills.PATTERN_FILE, text)
        _write_new(folder / skills.SKILL_FILE, skills.written(chosen))
        options.say(f"wrote {folder / skills.SKILL_FILE}")
    if output is not None:
        _write_new(output, text)
        options.say(f"wrote {output}")
    if json:
        options.out.emit(document({"id": chosen.id, "yaml": text}))
    elif skill is None and output is None:
        options.out.emit(text)


def import_(
    source: Annotated[
        Path, typer.Argument(metavar="FILE|DIR", help="A YAML file, or a skill's folder.")
    ],
    project_id: Annotated[
        str, typer.Option(metavar="NAME", help="The project that it will belong to.")
    ] = "default",
    json: Json = False,
) -> None:
    """Import a pattern. As a candidate, it is used only if you name it, until there is evidence.

    \b
    Examples:
      crossrun patterns import convert.yaml
      crossrun patterns import .agents/skills/convert-a-report-9c1xyz
    """
    options = current()
    app = options.app()
    form = cleaned(_form(source), app)
    from crossrun.config.tasktypes import load as load_task_type

    load_task_type(form.task_type, app.settings.paths.task_types)
    app.open_for_reading()
    pattern = _imported(form, project_id, app.store)
    existing = app.store.patterns.find(pattern.id)
    if existing is not None:
        tell(app.store, existing.id, options, json=json, message="{id} is here already")
        return
    app.store.change_patterns(lambda patterns: patterns.add(pattern, made_by="import"))
    message = "imported as {id}; it is used when you name it: crossrun run --pattern {id}"
    tell(app.store, pattern.id, options, json=json, message=message)


def _form(source: Path) -> "Form":
    from crossrun.patterns.formats import skill as skills
    from crossrun.patterns.formats import yaml_form as forms

    if not source.is_dir():
        return forms.read(read_text(source), str(source))
    file = source / skills.PATTERN_FILE
    if file.is_file():
        return forms.read(read_text(file), str(file))
    return skills.read(read_text(source / skills.SKILL_FILE), str(source / skills.SKILL_FILE))


def _imported(form: "Form", project_id: str, store: "Store") -> "Pattern":
    """The pattern that a form becomes here; the same form always gets the same id."""
    import hashlib

    from crossrun.model.workflows import Pattern
    from crossrun.patterns.formats.block import fingerprint

    hash_ = fingerprint(form.workflow)
    origin = form.provenance.pattern_id
    parent = store.patterns.find(origin) if origin else None
    whole = "\0".join(("import", form.task_type, form.task, repr(form.workflow)))
    digest = hashlib.sha256(whole.encode()).hexdigest()
    pattern_id = origin if parent is not None and parent.hash == hash_ else f"x{digest[:6]}"
    return Pattern(
        id=pattern_id,
        family_id=pattern_id,
        version=1,
        hash=hash_,
        state="candidate",
        reason="Imported: no evidence here yet.",
        own=False,
        kept_by_user=False,
        project_id=project_id,
        task_type=form.task_type,
        task=form.task,
        created_at=now(),
        updated_at=now(),
        workflow=form.workflow,
        source_run_ids=(),
    )


def _write_new(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        made = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        with os.fdopen(made, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(
            "FILE_NOT_WRITTEN",
            f"{file} cannot be written: {error.strerror}",
            hint="choose another place; nothing is overwritten",
        ) from error
