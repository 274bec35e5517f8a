"""Words that other programs use for commands, and what is meant by words that are no command.

Words for looking at things work. A word that would start, change or remove something only gets the
name of the right command.
"""

import shlex
from collections.abc import Collection, Sequence

import click

from crossrun.suggestions import did_you_mean

ALIASES = {
    "history": "runs",
    "list": "runs",
    "log": "steps",
    "logs": "steps",
    "ls": "runs",
    "ps": "runs",
}
"""Other words for commands. `version` and `status` work, too: they are `crossrun --version` and
`crossrun` alone."""
_MEANT = {
    "ask": "run",
    "begin": "run",
    "continue": "resume",
    "delete": "rm",
    "do": "run",
    "exec": "run",
    "follow": "watch",
    "kill": "cancel",
    "merge": "apply",
    "new": "run",
    "prune": "cleanup",
    "remove": "rm",
    "repeat": "retry",
    "revert": "undo",
    "start": "run",
    "stop": "cancel",
    "tail": "watch",
}
_INSTEAD = {
    "init": 'no setup is needed; start a run: crossrun run "your task"',
    "login": "crossrun uses the login of the agent: codex login",
    "logout": "crossrun uses the login of the agent: codex logout",
}


class MisreadError(click.UsageError):
    """Words that make no command; the hint says what was probably meant."""

    def __init__(self, message: str, context: click.Context, hint: str) -> None:
        super().__init__(message, context)
        self.hint = hint


def unknown_command(
    words: Sequence[str], commands: Collection[str], context: click.Context
) -> MisreadError:
    """The error for words that begin with no command, with what was probably meant."""
    name = words[0]
    return MisreadError(f"there is no command {name!r}", context, _hint(words, commands))


def quoted(text: str) -> str:
    """A text for the shell, in double quotes if they are enough."""
    return shlex.quote(text) if any(sign in text for sign in '"$`\\!\n') else f'"{text}"'


def _hint(words: Sequence[str], commands: Collection[str]) -> str:
    name = words[0]
    if name in _INSTEAD:
        return _INSTEAD[name]
    task = " ".join(words)
    is_task = len(task.split()) > 1 and not any(word.startswith("-") for word in words)
    if " " in name.strip():
        return f"did you mean: crossrun run {quoted(name)}"
    if name in _MEANT:
        return f"did you mean crossrun {_MEANT[name]}?"
    near = did_you_mean(name, commands, shown=lambda command: f"crossrun {command}")
    if near:
        return near.removeprefix("; ")
    if is_task:
        return f"did you mean: crossrun run {quoted(task)}"
    return "see: crossrun --help"
