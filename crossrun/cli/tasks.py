"""The task of a run: from the command line, a file or standard input."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from crossrun.cli.command_names import MisreadError, quoted
from crossrun.cli.globals import Command
from crossrun.errors import UsageError
from crossrun.services.options import require_text


class TaskCommand(Command):
    """A command that takes a task, and explains what to do if it comes in several words."""

    def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401  passed on
        super().__init__(*args, **keywords)
        self.allow_extra_args = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses the arguments.

        Raises:
            MisreadError: there are more words than the task.
        """
        more = super().parse_args(ctx, args)
        if more:
            words = _quoted_task(ctx.params, more)
            raise MisreadError(
                f"the task must be a single argument; also given: {' '.join(more)}",
                ctx,
                f"put the task in quotes: {ctx.command_path} {words}",
            )
        return more


def _quoted_task(parameters: Mapping[str, Any], more: list[str]) -> str:
    """The words of a command, with its task in quotes."""
    words = [parameters.get("task"), *more]
    task = quoted(" ".join(word for word in words if word))
    run = parameters.get("run")
    return f"{run} {task}" if run else task


def read_task(task: str | None, file: Path | None) -> str | None:
    """The task, or None if there is neither a task nor a file.

    Raises:
        UsageError: both are given, or the task cannot be read.
    """
    if file is None:
        return _from_stdin() if task == "-" else task
    if task is not None:
        raise UsageError(
            "TASK_TWICE", "a task and --file cannot be used together", hint="use only one of them"
        )
    return _from_bytes(_read(file), str(file))


def _from_stdin() -> str:
    return _from_bytes(sys.stdin.buffer.read(), "standard input")


def _from_bytes(content: bytes, source: str) -> str:
    return require_text(content.decode("utf-8", "surrogateescape"), source)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(
            "TASK_UNREADABLE",
            f"the task file {file} cannot be read: {error.strerror}",
            hint="check the path; a task that begins with a dash needs -- before it",
        ) from error
