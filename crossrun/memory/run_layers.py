"""What a run shows besides its commands: files, a check, facts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from crossrun.events import CommandRan, Event, Verified, WorkspaceChanged
from crossrun.memory.run_files import RunFiles
from crossrun.model.runs import Run
from crossrun.model.workflows import Act, Check, Cure
from crossrun.patterns.learning.facts import HEAD, check_of, data_facts, is_general, missing_tools
from crossrun.patterns.learning.files import KeptFile, kept_files
from crossrun.patterns.learning.redaction import Scrub
from crossrun.redaction import Redactor

_TAIL = 2_000
"""Characters of an output in which its last line is looked for."""
_CHECKS = ("test", "check")
Events = Callable[[Iterable[str]], Iterator[tuple[int, Event]]]
"""The events of the run of some types, with their numbers."""


class Changed(NamedTuple):
    """The files that a run changed, as its agent names them."""

    added: tuple[str, ...]
    modified: tuple[str, ...]


class LentFile(NamedTuple):
    """A text in the folder of the pattern that the run got."""

    content: str
    executable: bool


class RunLayers:
    """What one run that ended well shows.

    Args:
        run: the run.
        events: reads its events.
        scrub: takes out what is private.
        redactor: takes out secrets.
        lent: the files of its pattern, by their paths.
    """

    def __init__(
        self,
        run: Run,
        events: Events,
        *,
        scrub: Scrub,
        redactor: Redactor,
        lent: Mapping[str, LentFile] | None = None,
    ) -> None:
        self._run = run
        self._events = events
        self._lent = lent or {}
        self._clean: Callable[[str], str] = lambda text: scrub(redactor(text)[0])
        self._subfolder = run.source.subfolder if run.source is not None else ""
        folder = None if run.imported_from else Path(run.workspace)
        self.files = RunFiles(folder, self._subfolder, self._clean)
        self._changed = self._read_changed()

    def marked(self, act: Act) -> Act:
        """The act with a note whether the file that it wrote had been there before."""
        verb, _, path = act.command.partition(" ")
        edited = verb == "write" and self._changed is not None and path in self._changed.modified
        return replace(act, edited=True) if edited else act

    def kept_files(self, acts: Sequence[Act]) -> tuple[KeptFile, ...]:
        """The files that make its commands work again."""
        paths = [act.target for act in acts if act.command == f"write {act.target}"]
        lent = [path for path in paths if self.files.program(path) is None]
        new = None if self._changed is None else (*self._changed.added, *lent)
        return kept_files(acts, self._program, new=new)

    def check(self, acts: Sequence[Act]) -> Check | None:
        """The user's check if it is one for other tasks, else the agent's last that passed."""
        verify = self._run.verify
        if verify is not None and is_general(verify.command):
            return self._shown(verify.command, self._verified())
        checks = [act for act in acts if act.intent in _CHECKS and act.proved]
        if not checks:
            return None
        return self._shown(checks[-1].command, self._output(checks[-1].occurrences[-1].seq))

    def _program(self, path: str) -> tuple[str, bool] | None:
        """A text file of the workspace, else of the pattern, from whose folder it may have run."""
        lent = (text for name, text in self._lent.items() if f"/{path}".endswith(f"/{name}"))
        return self.files.program(path) or next(lent, None)

    def _shown(self, command: str, output: str) -> Check:
        return check_of(self._clean(command), self._clean(output[-_TAIL:]))

    def facts(self, acts: Sequence[Act], cures: Sequence[Cure]) -> tuple[str, ...]:
        """What an agent cannot guess: what is not installed, and the form of the data."""
        ran = (event for _, event in self._events(["command_ran"]))
        missing = missing_tools(
            (event for event in ran if isinstance(event, CommandRan)), cures=cures
        )
        data = data_facts(acts, lambda path: self.files.head(path, HEAD))
        return tuple(map(self._clean, (*missing, *data)))

    def _read_changed(self) -> Changed | None:
        events = [event for _, event in self._events(["workspace_changed"])]
        if not events or not isinstance(events[-1], WorkspaceChanged):
            return None
        changes, ignored = events[-1].changes, events[-1].ignored
        added = [change.path for change in changes if change.status in ("added", "renamed")]
        modified = [change.path for change in changes if change.status == "modified"]
        added += ignored.added if ignored is not None else ()
        return Changed(tuple(map(self._named, added)), tuple(map(self._named, modified)))

    def _named(self, path: str) -> str:
        return path.removeprefix(f"{self._subfolder}/") if self._subfolder else path

    def _verified(self) -> str:
        events = (event for _, event in self._events(["verified"]))
        return next((event.output for event in events if isinstance(event, Verified)), "")

    def _output(self, seq: int) -> str:
        for at, event in self._events(["command_ran"]):
            if at == seq and isinstance(event, CommandRan):
                return event.output
        return ""
