"""Options of the commands that carry experiments out; light, since lists import them, too."""

from typing import Annotated

import typer

from crossrun.cli.parsing import Parsed
from crossrun.config.values import positive

Repetitions = Annotated[
    int | None,
    typer.Option(
        "-n",
        metavar="N",
        click_type=Parsed(positive),
        help="How often each variant does each task (as often as 20 pairs take).",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(metavar="N", help="Draws the order of runs; by default a random one is recorded."),
]
CheckFirst = Annotated[
    bool,
    typer.Option(
        "--check-first",
        help="Leave tasks out whose check passes before anything is done, or is flaky.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show tasks and variants; run nothing.")]
AllRuns = Annotated[
    bool, typer.Option("--all", help="Carry all planned runs out, although it is decided.")
]
