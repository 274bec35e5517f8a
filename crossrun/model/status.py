"""Where a run stands."""

from enum import StrEnum


class Status(StrEnum):
    """Where a run stands. `interrupted`: its process is gone without having recorded an end."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LIMIT_REACHED = "limit_reached"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen in the run."""
        return self not in (Status.QUEUED, Status.RUNNING)
