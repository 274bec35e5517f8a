"""The environment of all that runs in a workspace: git finds the repository there and no other."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

_PLACES = frozenset((
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_ATTR_SOURCE", "GIT_COMMON_DIR", "GIT_CONFIG",
    "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS", "GIT_DIR", "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH",
    "GIT_REFERENCE_BACKEND", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
))  # fmt: skip
"""What git sets for hooks, aliases and `rebase --exec`: all of it is about one repository.

`git rev-parse --local-env-vars` lists most of them; receive-pack adds its quarantine.
"""
_CONFIGURED = re.compile(r"GIT_CONFIG_(KEY|VALUE)_\d+")
_CEILINGS = "GIT_CEILING_DIRECTORIES"
_TEMPORARY = ("TMPDIR", "TMP", "TEMP")


def unusable_temporary(environ: Mapping[str, str]) -> list[str]:
    """The variables that name a folder for temporary files which is not there, or not writable."""
    return [name for name in _TEMPORARY if environ.get(name) and not _is_usable(environ[name])]


def for_workspaces(environ: Mapping[str, str], root: Path) -> dict[str, str]:
    """An environment without the variables that lead git to a certain repository.

    Variables that name no usable folder for temporary files are left out, too: programs then use
    that of the system.

    Git does not look for a repository above the workspaces either: a home folder that is one would
    get the commits of agents whose workspace is none.

    Args:
        environ: the user's.
        root: the folder that all workspaces lie in.
    """
    left_out = {*_PLACES, *unusable_temporary(environ)}
    environment = {
        name: value
        for name, value in environ.items()
        if name not in left_out and not _CONFIGURED.fullmatch(name)
    }
    ceilings = [str(root), *filter(None, [environ.get(_CEILINGS)])]
    return {**environment, _CEILINGS: os.pathsep.join(ceilings)}


def _is_usable(folder: str) -> bool:
    """Whether it is a folder wherever a program works, and one to write to."""
    path = Path(folder)
    return path.is_absolute() and path.is_dir() and os.access(path, os.W_OK | os.X_OK)
