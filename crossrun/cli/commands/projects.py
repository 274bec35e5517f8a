"""`crossrun projects`: groups of runs."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import current
from crossrun.cli.groups import group
from crossrun.errors import NotFoundError, UsageError
from crossrun.projections.documents import document, plain_object
from crossrun.views.terminal import Column, table
from crossrun.views.words import moment

if TYPE_CHECKING:
    from crossrun.model.runs import Project
    from crossrun.store import Store

_HELP = """List and set up projects. A project is created by its first run.

\b
Examples:
  crossrun projects
  crossrun projects set thesis task_type research
  crossrun projects set webshop workspace.setup "uv sync"
  crossrun projects set webshop notify desktop,webhook
"""
_SETTINGS: dict[str, Literal["task_type", "setup", "notify"]] = {
    "task_type": "task_type",
    "workspace.setup": "setup",
    "notify": "notify",
}
ProjectName = Annotated[str, typer.Argument(metavar="NAME", help="The project.")]


def list_projects(json: Json = False) -> None:
    """List projects, the most recently used first."""
    options = current()
    projects = options.open_app().store.read.projects()
    if json:
        objects = [plain_object(each) for each in projects]
        options.out.emit(document({"projects": objects, "total": len(objects)}))
    elif projects:
        columns = [
            Column("PROJECT", style="bold", flexible=True),
            Column("RUNS", align="right"),
            Column("TASK TYPE"),
            Column("LAST RUN"),
        ]
        rows = [
            [
                each.id,
                str(each.runs),
                each.task_type or "",
                moment(each.last_run_at or each.created_at),
            ]
            for each in projects
        ]
        options.out.write(table(columns, rows, options.out))
    else:
        options.say("no projects yet; a project is created by its first run")


def show_project(name: ProjectName, json: Json = False) -> None:
    """Show one project."""
    options = current()
    project = _require_project(options.open_app().store, name)
    if json:
        options.out.emit(document(plain_object(project)))
        return
    rows = [
        ("project", project.id),
        ("runs", str(project.runs)),
        ("task type", project.task_type or "code (the default)"),
        ("setup", project.setup or "none"),
        ("notify", project.notify or "as the settings say"),
        ("since", moment(project.created_at)),
    ]
    options.out.write(f"{options.out.style(f'{key:<10}', 'dim')} {value}" for key, value in rows)


def set_project(
    name: ProjectName,
    setting: Annotated[
        str, typer.Argument(metavar="SETTING", help=f"One of {', '.join(_SETTINGS)}.")
    ],
    value: Annotated[
        str, typer.Argument(metavar="VALUE", help="The value; empty to restore the default.")
    ],
    json: Json = False,
) -> None:
    """Set a default for the runs of a project."""
    from crossrun.workspace.folder_names import folder_name

    options = current()
    app = options.app()
    folder_name(name)
    if setting not in _SETTINGS:
        raise UsageError(
            "SETTING_UNKNOWN",
            f"unknown project setting {setting!r}",
            hint=f"choose one of {', '.join(_SETTINGS)}",
        )
    if value and setting == "task_type":
        from crossrun.config.tasktypes import load as load_task_type

        load_task_type(value, app.settings.paths.task_types)
    if value and setting == "notify":
        value = _channels(value)
    app.open_for_reading()
    app.store.set_project(name, _SETTINGS[setting], value or None)
    project = _require_project(app.store, name)
    if json:
        options.out.emit(document(plain_object(project)))
    elif setting == "task_type":
        options.say(f"new runs of {name} have the task type {value or 'code (the default)'}")
    elif setting == "notify":
        options.say(f"runs of {name} are announced: {value or 'as the settings say'}")
    elif value:
        options.say(
            f"new workspaces of {name} will be prepared by `{value}`, without access to keys"
        )
    else:
        options.say(f"new workspaces of {name} will not be prepared")


def _channels(value: str) -> str:
    from crossrun.config.values import some_of
    from crossrun.model.choices import NOTIFY_CHANNELS

    try:
        return some_of(*NOTIFY_CHANNELS, "none")(value)
    except ValueError as error:
        raise UsageError(
            "OPTION_INVALID",
            f"notify: {value!r} {error}",
            hint="name channels, separated by commas: desktop,webhook",
        ) from error


def _require_project(store: "Store", name: str) -> "Project":
    project = store.read.project(name)
    if project is None:
        raise NotFoundError(
            "PROJECT_NOT_FOUND",
            f"there is no project {name!r}",
            hint="list them: crossrun projects",
        )
    return project


projects_app = group("projects", _HELP, list=list_projects, show=show_project, set=set_project)
