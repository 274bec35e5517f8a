"""Reads the user's git configuration as data: nothing that it names is run."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from crossrun.workspace.git.commands import run_git

LINE_ENDS = ("core.autocrlf", "core.eol")
"""Settings that control the conversion of line endings."""


def user_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of the system and of the user, which win; names are in lower case.

    Args:
        environ: the user's environment, which says where the files are.
    """
    return dict(_entries(environ))


def is_trusted(folder: Path, environ: Mapping[str, str]) -> bool:
    """Whether git reads a repository in this folder although it belongs to somebody else.

    Follows `safe.directory`: a folder, a folder and everything below it (`/*`), or all (`*`). An
    empty value forgets those before it.
    """
    trusted: list[str] = []
    for key, value in _entries(environ):
        if key == "safe.directory":
            trusted = [*trusted, value] if value else []
    path = str(folder)
    return any(
        each in ("*", path) or (each.endswith("/*") and path.startswith(each[:-1]))
        for each in trusted
    )


def _entries(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The settings as they are written: those of the system first, then those of the user."""
    for words in _files(environ):
        asked = ["config", *words, "--includes", "--null", "--list"]
        listed = run_git(asked, Path("/"), environ={"HOME": str(_home(environ))})
        for entry in os.fsdecode(listed.stdout).split("\0"):
            key, newline, value = entry.partition("\n")
            if key:
                yield key, value if newline else "true"


def attributes_file(settings: Mapping[str, str], environ: Mapping[str, str]) -> Path | None:
    """The attribute file in `core.attributesFile`, or git's default."""
    named = settings.get("core.attributesfile")
    if named is None:
        return _git_folder(environ) / "attributes"
    if named.startswith("~/"):
        named = str(_home(environ) / named[2:])
    return Path(named) if named.startswith("/") else None


def excludes_file(
    repository: Mapping[str, str], work_tree: Path, environ: Mapping[str, str]
) -> Path | None:
    """The user's global ignore file: `core.excludesFile`, or git's default.

    Args:
        repository: the settings of the repository, which win.
        work_tree: the base of a relative path.
        environ: the user's environment.

    Returns:
        A regular file, or None.
    """
    settings = {**user_settings(environ), **repository}
    named = settings.get("core.excludesfile", str(_git_folder(environ) / "ignore"))
    if named.startswith("~/"):
        named = str(_home(environ) / named[2:])
    file = work_tree / named
    return file if named and file.is_file() else None


def _files(environ: Mapping[str, str]) -> Iterator[list[str]]:
    if environ.get("GIT_CONFIG_NOSYSTEM", "0") in ("0", "false", "no", ""):
        system = environ.get("GIT_CONFIG_SYSTEM")
        yield ["--file", system] if system else ["--system"]
    if "GIT_CONFIG_GLOBAL" in environ:
        yield ["--file", environ["GIT_CONFIG_GLOBAL"] or os.devnull]
        return
    yield ["--file", str(_git_folder(environ) / "config")]
    yield ["--file", str(_home(environ) / ".gitconfig")]


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or "/")


def _git_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or _home(environ) / ".config") / "git"
