"""Whether there is a git that is new enough."""

from collections.abc import Iterator

from crossrun.errors import CrossrunError
from crossrun.model.diagnoses import Diagnosis
from crossrun.workspace.git.version import OLDEST, git_version, require_recent_git, version_text


def examine() -> Iterator[Diagnosis]:
    """The version of git."""
    try:
        program = require_recent_git()
    except CrossrunError as error:
        yield Diagnosis("git.version", "error", "git", error.message, error.hint)
        return
    version = git_version(program)
    shown = "of an unknown version" if version is None else f"version {version_text(version)}"
    needed = version_text(OLDEST)
    yield Diagnosis("git.version", "ok", "git", f"{shown} at {program} (needed: {needed} or later)")
