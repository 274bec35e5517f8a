"""Tries a check on the state that runs begin with, before any of them is started."""

import shlex
from collections.abc import Generator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from crossrun.engine.copying import copy_beginning
from crossrun.errors import UsageError
from crossrun.executors.commands import CommandResult, run_command, shell
from crossrun.executors.process import ProcessLimits
from crossrun.model.failures import RunFailed
from crossrun.model.requests import RunRequest
from crossrun.services.app import App
from crossrun.services.assembly import agents_environ
from crossrun.services.lineage import prepare_run
from crossrun.system import clock
from crossrun.system.cancellation import CancelToken
from crossrun.system.folders import make_private
from crossrun.workspace.files.atomic import scratch
from crossrun.workspace.folder_names import FROZEN
from crossrun.workspace.sources.inputs import copy_input

Verdict = Literal["fails", "passes", "flaky", "impossible"]
_TIMES = 2
_TIMEOUT = 600.0
"""Seconds for a check if its runs have no time limit."""
_NOT_RUN = (126, 127)
"""Exit codes of a shell that cannot run a command."""
_LONGEST_OUTPUT = 2000
"""Characters."""


class BaseCheck(Struct, frozen=True):
    """What a check says of the state that runs begin with, each time in a fresh copy of it.

    `verdict`: it `fails` as it must, it `passes` already, it is `flaky`: it does both, or it is
    `impossible`: it cannot be run, or takes too long. `exit_codes` are those of each time, None if
    it was ended from outside; `output` is the end of the last one's output.
    """

    verdict: Verdict
    command: str
    exit_codes: tuple[int | None, ...]
    output: str


def check_base(
    app: App, request: RunRequest, stop: CancelToken
) -> Generator[None, None, BaseCheck]:
    """Runs the check of a request on the state that its run would begin with.

    Args:
        app: has the folders of workspaces.
        request: has a check.
        stop: ends the check.

    Raises:
        RunFailed: it was cancelled.
        CrossrunError: the state cannot be copied, or the setup of the project fails.
    """
    command, results = request.verify or "", list[CommandResult]()
    for _ in range(_TIMES):
        results.append((yield from _run_check(app, request, stop)))
    codes = tuple(_exit_code(result) for result in results)
    output = results[-1].output[-_LONGEST_OUTPUT:]
    return BaseCheck(verdict_of(codes), command, codes, output)


def verdict_of(codes: tuple[int | None, ...]) -> Verdict:
    """What the exit codes of a check on one and the same state say about it."""
    if any(code is None or code in _NOT_RUN for code in codes):
        return "impossible"
    passed = {code == 0 for code in codes}
    if len(passed) > 1:
        return "flaky"
    return "passes" if passed == {True} else "fails"


def require_fit(check: BaseCheck) -> None:
    """Refuses a check that cannot tell whether a run did its task.

    Raises:
        UsageError: CHECK_UNFIT.
    """
    reasons = {
        "passes": "already passes on the starting state",
        "flaky": "passed once and failed once on the same starting state",
        "impossible": "cannot be run",
    }
    if check.verdict not in reasons:
        return
    codes = ", ".join("none" if code is None else str(code) for code in check.exit_codes)
    last = check.output.strip().rpartition("\n")[2]
    raise UsageError(
        "CHECK_UNFIT",
        f"the check `{check.command}` {reasons[check.verdict]}: exit codes {codes}"
        + (f"; {last}" if last else ""),
        hint="use one that fails until the task is done: --verify CMD",
    )


def _run_check(
    app: App, request: RunRequest, stop: CancelToken
) -> Generator[None, None, CommandResult]:
    place = app.settings.paths.workspaces / FROZEN
    make_private(place)
    with scratch(place / "check") as folder:
        workspace = yield from _copy_base(app, request, folder / "workspace", stop)
        setup = request.begin_with.setup
        if setup is not None:
            result = yield from _run(app, request, setup, workspace, stop)
            if _exit_code(result) != 0:
                last = result.output.strip().rpartition("\n")[2]
                raise UsageError(
                    "CHECK_UNFIT",
                    f"the project's setup `{setup}`, which comes before the check, fails: {last}",
                    hint=f"correct it: crossrun projects set {shlex.quote(request.project_id)} "
                    "workspace.setup COMMAND",
                )
        return (yield from _run(app, request, request.verify or "", workspace, stop))


def _copy_base(
    app: App, request: RunRequest, folder: Path, stop: CancelToken
) -> Generator[None, None, Path]:
    """Copies what the run would begin with; where the agent would work."""
    place = yield from _copy_source(app, request, folder, stop)
    for path in request.begin_with.inputs:
        for _ in copy_input(Path(path), place, stop):
            yield None
    return place


def _copy_source(
    app: App, request: RunRequest, folder: Path, stop: CancelToken
) -> Generator[None, None, Path]:
    begin, environ = request.begin_with, agents_environ(app.settings)
    if begin.frozen is begin.path is begin.url is begin.run_id is None:
        folder.mkdir()
        return folder
    with prepare_run(app.store, request) as prepared:
        copying = copy_beginning(begin, prepared.parent, folder, app.workspaces, environ, stop)
        while True:
            try:
                next(copying)
            except StopIteration as end:
                source = end.value.source
                return folder / ("" if source is None else source.subfolder)
            yield None


def _run(
    app: App, request: RunRequest, command: str, workspace: Path, stop: CancelToken
) -> Generator[None, None, CommandResult]:
    timeout = request.limits.timeout or _TIMEOUT
    result = yield from run_command(
        shell(command),
        workspace=workspace,
        environ=agents_environ(app.settings),
        run_id="check",
        limits=ProcessLimits(stop, clock.monotonic() + timeout),
    )
    if stop and result.end.cut_short is not None:
        raise RunFailed(result.end.cut_short)
    return result


def _exit_code(result: CommandResult) -> int | None:
    return result.end.code if result.end.cut_short is None else None
