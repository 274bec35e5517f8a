"""Scene-setting commands (`cd`, `mkdir`, `export`): which of them later commands depend on."""

import re
from collections.abc import Sequence

from crossrun.commandlines.shell import (
    ASSIGNMENT,
    parts,
    redirected,
    split_words,
    stages,
    without_wrappers,
)

_FOLDERS = frozenset(["mkdir", "md", "new-item", "touch", "mktemp"])
_VARIABLES = frozenset(["export", "declare", "local", "set"])
_SOURCED = frozenset(["source", ".", "activate", "conda", "eval"])
_PLACED = frozenset(["cd", "pushd", "set-location"])
_COPIED = frozenset(["cp", "mv", "ln", "install", "rsync"])
_READ_BY_PROGRAMS = re.compile(
    r"(?:\w*PATH|\w*FLAGS|\w+_(?:HOME|URL|DIR|ENV|OPTS|PROFILE|REGION|PROXY)|CC|CXX|PG\w+|AWS_\w+"
    r"|DJANGO_\w+|NODE_\w+|PYTHON\w+|DEBIAN_FRONTEND|LANG|LC_\w+|TZ|GIT_\w+|CI|\w+_proxy)\Z"
)
"""Variables that programs read without a `$NAME` in any command."""
_STAGES: dict[str, re.Pattern[str]] = {
    # subcommand of git: what depends on it
    "add": re.compile(r"\bgit (?:commit|stash|push)\b"),
    "config": re.compile(r"\bgit (?:commit|push|merge|rebase|clone|pull|submodule|lfs)\b"),
    "branch": re.compile(r"\bgit (?:checkout|switch|merge|push|rebase)\b"),
    "remote": re.compile(r"\bgit (?:push|fetch|pull)\b"),
    "stash": re.compile(r"\bgit (?:stash|checkout|switch|pull|rebase)\b"),
    "worktree": re.compile(r"."),
}
_OUTPUTS = re.compile(r"(?:^|\s)(?:-o|--output|--out|-O|--outfile|-d|--dest)[= ]\s*(\S+)")


def is_needed(command: str, later: Sequence[str]) -> bool:
    """Whether a later command depends on what a command sets up.

    Args:
        command: one that only sets the scene.
        later: the commands that follow.
    """
    return any(_needs(part.text, later) for part in parts(command))


def _needs(part: str, later: Sequence[str]) -> bool:
    arguments = without_wrappers(split_words(part))
    if not arguments:
        return any(_uses_variable(name, later) for name in _assigned(split_words(part)))
    name, *rest = arguments
    name = name.lower()
    if name in _VARIABLES:
        return any(_uses_variable(variable, later) for variable in _assigned(rest))
    if name in _SOURCED:
        return bool(later)
    if name in _PLACED:
        return any("../" in command for command in later)
    if name == "alias":
        return any(_begins_with(word.partition("=")[0], later) for word in rest)
    if name == "git":
        behind = _STAGES.get(next((w for w in rest if not w.startswith("-")), ""))
        return behind is not None and any(map(behind.search, later))
    return any(names(path, later) for path in made_by(part))


def made_by(part: str) -> tuple[str, ...]:
    """The files and folders that a command creates by name."""
    arguments = without_wrappers(split_words(part.partition("<<")[0]))
    name, *rest = arguments or [""]
    plain = [word for word in rest if not word.startswith("-")]
    paths = [redirected(part), *_OUTPUTS.findall(part.partition("<<")[0])]
    if name.lower() in _FOLDERS:
        paths += plain
    if name in _COPIED and len(plain) > 1:
        paths.append(plain[-1])
    if arguments[:2] == ["git", "clone"] and len(plain) > 1:
        paths.append(plain[-1].rpartition("/")[2].removesuffix(".git"))
    for stage in stages(part)[1:]:
        piped = split_words(stage)
        if piped[:1] == ["tee"]:
            paths += [word for word in piped[1:] if not word.startswith("-")]
    return tuple(path for path in paths if path)


def names(path: str, later: Sequence[str]) -> bool:
    """Whether a later command names the path, or something below it."""
    plain = re.split(r"[{*$]", path.removeprefix("./").rstrip("/"))[0].rstrip("/")
    if len(plain.strip("./~")) == 0:
        return False
    used = re.compile(rf"(?<![\w-]){re.escape(plain)}(?![\w-])")
    last = plain.rpartition("/")[2]
    alone = re.compile(rf"(?<![\w.-])(?:\.\./|\./)*{re.escape(last)}(?![\w-])")
    return any(used.search(command) or alone.search(command) for command in later)


def _assigned(arguments: Sequence[str]) -> list[str]:
    return [word.partition("=")[0] for word in arguments if ASSIGNMENT.match(word)]


def _uses_variable(name: str, later: Sequence[str]) -> bool:
    if _READ_BY_PROGRAMS.match(name):
        return bool(later)
    used = re.compile(rf"\$\{{?{re.escape(name)}\b|%{re.escape(name)}%|\$env:{re.escape(name)}\b")
    return any(map(used.search, later))


def _begins_with(name: str, later: Sequence[str]) -> bool:
    starts = re.compile(rf"(?:^|[;&|]\s*){re.escape(name)}(?:\s|$)")
    return any(map(starts.search, later))
