"""Notifications of the desktop, by the program that the system has for them."""

import sys
from collections.abc import Mapping
from html import escape

from crossrun.notifications import Notification
from crossrun.system.programs import run_program

_TIMEOUT = 4.0
_SCRIPT = (
    "on run argv",
    "display notification (item 1 of argv) with title (item 2 of argv)",
    "end run",
)


def show(
    notification: Notification, environ: Mapping[str, str], platform: str = sys.platform
) -> str | None:
    """Shows a notification; why it could not be shown."""
    command = _command(notification, platform)
    result = run_program(command, environ=environ, timeout=_TIMEOUT)
    if result.exit_code == 0:
        return None
    return f"{command[0]}: {result.error.strip() or f'exit code {result.exit_code}'}"


def _command(notification: Notification, platform: str) -> list[str]:
    if platform == "darwin":
        script = [word for line in _SCRIPT for word in ("-e", line)]
        return ["osascript", *script, notification.body, notification.title]
    # a desktop reads the body as markup
    body = escape(notification.body, quote=False)
    return ["notify-send", "--app-name=crossrun", "--", notification.title, body]
