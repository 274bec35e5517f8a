"""A call in a background thread, so that the caller can do other things in the meantime.

The call can be cancelled: it ends at its next `checkpoint`. Anything that may take long, a child
process or a loop, passes a checkpoint at least five times a second.
"""

import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

Value = TypeVar("Value")
Shown = TypeVar("Shown")
_TICK = 0.05
"""Seconds between checks on a running call."""
_thread = threading.local()
"""Holds the current thread's call as `background`."""


class Cancelled(BaseException):
    """The result of this call is no longer wanted."""


class Background(Generic[Value]):
    """A call in a daemon thread, which never keeps the program from exiting.

    Attributes:
        progress: how far the call has got, in a unit that the call chooses.
        total: how far it has to go; 0: that is not known yet.
    """

    def __init__(self, call: Callable[[], Value], *, start: bool = True) -> None:
        self._call = call
        self._values: list[Value] = []
        self._error: BaseException | None = None
        self.progress = 0
        self.total = 0
        self.cancelled = False
        # not join(): a signal that interrupts it would make the thread look ended (Python 3.11)
        self._over = threading.Event()
        if start:
            self.start()

    def start(self) -> None:
        """Starts the call, if it was created with `start=False`."""
        threading.Thread(target=self._run, daemon=True).start()

    def done(self, wait: float) -> bool:
        """Waits up to `wait` seconds; returns whether the call has ended."""
        return self._over.wait(wait)

    def cancel(self) -> None:
        """Cancels the call and waits until it has ended."""
        self.cancelled = True
        self._over.wait()

    def value(self) -> Value:
        """What the call returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._values[0]

    def _run(self) -> None:
        _thread.background = self
        try:
            self._values.append(self._call())
        except BaseException as error:  # noqa: BLE001  it is raised again in `value`
            self._error = error
        finally:
            self._over.set()


def checkpoint(progress: int | None = None, total: int = 0) -> None:
    """Ends this thread's call if it was cancelled. Does nothing in other threads.

    Args:
        progress: how far the call has got.
        total: how far it has to go, if that is known.

    Raises:
        Cancelled: the call was cancelled.
    """
    background: Background[object] | None = getattr(_thread, "background", None)
    if background is None:
        return
    if background.cancelled:
        raise Cancelled
    if progress is not None:
        background.progress, background.total = progress, total


def awaited(
    call: Callable[[], Value], shown: Callable[[int, int], Shown]
) -> Generator[Shown, None, Value]:
    """Makes a call in the background and returns its value.

    Closing the generator cancels the call. The call has always ended when the generator has.

    Yields:
        What `shown` makes of the call's progress and its total.
    """
    background = Background(call)
    try:
        while not background.done(_TICK):
            yield shown(background.progress, background.total)
    finally:
        background.cancel()
    return background.value()
