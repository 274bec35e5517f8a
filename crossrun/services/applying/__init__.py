"""Changes of runs, brought to the user's files and taken back again.

What is going to be done is recorded before the first file is changed, with all that it takes to
undo it, so that a process that dies in the middle leaves nothing that cannot be taken back.
"""

from crossrun.services.applying.branches import apply_as_branch
from crossrun.services.applying.changes import (
    ApplicableChange,
    ApplyResult,
    Recovery,
    change_of,
    target_of,
)
from crossrun.services.applying.commits import (
    Commits,
    apply_commits,
    commits_are_brought,
    commits_of,
)
from crossrun.services.applying.files import apply_to_files
from crossrun.services.applying.recovery import recover_all
from crossrun.services.applying.undoing import undo

__all__ = (
    "ApplicableChange",
    "ApplyResult",
    "Commits",
    "Recovery",
    "apply_as_branch",
    "apply_commits",
    "apply_to_files",
    "change_of",
    "commits_are_brought",
    "commits_of",
    "recover_all",
    "target_of",
    "undo",
)
