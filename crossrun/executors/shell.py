"""The task itself as a script: what a run is worth without any model."""

from collections.abc import Generator, Mapping
from pathlib import Path

from crossrun.events import AgentEvent, Channel, CommandRan, CommandStarted
from crossrun.executors import Assignment, Outcome
from crossrun.executors.commands import run_command, shell
from crossrun.executors.process import Bounds
from crossrun.model.failures import Failure


class Shell:
    """Runs each prompt with `sh -e`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def version(self) -> str | None:
        """There is none to tell."""
        return None

    def model(self) -> str | None:
        """There is none."""
        return None

    def channel(self, folder: Path, *, resumed: bool) -> Channel:  # noqa: ARG002  protocol
        """A shell takes no instructions."""
        return "none"

    def command(self, assignment: Assignment) -> list[str]:
        """The argument list."""
        return shell(assignment.prompt, "-e")

    def execute(self, assignment: Assignment) -> Generator[AgentEvent | None, None, Outcome]:
        """Runs the script as one command."""
        yield CommandStarted(command=assignment.prompt)
        result = yield from run_command(
            self.command(assignment),
            workspace=assignment.folder,
            environ=self._environ,
            run_id=assignment.run_id,
            bounds=Bounds(assignment.stop, assignment.deadline),
            process_list=assignment.process_list,
        )
        code = result.end.code
        yield CommandRan(command=assignment.prompt, exit_code=code, output=result.output)
        cut_short = result.end.cut_short
        if cut_short is not None or code == 0:
            return Outcome(cut_short, code)
        failure = Failure(
            "SCRIPT_FAILED",
            f"the script ended with exit code {code}",
            "its output is above and in  crossrun steps",
        )
        return Outcome(failure, code)
