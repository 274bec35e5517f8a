"""The Python API: runs crossrun inside of another program."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from crossrun.config import sources
from crossrun.config.settings import Settings
from crossrun.events import EventRecord
from crossrun.model.queries import PatternFilter, RunFilter
from crossrun.model.runs import Run
from crossrun.model.workflows import Pattern
from crossrun.services import runs
from crossrun.services.app import App
from crossrun.services.lineage import PreparedRun, prepare_run
from crossrun.services.notices import Notice, Notify
from crossrun.services.options import ResumeOptions, RetryOptions, RunOptions
from crossrun.services.requests import resumed_run, retried_run, run_request
from crossrun.services.runs import RunHandle


class Crossrun:
    """The runs and patterns of one user.

    It may be used by several threads at once. As a context manager, it waits in the end for the
    runs that it started; if an exception leaves the context, it cancels them first.

    Args:
        settings: where everything is, and the defaults of runs.
        notify: gets what there is to say besides results.
    """

    def __init__(self, settings: Settings, notify: Notify) -> None:
        self._settings = settings
        self._notify = notify
        self._handles: list[RunHandle] = []

    @classmethod
    def open(cls, home: Path | None = None, *, notify: Notify | None = None) -> Self:
        """Opens the user's crossrun with the settings that the command would use here.

        Args:
            home: the folder for everything, as `--home`; by default that of the settings.
            notify: gets notices and warnings; by default they go to the logger `crossrun`.

        Raises:
            ConfigurationError: the settings or the store cannot be used.
        """
        notify = notify or _log
        settings = sources.load(home=home)
        for warning in settings.warnings:
            notify(Notice(warning, warning=True))
        App(settings, notify).open_for_writing()
        return cls(settings, notify)

    def run(self, options: RunOptions) -> RunHandle:
        """Starts a run in a thread, and returns as soon as it is recorded.

        Raises:
            CrossrunError: options contradict each other, or something is missing; nothing has been
                recorded.
        """
        app = self._app()
        return self._start(app, prepare_run(app.store, run_request(options, app)))

    def resume(self, run_id: str, options: ResumeOptions | None = None) -> RunHandle:
        """Starts a run that continues another one; see `run`."""
        app = self._app()
        options = options or ResumeOptions()
        return self._start(app, resumed_run(options, app.run(run_id).id, app))

    def retry(self, run_id: str, options: RetryOptions | None = None) -> RunHandle:
        """Starts a run that repeats another one; see `run`."""
        app = self._app()
        options = options or RetryOptions()
        return self._start(app, retried_run(options, app.run(run_id).id, app))

    def watch(self, run_id: str, *, after: int = 0) -> Iterator[EventRecord]:
        """The events of any run as they are recorded, until it has ended.

        Args:
            run_id: the run, also of another process.
            after: only events with a higher number.
        """
        app = self._app()
        for record in runs.follow(app, app.run(run_id).id, after=after):
            if record is not None:
                yield record

    def show(self, run_id: str | None = None) -> Run:
        """A run as it is now; by default the newest.

        Raises:
            NotFoundError: no run matches, or more than one.
        """
        return self._app().run(run_id)

    def runs(self, selection: RunFilter | None = None) -> list[Run]:
        """Runs, newest first; by default the newest twenty."""
        return self._app().store.read.runs(selection or RunFilter())

    def patterns(self, selection: PatternFilter | None = None) -> list[Pattern]:
        """Patterns, those that changed last first."""
        return self._app().store.patterns.patterns(selection or PatternFilter())

    def cancel(self, *run_ids: str) -> list[Run]:
        """Cancels runs of any process, and waits for up to 30 seconds until they have ended."""
        app = self._app()
        return runs.cancel(app, [app.run(run_id).id for run_id in run_ids])

    def wait(self, *run_ids: str, timeout: float | None = None) -> list[Run]:
        """Waits until runs of any process have ended, or the time is up."""
        app = self._app()
        return runs.wait_for(app, [app.run(run_id).id for run_id in run_ids], timeout)

    def close(self) -> None:
        """Waits until all runs have ended that were started here."""
        for handle in self._handles:
            handle.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error_type is not None:
            for handle in self._handles:
                handle.cancel()
        self.close()

    def _app(self) -> App:
        return App(self._settings, self._notify)

    def _start(self, app: App, preparation: AbstractContextManager[PreparedRun]) -> RunHandle:
        handle = RunHandle(app, preparation)
        handle.start()
        self._handles.append(handle)
        return handle


def _log(notice: Notice) -> None:
    level = logging.WARNING if notice.warning else logging.INFO
    logging.getLogger("crossrun").log(level, notice.message)
