"""What every service works with, made once from the settings.

Light to import: lists of runs need an `App`, too.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from crossrun.config.settings import Settings
from crossrun.errors import ConfigurationError
from crossrun.services.notices import Notice, Notify, ignore
from crossrun.store import Store
from crossrun.store.reading import LAST

if TYPE_CHECKING:
    from crossrun.model.runs import Run
    from crossrun.redaction import Redactor
    from crossrun.services.default_source import StartingPoint
    from crossrun.workspace.workspaces import Workspaces


class App:
    """One user's crossrun. Reading is safe from any thread; each run needs an `App` to itself.

    Args:
        settings: where everything is, and how runs are carried out.
        notify: presents what services have to say.
    """

    def __init__(self, settings: Settings, notify: Notify = ignore) -> None:
        self.settings = settings
        self.notify = notify
        self.store = Store(settings.paths)

    def open_for_reading(self) -> None:
        """Checks that the store can be read, and marks dead runs as interrupted if possible.

        Raises:
            ConfigurationError: the store cannot be used; the message says why and what to do.
        """
        self.store.open_for_reading()
        self._report_failed_backup()
        try:
            self.settle_dead_runs()
        except ConfigurationError as error:
            message = f"interrupted runs could not be marked as such: {error.message}"
            self.notify(Notice(message, warning=True))

    def open_for_writing(self) -> None:
        """Creates or migrates the store, and marks dead runs as interrupted.

        Raises:
            ConfigurationError: the store cannot be used; the message says why and what to do.
        """
        self.store.open_for_writing()
        self._report_failed_backup()
        self.settle_dead_runs()

    def settle_dead_runs(self) -> None:
        """Ends the runs whose process is gone."""
        if not self.store.perhaps_left_behind():
            return
        from crossrun.services.recovery import settle

        for run in settle(self.store, self.settings.paths, self.redactor):
            self.notify(Notice(f"run {run.id} was interrupted: its crossrun process is gone"))

    def _report_failed_backup(self) -> None:
        message = self.store.take_backup_failure()
        if message is not None:
            notice = f"no weekly backup of the store was made: {message}"
            self.notify(Notice(notice, warning=True))

    def run(self, reference: str | None = None, project_id: str | None = None) -> "Run":
        """The run with an id, or with an id that begins like this; by default the newest.

        Raises:
            NotFoundError: no run matches, or more than one.
        """
        return self.store.read.run(reference or LAST, project_id=project_id)

    @cached_property
    def redactor(self) -> "Redactor":
        """Masks the secrets of this environment."""
        from crossrun.redaction import Redactor

        return Redactor.of_environment(self.settings.environ)

    @cached_property
    def starting_point(self) -> "StartingPoint":
        """What a run begins with if no source is named; the same for all rows of a batch."""
        from crossrun.services.default_source import starting_point

        return starting_point(self.settings, self.workspaces.own_folders)

    @cached_property
    def workspaces(self) -> "Workspaces":
        """The folders of all runs."""
        from crossrun.workspace.workspaces import Workspaces

        paths = self.settings.paths
        own_folders = (paths.data, paths.artifacts, paths.state, paths.config)
        return Workspaces(paths.workspaces, paths.snapshots, own_folders)
