"""What the agent has begun and not ended, and how long that explains its silence."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple


class _Item(NamedTuple):
    began: float
    doubted: float | None
    """Since when it may be in the background, or since when its end is uncertain."""


class OpenItems:
    """Commands, tools and items of unknown kinds that are in progress.

    A command may take any time. Once the agent says or does something else, the command may be in
    the background, and the agent may not wait for it: then it explains a silence for `patience`
    seconds only. The same is true of items of an unknown kind.

    Args:
        patience: in seconds.
        clock: returns seconds.
    """

    def __init__(
        self, patience: float = math.inf, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._clock = clock
        self._open: dict[str, _Item] = {}

    def begin(self, item_id: str, *, doubted: bool = False) -> None:
        """An item has begun."""
        now = self._clock()
        self._doubt(now)
        self._open[item_id] = _Item(now, now if doubted else None)

    def end(self, item_id: str) -> float | None:
        """An item has ended. Returns the seconds it took, if its beginning was seen."""
        item = self._open.pop(item_id, None)
        if item is None and not self._open:
            return None
        now = self._clock()
        self._doubt(now)
        return None if item is None else now - item.began

    def clear(self) -> None:
        """The turn has ended, and everything in it."""
        self._open.clear()

    def explain_silence(self) -> bool:
        """Whether the agent may be silent because of something in progress."""
        return any(self._explains(item) for item in self._open.values())

    def _explains(self, item: _Item) -> bool:
        return item.doubted is None or self._clock() < item.doubted + self._patience

    def _doubt(self, now: float) -> None:
        for item_id, item in self._open.items():
            if item.doubted is None:
                self._open[item_id] = item._replace(doubted=now)
