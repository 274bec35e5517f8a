"""What the first screen shows, and when the user last saw it."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crossrun.services.app import App
from crossrun.system.clock import now
from crossrun.system.folders import make_private

if TYPE_CHECKING:
    from crossrun.store.overview import Overview

_NEWEST = 5


def overview(app: App) -> "Overview":
    """What is running, what is new, and what waits for the user."""
    return app.store.overview(newest=_NEWEST, since=_last_look(app))


def remember_look(app: App) -> None:
    """Remembers that the user has seen which scheduled runs failed, if that is possible."""
    file = _file(app)
    with suppress(OSError):
        make_private(file.parent)
        file.write_text(now())


def _last_look(app: App) -> str | None:
    try:
        text = _file(app).read_text()
        datetime.fromisoformat(text)
    except (OSError, ValueError):
        return None
    return text


def _file(app: App) -> Path:
    return app.settings.paths.state / "looked"
