"""A command of the user's that is run when a run has ended."""

import json
from collections.abc import Mapping

from crossrun.notifications import Notification
from crossrun.redaction import is_key_name
from crossrun.system.programs import run_program

_TIMEOUT = 9.0


def run_command(command: str, notification: Notification, environ: Mapping[str, str]) -> str | None:
    """Runs a command in a shell; why it failed.

    It gets the variables of the notification, the event as JSON on standard input, and no keys.
    """
    plain = {name: value for name, value in environ.items() if not is_key_name(name)}
    result = run_program(
        ["sh", "-c", command],
        environ={**plain, **notification.variables},
        timeout=_TIMEOUT,
        stdin=json.dumps(notification.event),
    )
    if result.exit_code == 0:
        return None
    last_line = (result.error.strip().splitlines() or [""])[-1]
    return f"exit code {result.exit_code}: {last_line}" if result.exit_code else last_line
