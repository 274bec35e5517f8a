"""`crossrun experiment`: which variant does better on the same tasks."""

from crossrun.cli.commands.experiment.reading import cancel, list_experiments, report, show
from crossrun.cli.commands.experiment.starting import resume, start
from crossrun.cli.groups import group

_HELP = """Find out what helps: compare variants on the same tasks, from the same starting state.

`crossrun experiment TASK` starts an experiment (`experiment start --help` lists the options). It
ends as soon as it is clear which variant does better, or that they do equally well.

\b
Examples:
  crossrun experiment "Fix the failing test" --source . --verify "pytest -q" \\
    --variant without:pattern=off --variant with:skill=./skills/tdd
  crossrun experiment --suite tasks.yaml --variant now --variant new:model=gpt-7
  crossrun experiment --runs --tag release --variant plain --variant ours:instructions=AGENTS.md
  crossrun experiment show
  crossrun experiment report --format svg -o result.svg
"""

experiment_app = group(
    "experiment",
    _HELP,
    start=start,
    list=list_experiments,
    show=show,
    report=report,
    resume=resume,
    cancel=cancel,
)
