"""Prepares runs that come from earlier ones: by resume, by retry, or from a cloned workspace."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from crossrun.errors import ConfigurationError, NotFoundError, StillRunningError, UsageError
from crossrun.events import RunStarted, decode
from crossrun.executors.registry import spec_of
from crossrun.model.batches import BatchPlace
from crossrun.model.requests import BeginWith, MemoryOptions, RunRequest
from crossrun.model.runs import Run, Source, require_own_files
from crossrun.model.status import Status
from crossrun.projections.resume import FOLDED, Parent, ResumeState
from crossrun.redaction import MASK
from crossrun.store import Store

_AROUND = 40
"""Characters shown on both sides of a removed secret."""
Revision = Callable[[RunRequest], RunRequest]
"""Changes an earlier request as the user wants."""


def _unchanged(request: RunRequest) -> RunRequest:
    return request


class PreparedRun(NamedTuple):
    """A request, the run that it comes from, and the row of a batch that it carries out."""

    request: RunRequest
    parent: Parent
    place: BatchPlace | None = None


@contextmanager
def prepare_run(store: Store, request: RunRequest) -> Iterator[PreparedRun]:
    """Prepares a new run, which may begin with a clone of an earlier run's workspace.

    Yields:
        The run. The workspace to clone is locked until the clone is made.

    Raises:
        CrossrunError: that is not possible; nothing has happened yet.
    """
    if request.begin_with.run_id is None or request.begin_with.frozen is not None:
        yield PreparedRun(request, Parent())
        return
    with ExitStack() as lock:
        earlier = store.read.run(request.begin_with.run_id)
        require_own_files(earlier)
        newest = store.read.newest_in(earlier.workspace) or earlier
        if not lock.enter_context(store.sharing(newest.id)):
            raise in_use_error(newest)
        _require_end(store.read.run(newest.id))
        _require_folder(earlier)
        parent = Parent(
            cloned=Path(earlier.workspace), let_go=lock.close, source=_of_clone(earlier.source)
        )
        yield PreparedRun(request, parent)


def expected_parent(store: Store, request: RunRequest) -> Parent:
    """What a new run would come from, without locking it.

    Raises:
        NotFoundError: there is no such run.
    """
    if request.begin_with.run_id is None or request.begin_with.frozen is not None:
        return Parent()
    earlier = store.read.run(request.begin_with.run_id)
    require_own_files(earlier)
    _require_folder(earlier)
    return Parent(cloned=Path(earlier.workspace), source=_of_clone(earlier.source))


def in_use_error(run: Run) -> StillRunningError:
    """The error for a run that another command is using."""
    _require_end(run)
    return StillRunningError(
        "TAKEN_UP",
        f"run {run.id} is in use by another command",
        hint="find it with: crossrun runs",
    )


def _of_clone(source: Source | None) -> Source | None:
    """The source of a clone: a clone of the user's own folder counts as a copy of it."""
    if source is None or source.kind != "in_place":
        return source
    return replace(source, kind="folder")


def prepare_resume(
    store: Store, run: Run, task: str | None, revise: Revision = _unchanged
) -> PreparedRun:
    """Prepares a run that continues in the agent's thread and workspace, perhaps with a new task.

    Raises:
        CrossrunError: that is not possible; nothing has happened yet.
    """
    require_own_files(run)
    _require_workspace(store, run)
    _require_prepared(store, run)
    request, state = revise(_request(store, run)), _resume_state(store, run)
    if task is not None:
        request, state = replace(request, task=task), state.with_new_task()
    elif run.status is not Status.SUCCEEDED and spec_of(request.executor).runs_task:
        state.prompt = request.task  # no agent reads what went wrong: the script runs again
    elif run.status is Status.SUCCEEDED:
        raise UsageError(
            "NOTHING_LEFT",
            f"run {run.id} succeeded; there is nothing left to do",
            hint=f'give it something to do next: crossrun resume {run.id} "your task"',
        )
    has_task = state.thread_id is not None or task is not None
    _require_whole(
        f"resume {run.id}",
        task="" if has_task else request.task,
        check=request.verify,
        options=request.codex.config,
    )
    memory = _memory(store, run, request.memory)
    parent = Parent(
        resumed_from=run.id,
        workspace=Path(run.workspace),
        source=_source(store, run),
        new_task=task is not None,
        state=state,
    )
    return PreparedRun(replace(request, memory=memory), parent)


@contextmanager
def prepare_retry(
    store: Store,
    run: Run,
    task: str | None,
    revise: Revision = _unchanged,
    *,
    keep_workspace: bool,
) -> Iterator[PreparedRun]:
    """Prepares a run that repeats a request from the start, perhaps with a new task.

    Raises:
        CrossrunError: that is not possible; nothing has happened yet.
    """
    require_own_files(run)
    _require_end(run)
    request = revise(_request(store, run))
    # the new thread has not seen a pattern, so the choice of the first run counts again
    original = _request(store, store.read.lineage(run)[0])
    request = replace(request, memory=replace(original.memory, in_experiment=False))
    _require_whole(
        f"retry {run.id}",
        task=request.task if task is None else "",
        check=request.verify,
        options=(request.agent, request.codex, request.begin_with, request.recording),
    )
    request = replace(request, task=task or request.task, begin_with=_still_there(request))
    if keep_workspace:
        _require_workspace(store, run)
        _require_prepared(store, run)
        workspace, source = Path(run.workspace), _source(store, run)
        yield PreparedRun(request, Parent(retry_of=run.id, workspace=workspace, source=source))
        return
    with prepare_run(store, request) as prepared:
        yield prepared._replace(parent=replace(prepared.parent, retry_of=run.id))


def _request(store: Store, run: Run) -> RunRequest:
    """The request of an earlier run."""
    event = store.read.first_event(run.id, RunStarted)
    if event is None:
        raise ConfigurationError(
            "RUN_NEWER",
            f"the request of run {run.id} was recorded by a newer crossrun",
            hint="continue it with that version, or update crossrun",
        )
    if run.applied is not None and run.applied.branch and run.applied.is_complete:
        # the branch exists now, and another run cannot make it again
        return replace(event.request, apply=False, branch=None)
    return event.request


def _still_there(request: RunRequest) -> BeginWith:
    """What a repeated run begins with: the source as it is now if its frozen copy is gone."""
    begin = request.begin_with
    is_gone = begin.frozen is not None and not Path(begin.frozen).is_dir()
    return replace(begin, frozen=None) if is_gone else begin


def _resume_state(store: Store, run: Run) -> ResumeState:
    """The state after a run and all runs that it continues."""
    state = ResumeState()
    for each in store.read.lineage(run):
        for stored in store.read.events(each.id, types=("run_started", *FOLDED)):
            event = decode(stored.body)
            if isinstance(event, RunStarted) and event.new_task:
                state = state.with_new_task()
            state.apply(event)
        state = state.settled()
    return state


def _source(store: Store, run: Run) -> Source | None:
    """Where the files of a workspace came from, as last recorded in its lineage."""
    lineage = reversed(store.read.lineage(run))
    return next((each.source for each in lineage if each.source is not None), None)


def _memory(store: Store, run: Run, memory: MemoryOptions) -> MemoryOptions:
    """Keeps the earlier decision, since the agent has seen that pattern or has not."""
    decided = run.pattern
    was_given = decided is not None and decided.decision in ("injected", "forced")
    pattern_id = decided.pattern_id if decided is not None and was_given else None
    exists = pattern_id is not None and store.patterns.find(pattern_id) is not None
    return replace(
        memory,
        off=not exists,
        pattern_id=pattern_id if exists else None,
        reference_run_id=None,
        carried_on_from=run.id,
        in_experiment=False,
    )


def _require_end(run: Run) -> None:
    if not run.ended:
        raise StillRunningError(
            "STILL_RUNNING",
            f"run {run.id} is {run.status}",
            hint=f"wait for it: crossrun wait {run.id}; or stop it: crossrun cancel {run.id}",
        )


def _require_workspace(store: Store, run: Run) -> None:
    """Makes sure that the run is the newest in its workspace, and has ended."""
    newest = store.read.newest_in(run.workspace)
    if newest is not None and newest.id != run.id:
        _require_end(newest)
        raise UsageError(
            "WORKSPACE_TAKEN_OVER",
            f"run {newest.id} has taken over the workspace of run {run.id}",
            hint=f"continue that one: crossrun resume {newest.id}",
        )
    _require_end(run)
    _require_folder(run)


def _require_prepared(store: Store, run: Run) -> None:
    """Makes sure that the workspace was once complete, with source and setup."""
    for each in store.read.lineage(run):
        if any(True for _ in store.read.events(each.id, types=["workspace_prepared"])):
            return
    raise UsageError(
        "NEVER_BEGUN",
        f"run {run.id} ended before its workspace was ready: there is nothing to continue",
        hint=f"start again: crossrun retry {run.id}",
    )


def _require_folder(run: Run) -> None:
    if not Path(run.workspace).is_dir():
        raise NotFoundError(
            "WORKSPACE_GONE",
            f"the workspace of run {run.id} is gone: {run.workspace}",
            hint=f"start again: crossrun retry {run.id}",
        )


def _require_whole(command: str, *, task: str, check: str | None, options: object) -> None:
    """Refuses requests with a removed secret: the agent would get the mask instead."""
    parts = {
        "task": (task, f'crossrun {command} "your task"'),
        "check": (check or "", f"crossrun {command} --verify COMMAND"),
        "request": (msgspec.json.encode(options).decode(), "crossrun run"),
    }
    for part, (text, again) in parts.items():
        if MASK in text:
            raise UsageError(
                "REQUEST_REDACTED",
                f"the {part} contained a secret, which was not stored: {around_mask(text)}",
                hint=f"give it again, with the secret in an environment variable: {again}",
            )


def around_mask(text: str) -> str:
    """The text around the first removed secret, on one line."""
    at = text.index(MASK)
    begin, end = max(at - _AROUND, 0), at + len(MASK) + _AROUND
    before, after = "…" * (begin > 0), "…" * (end < len(text))
    return f"{before}{' '.join(text[begin:end].split())}{after}"
