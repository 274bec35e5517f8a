"""The runs that a command is about, by their ids."""

import shlex
from collections.abc import Sequence

import click

from crossrun.errors import NotFoundError
from crossrun.model.runs import Run
from crossrun.services.app import App


def earlier_run(reference: str | None, app: App) -> Run:
    """The run with this id, by default the newest.

    Raises:
        NotFoundError: there is none; the hint is for those who gave a task in its place.
    """
    try:
        return app.run(reference)
    except NotFoundError as error:
        if reference is None or " " not in reference.strip():
            raise
        command = click.get_current_context().command_path
        raise NotFoundError(
            error.code,
            error.message,
            hint=f"a task comes after the run: {command} last {shlex.quote(reference)}",
        ) from error


def run_ids(references: Sequence[str], app: App) -> list[str]:
    """The ids of several runs, each once."""
    return list(dict.fromkeys(app.run(reference).id for reference in references))
