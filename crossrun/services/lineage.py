"""Runs that come from earlier runs: gone on with, or repeated from the start."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from crossrun.errors import ConfigurationError, NotFoundError, StillRunningError, UsageError
from crossrun.events import RunStarted, decode
from crossrun.model.requests import MemoryOptions, RunRequest
from crossrun.model.runs import Run, Source
from crossrun.model.status import Status
from crossrun.projections.resume import SEEN, Parent, ResumeState
from crossrun.redaction import MASK
from crossrun.store import Store

_AROUND = 40
"""Characters."""
Revision = Callable[[RunRequest], RunRequest]
"""Changes an earlier request as the user wants."""


def _unchanged(request: RunRequest) -> RunRequest:
    return request


class PreparedRun(NamedTuple):
    """A request, and the run that it comes from."""

    request: RunRequest
    parent: Parent


@contextmanager
def first(store: Store, request: RunRequest) -> Iterator[PreparedRun]:
    """What the user asks for; it may begin with a clone of an earlier run's workspace.

    Yields:
        The request. Nobody goes on in the workspace that is cloned until the clone is made.

    Raises:
        CrossrunError: that is not possible; nothing has happened yet.
    """
    if request.begin_with.run_id is None:
        yield PreparedRun(request, Parent())
        return
    with ExitStack() as held:
        earlier = store.read.run(request.begin_with.run_id)
        newest = store.read.newest_in(earlier.workspace) or earlier
        if not held.enter_context(store.sharing(newest.id)):
            raise taken(newest)
        _require_end(store.read.run(newest.id))
        _require_folder(earlier)
        parent = Parent(
            cloned=Path(earlier.workspace), let_go=held.close, source=_of_clone(earlier.source)
        )
        yield PreparedRun(request, parent)


def taken(run: Run) -> StillRunningError:
    """Why nobody may go on with a run just now."""
    _require_end(run)
    return StillRunningError(
        "TAKEN_UP",
        f"another command is at work with the run {run.id} just now",
        hint="see it: crossrun runs",
    )


def _of_clone(source: Source | None) -> Source | None:
    """A clone of the user's own folder is a copy of it."""
    if source is None or source.kind != "in_place":
        return source
    return replace(source, kind="folder")


def resumed(store: Store, run: Run, task: str | None, revise: Revision = _unchanged) -> PreparedRun:
    """Goes on in the agent's thread and in the workspace, with the same task or another one.

    Raises:
        CrossrunError: that is not possible; nothing has happened yet.
    """
    _require_workspace(store, run)
    _require_prepared(store, run)
    request, state = revise(_request(store, run)), _resume_state(store, run)
    if task is not None:
        request, state = replace(request, task=task), state.with_new_task()
    elif run.status is Status.SUCCEEDED:
        raise UsageError(
            "NOTHING_LEFT",
            f"the run {run.id} succeeded, there is nothing left to do in it",
            hint=f'say what to do next: crossrun resume {run.id} "your task"',
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
def retried(
    store: Store,
    run: Run,
    task: str | None,
    revise: Revision = _unchanged,
    *,
    keep_workspace: bool,
) -> Iterator[PreparedRun]:
    """The same request again, from the start; the task may be given again.

    Raises:
        CrossrunError: that is not possible; nothing has happened yet.
    """
    _require_end(run)
    request = revise(_request(store, run))
    # a thread that begins anew has seen no pattern yet
    begun = _request(store, store.read.lineage(run)[0])
    request = replace(request, memory=begun.memory)
    _require_whole(
        f"retry {run.id}",
        task=request.task if task is None else "",
        check=request.verify,
        options=(request.codex, request.begin_with, request.recording),
    )
    request = replace(request, task=task or request.task)
    if keep_workspace:
        _require_workspace(store, run)
        _require_prepared(store, run)
        workspace, source = Path(run.workspace), _source(store, run)
        yield PreparedRun(request, Parent(retry_of=run.id, workspace=workspace, source=source))
        return
    with first(store, request) as descent:
        yield descent._replace(parent=replace(descent.parent, retry_of=run.id))


def _request(store: Store, run: Run) -> RunRequest:
    """What the user had asked for."""
    event = store.read.first_event(run.id, RunStarted)
    if event is None:
        raise ConfigurationError(
            "RUN_NEWER",
            f"a newer crossrun recorded what the run {run.id} was asked for",
            hint="go on with it by that version, or update this one",
        )
    return event.request


def _resume_state(store: Store, run: Run) -> ResumeState:
    """What all runs left that this one goes on from, and it itself."""
    state = ResumeState()
    for each in store.read.lineage(run):
        for stored in store.read.events(each.id, types=("run_started", *SEEN)):
            event = decode(stored.body)
            if isinstance(event, RunStarted) and event.new_task:
                state = state.with_new_task()
            state.apply(event)
        state = state.settled()
    return state


def _source(store: Store, run: Run) -> Source | None:
    """Where the files of a workspace came from, as the newest run in it knows that does."""
    lineage = reversed(store.read.lineage(run))
    return next((each.source for each in lineage if each.source is not None), None)


def _memory(store: Store, run: Run, memory: MemoryOptions) -> MemoryOptions:
    """The agent has seen the pattern, or has not: nothing is decided anew."""
    had = run.pattern
    told = had is not None and had.decision in ("injected", "forced")
    pattern_id = had.pattern_id if had is not None and told else None
    known = pattern_id is not None and store.patterns.known(pattern_id) is not None
    return replace(
        memory,
        off=not known,
        pattern_id=pattern_id if known else None,
        reference_run_id=None,
        carried_on_from=run.id,
    )


def _require_end(run: Run) -> None:
    if not run.ended:
        raise StillRunningError(
            "STILL_RUNNING",
            f"the run {run.id} is {run.status}",
            hint=f"wait for it: crossrun wait {run.id}; or stop it: crossrun cancel {run.id}",
        )


def _require_workspace(store: Store, run: Run) -> None:
    """A workspace belongs to the newest run in it."""
    newest = store.read.newest_in(run.workspace)
    if newest is not None and newest.id != run.id:
        _require_end(newest)
        raise UsageError(
            "WORKSPACE_TAKEN_OVER",
            f"the run {newest.id} has taken over the workspace of {run.id}",
            hint=f"go on with that one: crossrun resume {newest.id}",
        )
    _require_end(run)
    _require_folder(run)


def _require_prepared(store: Store, run: Run) -> None:
    """A workspace that was never ready lacks the source, its setup, or both."""
    for each in store.read.lineage(run):
        if any(True for _ in store.read.events(each.id, types=["workspace_prepared"])):
            return
    raise UsageError(
        "NEVER_BEGUN",
        f"the run {run.id} ended before its workspace was ready: there is nothing to go on with",
        hint=f"begin anew: crossrun retry {run.id}",
    )


def _require_folder(run: Run) -> None:
    if not Path(run.workspace).is_dir():
        raise NotFoundError(
            "WORKSPACE_GONE",
            f"the workspace of the run {run.id} is gone: {run.workspace}",
            hint=f"begin anew: crossrun retry {run.id}",
        )


def _require_whole(command: str, *, task: str, check: str | None, options: object) -> None:
    """What had a secret in it was not stored as it was, and would be sent with the mask in it."""
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
                hint=f"give it again, with the secret in a variable of the environment: {again}",
            )


def around_mask(text: str) -> str:
    """The first place of a text from which a secret was removed, on one line."""
    at = text.index(MASK)
    begin, end = max(at - _AROUND, 0), at + len(MASK) + _AROUND
    before, after = "…" * (begin > 0), "…" * (end < len(text))
    return f"{before}{' '.join(text[begin:end].split())}{after}"
