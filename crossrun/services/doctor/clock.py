"""Whether the clock can be right."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from crossrun.config.settings import Paths
from crossrun.model.diagnoses import Diagnosis

_SUBJECT = "Clock"
_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
_TOLERANCE = 3600


def examine(paths: Paths) -> Iterator[Diagnosis]:
    """Not before crossrun was written, and not before the store's last change."""
    now = time.time()
    try:
        changed = paths.database.stat().st_mtime
    except OSError:
        changed = 0.0
    shown = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    if now < max(_EARLIEST, changed - _TOLERANCE):
        yield Diagnosis(
            "clock.time",
            "warning",
            _SUBJECT,
            f"it is {shown}, before the last change of the store",
            "set the clock: timedatectl set-ntp true",
        )
    else:
        yield Diagnosis("clock.time", "ok", _SUBJECT, shown)
