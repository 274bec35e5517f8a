"""Arguments that several commands for batches share."""

from typing import Annotated

import typer

KIND = "batch"
"""The kind of the batches that these commands are about."""

BatchReference = Annotated[
    str | None,
    typer.Argument(metavar="[BATCH]", help="An id, a prefix of one, or last."),
]
