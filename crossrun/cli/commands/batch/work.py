"""How the words of `crossrun batch` become a batch, and how it is carried out."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from msgspec.structs import replace

from crossrun.batches.documents import batch_object, row_object
from crossrun.batches.files import form_of, parse_rows
from crossrun.batches.progress import Usage
from crossrun.cli.batch_options import batch_options
from crossrun.cli.batching import BatchCommand, BatchDocuments, carry_out_batch, view_for_people
from crossrun.cli.globals import Globals
from crossrun.cli.parsing import options_from
from crossrun.cli.run_options import OutputOptions
from crossrun.errors import ConsentNeeded, UsageError
from crossrun.model.batches import Batch, BatchOptions
from crossrun.services.app import App
from crossrun.services.batches.planning import BatchPlan, file_rows, path_rows, plan_batch
from crossrun.services.batches.results import document_of
from crossrun.services.options import RunOptions

_STDIN = "standard input"


def plan_of(arguments: Mapping[str, Any], app: App) -> BatchPlan:
    """The rows of a file, or of the files that a pattern matches, with the options for all.

    Raises:
        UsageError: there are no rows, or they are broken.
    """
    file, pattern = arguments["file"], arguments["glob"]
    given = {name: value for name, value in arguments.items() if name != "name"}
    options = options_from(RunOptions, given)
    if file is not None and pattern is not None:
        raise UsageError(
            "OPTIONS_CONFLICT",
            "FILE and --glob cannot be used together",
            hint="use only one of them",
        )
    if file is not None:
        return _plan_of_file(file, arguments, options)
    if pattern is not None:
        return _plan_of_pattern(pattern, arguments, options, app)
    raise UsageError(
        "OPTION_INVALID",
        "there are no rows: give a FILE or --glob",
        hint="for example: crossrun batch tasks.yaml; see: crossrun batch start --help",
    )


def _plan_of_file(file: str, arguments: Mapping[str, Any], options: RunOptions) -> BatchPlan:
    is_stdin = file == "-"
    name, content = (_STDIN, sys.stdin.buffer.read()) if is_stdin else (file, _read(file))
    rows = parse_rows(content, arguments["rows_format"] or form_of(name), name)
    return BatchPlan(
        rows=file_rows(rows, options, Path() if is_stdin else Path(file).absolute().parent),
        options=options,
        batch_options=batch_options(arguments, BatchOptions()),
        name=arguments["name"] or Path(name).name,
        origin=None if is_stdin else str(Path(file).resolve()),
    )


def _plan_of_pattern(
    pattern: str, arguments: Mapping[str, Any], options: RunOptions, app: App
) -> BatchPlan:
    if options.task is None:
        raise UsageError(
            "TASK_EMPTY",
            "no task was given for the files",
            hint="say what to do with each file: --task 'Convert {path}'",
        )
    return BatchPlan(
        rows=path_rows(pattern, options, app.settings.environ),
        options=options,
        batch_options=batch_options(arguments, BatchOptions()),
        name=arguments["name"] or pattern,
        origin=str(Path(options.source or options.workspace or ".").absolute() / pattern),
    )


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UsageError(
            "ROWS_UNREADABLE",
            f"{file} cannot be read: {error.strerror}",
            hint="check the path; for the commands of batch, see: crossrun batch --help",
        ) from error


def make_batch(plan: BatchPlan, app: App, options: Globals) -> Batch:
    """The batch; asks for consent where a row needs it."""
    try:
        return plan_batch(plan, app)
    except ConsentNeeded as needed:
        options.confirm(needed.question, hint=needed.hint, declined="nothing was run")
        consenting = replace(plan, options=replace(plan.options, consent=True))
        return plan_batch(consenting, app)


def plan_object(batch: Batch) -> dict[str, Any]:
    """The batch with the whole request of each row; it has no id yet."""
    plain = batch_object(batch, Usage(), is_active=False)
    requests = [msgspec.to_builtins(row.request) for row in batch.rows]
    rows = [
        {**row, "request": request} for row, request in zip(plain["rows"], requests, strict=True)
    ]
    return {**plain, "id": None, "state": "planned", "rows": rows}


def carry_out(
    batch: Batch, output: OutputOptions, app: App, options: Globals, *, retry_failed: bool = False
) -> NoReturn:
    """Carries a stored batch out, and ends the command."""
    carry_out_batch(
        BatchCommand(batch.id, batch.options.jobs, retry_failed),
        partial(view_for_people, batch, output, app, options),
        BatchDocuments(
            batch=lambda ended: document_of(app, ended),
            change=lambda change: row_object(change.row, change.state),
        ),
        output,
        app,
        options,
    )
