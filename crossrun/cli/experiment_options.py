"""Options of the commands that carry experiments out; light, since lists import them, too."""

from typing import Annotated

import typer

from crossrun.cli.parsing import Parsed
from crossrun.config.values import up_to

MOST_REPETITIONS = 1000
Repetitions = Annotated[
    int | None,
    typer.Option(
        "-n",
        metavar="N",
        click_type=Parsed(up_to(MOST_REPETITIONS)),
        help="How many times each variant runs each task. (enough for 20 pairs)",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(metavar="N", help="The seed for the order of the runs. (random, and recorded)"),
]
CheckFirst = Annotated[
    bool,
    typer.Option(
        "--check-first",
        help="Leave out tasks whose check already passes, or is flaky.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show tasks and variants; run nothing.")]
AllRuns = Annotated[
    bool, typer.Option("--all", help="Start all planned runs, even if the result is clear earlier.")
]
