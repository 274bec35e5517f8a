"""The environment for everything that runs in a workspace: git finds only the repository there."""

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
"""Variables that git sets for hooks, aliases and `rebase --exec`, about one repository.

`git rev-parse --local-env-vars` lists most of them; receive-pack adds its quarantine.
"""
_CONFIGURED = re.compile(r"GIT_CONFIG_(KEY|VALUE)_\d+")
_CEILINGS = "GIT_CEILING_DIRECTORIES"
_TEMPORARY = ("TMPDIR", "TMP", "TEMP")


def unusable_temporary(environ: Mapping[str, str]) -> list[str]:
    """The variables that name a folder for temporary files that is missing or not writable."""
    return [name for name in _TEMPORARY if environ.get(name) and not _is_usable(environ[name])]


def for_workspaces(environ: Mapping[str, str], root: Path) -> dict[str, str]:
    """An environment without the variables that lead git to a certain repository.

    Variables with an unusable folder for temporary files are also left out, so that programs use
    the system's.

    Git does not look for a repository above the workspaces either. Otherwise, if the home folder is
    a repository, agents without one would commit to it.

    Args:
        environ: the user's environment.
        root: the folder of all workspaces.
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
    """Whether it is an absolute path to a writable folder."""
    path = Path(folder)
    return path.is_absolute() and path.is_dir() and os.access(path, os.W_OK | os.X_OK)
