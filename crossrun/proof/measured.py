"""Which files the ledger would know of if they had been changed."""

import re
from collections.abc import Iterable

from crossrun.proof.history import RunHistory

_MOST_IGNORED = 1_000
"""Ignored files that an event names at most."""
_UNMEASURED = re.compile(
    r"(?:^|/)(?:\.git|node_modules|__pycache__|\.venv|venv|target|dist|build|out|\.cache|\.tox"
    r"|coverage"
    r"|\.pytest_cache|\.mypy_cache|vendor|site-packages|bin|obj)/"
)
_ELSEWHERE = re.compile(r"\bcd\s+(?:/|~|\.\.|\$|-)|\bpushd\b")
REMOVES = re.compile(
    r"\b(?:rm|unlink|git\s+(?:rm|clean|stash|checkout|restore|reset|revert)|mv|del|remove|rmtree"
    r"|unlinkSync|trash)\b"
)


def inside(path: str, history: RunHistory) -> str | None:
    """The path relative to the workspace; None if it leads elsewhere, or not to one file."""
    if history.workspace and path.startswith(f"{history.workspace}/"):
        return path[len(history.workspace) + 1 :]
    if path.startswith(("/", "~", "../", "$")) or any(sign in path for sign in "*?<>{}$"):
        return None
    return path


def same_paths(path: str, paths: Iterable[str]) -> list[str]:
    """Those of the paths that a message may mean by a path."""
    return [
        other
        for other in paths
        if other == path
        or other.endswith(f"/{path}")
        or path.endswith(f"/{other}")
        or ("." not in path and other.rpartition("/")[2].partition(".")[0] == path)
    ]


def is_unmeasured(path: str, history: RunHistory) -> bool:
    """Whether the file may have been changed without being among the measured changes."""
    if history.changed is None or history.incomplete or _UNMEASURED.search(path):
        return True
    ignored = history.changed[1].ignored
    named = (
        0 if ignored is None else len(ignored.added) + len(ignored.modified) + len(ignored.deleted)
    )
    if ignored is not None and ignored.count > min(named, _MOST_IGNORED):
        return True
    name = path.rpartition("/")[2]
    if any(name in call for call in history.tools):
        return True
    outside = re.compile(rf"(?:/tmp|/var|~|\$\w+|\.\.)/[^\s'\"]*{re.escape(name)}")
    return any(
        name in run.command and (_ELSEWHERE.search(run.script) or outside.search(run.script))
        for run in history.commands
    )


def is_named(path: str, history: RunHistory, doing: re.Pattern[str]) -> bool:
    """Whether a command of a certain kind names the file."""
    name = path.rpartition("/")[2]
    return any(name in run.command and doing.search(run.script) for run in history.commands)


def may_have_removed(path: str, history: RunHistory) -> bool:
    """Whether a command may have removed a file that was not there before the run."""
    name = path.rpartition("/")[2]
    folder = path.rpartition("/")[0]
    for run in history.commands:
        if not REMOVES.search(run.script):
            continue
        if name in run.script or (folder and folder in run.script):
            return True
        if "git clean" in run.script or re.search(r"\bxargs\b|-delete", run.script):
            return True
        globs = re.findall(r"[\w./-]*[*?][\w./*?-]*", run.script)
        if any(
            re.fullmatch(_as_regex(glob), name) or re.fullmatch(_as_regex(glob), path)
            for glob in globs
        ):
            return True
    return False


def _as_regex(glob: str) -> str:
    return re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
