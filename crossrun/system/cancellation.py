"""A request to stop a run: a flag that signal handlers set and every wait checks."""

from collections.abc import Callable

from msgspec import Struct

CANCEL = "crossrun cancel"
"""`requested_by` when another command asked."""


class CancelToken(Struct):
    """Set once. A second request makes it urgent: nothing waits for a graceful end any longer."""

    requested_by: str | None = None
    """Who asked: a signal's name, or `CANCEL`."""
    urgent: bool = False
    cancelled: Callable[[], bool] | None = None
    """Whether another command asked. Cheap, since it is called each time the flag is checked."""

    def request(self, by: str, *, urgent: bool = False) -> None:
        """Asks the run to stop."""
        self.urgent = urgent or self.requested_by is not None
        self.requested_by = self.requested_by or by

    def __bool__(self) -> bool:
        if self.requested_by is None and self.cancelled is not None and self.cancelled():
            self.request(CANCEL)
        return self.requested_by is not None
