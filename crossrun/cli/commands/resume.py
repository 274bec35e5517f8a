"""`crossrun resume`: continues an earlier run."""

from functools import partial
from typing import Annotated, Any

import typer

from crossrun.cli.arguments import Pick, RunReference
from crossrun.cli.earlier_runs import earlier_run
from crossrun.cli.globals import application, current
from crossrun.cli.option_sets import AGAIN, taking
from crossrun.cli.parsing import options_from
from crossrun.cli.run_options import OutputOptions
from crossrun.cli.starting import start
from crossrun.cli.tasks import TaskCommand
from crossrun.services.options import ResumeOptions
from crossrun.services.requests import resumed_run

NextTask = Annotated[
    str | None,
    typer.Argument(metavar="[TASK]", help="What to do next, if the task is a different one."),
]


@taking(AGAIN)
def resume(
    run: RunReference = None,
    task: NextTask = None,
    pick: Pick = False,
    **options_given: Any,  # noqa: ANN401  see `taking`
) -> None:
    """Continue a run that has ended, in the same thread of the agent and the same workspace.

    This makes a new run. Without a TASK, it finishes what was begun, however that ended; turns,
    tokens and cost are counted on, so a limit that was reached has to be raised.

    \b
    Examples:
      crossrun resume
      crossrun resume k7f3 --max-turns 40
      crossrun resume k7f3 "Now add a test for the empty file"
    """
    if pick and task is None:
        run, task = None, run
    arguments = {**locals(), **options_given}
    resume_options = options_from(ResumeOptions, arguments)
    options = current()
    app = options.app()
    app.open_for_writing()
    prepared = partial(resumed_run, resume_options, earlier_run(run, app, pick=pick).id, app)
    start(prepared, options_from(OutputOptions, arguments), app, options)


resume_app = application("resume", resume, command=TaskCommand)
