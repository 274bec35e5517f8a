"""The task itself as a script, without any model."""

from collections.abc import Generator, Mapping
from pathlib import Path

from crossrun.events import AgentEvent, Channel, CommandRan, CommandStarted
from crossrun.executors import TurnRequest, TurnResult
from crossrun.executors.commands import run_command, shell
from crossrun.executors.process import ProcessLimits
from crossrun.executors.registry import ExecutorContext
from crossrun.model.failures import Failure


class Shell:
    """Runs each prompt with `sh -e`."""

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
        """The argument list."""
        return shell(turn.prompt, "-e")

    def execute(self, turn: TurnRequest) -> Generator[AgentEvent | None, None, TurnResult]:
        """Runs the script as one command."""
        yield CommandStarted(command=turn.prompt)
        result = yield from run_command(
            self.command(turn),
            workspace=turn.folder,
            environ=self._environ,
            run_id=turn.run_id,
            limits=ProcessLimits(turn.stop, turn.deadline),
            tracking=turn.tracking,
        )
        code = result.end.code
        yield CommandRan(command=turn.prompt, exit_code=code, output=result.output)
        cut_short = result.end.cut_short
        if cut_short is not None or code == 0:
            return TurnResult(cut_short, code)
        failure = Failure(
            "SCRIPT_FAILED",
            f"the script ended with exit code {code}",
            "see its output: crossrun steps RUN",
        )
        return TurnResult(failure, code)


def make(context: ExecutorContext) -> Shell:
    """The executor for a run."""
    return Shell(context.environ)
