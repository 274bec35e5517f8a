"""`crossrun batch FILE`, `batch plan` and `batch resume`: batches that run, or would."""

from typing import Annotated, Any

import typer

from crossrun.batches.files import ROW_FORMS, RowForm
from crossrun.cli import run_options as opt
from crossrun.cli.batch_options import (
    Jobs,
    Json,
    JsonLines,
    KeepGoing,
    batch_options,
)
from crossrun.cli.commands.batch.arguments import KIND, BatchReference
from crossrun.cli.globals import current
from crossrun.cli.option_sets import ROWS, RUN_OPTIONS, taking
from crossrun.cli.parsing import Parsed, options_from
from crossrun.cli.run_options import OutputOptions
from crossrun.config.values import one_of
from crossrun.projections.documents import document
from crossrun.store.batches import LAST

File = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE]", help="Rows as YAML, JSON lines or CSV; - reads standard input."
    ),
]
Pattern = Annotated[
    str | None,
    typer.Option("--glob", metavar="PATTERN", help="A row for each file: 'old-sops/*.docx'."),
]
TaskForAll = Annotated[
    str | None,
    typer.Option(metavar="TEMPLATE", help="The task of all rows: 'Convert {path} to Markdown'."),
]
RowsFormat = Annotated[
    RowForm | None,
    typer.Option(
        metavar="|".join(ROW_FORMS),
        click_type=Parsed(one_of(*ROW_FORMS)),
        help="The format of the rows, unless the file name shows it.",
    ),
]
BatchName = Annotated[
    str | None, typer.Option("--name", help="A name for the batch. (the name of the file)")
]
New = Annotated[
    bool, typer.Option("--new", help="Run all rows again, even if a batch is unfinished.")
]


@taking(RUN_OPTIONS, ROWS)
def start(
    file: File = None,
    glob: Pattern = None,
    task: TaskForAll = None,
    rows_format: RowsFormat = None,
    name: BatchName = None,
    jobs: Jobs = None,
    new: New = False,
    no_watch: opt.NoWatch = False,
    detach: opt.Detach = False,
    notify: opt.Notify = None,
    json: Json = False,
    jsonl: JsonLines = False,
    **options_given: Any,  # noqa: ANN401  see `taking`
) -> None:
    """Run many tasks: one for each row of a file, or for each file that a pattern matches.

    A row is a task, or has fields: any option of `run` by name, `name`, `after` (rows that must
    succeed first), and `from` (the row whose workspace it starts with). Options given here apply to
    all rows that do not set them. Their texts can contain fields of the row in braces.

    If standard output is not a terminal, the id of the batch is printed there.

    \b
    Examples:
      crossrun batch tasks.yaml --jobs 4 --keep-going
      crossrun batch --glob 'old/*.docx' --task 'Convert {path} to new/{stem}.md' --jobs 4
      crossrun batch cities.csv --task 'Collect figures on {city}' --budget-tokens 2000000
      crossrun batch start -h
    """
    arguments = {**locals(), **options_given}
    from crossrun.cli.commands.batch import work
    from crossrun.services.batches.starting import require_nothing_unfinished

    options = current()
    app = options.app()
    plan = work.plan_of(arguments, app)
    app.open_for_writing()
    if not new:
        require_nothing_unfinished(plan, app)
    planned = work.make_batch(plan, app, options)
    batch = app.store.batches.add(planned, app.redactor, alone=not new)
    work.carry_out(batch, options_from(OutputOptions, arguments), app, options)


@taking(RUN_OPTIONS, {"keep_going": KeepGoing})
def plan(
    file: File = None,
    glob: Pattern = None,
    task: TaskForAll = None,
    rows_format: RowsFormat = None,
    name: BatchName = None,
    jobs: Jobs = None,
    json: Json = False,
    **options_given: Any,  # noqa: ANN401  see `taking`
) -> None:
    """Show what a batch would do, and in which order. Everything is checked, nothing is run.

    \b
    Examples:
      crossrun batch plan tasks.yaml
      crossrun batch plan tasks.csv --json | jq '.rows[] | {name, after, request}'
    """
    arguments = {**locals(), **options_given}
    from crossrun.cli.commands.batch import work
    from crossrun.views.batches import plan_lines

    options = current()
    app = options.app()
    app.store.open_for_reading()
    batch = work.make_batch(work.plan_of(arguments, app), app, options)
    if json:
        options.out.emit(document(work.plan_object(batch)))
    else:
        options.out.write(plan_lines(batch, options.out))
        options.say("nothing was run")


@taking(ROWS)
def resume(
    batch: BatchReference = None,
    retry_failed: Annotated[
        bool, typer.Option(help="Also rerun rows that failed or were cancelled.")
    ] = False,
    jobs: Jobs = None,
    no_watch: opt.NoWatch = False,
    detach: opt.Detach = False,
    json: Json = False,
    jsonl: JsonLines = False,
    **options_given: Any,  # noqa: ANN401  see `taking`
) -> None:
    """Continue a batch where it was stopped. Rows that succeeded do not run again.

    Rows run as they were planned, even if their file has changed. Budgets count from the start of
    the batch; those given here replace earlier ones.

    \b
    Examples:
      crossrun batch resume
      crossrun batch resume k7f3 --retry-failed --jobs 2
      crossrun batch resume k7f3 --budget-tokens 5000000
    """
    arguments = {**locals(), **options_given}
    from crossrun.cli.commands.batch import work
    from crossrun.services.batches.starting import require_resumable, with_options

    options = current()
    app = options.app()
    app.open_for_writing()
    stored = app.store.batches.batch(batch or LAST, kind=KIND)
    require_resumable(stored, app, retry_failed=retry_failed)
    continued = with_options(stored, batch_options(arguments, stored.options), app)
    output = options_from(OutputOptions, arguments)
    work.carry_out(continued, output, app, options, retry_failed=retry_failed)
