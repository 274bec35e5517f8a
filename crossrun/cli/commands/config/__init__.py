"""`crossrun config`: settings, their values and where these come from."""

from pathlib import Path
from typing import Annotated, Any

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.commands.config.changes import edit, set_, unset
from crossrun.cli.commands.config.places import Project, file_to_change
from crossrun.cli.globals import current
from crossrun.cli.groups import group
from crossrun.config.listing import (
    KEYS,
    NOT_SET,
    SET,
    Origin,
    SettingLine,
    setting_lines,
    unknown_setting,
)
from crossrun.config.settings import SETTINGS, Settings
from crossrun.projections.documents import document
from crossrun.views.terminal import Column, table

_HELP = """Show and change settings.

\b
Examples:
  crossrun config
  crossrun config show --origin
  crossrun config set max_turns 30
  crossrun config set --project task_type research
  crossrun config edit
"""


def show(
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY]...", help="Only these settings, or groups such as patterns."),
    ] = None,
    origin: Annotated[
        bool, typer.Option("--origin", help="Show which file or variable each value comes from.")
    ] = False,
    json: Json = False,
) -> None:
    """Show settings with their values.

    \b
    Examples:
      crossrun config show patterns --origin
    """
    options = current()
    loaded = options.settings()
    lines = setting_lines(loaded, settings or (), lines=origin or json)
    if json:
        shown = {"settings": [_object(line) for line in lines], "total": len(lines)}
        options.out.emit(document(shown if settings else {**shown, **_surroundings(loaded)}))
        return
    changed = {line.name for line in lines if line.origin.kind != "default"}
    columns = [
        Column("SETTING", style=lambda name: "bold" if name in changed else ""),
        Column("VALUE", style=lambda value: "dim" if value == "-" else "", flexible=True),
    ]
    columns += [Column("ORIGIN", style="dim", flexible=options.out.on_screen)] if origin else []
    rows = [_row(line, origin=origin) for line in lines]
    if not settings:
        rows += [[name, _is_set(loaded, name), *([""] if origin else [])] for name in KEYS]
    options.out.write(table(columns, rows, options.out))


def get(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The setting.")],
    json: Json = False,
) -> None:
    """Print the value of one setting.

    \b
    Examples:
      crossrun config get planner_model
    """
    options = current()
    if key not in SETTINGS:
        raise unknown_setting(key)
    line = setting_lines(options.settings(), [key], lines=json)[0]
    if json:
        options.out.emit(document(_object(line)))
    else:
        options.out.write([line.text])


def path(project: Project = False, json: Json = False) -> None:
    """Print where the settings file is, whether or not it exists.

    \b
    Examples:
      cat "$(crossrun config path)"
    """
    options = current()
    file = file_to_change(options, project=project)
    if json:
        options.out.emit(document({"path": str(file), "exists": file.is_file()}))
    else:
        options.out.write([str(file)])


def _row(line: SettingLine, *, origin: bool) -> list[str]:
    cells = [line.name, line.text or "-"]
    return [*cells, _shortened(line.origin)] if origin else cells


def _shortened(origin: Origin) -> str:
    """The origin, with a path below the home folder as people write it."""
    text, home = str(origin), str(Path("~").expanduser())
    return f"~{text.removeprefix(home)}" if text.startswith(f"{home}/") else text


def _is_set(settings: Settings, name: str) -> str:
    return SET if settings.environ.get(name) else NOT_SET


def _object(line: SettingLine) -> dict[str, Any]:
    return {
        "name": line.name,
        "value": line.value,
        "text": line.text or None,
        "origin": line.origin._asdict(),
        "default": line.default,
        "in_project_file": line.in_project_file,
        "help": line.help,
    }


def _surroundings(settings: Settings) -> dict[str, Any]:
    """What concerns all settings: files, keys, and what is wrong with the files."""
    keys = [{"name": name, "is_set": bool(settings.environ.get(name))} for name in KEYS]
    return {"keys": keys, "warnings": list(settings.warnings)}


config_app = group(
    "config", _HELP, show=show, get=get, set_=set_, unset=unset, edit=edit, path=path
)
