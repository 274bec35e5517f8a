"""What a service has to say besides its result, as values that each front end presents itself."""

from collections.abc import Callable
from typing import NamedTuple


class Notice(NamedTuple):
    """One message for people. `warning`: something did not work, without effect on the result."""

    message: str
    warning: bool = False

    def __str__(self) -> str:
        return f"warning: {self.message}" if self.warning else self.message


Notify = Callable[[Notice], None]
"""Presents a notice."""


def once(notify: Notify) -> Notify:
    """Presents each notice once, however many runs it is about."""
    presented: set[Notice] = set()

    def notify_once(notice: Notice) -> None:
        if notice not in presented:
            presented.add(notice)
            notify(notice)

    return notify_once


def ignore(_notice: Notice) -> None:
    """Presents nothing."""
