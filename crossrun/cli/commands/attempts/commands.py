"""The commands of `crossrun attempts`."""

from typing import Annotated, Any

import typer

from crossrun.cli import run_options as opt
from crossrun.cli.arguments import Json, Limit
from crossrun.cli.batch_options import (
    JsonLines,
    batch_options,
)
from crossrun.cli.globals import current
from crossrun.cli.option_sets import BUDGET, RUN_OPTIONS, taking
from crossrun.cli.parsing import Parsed, options_from
from crossrun.cli.run_options import OutputOptions
from crossrun.config.values import up_to
from crossrun.errors import ConsentNeeded, Exit, UsageError
from crossrun.model.batches import BatchOptions
from crossrun.model.choices import MOST_JOBS
from crossrun.projections.documents import document
from crossrun.services.options import RunOptions
from crossrun.store.batches import LAST

KIND = "attempts"
_COUNT, _MOST = 4, 1000

AttemptsReference = Annotated[
    str | None,
    typer.Argument(metavar="[ATTEMPTS]", help="An id, a prefix of one, or last."),
]
Count = Annotated[
    int | None,
    typer.Option(
        "-n", "--count", metavar="N", click_type=Parsed(up_to(_MOST)), help="How many attempts. (4)"
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        click_type=Parsed(up_to(MOST_JOBS)),
        help="How many attempts at the same time. (all)",
    ),
]
All = Annotated[
    bool, typer.Option("--all", help="Run all attempts, even after one has passed the check.")
]
Apply = Annotated[bool, typer.Option("--apply", help="Apply the best attempt to your files.")]
CheckFirst = Annotated[
    bool,
    typer.Option("--check-first", help="Run the check twice before the attempts; it must fail."),
]
JsonObject = Annotated[
    bool, typer.Option("--json", help="Print the ranking as one JSON object at the end.")
]


@taking(RUN_OPTIONS, BUDGET)
def start(
    task: opt.Task = None,
    file: opt.File = None,
    count: Count = None,
    jobs: Jobs = None,
    all_: All = False,
    check_first: CheckFirst = False,
    apply: Apply = False,
    name: opt.Name = None,
    no_watch: opt.NoWatch = False,
    detach: opt.Detach = False,
    notify: opt.Notify = None,
    json: JsonObject = False,
    jsonl: JsonLines = False,
    **options_given: Any,  # noqa: ANN401  see `taking`
) -> None:
    """Try a task several times, each in its own copy of the same state.

    Attempts that pass --verify rank first, then those with the better proof, then those with the
    smaller change. As soon as one has passed, the others are stopped, unless you give --all.

    If standard output is not a terminal, the id of the attempts is printed there.

    \b
    Examples:
      crossrun attempts "Fix the failing test" -n 4 --source . --verify "pytest -q"
      crossrun attempts -f task.md -n 3 --all --source . --verify ./check.sh --apply
      crossrun attempts "Make the parser faster" -n 6 -j 2 --source . --verify ./bench.sh
    """
    arguments = {**locals(), **options_given}
    from crossrun.cli.commands.attempts import work
    from crossrun.cli.tasks import read_task

    output = options_from(OutputOptions, arguments)
    if apply and detach:
        raise UsageError(
            "OPTIONS_CONFLICT",
            "--apply and --detach cannot be used together",
            hint="apply the best one after they have ended; see: crossrun attempts show",
        )
    options = current()
    app = options.app()
    app.open_for_writing()
    # the best attempt is applied, and not each of them
    given = {**arguments, "task": read_task(task, file), "consent": False, "apply": False}
    number = count or _COUNT
    carried_out = batch_options(
        arguments, BatchOptions(jobs=min(number, MOST_JOBS), keep_going=True)
    )
    plan = work.AttemptsPlan(number, carried_out, carry_out_all=all_, check_first=check_first)
    try:
        batch = work.make_batch(options_from(RunOptions, given), plan, app)
    except ConsentNeeded as needed:
        options.confirm(needed.question, hint=needed.hint, declined="nothing was run")
        batch = work.make_batch(options_from(RunOptions, {**given, "consent": True}), plan, app)
    stored = work.store_batch(batch, plan, app, options)
    work.carry_out(stored, output, app, options, applying=apply)


@taking(BUDGET)
def resume(
    attempts: AttemptsReference = None,
    retry_failed: Annotated[bool, typer.Option(help="Also rerun failed attempts.")] = False,
    all_: All = False,
    jobs: Jobs = None,
    apply: Apply = False,
    no_watch: opt.NoWatch = False,
    detach: opt.Detach = False,
    json: JsonObject = False,
    jsonl: JsonLines = False,
    **options_given: Any,  # noqa: ANN401  see `taking`
) -> None:
    """Continue attempts that were stopped, from the same starting state.

    \b
    Examples:
      crossrun attempts resume
      crossrun attempts resume k7f3 --retry-failed
      crossrun attempts resume k7f3 --all
    """
    arguments = {**locals(), **options_given}
    from crossrun.cli.commands.attempts import work

    options = current()
    app = options.app()
    app.open_for_writing()
    stored = app.store.batches.batch(attempts or LAST, kind=KIND)
    carried_out = batch_options(arguments, stored.options)
    continued = work.reopen_batch(
        stored, app, carried_out, carry_out_all=all_, retry_failed=retry_failed
    )
    output = options_from(OutputOptions, arguments)
    work.carry_out(continued, output, app, options, retry_failed=retry_failed, applying=apply)


def list_attempts(
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List attempts, the newest first."""
    from crossrun.cli.commands.batch.reading import list_of_kind

    none = 'no attempts yet; for example:\n  crossrun attempts "Fix the test" --verify "pytest -q"'
    list_of_kind(KIND, limit=limit, json=json, none=none)


def show(attempts: AttemptsReference = None, json: Json = False) -> None:
    """Show the ranking of attempts.

    \b
    Examples:
      crossrun attempts show
      crossrun apply "$(crossrun attempts show --json | jq -r .winner)"
    """
    from crossrun.batches.documents import state_of
    from crossrun.cli.commands.attempts import work
    from crossrun.services.batches.attempts import attempts_of
    from crossrun.views.attempts import attempts_details

    options = current()
    app = options.open_app()
    chosen = app.store.batches.batch(attempts or LAST, kind=KIND)
    if json:
        options.out.emit(document(work.object_of(app, chosen)))
        return
    state = state_of(chosen, is_active=app.store.batches.is_active(chosen.id))
    options.out.write(attempts_details(chosen, attempts_of(app, chosen), options.out, state=state))


def cancel(attempts: AttemptsReference = None, json: Json = False) -> None:
    """Cancel attempts and all their runs."""
    from crossrun.cli.commands.attempts import work
    from crossrun.services.batches.cancelling import cancel_batch

    options = current()
    app = options.open_app()
    chosen = app.store.batches.batch(attempts or LAST, kind=KIND)
    chosen = cancel_batch(app, chosen.id)
    if json:
        options.out.emit(document(work.object_of(app, chosen)))
    state = "still ending" if chosen.state is None else str(chosen.state).replace("_", " ")
    options.say(f"attempts {chosen.id}: {state}")
    raise typer.Exit(Exit.STILL_RUNNING if chosen.state is None else Exit.OK)
