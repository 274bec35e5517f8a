"""`crossrun retry`: repeats an earlier run from the start."""

from functools import partial
from typing import Annotated, Any

import typer
from msgspec.structs import replace

from crossrun.cli.arguments import Pick, RunReference
from crossrun.cli.earlier_runs import earlier_run
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.option_sets import AGAIN, taking
from crossrun.cli.parsing import options_from
from crossrun.cli.run_options import OutputOptions
from crossrun.cli.starting import start
from crossrun.cli.tasks import TaskCommand
from crossrun.model.runs import Run
from crossrun.redaction import MASK
from crossrun.services.lineage import around_mask
from crossrun.services.options import RetryOptions
from crossrun.services.requests import retried_run
from crossrun.views.words import first_line

SameTask = Annotated[
    str | None, typer.Argument(metavar="[TASK]", help="The task, if it was not stored in full.")
]
KeepWorkspace = Annotated[
    bool, typer.Option("--keep-workspace", help="Work in the folder as the run left it.")
]


@taking(AGAIN)
def retry(
    run: RunReference = None,
    task: SameTask = None,
    keep_workspace: KeepWorkspace = False,
    pick: Pick = False,
    **options_given: Any,  # noqa: ANN401  see `taking`
) -> None:
    """Repeat a run from the start: the same request, a new thread, a fresh workspace.

    A task that contained a secret was not stored in full: give it again as TASK.

    \b
    Examples:
      crossrun retry
      crossrun retry k7f3 --timeout 1h
      crossrun retry k7f3 --keep-workspace
    """
    if pick and task is None:
        run, task = None, run
    arguments = {**locals(), **options_given}
    retry_options = options_from(RetryOptions, arguments)
    options = current()
    app = options.app()
    app.open_for_writing()
    earlier = earlier_run(run, app, pick=pick)
    if not task and MASK in earlier.task:
        retry_options = replace(retry_options, task=_ask_for_task(earlier, options))
    prepared = partial(retried_run, retry_options, earlier.id, app)
    start(prepared, options_from(OutputOptions, arguments), app, options)


def _ask_for_task(earlier: Run, options: Globals) -> str | None:
    place = first_line(around_mask(earlier.task))
    return options.ask(f"The task contained a secret, which was not stored: {place}\nThe task")


retry_app = application("retry", retry, command=TaskCommand)
