"""The run that a command is about, if need be picked from a list."""

import sys
from collections.abc import Sequence

from crossrun.cli.globals import current
from crossrun.errors import UsageError
from crossrun.model.queries import RunFilter
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.services.app import App

_LISTED = 50


def chosen_run(
    app: App, reference: str | None, project_id: str | None = None, *, pick: bool = False
) -> Run:
    """The run with an id; without one, the one that the user picks, else the newest.

    Args:
        app: where runs are.
        reference: the RUN of the command.
        project_id: the project to look in.
        pick: whether --pick is given.

    Raises:
        UsageError: OPTIONS_CONFLICT, NO_TERMINAL: --pick is given and not possible.
        NotFoundError: there is no such run.
        KeyboardInterrupt: the user left the list.
    """
    filters = RunFilter(project_id=project_id, limit=_LISTED)
    return app.run(_reference(app, reference, filters, pick=pick), project_id)


def chosen_ids(app: App, references: Sequence[str], *, pick: bool = False) -> list[str]:
    """The ids of several runs, each once; without any, that of an active run that is picked."""
    filters = RunFilter(status=Status.RUNNING, limit=_LISTED)
    first = _reference(app, references[0] if references else None, filters, pick=pick)
    wanted = [] if first is None else [first, *references[1:]]
    return list(dict.fromkeys(app.run(reference).id for reference in wanted))


def _reference(app: App, reference: str | None, filters: RunFilter, *, pick: bool) -> str | None:
    if pick and reference is not None:
        raise UsageError(
            "OPTIONS_CONFLICT",
            "--pick and RUN cannot be used together",
            hint="use only one of them",
        )
    options = current()
    possible = sys.stdin.isatty() and options.err.live
    if pick and not possible:
        raise UsageError(
            "NO_TERMINAL",
            "picking a run needs a terminal",
            hint="name the run; list them: crossrun runs",
        )
    if reference is not None or not possible or not (pick or app.settings.ui.pick):
        return reference
    lines = app.store.read.lines(filters)
    if not lines:
        return None
    from crossrun.cli.run_picker import pick as pick_from

    return pick_from(lines, options.err)
