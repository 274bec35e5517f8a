"""The run that a command continues or repeats."""

import shlex

import click

from crossrun.cli.picking import chosen_run
from crossrun.errors import NotFoundError
from crossrun.model.runs import Run
from crossrun.services.app import App


def earlier_run(reference: str | None, app: App, *, pick: bool = False) -> Run:
    """The run to continue or repeat; see `picking.chosen_run`.

    Raises:
        NotFoundError: there is none; the hint is for those who gave a task in its place.
    """
    try:
        return chosen_run(app, reference, pick=pick)
    except NotFoundError as error:
        if reference is None or " " not in reference.strip():
            raise
        command = click.get_current_context().command_path
        raise NotFoundError(
            error.code,
            error.message,
            hint=f"put the task after the run: {command} last {shlex.quote(reference)}",
        ) from error
