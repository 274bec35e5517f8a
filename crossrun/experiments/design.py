"""The design of an experiment, as it is stored with its batch."""

from typing import Any

import msgspec
from msgspec import Struct

from crossrun.experiments.variants import Variant


class TaskDesign(Struct, frozen=True, kw_only=True):
    """A task of an experiment: its name in results, its text and check, and where it comes from.

    `from_run_id` is the recorded run whose task it is. `problem` is what is wrong with its check,
    found before anything started; the task is left out then.
    """

    name: str
    task: str
    verify: str | None = None
    tags: tuple[str, ...] = ()
    from_run_id: str | None = None
    problem: str | None = None


class Design(Struct, frozen=True, kw_only=True):
    """What is compared, on what, and in which order.

    `repetitions` is how often each variant does each task. `runs_all`: all planned runs are carried
    out, although it is decided before. `pattern_id` is the pattern that the experiment is to prove.
    """

    variants: tuple[Variant, ...]
    tasks: tuple[TaskDesign, ...]
    seed: int
    repetitions: int
    checked_first: bool = False
    runs_all: bool = False
    pattern_id: str | None = None

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Design":
        """From JSON. Raises msgspec.ValidationError."""
        return msgspec.convert(stored, cls)

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        content: dict[str, Any] = msgspec.to_builtins(self)
        return content
