"""Uptake: the files of a pattern that an agent read or ran."""

import re
from collections.abc import Iterable


def uptake(folder: str, paths: Iterable[str], commands: Iterable[str]) -> tuple[str, ...]:
    """The files that the commands name.

    Args:
        folder: the reference folder with the files.
        paths: of the files, relative to it.
        commands: what the agent ran.
    """
    near = [command for command in commands if folder in command]
    if any(_copies_all(command, folder) for command in near):
        return tuple(sorted(set(paths)))
    return tuple(
        path for path in sorted(set(paths)) if any(_names(command, path) for command in near)
    )


def _copies_all(command: str, folder: str) -> bool:
    whole = rf"\b(?:cp|rsync)\b[^;&|\n]*{re.escape(folder)}[\"']?(?:/[.*]?)?[\"']?\s"
    return re.search(whole, command) is not None


def _names(command: str, path: str) -> bool:
    """Whether a command names the path, also after a `cd` into the folder."""
    start = command.find(path)
    while start >= 0:
        end = start + len(path)
        before, after = command[:start][-1:], command[end : end + 1]
        if not re.match(r"[\w.-]", before) and not re.match(r"[\w-]", after):
            return True
        start = command.find(path, end)
    return False
