"""`crossrun import`: runs from the session histories of other agent programs."""

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.parsing import since_moment
from crossrun.errors import UsageError
from crossrun.projections.documents import document, plain_object
from crossrun.system.inherited import Interrupted

if TYPE_CHECKING:
    from crossrun.services.app import App
    from crossrun.services.importing import (
        ImportOptions,
        ImportProgress,
        ImportResult,
        SessionHistory,
    )

Program = Annotated[str, typer.Argument(metavar="PROGRAM", help="codex or claude.")]
Place = Annotated[
    Path | None,
    typer.Argument(
        metavar="[PATH]",
        help="A session file or a folder; by default where the program keeps its sessions.",
    ),
]


def import_history(
    program: Program,
    path: Place = None,
    project_id: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The project of the runs; by default the name of each session's folder.",
        ),
    ] = None,
    task_type: Annotated[
        str, typer.Option(metavar="TYPE", help="The task type of the runs.")
    ] = "code",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Only sessions used from this time on: 7d ago, or a date."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what was found; import nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Import the session history of Codex or Claude Code.

    Each task in it becomes a run. What the runs that succeeded teach waits until you have looked
    at it: crossrun patterns review. Import again whenever you like; only what is new is read.

    \b
    Examples:
      crossrun import codex
      crossrun import claude --since 30d --dry-run
      crossrun import codex ~/backup/sessions --project-id webshop --yes
    """
    from crossrun.services.importing import ImportOptions, find_history, history_folder
    from crossrun.sessions import PROGRAMS

    options = current()
    if program not in PROGRAMS:
        raise UsageError(
            "OPTION_INVALID",
            f"crossrun cannot import from {program!r}",
            hint=f"choose one of {', '.join(PROGRAMS)}",
        )
    app = options.app()
    _check_names(project_id, task_type, app)
    root = path or history_folder(program, app.settings)
    if dry_run:
        app.open_for_reading()
    else:
        app.open_for_writing()
    history = find_history(program, root, app.store, since=since_moment(since))
    if dry_run:
        _show_found(history, options, json=json)
        return
    if history.new:
        _ask(history, options, json=json)
    how = ImportOptions(project_id=project_id, task_type=task_type)
    try:
        result = _carry_out(app, history, how, options)
    except (KeyboardInterrupt, Interrupted):
        options.say("stopped; the runs imported so far are kept, import again for the rest")
        raise
    _show_result(result, app, options, json=json)


def _check_names(project_id: str | None, task_type: str, app: "App") -> None:
    from crossrun.config.tasktypes import load as load_task_type
    from crossrun.workspace.folder_names import folder_name

    if project_id is not None:
        folder_name(project_id)
    load_task_type(task_type, app.settings.paths.task_types)


def _ask(history: "SessionHistory", options: Globals, *, json: bool) -> None:
    from crossrun.views.importing import found_lines
    from crossrun.views.words import plural, size

    if not json and not options.yes:
        options.say(*found_lines(history, options.err))
    total = size(sum(session.file.size for session in history.new))
    options.confirm(
        f"Import {plural(len(history.new), 'session')} ({total})?",
        hint="use --yes, or only look with --dry-run",
    )


def _carry_out(
    app: "App", history: "SessionHistory", how: "ImportOptions", options: Globals
) -> "ImportResult":
    from crossrun.services.importing import import_history as imports

    steps = imports(app, history, how)
    if options.quiet or not options.err.live:
        return _last(steps)
    from crossrun.views.importing import progress_line
    from crossrun.views.moving_line import MovingLine

    line = MovingLine(options.err)
    try:
        while True:
            line.draw([], progress_line(next(steps)))
    except StopIteration as end:
        result: ImportResult = end.value
        return result
    finally:
        line.clear()


def _last(steps: "Generator[ImportProgress, None, ImportResult]") -> "ImportResult":
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: ImportResult = end.value
            return result


def _show_found(history: "SessionHistory", options: Globals, *, json: bool) -> None:
    if json:
        options.out.emit(document(_found_object(history)))
        return
    from crossrun.views.importing import found_lines, skipped_lines

    options.out.write(found_lines(history, options.out))
    options.say(*skipped_lines(history.skipped, options.err))


def _found_object(history: "SessionHistory") -> dict[str, Any]:
    sessions = [
        {
            "session_id": session.facts.session_id,
            "path": session.file.path,
            "bytes": session.file.size,
            "cwd": session.facts.cwd or None,
            "project_id": session.folder,
            "began_at": session.facts.began_at or None,
            "version": session.facts.version or None,
            "imported": session.is_known,
        }
        for session in history.sessions
    ]
    return {
        "program": history.program,
        "root": history.root,
        "files": history.files,
        "sessions": sessions,
        "total": len(sessions),
        "new": len(history.new),
        "bytes": sum(session.file.size for session in history.new),
        "skipped": [plain_object(each) for each in history.skipped],
    }


def _show_result(result: "ImportResult", app: "App", options: Globals, *, json: bool) -> None:
    waiting = app.store.reviews.count()
    if json:
        counted = plain_object(result)
        counted["learned"] = len(result.learned)
        counted["events"] = sum(result.events.values())
        counted["event_types"] = dict(result.events)
        options.out.emit(document({**counted, "waiting_for_review": waiting}))
        return
    from crossrun.views.importing import result_lines, skipped_lines

    options.say(*result_lines(result, options.err))
    options.say(*skipped_lines(result.skipped, options.err))
    if waiting:
        options.say("", f"  waiting for your review ({waiting}): crossrun patterns review")


import_app = application("import", import_history)
