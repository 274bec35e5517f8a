"""The states of runs and of patterns."""

import re
from enum import StrEnum

PATTERN_STATES = ("candidate", "active", "resting", "quarantined", "retired", "disabled")
"""See `patterns.evaluation.lifecycle`. `disabled`: by the user. Newer versions may have more."""

_STATUS_OF_NEWER = re.compile(r"[a-z]+(_[a-z]+)*")


class Status(StrEnum):
    """The state of a run. `interrupted`: its process is gone without having recorded an end.

    A status that a newer version stored is a `Status` too, equal to its text, but not one of the
    members.
    """

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LIMIT_REACHED = "limit_reached"
    INTERRUPTED = "interrupted"

    @classmethod
    def _missing_(cls, value: object) -> "Status | None":
        if not isinstance(value, str) or not _STATUS_OF_NEWER.fullmatch(value):
            return None
        status = str.__new__(cls, value)
        status._name_, status._value_ = value.upper(), value
        return status
