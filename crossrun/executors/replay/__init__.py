"""Plays a recorded session: its commands really run, its file changes are really made.

No model is involved. If a command ends differently than it did when the session was recorded, the
run fails and says where.
"""

import os
from collections.abc import Generator, Mapping
from pathlib import Path

from crossrun.events import AgentEvent, Channel, CommandRan, CommandStarted, TurnStarted, Warned
from crossrun.executors import TurnRequest, TurnResult
from crossrun.executors.commands import run_command, shell
from crossrun.executors.process import ProcessLimits
from crossrun.executors.registry import ExecutorContext, RecordedRun
from crossrun.executors.replay.recording import RecordedWrite, Recording, load_named, of_run
from crossrun.model.executors import EXECUTORS
from crossrun.model.failures import CANCELLED, Failure, RunFailed
from crossrun.system import clock


class Replay:
    """Plays a recording, for any prompt."""

    def __init__(self, recording: Recording, environ: Mapping[str, str]) -> None:
        self._recording = recording
        self._environ = environ

    def version(self) -> str | None:
        """There is none."""
        return None

    def model(self) -> str | None:
        """There is none."""
        return None

    def channel(self, folder: Path, *, resumed: bool) -> Channel:  # noqa: ARG002  protocol
        """A recording accepts any instructions and ignores them."""
        return "developer"

    def command(self, turn: TurnRequest) -> list[str]:  # noqa: ARG002  part of the protocol
        """There is no agent to start."""
        return []

    def execute(self, turn: TurnRequest) -> Generator[AgentEvent | None, None, TurnResult]:
        """Plays all entries in order."""
        title = self._recording.title
        yield Warned(message=f"no model runs: this is a replay of a recording ({title})")
        yield TurnStarted()
        for number, entry in enumerate(self._recording.entries, 1):
            if turn.stop:
                return TurnResult(CANCELLED)
            match entry:
                case CommandRan():
                    result = yield from self._run(entry, number, turn)
                    if result.failure is not None:
                        return result
                case RecordedWrite():
                    _write(entry, turn.workspace)
                    yield entry.changed
                case _:
                    yield entry
        return TurnResult()

    def _run(
        self, recorded: CommandRan, number: int, turn: TurnRequest
    ) -> Generator[AgentEvent | None, None, TurnResult]:
        command = recorded.command
        if self._recording.workspace:
            command = command.replace(self._recording.workspace, str(turn.workspace))
        yield CommandStarted(command=command)
        began = clock.monotonic()
        ran = yield from run_command(
            shell(command),
            workspace=turn.folder,
            environ=self._environ,
            run_id=turn.run_id,
            limits=ProcessLimits(turn.stop, turn.deadline),
            tracking=turn.tracking,
        )
        code = ran.end.code
        yield CommandRan(
            command=command,
            exit_code=code,
            output=ran.output,
            duration_s=round(clock.monotonic() - began, 3),
        )
        cut_short = ran.end.cut_short
        if cut_short is not None:
            return TurnResult(cut_short, code)
        if code == recorded.exit_code:
            return TurnResult(None, code)
        return TurnResult(self._diverged(number, recorded, code), code)

    def _diverged(self, number: int, recorded: CommandRan, code: int) -> Failure:
        of_all = f"event {number} of {len(self._recording.entries)}"
        return Failure(
            "REPLAY_DIVERGED",
            f"{of_all}: `{recorded.command[:80]}` ended with exit code {code}, "
            f"when it was recorded with {recorded.exit_code}",
            "something that the recording relies on is different on this machine; if it began with "
            "your files, add --source .",
        )


def _write(entry: RecordedWrite, workspace: Path) -> None:
    """Makes one file change, never through a link that leads out of the workspace."""
    path = workspace / entry.changed.path
    try:
        if not path.parent.resolve().is_relative_to(workspace.resolve()) or path.is_symlink():
            raise _unfit(entry, "it leads out of the workspace by a symbolic link")
        if entry.content is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # Never follows a link or waits for a pipe in the place of the file.
        flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        with os.fdopen(os.open(path, flags, 0o666), "wb") as file:
            file.write(entry.content)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        raise _unfit(entry, str(getattr(error, "strerror", None) or error)) from error


def _unfit(entry: RecordedWrite, why: str) -> RunFailed:
    return RunFailed(
        Failure(
            "REPLAY_DIVERGED",
            f"{entry.changed.path} cannot be {entry.changed.change}: {why}",
            "the recording does not match the current workspace; if it began with your files, add "
            "--source .",
        )
    )


def make(context: ExecutorContext) -> Replay:
    """The executor for a run: plays the recording that the request names."""
    request = context.request
    reference = request.recording or f"shipped:{request.task_type}"
    kind, _, name = reference.partition(":")
    recording = _of(context.recorded_run(name)) if kind == "run" else load_named(kind, name)
    return Replay(recording, context.environ)


def _of(recorded: RecordedRun) -> Recording:
    run = recorded.run
    spec = EXECUTORS.get(run.executor)
    return of_run(
        run.id,
        recorded.events,
        recorded.content,
        workspace=run.workspace,
        strict_shell=spec is not None and spec.runs_task,
    )
