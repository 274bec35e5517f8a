"""`crossrun resume` and `crossrun retry`: going on with an earlier run, or repeating it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from msgspec.structs import replace

from crossrun.cli import run_options as word
from crossrun.cli.arguments import RunReference
from crossrun.cli.globals import application, current
from crossrun.cli.ledger import chosen_run, tell_interrupted
from crossrun.cli.request import limits_of
from crossrun.cli.starting import Given, start
from crossrun.errors import StillRunningError, UsageError
from crossrun.lineage import Descent, resumed, retried
from crossrun.runs import Run
from crossrun.store import Store

NextTask = Annotated[
    str | None, typer.Argument(metavar="[TASK]", help="What to do next, where it is another task.")
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

    def descent(store: Store, earlier: Run) -> Descent:
        found = resumed(store, earlier, task)
        limits = limits_of(given, found.request.limits)
        reached = found.origin.standing.limit_reached(limits)
        if reached is not None:
            raise UsageError("LIMIT_USED_UP", reached.message, hint=reached.hint)
        request = replace(found.request, limits=limits, verify=verify or found.request.verify)
        return found._replace(request=request)

    given: Given = dict(locals())
    _again(given, descent)


def retry(
    run: RunReference = None,
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

    \b
    Examples:
      crossrun retry
      crossrun retry k7f3 --timeout 1h
      crossrun retry k7f3 --keep-workspace
    """

    def descent(store: Store, earlier: Run) -> Descent:
        found = retried(store, earlier, keep_workspace=keep_workspace)
        limits = limits_of(given, found.request.limits)
        request = replace(found.request, limits=limits, verify=verify or found.request.verify)
        return found._replace(request=request)

    given: Given = dict(locals())
    _again(given, descent)


def _again(given: Given, descent: Callable[[Store, Run], Descent]) -> None:
    """Starts a run that comes from another one, which nobody else may take up meanwhile."""
    options = current()
    settings = options.settings()
    store = Store(settings.paths)
    store.open_for_writing()
    tell_interrupted(options, settings, store)
    earlier = chosen_run(store, given["run"], None)

    @contextmanager
    def prepared() -> Iterator[Descent]:
        with store.taking_over(earlier.id) as free:
            if not free:
                raise _taken(earlier)
            yield descent(store, store.read.run(earlier.id))

    start(prepared, given, settings, store, options)


def _taken(run: Run) -> StillRunningError:
    if run.status.ended:
        return StillRunningError(
            "TAKEN_UP",
            f"another command goes on with the run {run.id} just now",
            hint="see it: crossrun runs",
        )
    return StillRunningError(
        "STILL_RUNNING",
        f"the run {run.id} is {run.status}",
        hint=f"wait for it: crossrun wait {run.id}; or stop it: crossrun cancel {run.id}",
    )


resume_app = application("resume", resume)
retry_app = application("retry", retry)
