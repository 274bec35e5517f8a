"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

RunReference = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="An id, a prefix of one, or last.")
]
RequiredRun = Annotated[str, typer.Argument(metavar="RUN", help="An id, a prefix of one, or last.")]
ProjectId = Annotated[
    str | None,
    typer.Option("--project-id", "-p", metavar="NAME", help="Look in this project only."),
]
OfProject = Annotated[
    str | None, typer.Option("--project-id", "-p", metavar="NAME", help="Only from this project.")
]
Limit = Annotated[
    int, typer.Option("--limit", "-n", metavar="N", min=1, help="Show at most this many.")
]
Pick = Annotated[bool, typer.Option("--pick", help="Pick the run from a list.")]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only from this time on: 2h or 7d ago, or a date."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
NoPager = Annotated[bool, typer.Option("--no-pager", help="Do not use a pager.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.")
]
