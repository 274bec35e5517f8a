"""Patterns to and from files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.commands.patterns.changes import PatternReference
from crossrun.cli.commands.patterns.files import cleaned, read_text, text_of, write_new
from crossrun.cli.globals import Globals, current
from crossrun.errors import UsageError
from crossrun.model.skill_programs import SkillProgram
from crossrun.projections.documents import document, pattern_object, plain_object
from crossrun.system.clock import now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crossrun.memory.imports import PatternImport, StoredImport
    from crossrun.services.app import App


def export(
    pattern: PatternReference = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write it to a file; with --skill: below DIR."
        ),
    ] = None,
    skill: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write a skill folder, with all files, below this one, such as .agents/skills.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Print a pattern as YAML, or write it as a skill for Codex, Claude Code and Gemini.

    An imported skill is written as it was, to the byte.

    \b
    Examples:
      crossrun patterns export 9c1xyz > convert.yaml
      crossrun patterns export 9c1xyz --skill .agents/skills
    """
    from crossrun.patterns.formats import yaml_form as forms

    options = current()
    store = options.open_app().store
    chosen = store.patterns.pattern(pattern)
    hashes = (file.sha256 for file in chosen.workflow.files)
    text = forms.written(chosen, store.patterns.contents(hashes))
    folder = None
    if skill is not None:
        from crossrun.memory.imports import export_skill

        folder = export_skill(store, chosen, skill)
        options.say(f"wrote {folder}")
    if output is not None:
        write_new(output, text)
        options.say(f"wrote {output}")
    if json:
        written = {} if folder is None else {"folder": str(folder)}
        options.out.emit(document({"id": chosen.id, "yaml": text, **written}))
    elif skill is None and output is None:
        options.out.emit(text)


def import_(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|DIR|NAME]...",
            help="YAML files, skills, folders of skills; with --from: names of skills.",
        ),
    ] = None,
    program: Annotated[
        SkillProgram | None,
        typer.Option("--from", help="Take skills that are installed for this program."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="With --from: import all of them.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be imported, and its dangers.")
    ] = False,
    project_id: Annotated[
        str, typer.Option(metavar="NAME", help="The project that it will belong to.")
    ] = "default",
    json: Json = False,
) -> None:
    """Import patterns and skills, whole. What is dangerous in them is shown, and needs consent.

    They become candidates: chosen for runs that they fit, withheld from some by a coin, and judged
    like patterns that were learned here.

    \b
    Examples:
      crossrun patterns import convert.yaml
      crossrun patterns import .agents/skills/pdf --dry-run
      crossrun patterns import --from claude
      crossrun patterns import --from claude pdf docx
    """
    options = current()
    app = options.app()
    if program is not None and not sources and not every:
        _list_installed(program, app, options, json=json)
        return
    folders = _places(sources or [], program, app)
    imports = _read(folders, app, project_id)
    app.open_for_reading()
    from crossrun.memory.imports import add, stored
    from crossrun.memory.vectors import encode_patterns

    items = list(stored(app.store, imports))
    if dry_run:
        _show(items, options, json=json)
        return
    _ask(items, options)
    add(app.store, items)
    encode_patterns(app.store)
    _report(items, app, options, json=json)


def _places(sources: "Sequence[str]", program: SkillProgram | None, app: "App") -> list[Path]:
    """The files and folders that the user wants to import.

    Raises:
        UsageError: nothing is named, or no such skill is installed.
    """
    if program is None:
        if not sources:
            raise UsageError(
                "OPTION_INVALID",
                "nothing to import was named",
                hint="name a file or folder, or list what is installed:"
                " crossrun patterns import --from codex",
            )
        return [Path(source) for source in sources]
    from crossrun.services.installed_skills import installed
    from crossrun.system.folders import current_folder

    skills = installed(program, app.settings, current_folder())
    if not sources:
        return [skill.folder for skill in skills]
    missing = [name for name in sources if name not in {skill.folder.name for skill in skills}]
    if missing:
        raise UsageError(
            "SKILL_NOT_INSTALLED",
            f"{program} has no skill {missing[0]!r}",
            hint=f"list them: crossrun patterns import --from {program}",
        )
    return [skill.folder for skill in skills if skill.folder.name in sources]


def _list_installed(program: SkillProgram, app: "App", options: Globals, *, json: bool) -> None:
    from crossrun.patterns.importing.dangers import printable
    from crossrun.services.installed_skills import installed
    from crossrun.system.folders import current_folder

    skills = installed(program, app.settings, current_folder())
    if json:
        objects = [{"name": skill.folder.name, "folder": str(skill.folder)} for skill in skills]
        options.out.emit(document({"installed": objects}))
        return
    names = [printable(skill.folder.name) for skill in skills]
    for name, skill in zip(names, skills, strict=True):
        place = printable(str(skill.folder), 400)
        options.out.emit(f"{name:{max(map(len, names))}}  {place}\n")
    if skills:
        options.say(f"import some by name, or all: crossrun patterns import --from {program} --all")
    else:
        options.say(
            f"no skill is installed for {program}",
            "import one from its folder: crossrun patterns import DIR",
        )


def _read(places: "Sequence[Path]", app: "App", project_id: str) -> "list[PatternImport]":
    """What the files and folders would become. Nothing is stored yet."""
    from crossrun.memory.skill_folders import skills_in

    imports = []
    for place in places:
        if not place.is_dir() and place.name.lower() != "skill.md":
            imports.append(_of_file(place, app, project_id))
            continue
        folder = place if place.is_dir() else place.parent
        skills = skills_in(folder)
        if not skills:
            raise UsageError(
                "PATTERN_UNREADABLE",
                f"{folder} contains no skill: there is no SKILL.md in it or below it",
                hint="give a YAML file or a folder with a SKILL.md",
            )
        imports += [_of_folder(skill, app, project_id) for skill in skills]
    return imports


def _of_file(file: Path, app: "App", project_id: str) -> "PatternImport":
    """A pattern as YAML."""
    from crossrun.memory.imports import of_form
    from crossrun.memory.skill_folders import SkillFolder
    from crossrun.patterns.formats import yaml_form as forms
    from crossrun.patterns.importing.dangers import SkillFile

    text, conceal = read_text(file), _conceal(app)
    form = cleaned(forms.read(text, str(file)), app)
    _require_task_type(form.task_type, app)
    folder = SkillFolder(
        folder=file, files=(SkillFile(path=file.name, content=conceal(text).encode()),)
    )
    return of_form(form, folder, project_id=project_id, conceal=conceal, at=now())


def _of_folder(folder: Path, app: "App", project_id: str) -> "PatternImport":
    """A skill of any form, or a pattern that was exported as one."""
    from crossrun.memory.imports import of_form, of_skill
    from crossrun.memory.skill_folders import read_folder
    from crossrun.patterns.formats import yaml_form as forms
    from crossrun.patterns.formats.skill import PATTERN_FILE, SKILL_FILE, is_exported

    skill = read_folder(folder.resolve())
    exported = skill.content(PATTERN_FILE)
    if exported is None or not is_exported(
        exported, is_skill=skill.content(SKILL_FILE) is not None
    ):
        return of_skill(skill, project_id=project_id, conceal=_conceal(app), at=now())
    source = folder / PATTERN_FILE
    form = cleaned(forms.read(text_of(exported, source), str(source)), app)
    _require_task_type(form.task_type, app)
    return of_form(form, skill, project_id=project_id, conceal=_conceal(app), at=now())


def _require_task_type(task_type: str, app: "App") -> None:
    from crossrun.config.tasktypes import load

    load(task_type, app.settings.paths.task_types)


def _conceal(app: "App") -> "Callable[[str], str]":
    redactor = app.redactor
    return lambda text: redactor(text)[0]


def _ask(items: "Sequence[StoredImport]", options: Globals) -> None:
    """Asks for consent to what is new and dangerous.

    Raises:
        ConsentNeeded: the answer is no, or there is no terminal to ask on.
    """
    from crossrun.views.imports import import_lines
    from crossrun.views.terminal import wrap

    dangerous = [item for item in items if item.is_new and item.pattern_import.dangers]
    if not dangerous:
        return
    for line in import_lines(dangerous, brief=options.yes):
        options.say(*(wrap(line, options.err.width) if options.err.on_screen else (line,)))
    names = f"{len(dangerous)} skills" if len(dangerous) > 1 else dangerous[0].pattern_import.name
    options.confirm(
        f"Import {names} despite the dangers listed above?",
        hint="read the files, then use --yes; --dry-run shows the list again",
    )


def _show(items: "Sequence[StoredImport]", options: Globals, *, json: bool) -> None:
    from crossrun.views.imports import import_lines

    if json:
        options.out.emit(document({"imported": list(map(_import_object, items)), "dry_run": True}))
        return
    for line in import_lines(items):
        options.out.emit(f"{line}\n")


def _report(items: "Sequence[StoredImport]", app: "App", options: Globals, *, json: bool) -> None:
    """Says what became of the imports; a single one is shown to programs as a pattern."""
    if json:
        content: dict[str, Any] = {"imported": list(map(_import_object, items))}
        if len(items) == 1:
            content = {**pattern_object(app.store.patterns.pattern(items[0].pattern_id)), **content}
        options.out.emit(document(content))
        return
    for item in items:
        options.say(
            f"imported as {item.pattern_id}; runs that it fits may get it"
            if item.is_new
            else f"{item.pattern_id} was already imported"
        )
    if any(item.is_new for item in items):
        options.say("to use it only by name: crossrun patterns disable ID, run --pattern ID")


def _import_object(item: "StoredImport") -> dict[str, Any]:
    from crossrun.workspace.files.dirfd import shown

    pattern_import = item.pattern_import
    return {
        "id": item.pattern_id,
        "new": item.is_new,
        "name": pattern_import.name,
        "source": shown(str(pattern_import.source)),
        "files": len(pattern_import.pattern.workflow.files),
        "bytes": pattern_import.size,
        "findings": list(map(plain_object, pattern_import.dangers)),
    }
