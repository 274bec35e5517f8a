"""What a cleanup would remove and keep, as tables, and its progress."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from crossrun.model.retention import WorkspaceUsage
from crossrun.model.status import Status
from crossrun.views.terminal import Column, Terminal, fit, table
from crossrun.views.words import age, disk_size, first_line, status_style

_PAUSE = 0.1


def usage_table(
    usages: Sequence[tuple[WorkspaceUsage, str]], title: str, terminal: Terminal
) -> Iterator[str]:
    """Workspaces, one to a line; `title` heads the column with the reasons."""
    now = datetime.now(UTC)
    columns = [
        Column("RUN", style="bold"),
        Column("SIZE", align="right"),
        Column("AGE", align="right"),
        Column("STATUS", style=_style),
        Column("PROJECT", flexible=True, essential=False),
        Column(title),
    ]
    rows = [
        [
            usage.newest.id,
            disk_size(usage.size),
            age(usage.age(now)),
            str(usage.newest.status).replace("_", " "),
            first_line(usage.newest.project_id),
            why,
        ]
        for usage, why in usages
    ]
    return table(columns, rows, terminal)


class Ticker:
    """A progress line on a terminal; nothing anywhere else."""

    def __init__(self, terminal: Terminal, *, quiet: bool) -> None:
        self._terminal = terminal
        self._silent = quiet or not terminal.live
        self._shown = 0.0

    def show(self, text: str) -> None:
        """Shows the progress, at most ten times a second."""
        if not self._silent and time.monotonic() - self._shown >= _PAUSE:
            self._shown = time.monotonic()
            self._write(fit(text, self._terminal.width - 1))

    def clear(self) -> None:
        """Removes the line."""
        if self._shown:
            self._write("")

    def _write(self, text: str) -> None:
        self._terminal.stream.write(f"\r\x1b[2K{self._terminal.plain(text)}")
        self._terminal.stream.flush()


def _style(status: str) -> str:
    return status_style(Status(status.replace(" ", "_")))
