"""A run that resembles one that was just shown: how it began, how much it did, how it ended."""

from crossrun.events import (
    CommandRan,
    EventRecord,
    FileChanged,
    PatternDecided,
    PatternLearned,
    RunStarted,
)
from crossrun.model.runs import Run
from crossrun.views.live import NullView, event_lines
from crossrun.views.summary import verdict
from crossrun.views.terminal import Terminal, command_lines
from crossrun.views.words import plural


class FoldedView(NullView):
    """Shows the header and the decision on a pattern at once, and the rest as counts."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._commands = self._failed = self._files = 0
        self._learned: list[EventRecord] = []

    def show(self, recorded: EventRecord | None) -> None:
        """Shows or counts the event."""
        match recorded:
            case EventRecord(event=RunStarted() | PatternDecided()):
                self._terminal.write(event_lines(recorded, self._terminal))
            case EventRecord(event=CommandRan(exit_code=code)):
                self._commands += 1
                self._failed += code != 0
            case EventRecord(event=FileChanged()):
                self._files += 1
            case EventRecord(event=PatternLearned()):
                self._learned.append(recorded)
            case _:
                pass

    def close(self, run: Run | None) -> None:
        """Writes the counts and how the run ended."""
        if run is None or not run.ended:
            return
        failed = f", {self._failed} of them failed" if self._failed else ""
        did = f"{plural(self._commands, 'command')}{failed}; {plural(self._files, 'file')} written"
        terminal = self._terminal
        terminal.write([terminal.style(f"  … {did}", "dim")])
        terminal.write(command_lines([f"crossrun steps {run.id}"], terminal))
        for recorded in self._learned:
            terminal.write(event_lines(recorded, terminal))
        terminal.write(["", verdict(run, terminal)])
