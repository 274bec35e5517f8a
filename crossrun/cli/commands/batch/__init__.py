"""`crossrun batch`: many runs as one thing."""

from crossrun.cli.commands.batch.reading import cancel, list_batches, results, show
from crossrun.cli.commands.batch.starting import plan, resume, start
from crossrun.cli.commands.batch.watching import watch
from crossrun.cli.groups import group

_HELP = """Run many tasks as a batch: one for each row of a file, or for each file.

`crossrun batch FILE` starts a batch (`batch start --help` lists the options). If a file has the
name of a command below, write `batch start FILE`.

\b
Examples:
  crossrun batch tasks.yaml --jobs 4 --keep-going
  crossrun batch plan tasks.yaml
  crossrun batch --glob 'old/*.docx' --task 'Convert {path} to new/{stem}.md' --jobs 4
  crossrun batch show
  crossrun batch resume --retry-failed
  crossrun batch results -o results.csv
"""

batch_app = group(
    "batch",
    _HELP,
    start=start,
    plan=plan,
    list=list_batches,
    show=show,
    watch=watch,
    resume=resume,
    cancel=cancel,
    results=results,
)
