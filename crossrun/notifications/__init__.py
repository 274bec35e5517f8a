"""Tells people and programs that a run has ended: desktop, terminal, a command, a webhook.

Each channel returns why it did not work, and None if it did: a notification never fails a run.
"""

from typing import Any

from msgspec import Struct


class Notification(Struct, frozen=True, kw_only=True):
    """What has ended, for people and for programs.

    `title` and `body` are one line each, without control characters. `variables` are for a command,
    `event` is the JSON for a webhook, and `id` identifies it.
    """

    id: str
    title: str
    body: str
    variables: dict[str, str]
    event: dict[str, Any]
