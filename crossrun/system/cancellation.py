"""How a run is asked to stop: a flag that signal handlers set and all that waits looks at."""

from collections.abc import Callable

from msgspec import Struct

CANCEL = "crossrun cancel"
"""Who asks when another command does."""


class CancelToken(Struct):
    """Set once; asked for again, it becomes urgent: no more waiting for a polite end."""

    requested_by: str | None = None
    """Who asked: a signal's name, or `CANCEL`."""
    urgent: bool = False
    cancelled: Callable[[], bool] | None = None
    """Looks whether another command asked; cheap, since it is called at every look at the flag."""

    def request(self, by: str, *, urgent: bool = False) -> None:
        """Asks the run to stop."""
        self.urgent = urgent or self.requested_by is not None
        self.requested_by = self.requested_by or by

    def __bool__(self) -> bool:
        if self.requested_by is None and self.cancelled is not None and self.cancelled():
            self.request(CANCEL)
        return self.requested_by is not None
