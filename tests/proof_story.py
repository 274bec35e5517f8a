"""The events of a run, made one by one, for its proof sheet."""

from collections.abc import Sequence

from crossrun.events import (
    AgentSpoke,
    CommandRan,
    CommandStarted,
    Event,
    FileChanged,
    RunStarted,
    Verified,
    WorkspaceChanged,
)
from crossrun.model.proof import Proof
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Change, IgnoredFiles
from crossrun.proof.assessment import assess_run


class Story:
    """The events of a run, made one by one."""

    def __init__(self, task: str = "do it") -> None:
        self.events: list[tuple[int, Event]] = []
        self._add(RunStarted(request=RunRequest(task=task), workspace="/w", crossrun_version="0"))

    def _add(self, event: Event) -> None:
        self.events.append((len(self.events) + 1, event))

    def ran(self, command: str, code: int | None = 0, output: str = "") -> "Story":
        self._add(CommandStarted(command=command))
        self._add(CommandRan(command=command, exit_code=code, output=output))
        return self

    def wrote(self, path: str) -> "Story":
        self._add(FileChanged(path=path, change="modified"))
        return self

    def also(self, event: Event) -> "Story":
        self._add(event)
        return self

    def proof(
        self,
        said: str = "",
        *,
        changed: Sequence[str | Change] = (),
        ignored: IgnoredFiles | None = None,
        verify: tuple[str, int] | None = None,
        difference: bytes = b"",
    ) -> Proof:
        if said:
            self._add(AgentSpoke(text=said))
        changes = [Change(c, "modified") if isinstance(c, str) else c for c in changed]
        self._add(
            WorkspaceChanged(
                tree="t", changes=tuple(changes), shortstat="", stat="", ignored=ignored
            )
        )
        if verify is not None:
            self._add(Verified(command=verify[0], exit_code=verify[1]))
        return assess_run(self.events, difference)
