"""A call in a thread of its own, so that the caller can look after other things meanwhile.

Such a call can be cancelled: it ends at its next `checkpoint`. Whatever may take long, be it a
child process or a loop, has one at least five times a second.
"""

import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

Value = TypeVar("Value")
Shown = TypeVar("Shown")
_TICK = 0.05
"""Seconds between two looks at a call that goes on."""
_thread = threading.local()
"""Has the call that the current thread makes, as `background`."""


class Cancelled(BaseException):
    """Nobody wants the result of this call any more."""


class Background(Generic[Value]):
    """Starts at once, or when it is asked to. The thread never keeps the program from ending.

    Attributes:
        progress: how far the call has come, in the unit of whoever reports it.
    """

    def __init__(self, call: Callable[[], Value], *, start: bool = True) -> None:
        self._call = call
        self._values: list[Value] = []
        self._error: BaseException | None = None
        self.progress = 0
        self.cancelled = False
        # not join(): a signal that interrupts it would make the thread look ended (Python 3.11)
        self._over = threading.Event()
        if start:
            self.start()

    def start(self) -> None:
        """Makes the call."""
        threading.Thread(target=self._run, daemon=True).start()

    def done(self, wait: float) -> bool:
        """Waits up to so many seconds; whether the call is over."""
        return self._over.wait(wait)

    def cancel(self) -> None:
        """Ends the call at its next checkpoint, and waits for that."""
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


def checkpoint(progress: int | None = None) -> None:
    """Ends the call that this thread makes, if it was cancelled; elsewhere nothing happens.

    Args:
        progress: how far the call has come.

    Raises:
        Cancelled: it was.
    """
    background: Background[object] | None = getattr(_thread, "background", None)
    if background is None:
        return
    if background.cancelled:
        raise Cancelled
    if progress is not None:
        background.progress = progress


def awaited(
    call: Callable[[], Value], shown: Callable[[int], Shown]
) -> Generator[Shown, None, Value]:
    """Makes a call in the background; its value is that of the call.

    Closing the generator cancels the call. Whatever happens, the call is over in the end.

    Yields:
        The call's progress, as `shown` makes it.
    """
    background = Background(call)
    try:
        while not background.done(_TICK):
            yield shown(background.progress)
    finally:
        background.cancel()
    return background.value()
