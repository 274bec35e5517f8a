"""The script of a compiled pattern, without any model."""

import os
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from crossrun.events import AgentEvent, Channel, CommandRan, CommandStarted, FileChanged
from crossrun.executors import TurnRequest, TurnResult
from crossrun.executors.commands import run_command, shell
from crossrun.executors.process import ProcessLimits
from crossrun.executors.registry import ExecutorContext
from crossrun.model.failures import Failure
from crossrun.system import clock

if TYPE_CHECKING:
    from crossrun.patterns.compiling.values import BoundScript, ScriptStep

_NO_SCRIPT = Failure(
    "SCRIPT_UNAVAILABLE",
    "there is no script for this task",
    "see why: crossrun patterns why RUN · or let an agent do it: leave out --executor",
)


class ScriptExecutor:
    """Runs the steps of a script one after the other, each in a new shell.

    The first step that fails ends it. Values are in the environment of the steps, never in their
    code.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def version(self) -> str | None:
        """There is none."""
        return None

    def model(self) -> str | None:
        """There is none."""
        return None

    def channel(self, folder: Path, *, resumed: bool) -> Channel:  # noqa: ARG002  protocol
        """A script takes no instructions."""
        return "none"

    def command(self, turn: TurnRequest) -> list[str]:
        """There is no single process."""
        del turn
        return []

    def execute(self, turn: TurnRequest) -> Generator[AgentEvent | None, None, TurnResult]:
        """Runs the steps, and then the checks."""
        script = turn.script
        if script is None:
            return TurnResult(_NO_SCRIPT)
        for step in script.compiled.steps:
            result = yield from self._step(script, step, turn)
            if result.failure is not None:
                return result
        result = yield from self._command(script, script.compiled.check.code, turn)
        if result.failure is None and script.verify is not None:
            result = yield from self._run(turn, script.verify, shell(script.verify), {})
        return result

    def _step(
        self, script: "BoundScript", step: "ScriptStep", turn: TurnRequest
    ) -> Generator[AgentEvent | None, None, TurnResult]:
        if not step.path:
            return (yield from self._command(script, step.code, turn))
        return (yield from self._write(script, step, turn))

    def _write(
        self, script: "BoundScript", step: "ScriptStep", turn: TurnRequest
    ) -> Generator[AgentEvent | None, None, TurnResult]:
        """A step that writes a file is recorded as one, like those of agents."""
        path = step.path
        for name, value in self._values(script).items():
            path = path.replace(f"{{{name}}}", value)
        existed = os.path.lexists(turn.folder / path)
        result = yield from self._command(script, step.code, turn, writes=path)
        if result.failure is None:
            place = f"{turn.subfolder}/{path}" if turn.subfolder else path
            yield FileChanged.of(place, "modified" if existed else "added", ok=True)
        return result

    def _command(
        self, script: "BoundScript", code: str, turn: TurnRequest, *, writes: str = ""
    ) -> Generator[AgentEvent | None, None, TurnResult]:
        from crossrun.patterns.compiling.script import step_program, with_values

        program = step_program(script.compiled, code)
        argv = ["bash", "-c", program] if script.compiled.needs_bash else shell(program)
        command = f"write {writes}" if writes else with_values(code, self._values(script))
        is_file = bool(writes)
        return (yield from self._run(turn, command, argv, script.values, is_file=is_file))

    def _run(
        self,
        turn: TurnRequest,
        command: str,
        argv: list[str],
        values: Mapping[str, str],
        *,
        is_file: bool = False,
    ) -> Generator[AgentEvent | None, None, TurnResult]:
        """Runs a command; one that only writes a file is not recorded as such unless it fails."""
        if not is_file:
            yield CommandStarted(command=command)
        began = clock.monotonic()
        result = yield from run_command(
            argv,
            workspace=turn.folder,
            environ={**self._environ, **values},
            run_id=turn.run_id,
            limits=ProcessLimits(turn.stop, turn.deadline),
            tracking=turn.tracking,
        )
        code, cut_short = result.end.code, result.end.cut_short
        if not is_file or code != 0:
            yield CommandRan(
                command=command,
                exit_code=None if cut_short else code,
                output=result.output,
                duration_s=round(clock.monotonic() - began, 3),
            )
        if cut_short is not None or code == 0:
            return TurnResult(cut_short, code)
        failure = Failure(
            "SCRIPT_FAILED",
            f"a step of the script ended with exit code {code}",
            "see its output: crossrun steps RUN",
        )
        return TurnResult(failure, code)

    @staticmethod
    def _values(script: "BoundScript") -> dict[str, str]:
        from crossrun.patterns.compiling.script import all_values

        return all_values(script.compiled, script.values)


def make(context: ExecutorContext) -> ScriptExecutor:
    """The executor for a run."""
    return ScriptExecutor(context.environ)
