"""Views of a batch while it is carried out: rows that move on a terminal, lines elsewhere."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING

from crossrun.batches.documents import totals_of
from crossrun.batches.progress import RowState, Usage, active_rows, states
from crossrun.events import (
    AgentSpoke,
    CommandRan,
    CommandStarted,
    EventRecord,
    FileChanged,
    RunQueued,
    RunStarted,
    StepPlanned,
    TurnStarted,
    WaitBegan,
    WorkspaceChanged,
    WorkspacePrepared,
)
from crossrun.model.batches import Batch, BatchRow
from crossrun.system import clock as clocks
from crossrun.system.clock import monotonic, seconds_between
from crossrun.system.commandlines import bare_command
from crossrun.views.batch_threads import BatchView
from crossrun.views.batches import (
    IDLE_STATES,
    BatchFacts,
    RowLine,
    batch_closing,
    batch_header,
    name_cells,
    problem_lines,
    row_line,
    row_name,
    run_of,
    totals_line,
)
from crossrun.views.moving_line import MovingLine
from crossrun.views.terminal import Terminal
from crossrun.views.unseen import visible
from crossrun.views.words import change_mark, clock, first_line, short_command

if TYPE_CHECKING:
    from crossrun.services.batches.engine import RowChange

Closing = Callable[[Batch], Iterable[str]]
"""The lines in which a batch ended, for people."""

_REDRAW = 0.1
_SECONDS_FOR_A_ROW = 0.0001
_READ_FACTS = 1.0
"""Seconds after which it is read again what the runs use and do."""
_STAGES: dict[type, str] = {
    RunStarted: "preparing",
    RunQueued: "queued",
    WorkspacePrepared: "choosing a pattern",
    StepPlanned: "starting the agent",
    TurnStarted: "waiting for the model",
    WaitBegan: "waiting for quota",
    WorkspaceChanged: "finishing",
}
_ENDLESS = 10_000
"""Lines of a terminal that does not say how many it has."""


class ClosingBatchView:
    """Shows how a batch ended, or only which rows failed."""

    def __init__(
        self,
        terminal: Terminal,
        facts: BatchFacts,
        closing: Closing | None = None,
        *,
        failures_only: bool = False,
    ) -> None:
        self._terminal = terminal
        self._facts = facts
        self._closing = closing
        self._failures_only = failures_only

    def open(self, batch: Batch) -> None:
        """Nothing."""

    def show(self, change: "RowChange | None") -> None:
        """Nothing."""

    def close(self, batch: Batch | None) -> None:
        """Writes the closing."""
        if batch is None:
            return
        if self._failures_only:
            self._terminal.write(problem_lines(batch, self._facts, self._terminal))
        elif self._closing is None:
            self._terminal.write(batch_closing(batch, self._facts, self._terminal))
        else:
            self._terminal.write(self._closing(batch))

    def suspended(self) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()


class LineBatchView(ClosingBatchView):
    """Writes a line when a row starts and when it ends, for pipes, files and simple terminals."""

    def __init__(
        self, terminal: Terminal, facts: BatchFacts, closing: Closing | None = None
    ) -> None:
        super().__init__(terminal, facts, closing)
        self._name_cells = 0

    def open(self, batch: Batch) -> None:
        """Writes which batch it is."""
        self._name_cells = name_cells(batch.rows, self._terminal)
        self._terminal.write(batch_header(batch, self._terminal, continued=True))

    def show(self, change: "RowChange | None") -> None:
        """Writes the line of a row that has started or ended."""
        if (
            change is not None
            and change.state.name not in ("waiting", "queued")
            and _is_worth_a_line(change)
        ):
            line = row_line(change.row, change.state, self._facts, self._name_cells)
            self._terminal.write([line.styled(self._terminal)])


class LiveBatchView(ClosingBatchView):
    """Scrolls rows that have ended away on a terminal, above those that run and the totals."""

    def __init__(
        self,
        terminal: Terminal,
        facts: BatchFacts,
        closing: Closing | None = None,
        now: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(terminal, facts, closing)
        self._now = now
        self._lines = MovingLine(terminal)
        self._batch: Batch | None = None
        self._name_cells = 0
        self._began: dict[int, float] = {}
        self._ended: list[RowChange] = []
        self._drawn_at = self._read_at = self._counted_at = 0.0
        self._states: Mapping[int, RowState] = {}
        self._counted: Batch | None = None
        self._used: tuple[int, float] = (0, 0.0)
        self._activities: dict[str, str] = {}
        self._opened_at, self._seconds_before = now(), 0.0

    def open(self, batch: Batch) -> None:
        """Writes which batch it is."""
        self._batch = batch
        self._opened_at, self._seconds_before = self._now(), batch.seconds
        self._began = {row.number: self._now() - self._age(row) for row in active_rows(batch)}
        self._name_cells = name_cells(batch.rows, self._terminal)
        self._terminal.write(batch_header(batch, self._terminal, continued=True))

    def show(self, change: "RowChange | None") -> None:
        """Takes a change, and redraws if it is time to."""
        if change is not None:
            self._note(change)
        if self._now() >= self._drawn_at + _REDRAW:
            self._draw()

    def close(self, batch: Batch | None) -> None:
        """Draws the rows that ended last, and the closing."""
        self._lines.draw(self._new_lines())
        self._lines.clear()
        super().close(batch)

    def suspended(self) -> AbstractContextManager[None]:
        """Removes the lines and shows the cursor while crossrun is suspended."""
        return self._lines.cleared()

    def _note(self, change: "RowChange") -> None:
        self._batch = change.batch
        if change.state.name == "running":
            self._began.setdefault(change.row.number, self._now())
        elif change.state.name not in IDLE_STATES:
            self._began.pop(change.row.number, None)
            self._ended += [change] if _is_worth_a_line(change) else []

    def _age(self, row: BatchRow) -> float:
        """The seconds for which a row has been running that another process started."""
        run = None if row.run_id is None else run_of(row.run_id, self._facts)
        return 0.0 if run is None else seconds_between(run.started_at, clocks.now()) or 0.0

    def _draw(self) -> None:
        self._drawn_at = self._now()
        if self._batch is not None and not self._lines.hidden:
            self._lines.draw(self._new_lines(), *self._moving_lines(self._batch))

    def _new_lines(self) -> list[str]:
        ended, self._ended = self._ended, []
        lines = [
            row_line(change.row, change.state, self._facts, self._name_cells) for change in ended
        ]
        return [line.styled(self._lines.terminal) for line in lines]

    def _moving_lines(self, batch: Batch) -> list[str]:
        self._read(batch)
        self._count(batch)
        running = [row for row in batch.rows if row.number in self._began]
        room = max(_height(self._lines.terminal) - 3, 1)
        lines = [self._running_line(row) for row in running[:room]]
        if len(running) > room:
            lines.append(f"… {len(running) - room} more running")
        usage = Usage(*self._used, self._seconds_before + self._now() - self._opened_at)
        return [*lines, totals_line(totals_of(self._states, usage))]

    def _count(self, batch: Batch) -> None:
        """Determines the states of all rows again, less often if there are many."""
        pause = _SECONDS_FOR_A_ROW * len(batch.rows)
        if batch is not self._counted and self._now() >= self._counted_at + pause:
            self._states, self._counted, self._counted_at = states(batch), batch, self._now()

    def _running_line(self, row: BatchRow) -> str:
        line = RowLine(
            "queued" if self._states[row.number].name == "queued" else "running",
            row_name(row),
            clock(self._now() - self._began[row.number]),
            "",
            row.run_id or "",
            self._activities.get(row.run_id or "", ""),
            self._name_cells,
        )
        return line.text(self._lines.terminal)

    def _read(self, batch: Batch) -> None:
        """Reads from the ledger what changes while runs are carried out."""
        if self._now() < self._read_at + _READ_FACTS:
            return
        self._read_at = self._now()
        self._used = self._facts.used()
        self._activities = {
            row.run_id: activity(self._facts.newest_events(row.run_id))
            for row in batch.rows
            if row.number in self._began and row.run_id is not None
        }


def view_of_batch(
    terminal: Terminal, facts: BatchFacts, closing: Closing | None = None
) -> BatchView:
    """The view that suits the stream; `closing` takes the place of its last lines."""
    kind = LiveBatchView if terminal.live else LineBatchView
    return kind(terminal, facts, closing)


def activity(events: Sequence[EventRecord]) -> str:
    """What a run is doing, from its newest events: the newest of them that says it."""
    ended: set[str] = set()
    for recorded in reversed(events):
        match recorded.event:
            case CommandRan(command=command):
                ended.add(command)
            case CommandStarted(command=command) if command not in ended:
                return f"$ {short_command(bare_command(command))}"
            case AgentSpoke(text=text):
                return f"> {first_line(text)}"
            case FileChanged(path=path, change=change):
                return f"{change_mark(change)} {visible(path)}"
            case event if type(event) in _STAGES:
                return _STAGES[type(event)]
    return ""


def _is_worth_a_line(change: "RowChange") -> bool:
    """Whether a change says more than that the batch has ended before the row could start."""
    return change.state.name != "skipped" or change.batch.state is None


def _height(terminal: Terminal) -> int:
    with suppress(OSError):
        return os.get_terminal_size(terminal.stream.fileno()).lines or _ENDLESS
    return _ENDLESS
