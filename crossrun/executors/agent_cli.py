"""What all agents that are command-line programs have in common.

Each of them says how it is started, what its lines mean, and what its end means. Everything about
processes is in `process`.
"""

from collections.abc import Generator
from typing import Protocol

from crossrun.events import AgentEvent, AgentLaunched, Unrecognised, Warned
from crossrun.executors import TurnRequest, TurnResult
from crossrun.executors.process import (
    Launch,
    LinePart,
    Output,
    ProcessExit,
    ProcessLimits,
    supervise,
)
from crossrun.model.failures import Failure

_RAW_KEPT = 64 * 1024


class OutputReader(Protocol):
    """Reads the output of one agent process, line by line."""

    def read(self, line: bytes) -> list[AgentEvent]:
        """The events that a line stands for; `Unrecognised` for one that makes no sense."""

    def meanwhile(self) -> list[AgentEvent]:
        """Events known from elsewhere than its lines, while the agent is silent."""

    def afterwards(self) -> list[AgentEvent]:
        """The same, after the process has ended."""

    def busy(self) -> bool:
        """Whether a command of the agent is running."""

    def over(self) -> bool:
        """Whether the agent has finished its turn and only has to exit."""

    def result(self, end: ProcessExit) -> TurnResult:
        """How the turn ended, from what was read and from the end of the process."""


class AgentCli(Protocol):
    """One agent program."""

    def launch(self, turn: TurnRequest) -> Launch:
        """The exact process for a turn."""

    def reader(self, turn: TurnRequest) -> OutputReader:
        """A reader for one process."""

    def version(self) -> str | None:
        """The program's version."""


def execute(
    cli: AgentCli, turn: TurnRequest, *, patience: float
) -> Generator[AgentEvent | None, None, TurnResult]:
    """Runs one turn of an agent CLI.

    Args:
        cli: the agent.
        turn: what it has to do.
        patience: seconds that it has to exit after its turn.
    """
    launch = cli.launch(turn)
    reader = cli.reader(turn)
    limits = ProcessLimits(
        turn.stop,
        turn.deadline,
        turn.idle_timeout,
        turn.limit,
        reader.busy,
        reader.over,
        patience,
    )
    lines = supervise(launch, limits)
    try:
        started = next(lines)
    except OSError as error:
        return TurnResult(_not_started(launch, error))
    except StopIteration as ended:
        return reader.result(ended.value)
    yield AgentLaunched(command=tuple(launch.argv), version=cli.version())
    yield from _events(started, turn, reader)
    end = yield from _all_events(lines, turn, reader)
    yield from reader.afterwards()
    if end.outstayed:
        yield Warned(message="the agent had finished but did not exit, so it was stopped")
    return reader.result(end)


def _all_events(
    lines: Generator[Output, None, ProcessExit], turn: TurnRequest, reader: OutputReader
) -> Generator[AgentEvent | None, None, ProcessExit]:
    try:
        while True:
            yield from _events(next(lines), turn, reader)
    except StopIteration as ended:
        end: ProcessExit = ended.value
        return end
    finally:
        lines.close()


def _events(
    output: Output, turn: TurnRequest, reader: OutputReader
) -> Generator[AgentEvent | None, None, None]:
    match output:
        case None:
            yield from reader.meanwhile()
            yield None
        case LinePart():
            turn.keep(output.data + b"\n" * output.last)
            yield Unrecognised(
                raw=output.data[:_RAW_KEPT].decode("utf-8", "replace"), bytes=len(output.data)
            )
        case line:
            turn.keep(line + b"\n")
            yield from reader.read(line)


def _not_started(launch: Launch, error: OSError) -> Failure:
    return Failure(
        "AGENT_DIED",
        f"{launch.argv[0]} could not be started: {error.strerror or error}",
        "check that the program still exists and is executable",
    )
