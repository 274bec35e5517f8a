"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

RunReference = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="An id, the beginning of one, or last.")
]
ProjectId = Annotated[str | None, typer.Option(metavar="NAME", help="Look in this project only.")]
OfProject = Annotated[
    str | None, typer.Option("--project-id", metavar="NAME", help="Only of this project.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
NoPager = Annotated[bool, typer.Option("--no-pager", help="Do not use a pager.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.")
]
