"""`crossrun config set`, `unset` and `edit`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.commands.config.places import Project, file_to_change
from crossrun.cli.editing import edited
from crossrun.cli.globals import Globals, current
from crossrun.config import sources
from crossrun.config.listing import unknown_setting
from crossrun.config.settings import SETTINGS
from crossrun.errors import CrossrunError
from crossrun.projections.documents import document
from crossrun.views.unseen import clean

Key = Annotated[str, typer.Argument(metavar="KEY", help="The setting.")]
_NEW_FILE = """\
# Settings of crossrun. List them with: crossrun config show
# What each one means: crossrun help settings

"""


def set_(
    key: Key,
    value: Annotated[
        str, typer.Argument(metavar="VALUE", help="The value; a mapping is written as JSON.")
    ],
    project: Project = False,
    json: Json = False,
) -> None:
    """Set a setting in your settings file, or in the project's.

    \b
    Examples:
      crossrun config set idle_timeout 30m
      crossrun config set --project planner direct
      crossrun config set prices '{"gpt-6.1-sol": {"input": 1.25, "output": 10}}'
    """
    from crossrun.config.editing import set_value

    options = current()
    _require_setting(key)
    file = file_to_change(options, project=project)
    set_value(file, key, value)
    shown = "" if SETTINGS[key].is_secret else f" {value}"
    _report(options, key, file, f"set {key}{shown} in {file}", changed=True, json=json)


def unset(key: Key, project: Project = False, json: Json = False) -> None:
    """Remove a setting from your settings file, or from the project's.

    \b
    Examples:
      crossrun config unset idle_timeout
    """
    from crossrun.config.editing import unset_value

    options = current()
    _require_setting(key)
    file = file_to_change(options, project=project)
    changed = unset_value(file, key)
    message = f"removed {key} from {file}" if changed else f"{key} is not set in {file}"
    _report(options, key, file, message, changed=changed, json=json)


def edit(project: Project = False) -> None:
    """Open the settings file in your editor, and check it afterwards.

    \b
    Examples:
      EDITOR=nano crossrun config edit
    """
    from crossrun.config.editing import read_text, replace_text

    options = current()
    file = file_to_change(options, project=project)
    before = read_text(file)
    text = before or _NEW_FILE
    while True:
        with edited(text, file.name.removeprefix("."), options.environ) as draft:
            text = read_text(draft)
            if text in (before, _NEW_FILE):
                options.say("nothing was changed")
                return
            problem = _problem(file, text, options)
            if problem is None:
                replace_text(file, text)
                options.say(f"saved {file}")
                return
            if not _wants_to_correct(options, problem):
                hint = f"{file} was not changed; your text is in {draft}"
                raise type(problem)(problem.code, problem.message, hint=hint)


def _problem(file: Path, text: str, options: Globals) -> CrossrunError | None:
    """What keeps a text from being settings; what would be ignored is a warning."""
    from crossrun.config.editing import check

    try:
        warnings = check(file, text)
    except CrossrunError as error:
        return error
    options.say(*(f"warning: {clean(warning)}" for warning in warnings))
    return None


def _wants_to_correct(options: Globals, problem: CrossrunError) -> bool:
    if options.yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    options.err.write([f"{options.err.style('not saved:', 'bad')} {clean(problem.message)}"])
    return typer.confirm("edit it again?", default=True, err=True)


def _require_setting(key: str) -> None:
    if key not in SETTINGS:
        raise unknown_setting(key)


def _report(
    options: Globals, key: str, file: Path, message: str, *, changed: bool, json: bool
) -> None:
    """Says what was changed, and if it has no effect because another source comes first."""
    if json:
        options.out.emit(document({"name": key, "file": str(file), "changed": changed}))
    options.say(message)
    try:
        loaded = sources.load(home=options.home)
    except CrossrunError as error:
        options.say(f"warning: {clean(error.message)}")
        return
    place = loaded.places.get(key)
    if place and place != str(file) and changed:
        options.say(f"note: {place} also sets {key} and takes precedence")
