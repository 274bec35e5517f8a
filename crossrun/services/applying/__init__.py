"""Applies the changes of runs to the user's files, and undoes that.

An application is recorded with everything that an undo needs before the first file is changed, so
even a process that is killed in the middle leaves nothing that cannot be undone.
"""

from crossrun.services.applying.branches import AboutCommit, apply_as_branch, commit_message
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
    commits_are_applied,
    commits_of,
)
from crossrun.services.applying.files import applied_tree, apply_to_files
from crossrun.services.applying.parts import ChangedFile, Choice, Choose, part_of
from crossrun.services.applying.recovery import recover_all
from crossrun.services.applying.undoing import undo

__all__ = (
    "AboutCommit",
    "ApplicableChange",
    "ApplyResult",
    "ChangedFile",
    "Choice",
    "Choose",
    "Commits",
    "Recovery",
    "applied_tree",
    "apply_as_branch",
    "apply_commits",
    "apply_to_files",
    "change_of",
    "commit_message",
    "commits_are_applied",
    "commits_of",
    "part_of",
    "recover_all",
    "target_of",
    "undo",
)
