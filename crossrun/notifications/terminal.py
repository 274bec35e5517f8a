"""Signs that make a terminal show a notification."""

from collections.abc import Mapping

from crossrun.notifications import Notification

BELL = "\a"
_WITH_OSC_777 = ("rxvt", "foot")
"""How the TERM of terminals begins that know OSC 777 and not OSC 9."""


def sequence(notification: Notification, environ: Mapping[str, str]) -> str:
    """OSC 777 for terminals that know it, otherwise OSC 9, which others ignore."""
    title, body = notification.title, notification.body
    if environ.get("TERM", "").startswith(_WITH_OSC_777) or environ.get("VTE_VERSION"):
        parts = [text.replace(";", ",") for text in (title, body)]
        return f"\x1b]777;notify;{';'.join(parts)}\a"
    return f"\x1b]9;{title}: {body}\a"
