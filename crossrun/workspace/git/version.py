"""The version of git, and whether it is new enough."""

import re
import subprocess
from functools import cache

from crossrun.errors import ConfigurationError
from crossrun.workspace.git.commands import require_git

OLDEST = (2, 28)
"""The first with `git init --initial-branch`, the newest of the options that crossrun uses."""


def require_recent_git() -> str:
    """The git on the user's PATH, if it can do what crossrun needs.

    Raises:
        ConfigurationError: there is none, or it is too old.
    """
    program = require_git()
    version = git_version(program)
    if version is not None and version < OLDEST:
        raise ConfigurationError(
            "GIT_TOO_OLD",
            f"git {version_text(version)} at {program} is too old; crossrun needs "
            f"{version_text(OLDEST)} or later",
            hint="update it: apt install git · brew install git",
        )
    return program


@cache
def git_version(program: str) -> tuple[int, ...] | None:
    """The version of a git; None if it does not tell."""
    try:
        output = subprocess.run(
            [program, "--version"],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=20,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\d+(?:\.\d+)+", output)
    return None if match is None else tuple(int(part) for part in match[0].split("."))


def version_text(version: tuple[int, ...]) -> str:
    """`2.39.5`."""
    return ".".join(map(str, version))
