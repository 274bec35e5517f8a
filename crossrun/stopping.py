"""How a run is asked to stop: a flag that signal handlers set and all that waits looks at."""

from msgspec import Struct


class Stop(Struct):
    """Set once; asked for again, it becomes urgent: no more waiting for a polite end."""

    requested_by: str | None = None
    """Who asked: a signal's name."""
    urgent: bool = False

    def request(self, by: str) -> None:
        """Asks the run to stop."""
        self.urgent = self.requested_by is not None
        self.requested_by = self.requested_by or by

    def __bool__(self) -> bool:
        return self.requested_by is not None
