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
_OFTEN_IGNORED = re.compile(
    r"(?:^|/)(?:\.env[\w.]*|\.idea|\.vscode|te?mp)(?:/|$)|\.(?:log|local|sqlite3?|db|pyc)$"
)
_ELSEWHERE = re.compile(r"\bcd\s+(?:/|~|\.\.|\$|-)|\bpushd\b")
REMOVES = re.compile(
    r"\b(?:rm|unlink|git\s+(?:rm|clean|stash|checkout|restore|reset|revert)|mv|del|remove|rmtree"
    r"|unlinkSync|trash)\b"
)

_OUTSIDE = re.compile(
    r"(?<![\w.~/-])(?:/(?:tmp|var|home|etc|usr|opt|root|mnt|srv|Users|private)\b|~(?:/|$|\s)|\.\./|\$[A-Z]"
    r"|%[A-Z]+%|[A-Z]:\\)"
    r"|\b(?:home|temp|temporary|config|user|desktop|downloads?) (?:folder|directory|dir)\b"
    r"|\b(?:temporar\w+|throwaway|scratch|desktop|interim)\b"
    r"|\b(?:outside(?: of)? (?:the |your |this )?(?:work|repo|project)|another (?:repo|project)"
    r"|upstream|on the (?:server|remote|host))",
    re.IGNORECASE,
)
"""A claim speaks of places that are not measured, or of what does not last."""
_READS_HISTORY = re.compile(
    r"\bgit\s+(?:-\S+\s+)*(?:log|show|diff|blame|whatchanged|shortlog)\b|\b(?:gh|glab)\s"
)
_OPAQUE = re.compile(
    r"(?:^|[\s;&|(/])(?:python[\d.]*|node|deno|bun|ruby|perl|php|java|Rscript|julia|go|cargo|dotnet|make"
    r"|just|task|npm|npx|yarn|pnpm|pip|poetry|uv|bundle|composer|docker|mvn|gradlew?)\s|(?:^|[\s;&|(])\./"
    r"|\b(?:ba|z)?sh\s+(?!-)\S|\.sh\b|\b(?:black|ruff|prettier|isort|gofmt|rustfmt)\b"
)
"""Programs that may write files anywhere."""
_MADE_AGAIN = re.compile(
    r"\b(?:re-?generated|re-?built|refreshed|re-?formatted|formatted|re-?created|synced|identical)\b|\block\b",
    re.IGNORECASE,
)
"""What may have had the same content before."""
_OUTPUT = re.compile(
    r"\b(?:generated|produced|saved|exported|written|writes?|wrote|rendered|plotted|dumped|stored|output)\b",
    re.IGNORECASE,
)
_BRINGS_REPOSITORIES = re.compile(r"\bgit\s+(?:-\S+\s+)*(?:clone|init|submodule|worktree)\b")
"""What lies in repositories within the workspace is not measured."""


def inside(path: str, history: RunHistory) -> str | None:
    """The path relative to the workspace; None if it leads elsewhere, or not to one file."""
    if history.workspace and path.startswith(f"{history.workspace}/"):
        return path[len(history.workspace) + 1 :]
    if path.startswith(("/", "~", "../", "$")) or any(sign in path for sign in "*?<>{}$"):
        return None
    return path


def same_paths(path: str, paths: Iterable[str]) -> list[str]:
    """Those of the paths that a message may mean by a path."""
    return [other for other in paths if _is_same(path.lower(), other.lower())]


def _is_same(path: str, other: str) -> bool:
    if other == path or other.endswith(f"/{path}") or path.endswith(f"/{other}"):
        return True
    return "." not in path and other.rpartition("/")[2].partition(".")[0] == path


def is_unmeasured(path: str, history: RunHistory) -> bool:
    """Whether the file may have been changed without being among the measured changes."""
    if history.changed is None or history.incomplete or history.resumed:
        return True
    if _UNMEASURED.search(path) or any(
        _BRINGS_REPOSITORIES.search(r.script) for r in history.commands
    ):
        return True
    ignored = history.changed[1].ignored
    if ignored is None and _OFTEN_IGNORED.search(path):
        return True
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


def may_mean_another(text: str, path: str, history: RunHistory) -> bool:
    """Whether a claim may be about a file that the ledger would not show.

    It may lie outside of the workspace, be meant by a shortened path, have been written with the
    content that it had before, have come and gone again, or be part of what others did.

    Args:
        text: the claim in the words of the agent.
        path: the file that it is about, relative to the workspace.
        history: what happened in the run.
    """
    if history.workspace:
        text = text.replace(history.workspace, "")
    if _OUTSIDE.search(text) or _is_of_the_past(path, history):
        return True
    if any(_is_shortened(path.lower(), other.lower()) for other in history.changed_paths):
        return True
    runs = [run for run in history.commands if run.exit_code == 0 and _OPAQUE.search(run.script)]
    if runs and _MADE_AGAIN.search(text):
        return True
    if not runs or "/" in path or not _OUTPUT.search(text):
        return False
    return not any(_is_beside(path, other, text) for other in history.changed_paths)


def _is_of_the_past(path: str, history: RunHistory) -> bool:
    """Whether the run read about the file in the history of the project, or only read history."""
    read = [run for run in history.commands if _READS_HISTORY.search(run.script)]
    name = path.rpartition("/")[2]
    changed = history.edits or history.changed_paths
    return any(name in run.output for run in read) or (bool(read) and not changed)


def _is_beside(path: str, other: str, text: str) -> bool:
    """Whether a claim names another file of the same type that was measured."""
    name = other.rpartition("/")[2]
    return name in text and path.rpartition(".")[2] == name.rpartition(".")[2]


def _is_shortened(path: str, other: str) -> bool:
    """Whether a path may be another one without some of its folders."""
    folders, rest = path.split("/"), iter(other.split("/"))
    return (
        len(folders) > 1
        and folders[-1] == other.rpartition("/")[2]
        and all(f in rest for f in folders)
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
