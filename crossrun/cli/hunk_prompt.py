"""Asks for each hunk of a change whether it is to be applied, as `git add -p` does."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from crossrun.cli.globals import Globals
from crossrun.errors import Exit, UsageError
from crossrun.views.changes import patch_lines

if TYPE_CHECKING:
    from crossrun.services.applying import ChangedFile, Choice

_ANSWERS = """\
y  apply this
n  do not apply this
a  apply this and all that follow in the file
d  apply neither this nor what follows in the file
q  apply neither this nor what follows
?  show this help"""


def require_terminal() -> None:
    """Raises UsageError, NO_TERMINAL, if nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError(
            "NO_TERMINAL",
            "choosing hunks needs a terminal",
            hint="name files instead: crossrun apply RUN -- PATH...",
        )


def choose_hunks(files: "Sequence[ChangedFile]", options: Globals) -> "Choice":
    """What the user wants of each file.

    Raises:
        typer.Exit: nothing.
    """
    choice: dict[str, frozenset[int] | None] = {}
    for file in files:
        if not _choose(file, choice, options):
            break
    if not choice:
        options.say("nothing was changed")
        raise typer.Exit(Exit.CANCELLED)
    return choice


def _choose(
    file: "ChangedFile", choice: dict[str, frozenset[int] | None], options: Globals
) -> bool:
    """Asks about the hunks of a file, or about all of it; whether to ask about further files."""
    start = len(file.patch) - sum(len(hunk.patch) for hunk in file.hunks)
    options.err.write(patch_lines(file.patch[:start], options.err))
    count = len(file.hunks)
    numbers = set[int]()
    for number, hunk in enumerate(file.hunks):
        options.err.write(_hunk_lines(file.patch[:start], hunk.patch, options))
        answer = _ask(f"({number + 1}/{count}) apply this hunk", options)
        if answer in "ya":
            numbers.update(range(number, count) if answer == "a" else (number,))
            choice[file.path] = frozenset(numbers)
        if answer in "adq":
            return answer != "q"
    answer = "" if count else _ask("apply this file", options)
    if answer in ("y", "a"):
        choice[file.path] = None
    return answer != "q"


def _hunk_lines(heading: bytes, hunk: bytes, options: Globals) -> list[str]:
    """The lines of a hunk, which get their colours from the heading before them."""
    headings = len(list(patch_lines(heading, options.err)))
    return list(patch_lines(heading + hunk, options.err))[headings:]


def _ask(question: str, options: Globals) -> str:
    while True:
        answer: str = typer.prompt(f"{question} [y,n,a,d,q,?]?", prompt_suffix=" ", err=True)
        answer = answer.strip().lower()
        if answer in ("y", "n", "a", "d", "q"):
            return answer
        options.err.write(_ANSWERS.splitlines())
