"""A call in a thread of its own, so that the caller can look after other things meanwhile."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Background(Generic[Value]):
    """Starts at once. The thread never keeps the program from ending."""

    def __init__(self, call: Callable[[], Value]) -> None:
        self._call = call
        self._values: list[Value] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def done(self, wait: float) -> bool:
        """Waits up to so many seconds; whether the call is over."""
        self._thread.join(wait)
        return not self._thread.is_alive()

    def value(self) -> Value:
        """What the call returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._values[0]

    def _run(self) -> None:
        try:
            self._values.append(self._call())
        except BaseException as error:  # noqa: BLE001  it is raised again in `value`
            self._error = error
