"""What the user does to patterns: edit, switch, remove, hand on."""

import os
import shlex
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import Globals, current
from crossrun.cli.ledger import open_ledger
from crossrun.errors import UsageError
from crossrun.schema import document, pattern_object

if TYPE_CHECKING:
    from crossrun.patterns.forms import Form
    from crossrun.settings import Settings
    from crossrun.store import Store
    from crossrun.workflows import Pattern

PatternReference = Annotated[
    str | None, typer.Argument(metavar="[PAT]", help="An id or the beginning of one.")
]
_Pattern = Annotated[str, typer.Argument(metavar="PAT", help="An id or the beginning of one.")]


def edit(pattern: _Pattern, json: Json = False) -> None:
    """Open a pattern in your editor; what you save is its next version.

    \b
    Examples:
      EDITOR=nano crossrun patterns edit 9c1xyz
    """
    from crossrun.patterns import forms
    from crossrun.patterns.rendering import fingerprint
    from crossrun.workflows import Version

    options = current()
    settings = options.settings()
    store = open_ledger(options, settings)
    chosen = store.patterns.pattern(pattern)
    before = forms.written(chosen)
    after = _edited(before, chosen.id, settings)
    if after == before:
        options.say("nothing was changed")
    else:
        workflow = _cleaned(forms.read(after, "the edited pattern"), settings).workflow
        hash_ = fingerprint(workflow)
        version = Version(
            pattern_id=chosen.id,
            version=chosen.version + 1,
            hash=hash_,
            rules_hash=hash_,
            made_by="user",
            run_id=None,
            at=_now(),
            workflow=workflow,
        )
        store.change_patterns(lambda patterns: patterns.add_version(version))
    _tell(store, chosen.id, options, json=json, said="{id} is v{version} now; runs go on from it")


def disable(pattern: _Pattern, json: Json = False) -> None:
    """Keep a pattern from being chosen; it can still be named with --pattern."""
    options = current()
    store = open_ledger(options, options.settings())
    chosen = store.patterns.pattern(pattern)
    store.change_patterns(
        lambda patterns: patterns.set_state(
            chosen.id, "disabled", "Disabled by the user.", kept=False, at=_now()
        )
    )
    _tell(store, chosen.id, options, json=json, said="{id} is not chosen any more")


def enable(pattern: _Pattern, json: Json = False) -> None:
    """Let a pattern be chosen again, whatever the evidence says."""
    from crossrun.patterns.crediting.lifecycle import enabled

    options = current()
    store = open_ledger(options, options.settings())
    chosen = store.patterns.pattern(pattern)
    standing = enabled(chosen.state)
    store.change_patterns(
        lambda patterns: patterns.set_state(
            chosen.id, standing.state, standing.reason, kept=True, at=_now()
        )
    )
    _tell(store, chosen.id, options, json=json, said="{id} may be chosen again")


def rm(pattern: _Pattern, json: Json = False) -> None:
    """Remove a pattern and all its versions. What runs say of it stays in their events."""
    options = current()
    store = open_ledger(options, options.settings())
    chosen = store.patterns.pattern(pattern)
    options.confirm(
        f"Remove {chosen.id}, {chosen.version} versions of it?",
        hint=f"say --yes; or keep it unused: crossrun patterns disable {chosen.id}",
    )
    store.change_patterns(lambda patterns: patterns.remove(chosen.id))
    if json:
        options.out.emit(document({"removed": chosen.id}))
    else:
        options.say(f"{chosen.id} is removed")


def export(
    pattern: PatternReference = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it to a file.")
    ] = None,
    skill: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Make a skill folder there; Codex looks in .agents/skills."
        ),
    ] = None,
) -> None:
    """Print a pattern as YAML, or make a skill of it that agents find by themselves.

    \b
    Examples:
      crossrun patterns export 9c1xyz > convert.yaml
      crossrun patterns export 9c1xyz --skill .agents/skills
    """
    from crossrun.patterns import forms, skills

    options = current()
    chosen = open_ledger(options, options.settings()).patterns.pattern(pattern)
    text = forms.written(chosen)
    if skill is not None:
        folder = skill / skills.folder_name(chosen)
        _write_new(folder / skills.PATTERN_FILE, text)
        _write_new(folder / skills.SKILL_FILE, skills.written(chosen))
        options.say(f"wrote {folder / skills.SKILL_FILE}")
    if output is not None:
        _write_new(output, text)
        options.say(f"wrote {output}")
    if skill is None and output is None:
        options.out.emit(text)


def import_(
    source: Annotated[
        Path, typer.Argument(metavar="FILE|DIR", help="A YAML file, or a skill's folder.")
    ],
    project_id: Annotated[
        str, typer.Option(metavar="NAME", help="The project that it belongs to from now on.")
    ] = "default",
    json: Json = False,
) -> None:
    """Take a pattern in. It is a candidate: used when you name it, until there is evidence.

    \b
    Examples:
      crossrun patterns import convert.yaml
      crossrun patterns import .agents/skills/convert-a-report-9c1xyz
    """
    options = current()
    settings = options.settings()
    form = _cleaned(_form(source), settings)
    store = open_ledger(options, settings)
    found = _imported(form, project_id, store)
    known = store.patterns.known(found.id)
    if known is not None:
        _tell(store, known.id, options, json=json, said="{id} is here already")
        return
    store.change_patterns(lambda patterns: patterns.add(found, made_by="import"))
    said = "imported as {id}; it is used when you name it: crossrun run --pattern {id}"
    _tell(store, found.id, options, json=json, said=said)


def _edited(text: str, name: str, settings: "Settings") -> str:
    """The text after the user's editor; a text that cannot be used stays in its file."""
    editor = settings.environ.get("VISUAL") or settings.environ.get("EDITOR") or "vi"
    folder = Path(tempfile.mkdtemp(prefix="crossrun-"))
    file = folder / f"{name}.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        code = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode
    except (OSError, ValueError) as error:
        file.unlink()
        folder.rmdir()
        raise UsageError(
            "EDITOR_FAILED", f"the editor {editor!r} cannot be started", hint="set EDITOR"
        ) from error
    if code != 0:
        raise UsageError(
            "EDITOR_FAILED",
            f"the editor {editor!r} ended with exit code {code}",
            hint=f"nothing was changed; your text is in {file}",
        )
    from crossrun.patterns import forms

    edited = _read(file)
    if edited != text:
        forms.read(edited, str(file))
    file.unlink()
    folder.rmdir()
    return edited


def _form(source: Path) -> "Form":
    from crossrun.patterns import forms, skills

    if not source.is_dir():
        return forms.read(_read(source), str(source))
    file = source / skills.PATTERN_FILE
    if file.is_file():
        return forms.read(_read(file), str(file))
    return skills.read(_read(source / skills.SKILL_FILE), str(source / skills.SKILL_FILE))


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > 1_000_000:  # noqa: PLR2004  no pattern is nearly as long
            raise UsageError(
                "PATTERN_INVALID", f"{file} is too long for a pattern", hint="check the path"
            )
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "PATTERN_UNREADABLE",
            f"{file} cannot be read: {getattr(error, 'strerror', None) or error}",
            hint="give a YAML file or a folder with a SKILL.md",
        ) from error


def _cleaned(form: "Form", settings: "Settings") -> "Form":
    """The form without secrets, home folders and names, whoever wrote it."""
    from msgspec import convert, to_builtins

    from crossrun.assembly import person, redactor_for
    from crossrun.patterns.forms import Form
    from crossrun.patterns.learning.privacy import Scrub

    scrub, redact = Scrub(person(settings), ""), redactor_for(settings)

    def clean(value: object) -> object:
        if isinstance(value, str):
            return scrub(redact(value)[0])
        if isinstance(value, list | tuple):
            return [clean(one) for one in value]
        if isinstance(value, dict):
            return {key: clean(one) for key, one in value.items()}
        return value

    return convert(clean(to_builtins(form)), Form)


def _imported(form: "Form", project_id: str, store: "Store") -> "Pattern":
    """The pattern that a form becomes here; the same form always gets the same id."""
    import hashlib

    from crossrun.patterns.rendering import fingerprint
    from crossrun.workflows import Pattern

    hash_ = fingerprint(form.workflow)
    origin = form.provenance.pattern_id
    known = store.patterns.known(origin) if origin else None
    digest = hashlib.sha256(f"import\0{hash_}".encode()).hexdigest()
    pattern_id = origin if known is not None and known.hash == hash_ else f"x{digest[:6]}"
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
        created_at=_now(),
        updated_at=_now(),
        workflow=form.workflow,
        source_run_ids=(),
    )


def _write_new(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), "w") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(
            "FILE_NOT_WRITTEN",
            f"{file} cannot be written: {error.strerror}",
            hint="choose another place; nothing is overwritten",
        ) from error


def _tell(store: "Store", pattern_id: str, options: Globals, *, json: bool, said: str) -> None:
    pattern = store.patterns.pattern(pattern_id)
    if json:
        options.out.emit(document(pattern_object(pattern)))
    else:
        options.say(said.format(id=pattern.id, version=pattern.version))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
