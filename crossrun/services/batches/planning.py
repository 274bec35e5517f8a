"""From rows to a batch whose requests are complete, with everything checked before it starts."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from crossrun.batches.files import RowFile
from crossrun.batches.graph import require_order
from crossrun.batches.rows import RowPlan, rows_of_file, rows_of_paths
from crossrun.errors import ConsentNeeded, CrossrunError, UsageError
from crossrun.model.batches import Batch, BatchOptions, BatchRow
from crossrun.model.requests import BeginWith, Limits, MemoryOptions, RunRequest
from crossrun.redaction import MASK
from crossrun.services.app import App
from crossrun.services.assembly import check_task, gather_dependencies
from crossrun.services.lineage import around_mask, expected_parent
from crossrun.services.notices import once
from crossrun.services.options import RunOptions
from crossrun.services.requests import ProjectReader, run_request
from crossrun.system.clock import now

_SOURCES = ("source", "from_run_id", "workspace", "empty")
_MOST_PLACES = 3


class BatchPlan(Struct, frozen=True, kw_only=True):
    """What is to be carried out, as the user says it.

    `options` are for all rows. `origin` names the file or the files that the rows come from, so
    that a batch can be recognised when it is started again; None: it cannot.
    """

    rows: Sequence[RowPlan]
    options: RunOptions
    batch_options: BatchOptions
    name: str | None = None
    origin: str | None = None


def given_options(options: RunOptions) -> dict[str, Any]:
    """The options that were given, by name."""
    defaults = RunOptions()
    return {
        name: value
        for name in RunOptions.__struct_fields__
        if (value := getattr(options, name)) != getattr(defaults, name)
    }


def file_rows(rows: RowFile, options: RunOptions, folder: Path) -> list[RowPlan]:
    """The rows of a file, whose paths are relative to a folder.

    Raises:
        UsageError: a row is broken, or no row would get the task that is given for all.
    """
    if options.task is not None and all(entry.fields.get("task") for entry in rows.entries):
        raise UsageError(
            "OPTIONS_CONFLICT",
            f"--task is for rows without a task, and each row of {rows.name} has one",
            hint="leave it out, or remove the tasks from the rows",
        )
    return rows_of_file(rows, _options_for_all(options), folder)


def path_rows(pattern: str, options: RunOptions, environ: Mapping[str, str]) -> list[RowPlan]:
    """A row for each file that a pattern matches, in the source or in the current folder.

    Unless another folder is named, each run gets a copy of the current one, in which its file is.

    Raises:
        UsageError: no file matches, or the current folder contains the user's home.
    """
    for_all = _options_for_all(options)
    if not any(for_all.get(name) for name in _SOURCES):
        _require_below_home(environ)
        for_all["source"] = "."
    folder = Path(for_all.get("source") or for_all.get("workspace") or ".")
    return rows_of_paths(_matching_files(pattern, folder), for_all)


def plan_batch(plan: BatchPlan, app: App) -> Batch:
    """The batch, with the request of each row; nothing is recorded.

    Raises:
        ConsentNeeded: the user has to agree first, once for all rows.
        CrossrunError: something is missing or contradicts; the message names the row.
    """
    require_order(plan.rows)
    requests = _requests(plan, App(app.settings, once(app.notify)))
    _require_separate_folders(plan, requests)
    _check_dependencies(plan, requests, app)
    rows = [
        BatchRow(
            number=row.number,
            name=row.name,
            request=request,
            after=row.after,
            from_row=row.from_row,
        )
        for row, request in zip(plan.rows, requests, strict=True)
    ]
    return Batch(
        id="",
        kind="batch",
        project_id=plan.options.project_id or app.settings.project_id,
        created_at=now(),
        name=plan.name,
        options=plan.batch_options,
        design={"origin": plan.origin, "task": plan.options.task},
        rows=tuple(rows),
    )


def _require_below_home(environ: Mapping[str, str]) -> None:
    """Refuses to copy a whole home unasked."""
    folder, home = Path.cwd(), environ.get("HOME")
    if home and Path(home).resolve().is_relative_to(folder):
        raise UsageError(
            "OPTION_INVALID",
            f"each run would get a copy of {folder}, which contains your home folder",
            hint="name the folder to copy, in which files are matched: --source DIR",
        )


def _options_for_all(options: RunOptions) -> dict[str, Any]:
    return {name: value for name, value in given_options(options).items() if name != "consent"}


def _matching_files(pattern: str, folder: Path) -> list[str]:
    from glob import glob

    matching = glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207  Path takes hidden ones
    paths = sorted(path for path in matching if (folder / path).is_file())
    if not paths:
        raise UsageError(
            "ROWS_UNREADABLE",
            f"no file matches {pattern!r} in {folder.absolute()}",
            hint="give it relative to that folder, in quotes; ** matches any folders, as in "
            "'docs/**/*.md'",
        )
    return paths


def _requests(plan: BatchPlan, app: App) -> list[RunRequest]:
    requests, questions = [], {}
    project_of = cache(app.store.read.project)
    for row in plan.rows:
        with _naming_row(row):
            try:
                requests.append(_request(row, plan.options, app, project_of))
            except ConsentNeeded as needed:
                questions[needed.question] = needed
    if not questions:
        return requests
    first, *others = questions.values()
    if not others:
        raise first
    raise ConsentNeeded("CONSENT_NEEDED", "\n".join(questions), hint=first.hint)


def _request(row: RowPlan, for_all: RunOptions, app: App, project_of: ProjectReader) -> RunRequest:
    options = RunOptions(**row.options, consent=for_all.consent)
    if row.from_row is not None:
        _require_no_source(row.options)
        options = replace(options, empty=True)
    request = run_request(options, app, project_of)
    check_task(request)
    expected_parent(app.store, request)
    require_no_secret(request, app)
    return request


def _require_no_source(options: Mapping[str, Any]) -> None:
    other = next((name for name in _SOURCES if options.get(name)), None)
    if other is not None:
        raise UsageError(
            "OPTIONS_CONFLICT",
            f"from and {other} cannot be used together",
            hint="a row starts with the workspace of another row, or with a source",
        )


def require_no_secret(request: RunRequest, app: App, *names: str) -> None:
    """Refuses what would not be stored as it is, since a batch is carried out from the store.

    Args:
        request: of a row.
        app: knows what secrets are.
        names: other texts of the row, such as its labels.

    Raises:
        UsageError: REQUEST_REDACTED.
    """
    texts = (request.task, request.name, request.tags, request.verify, request.codex.config)
    others = (request.begin_with, request.memory.values, request.recording, names)
    text, removed = app.redactor(msgspec.json.encode((texts, others)).decode())
    if removed and MASK in text:
        raise UsageError(
            "REQUEST_REDACTED",
            f"the request contains a secret, which would not be stored: {around_mask(text)}",
            hint="put the secret into an environment variable and refer to that instead",
        )


def _require_separate_folders(plan: BatchPlan, requests: Sequence[RunRequest]) -> None:
    """Refuses runs that would work in one folder of the user's at the same time."""
    folders = [request.begin_with.in_place for request in requests]
    for row, folder in zip(plan.rows, folders, strict=True):
        if folder is not None and folders.count(folder) > 1 and plan.batch_options.jobs > 1:
            raise UsageError(
                "OPTIONS_CONFLICT",
                f"{row.place}: another row works in {folder} at the same time",
                hint="run them one after the other: --jobs 1",
            )


def _check_dependencies(plan: BatchPlan, requests: Sequence[RunRequest], app: App) -> None:
    """Looks whether what the runs work with is there: once for all that work with the same."""
    checked = set()
    for row, request in zip(plan.rows, requests, strict=True):
        needs = _dependencies_of(request, with_cost=plan.batch_options.budget.cost is not None)
        if needs not in checked:
            checked.add(needs)
            with _naming_row(row):
                gather_dependencies(needs, app)


def _dependencies_of(request: RunRequest, *, with_cost: bool) -> RunRequest:
    """The request without what differs between rows and needs nothing."""
    cost = request.limits.max_cost
    return replace(
        request,
        task="",
        name=None,
        tags=(),
        verify=None,
        limits=Limits(max_cost=1.0 if with_cost and cost is None else cost),
        begin_with=BeginWith(),
        memory=MemoryOptions(learn_with=request.memory.learn_with),
        template=None,
        origins=None,
    )


@contextmanager
def _naming_row(row: RowPlan) -> Iterator[None]:
    """Names the row in errors."""
    try:
        yield
    except ConsentNeeded:
        raise
    except CrossrunError as error:
        raise type(error)(
            error.code, f"{row.place}: {error.message}", hint=error.hint, retryable=error.retryable
        ) from error
