"""Live views of a run: a terminal gets one status line that changes, everything else plain lines.

A terminal is redrawn at most ten times a second. Events that would scroll by unread are counted
instead of drawn.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Protocol

from crossrun.events import (
    AgentSpoke,
    ApplyFinished,
    ArtifactSaved,
    EventRecord,
    PatternJudged,
    PatternLearned,
    PlannerReplied,
    PlanUpdated,
    ProofAssessed,
    RunFinished,
    RunStarted,
    StepFinished,
    TurnFailed,
    UnknownEvent,
    Unrecognised,
    UsageReported,
    Verified,
    Warned,
    WorkspaceChanged,
)
from crossrun.model.runs import Run
from crossrun.projections.documents import document, recorded_event, run_object
from crossrun.projections.run import advance, begun
from crossrun.views.moving_line import MovingLine
from crossrun.views.phrases import failure_phrases, phrases
from crossrun.views.progress import RunProgress
from crossrun.views.summary import closing, header, outcome_lines
from crossrun.views.terminal import Terminal, fit, lines
from crossrun.views.unseen import visible
from crossrun.views.words import Phrase, first_line, plural

_REDRAW = 0.1
_AFTER_THE_ANSWER = (
    ApplyFinished,
    ArtifactSaved,
    PatternJudged,
    PatternLearned,
    PlannerReplied,
    PlanUpdated,
    ProofAssessed,
    RunFinished,
    StepFinished,
    UsageReported,
    Verified,
    WorkspaceChanged,
)
_MOST_EVENTS = 60
"""How many events are drawn at once. Of more, the first and the last ones are drawn."""


class View(Protocol):
    """Shows a run while it is running."""

    def show(self, recorded: EventRecord | None) -> None:
        """Takes the next event, or None if there is none at the moment."""

    def close(self, run: Run | None) -> None:
        """Ends the view; `run` is as the last event left it."""

    def suspended(self) -> AbstractContextManager[None]:
        """Gives the terminal to other programs until the context ends."""


class NullView:
    """Shows nothing."""

    def show(self, recorded: EventRecord | None) -> None:
        """Nothing."""

    def close(self, run: Run | None) -> None:
        """Nothing."""

    def suspended(self) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()


class SummaryView(NullView):
    """Shows how a run ended, or only why it failed."""

    def __init__(self, terminal: Terminal, *, failures_only: bool) -> None:
        self._terminal = terminal
        self._failures_only = failures_only
        self._artifacts: list[ArtifactSaved] = []

    def show(self, recorded: EventRecord | None) -> None:
        """Collects what the closing lists."""
        if recorded is not None and isinstance(recorded.event, ArtifactSaved):
            self._artifacts.append(recorded.event)

    def close(self, run: Run | None) -> None:
        """Writes the closing."""
        if run is None or not run.ended:
            return
        if not self._failures_only:
            title = f"{run.id}  {first_line(run.name or run.task)}"
            self._terminal.write(["", fit(title, self._terminal.width)])
            self._terminal.write(closing(run, self._terminal, self._artifacts))
        elif run.failure is not None:
            self._terminal.write(lines(failure_phrases(run.failure), self._terminal))
        elif run.applied is not None and not run.applied.is_complete:
            self._terminal.write(outcome_lines(run, self._terminal))


class RunView(NullView):
    """Writes the run as JSON when it has ended, for programs."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def close(self, run: Run | None) -> None:
        """Writes the run if it has ended. If it has not, an error is reported elsewhere."""
        if run is not None and run.ended:
            self._terminal.emit(document(run_object(run)))


class JsonLinesView(NullView):
    """Writes each event as a line of JSON, for programs."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def show(self, recorded: EventRecord | None) -> None:
        """Writes the event."""
        if recorded is not None:
            self._terminal.emit(document(recorded_event(recorded)))


class MultiView(NullView):
    """Several views of one run."""

    def __init__(self, views: Sequence[View]) -> None:
        self._views = views

    def show(self, recorded: EventRecord | None) -> None:
        """Passes the event to all of them."""
        self._views = [shown(view, recorded) for view in self._views]

    def close(self, run: Run | None) -> None:
        """Closes all of them."""
        for view in self._views:
            with suppress(OSError):
                view.close(run)


class _EventFilter:
    """Passes on the events that are shown.

    A message of the agent is held back until something follows it, since the last one is the
    answer, which the closing shows. A plan is shown if it differs from the one before. Of each
    unknown kind of line or event the first is shown. The reason why a turn failed is not repeated
    if it was the last warning. Artifacts are collected for the closing.
    """

    def __init__(self) -> None:
        self._message: EventRecord | None = None
        self._plan: PlanUpdated | None = None
        self._unknown: set[str] = set()
        self._warning = ""
        self.artifacts: list[ArtifactSaved] = []

    def pass_on(self, recorded: EventRecord) -> list[EventRecord]:
        """The events to show after this one has arrived."""
        if isinstance(recorded.event, AgentSpoke):
            before, self._message = self._message, recorded
            return [before] if before else []
        if isinstance(recorded.event, Unrecognised | UnknownEvent) and self._is_known(
            recorded.event.kind
        ):
            return []
        if isinstance(recorded.event, Warned):
            self._warning = recorded.event.message
        if isinstance(recorded.event, TurnFailed) and recorded.event.message == self._warning:
            return []
        if isinstance(recorded.event, ArtifactSaved):
            self.artifacts.append(recorded.event)
        if isinstance(recorded.event, PlanUpdated):
            earlier, self._plan = self._plan, recorded.event
            if earlier == recorded.event:
                return []
        if self._message is None or isinstance(recorded.event, _AFTER_THE_ANSWER):
            return [recorded]
        message, self._message = self._message, None
        return [message, recorded]

    def _is_known(self, kind: str | None) -> bool:
        if kind is None or kind in self._unknown:
            return kind is not None
        self._unknown.add(kind)
        return False


class LineView(NullView):
    """Writes lines as events arrive, for pipes, files and simple terminals."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._filter = _EventFilter()

    def show(self, recorded: EventRecord | None) -> None:
        """Writes the lines of the event."""
        if recorded is None:
            return
        terminal = self._terminal.resized()
        for event in self._filter.pass_on(recorded):
            terminal.write(event_lines(event, terminal))

    def close(self, run: Run | None) -> None:
        """Writes the closing, if the run has ended."""
        if run is not None and run.ended:
            self._terminal.write(closing(run, self._terminal, self._filter.artifacts))


class LiveView:
    """Scrolls finished lines away on a terminal, above a status line that changes."""

    def __init__(self, terminal: Terminal, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._line = MovingLine(terminal)
        self._progress = RunProgress()
        self._filter = _EventFilter()
        self._waiting: list[EventRecord] = []
        self._skipped = 0
        self._drawn_at = 0.0

    def show(self, recorded: EventRecord | None) -> None:
        """Takes an event, and redraws if it is time to."""
        if recorded is not None:
            self._progress.see(recorded)
            self._waiting += self._filter.pass_on(recorded)
        if self._now() >= self._drawn_at + _REDRAW:
            self._draw()

    def close(self, run: Run | None) -> None:
        """Draws the remaining events and, if the run has ended, its closing."""
        self._line.draw(self._new_lines(), "")
        self._line.clear()
        if run is not None and run.ended:
            terminal = self._line.terminal
            terminal.write(closing(run, terminal, self._filter.artifacts))

    def suspended(self) -> AbstractContextManager[None]:
        """Removes the line and shows the cursor while crossrun is suspended."""
        return self._line.cleared()

    def _draw(self) -> None:
        self._drawn_at = self._now()
        if self._line.hidden:
            self._skip()
        else:
            self._line.draw(self._new_lines(), self._progress.line())

    def _skip(self) -> None:
        """Drops events that would scroll by unread."""
        half = _MOST_EVENTS // 2
        skipped = max(len(self._waiting) - _MOST_EVENTS, 0)
        del self._waiting[half : half + skipped]
        self._skipped += skipped

    def _new_lines(self) -> list[str]:
        half = _MOST_EVENTS // 2
        self._skip()
        waiting, self._waiting = self._waiting, []
        skipped, self._skipped = self._skipped, 0
        if not skipped:
            return self._lines(waiting)
        note = f"  … {plural(skipped, 'event')} not shown, see: crossrun events {waiting[0].run_id}"
        return [
            *self._lines(waiting[:half]),
            self._line.terminal.style(note, "dim"),
            *self._lines(waiting[half:]),
        ]

    def _lines(self, events: Sequence[EventRecord]) -> list[str]:
        return [line for recorded in events for line in event_lines(recorded, self._line.terminal)]


def event_lines(recorded: EventRecord, terminal: Terminal) -> list[str]:
    """The lines for an event; often none."""
    if isinstance(recorded.event, RunStarted):
        run = begun(recorded, recorded.event)
        return [*header(run, terminal), *lines(_asked(recorded.event), terminal)]
    return list(lines(phrases(recorded.event), terminal))


def _asked(event: RunStarted) -> list[Phrase]:
    """The inputs; and the task, if a planning model puts the steps into its own words."""
    asked = []
    if event.request.begin_with.inputs:
        names = ", ".join(visible(Path(path).name) for path in event.request.begin_with.inputs)
        asked.append(Phrase("plan", f"input      {names}"))
    if event.request.planner != "direct":
        asked.append(Phrase("step", first_line(event.request.task)))
    return asked


def view_for(terminal: Terminal) -> View:
    """The view that suits the stream."""
    return LiveView(terminal) if terminal.live else LineView(terminal)


def shown(view: View, item: EventRecord | None) -> View:
    """Shows an event. Returns the view for the next one: a null view once writing has failed."""
    try:
        view.show(item)
    except OSError:
        return NullView()
    return view


def follow(recorded: Iterable[EventRecord | None], view: View, *, run: Run | None = None) -> Run:
    """Shows a run to its end.

    Args:
        recorded: the events.
        view: shows them.
        run: the run before the first of these events, if that is not the run's first.

    Returns:
        The run as its last event left it.
    """
    try:
        for item in recorded:
            if item is not None:
                run = advance(run, item)
            view = shown(view, item)
    finally:
        with suppress(OSError):
            view.close(run)
    if run is None:
        raise ValueError("there was no event to follow")
    return run
