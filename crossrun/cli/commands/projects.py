"""`crossrun projects`: names under which runs are kept together."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import current
from crossrun.cli.groups import group
from crossrun.cli.ledger import open_ledger
from crossrun.errors import NotFoundError, UsageError
from crossrun.projections.documents import document, plain_object
from crossrun.views.terminal import Column, table
from crossrun.views.words import moment

if TYPE_CHECKING:
    from crossrun.model.runs import Project
    from crossrun.store import Store

_HELP = """List and set up projects. A project begins with its first run.

\b
Examples:
  crossrun projects
  crossrun projects set thesis task_type research
  crossrun projects set webshop workspace.setup "uv sync"
"""
_SETTINGS: dict[str, Literal["task_type", "setup"]] = {
    "task_type": "task_type",
    "workspace.setup": "setup",
}
ProjectName = Annotated[str, typer.Argument(metavar="NAME", help="The project.")]


def list_projects(json: Json = False) -> None:
    """List projects, the one used last first."""
    options = current()
    found = open_ledger(options, options.settings()).read.projects()
    if json:
        options.out.emit(document({"projects": [plain_object(one) for one in found]}))
    elif found:
        columns = [
            Column("PROJECT", style="bold", flexible=True),
            Column("RUNS", align="right"),
            Column("TASK TYPE"),
            Column("LAST RUN"),
        ]
        rows = [
            [one.id, str(one.runs), one.task_type or "", moment(one.last_run_at or one.created_at)]
            for one in found
        ]
        options.out.write(table(columns, rows, options.out))
    else:
        options.say("no projects yet; one begins with its first run")


def show_project(name: ProjectName, json: Json = False) -> None:
    """Show one project."""
    options = current()
    found = _found(open_ledger(options, options.settings()), name)
    if json:
        options.out.emit(document(plain_object(found)))
        return
    rows = [
        ("project", found.id),
        ("runs", str(found.runs)),
        ("task type", found.task_type or "code (the default)"),
        ("setup", found.setup or "none"),
        ("since", moment(found.created_at)),
    ]
    options.out.write(f"{options.out.style(f'{key:<10}', 'dim')} {value}" for key, value in rows)


def set_project(
    name: ProjectName,
    setting: Annotated[
        str, typer.Argument(metavar="SETTING", help=f"One of {', '.join(_SETTINGS)}.")
    ],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Empty: the default again.")],
    json: Json = False,
) -> None:
    """Set what a project's runs have by default."""
    from crossrun.workspace import folder_name

    options = current()
    settings = options.settings()
    folder_name(name)
    if setting not in _SETTINGS:
        raise UsageError(
            "SETTING_UNKNOWN",
            f"a project has no setting {setting!r}",
            hint=f"it has: {', '.join(_SETTINGS)}",
        )
    if value and setting == "task_type":
        from crossrun.config.tasktypes import load as load_task_type

        load_task_type(value, settings.paths.task_types)
    store = open_ledger(options, settings)
    store.set_project(name, _SETTINGS[setting], value or None)
    found = _found(store, name)
    if json:
        options.out.emit(document(plain_object(found)))
    elif setting == "task_type":
        options.say(f"runs of {name} are {value or 'code (the default)'} from now on")
    elif value:
        options.say(f"new workspaces of {name} are prepared by `{value}` from now on, without keys")
    else:
        options.say(f"new workspaces of {name} are not prepared any more")


def _found(store: "Store", name: str) -> "Project":
    found = store.read.project(name)
    if found is None:
        raise NotFoundError(
            "PROJECT_NOT_FOUND",
            f"there is no project {name!r}",
            hint="list them: crossrun projects",
        )
    return found


projects_app = group("projects", _HELP, list=list_projects, show=show_project, set=set_project)
