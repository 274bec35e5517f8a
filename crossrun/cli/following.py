"""Following what other processes do, until it ends or the user leaves."""

import sys
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from crossrun.system import streams
from crossrun.system.background import Background

Followed = TypeVar("Followed")

_POLL = 0.1
_TO_LEAVE = 1.0
"""Seconds to give the terminal back after a signal."""


def until_end(
    following: Callable[[], Followed], look_up: Callable[[], None], leave: Event
) -> Followed:
    """Waits for the end or a signal, also while nobody reads the terminal.

    Args:
        following: follows and shows; done in a thread.
        look_up: called now and then.
        leave: set when a signal has come.
    """
    thread = Background(following, start=False)
    try:
        thread.start()  # a signal may come while it starts, when the view already draws
        while not thread.done(_POLL):
            look_up()
    except BaseException:
        leave.set()
        if not thread.done(_TO_LEAVE):
            streams.abandon(sys.stdout)
        raise
    return thread.value()
