"""`crossrun resume` and `crossrun retry`: going on with an earlier run, or repeating it."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Annotated

import click
import typer
from msgspec.structs import replace

from crossrun.cli import run_options as word
from crossrun.cli.arguments import RunReference
from crossrun.cli.globals import application, current
from crossrun.cli.ledger import chosen_run
from crossrun.cli.request import limits_of
from crossrun.cli.starting import Given, start
from crossrun.errors import ConfigurationError, NotFoundError, UsageError
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Run
from crossrun.redaction import MASK
from crossrun.services.app import App
from crossrun.services.lineage import (
    PreparedRun,
    Revision,
    around_mask,
    in_use_error,
    prepare_resume,
    prepare_retry,
)
from crossrun.store import Store
from crossrun.views.words import first_line

NextTask = Annotated[
    str | None, typer.Argument(metavar="[TASK]", help="What to do next, where it is another task.")
]
SameTask = Annotated[
    str | None, typer.Argument(metavar="[TASK]", help="The task, if it was not stored in full.")
]
KeepWorkspace = Annotated[
    bool, typer.Option("--keep-workspace", help="In the folder as it was left.")
]


def resume(
    run: RunReference = None,
    task: NextTask = None,
    timeout: word.Timeout = None,
    idle_timeout: word.IdleTimeout = None,
    max_turns: word.MaxTurns = None,
    max_tokens: word.MaxTokens = None,
    max_cost: word.MaxCost = None,
    wait_for_quota: word.WaitForQuota = None,
    verify: word.Verify = None,
    no_watch: word.NoWatch = False,
    detach: word.Detach = False,
    json: word.Json = False,
    jsonl: word.JsonLines = False,
) -> None:
    """Go on with a run that has ended: in the same thread of the agent, in the same workspace.

    It makes a new run. Without a TASK it finishes what was begun, whatever ended it; turns, tokens
    and cost go on counting, so a limit that was reached has to be raised.

    \b
    Examples:
      crossrun resume
      crossrun resume k7f3 --max-turns 40
      crossrun resume k7f3 "Now add a test for the empty file"
    """

    @contextmanager
    def descent(store: Store, earlier: Run) -> Iterator[PreparedRun]:
        found = prepare_resume(store, earlier, task, _revision(given))
        state, limits = found.parent.state, found.request.limits
        reached = state.limit_reached(limits)
        if reached is not None:
            raise UsageError("LIMIT_USED_UP", reached.message, hint=reached.hint)
        if limits.max_cost is not None and state.spent.cost is None:
            raise ConfigurationError(
                "PRICE_UNKNOWN",
                f"--max-cost cannot be kept: what was used before {earlier.id} ended has no price",
                hint="leave --max-cost out, or give another task",
            )
        yield found

    given: Given = dict(locals())
    _again(given, descent)


def retry(
    run: RunReference = None,
    task: SameTask = None,
    keep_workspace: KeepWorkspace = False,
    timeout: word.Timeout = None,
    idle_timeout: word.IdleTimeout = None,
    max_turns: word.MaxTurns = None,
    max_tokens: word.MaxTokens = None,
    max_cost: word.MaxCost = None,
    wait_for_quota: word.WaitForQuota = None,
    verify: word.Verify = None,
    no_watch: word.NoWatch = False,
    detach: word.Detach = False,
    json: word.Json = False,
    jsonl: word.JsonLines = False,
) -> None:
    """Repeat a run from the start: the same request, a new thread, a fresh workspace.

    A task that contained a secret was not stored in full: give it again as TASK.

    \b
    Examples:
      crossrun retry
      crossrun retry k7f3 --timeout 1h
      crossrun retry k7f3 --keep-workspace
    """

    @contextmanager
    def descent(store: Store, earlier: Run) -> Iterator[PreparedRun]:
        new_task = task or _ask_again(earlier)
        with prepare_retry(
            store, earlier, new_task, _revision(given), keep_workspace=keep_workspace
        ) as found:
            yield found

    given: Given = dict(locals())
    _again(given, descent)


def _named(store: Store, reference: str | None) -> Run:
    try:
        return chosen_run(store, reference, None)
    except NotFoundError as error:
        if reference is None or " " not in reference.strip():
            raise
        command = click.get_current_context().command_path
        raise NotFoundError(
            error.code,
            error.message,
            hint=f"a task comes after the run: {command} last {shlex.quote(reference)}",
        ) from error


def _ask_again(earlier: Run) -> str | None:
    """A task that was not stored as it was, from whoever sits at the terminal."""
    if MASK not in earlier.task:
        return None
    place = first_line(around_mask(earlier.task))
    return current().ask(f"The task contained a secret, which was not stored: {place}\nThe task")


def _revision(given: Given) -> Revision:
    """What the command says anew of an earlier request."""

    def revise(request: RunRequest) -> RunRequest:
        limits, verify = limits_of(given, request.limits), given["verify"] or request.verify
        return replace(request, limits=limits, verify=verify)

    return revise


def _again(
    given: Given, descent: Callable[[Store, Run], AbstractContextManager[PreparedRun]]
) -> None:
    """Starts a run that comes from another one, which nobody else may take up meanwhile."""
    options = current()
    app = App(options.settings(), options.notify)
    app.open_for_writing()
    store = app.store
    earlier = _named(store, given["run"])

    @contextmanager
    def prepared() -> Iterator[PreparedRun]:
        with store.taking_over(earlier.id) as free:
            if not free:
                raise in_use_error(store.read.run(earlier.id))
            with descent(store, store.read.run(earlier.id)) as found:
                yield found

    start(prepared, given, app, options)


resume_app = application("resume", resume)
retry_app = application("retry", retry)
