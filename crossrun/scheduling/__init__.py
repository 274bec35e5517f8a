"""Runs at fixed times, written to the scheduler that the system has: crossrun has no daemon.

A schedule is stored nowhere else: each entry carries everything that crossrun knows about it.
"""

import re
from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from crossrun.errors import ConfigurationError
from crossrun.model.choices import SCHEDULED_TAG

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Schedule(Struct, frozen=True, kw_only=True):
    """A run at fixed times.

    `when` is a cron expression. `arguments` are those of `crossrun run`, `program` starts crossrun,
    both run in `folder` with the variables in `environ`. What is printed goes to the file `log`.
    `changed` says that somebody has changed the entry since crossrun wrote it.
    """

    name: str
    when: str
    arguments: tuple[str, ...]
    folder: str
    program: tuple[str, ...]
    environ: dict[str, str]
    log: str
    paused: bool = False
    changed: bool = False

    @property
    def tag(self) -> str:
        """The tag of its runs."""
        return f"schedule:{self.name}"

    def command(self, *, unattended: bool = True) -> list[str]:
        """The program and arguments of its run. An unattended one prints its id and errors only."""
        tags = ["--tag", SCHEDULED_TAG, "--tag", self.tag]
        quiet = ["--quiet"] if unattended else []
        return [*self.program, "run", *tags, *quiet, *self.arguments]


class Scheduler(Protocol):
    """A scheduler of the system."""

    name: str

    def is_available(self) -> bool:
        """Whether it can be used here."""

    def schedules(self) -> list[Schedule]:
        """The entries that crossrun wrote.

        Raises:
            ConfigurationError: the scheduler cannot be asked.
        """

    def write(self, schedule: Schedule) -> None:
        """Writes an entry, or replaces it.

        Raises:
            ConfigurationError: the scheduler refuses it; nothing has changed.
        """

    def remove(self, schedule: Schedule) -> None:
        """Removes an entry.

        Raises:
            ConfigurationError: the scheduler refuses it.
        """

    def limitation(self) -> str | None:
        """What keeps entries from being run at all times, and how to change that."""


def encoded(schedule: Schedule) -> str:
    """A schedule as one line of ASCII, for its entry."""
    import json

    plain = msgspec.to_builtins(msgspec.structs.replace(schedule, changed=False))
    return json.dumps(plain)


def decoded(text: str) -> Schedule | None:
    """The schedule in a line of an entry; None if it is damaged."""
    try:
        return msgspec.json.decode(text, type=Schedule)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def refused(scheduler: str, command: Sequence[str], error: str) -> ConfigurationError:
    """The error for a program of a scheduler that did not do what it should."""
    return ConfigurationError(
        "SCHEDULER_FAILED",
        f"{scheduler}: `{' '.join(command)}` failed: {' '.join(error.split()) or 'no message'}",
        hint="run that command yourself to see what is wrong",
    )
