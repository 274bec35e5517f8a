"""What the commands for experiments share."""

from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.services.app import App
from crossrun.store.batches import LAST

if TYPE_CHECKING:
    from crossrun.services.experiments.reading import Experiment

KIND = "experiment"

ExperimentReference = Annotated[
    str | None,
    typer.Argument(metavar="[ID]", help="An id, a prefix of one, or last."),
]


def experiment_of(app: App, reference: str | None) -> "Experiment":
    """The experiment of a reference; by default the newest.

    Raises:
        NotFoundError: there is none, or more than one.
    """
    from crossrun.services.experiments.reading import read_experiment

    return read_experiment(app, app.store.batches.batch(reference or LAST, kind=KIND))
