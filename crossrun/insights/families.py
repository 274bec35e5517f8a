"""Families of commands: what counts as the same command where many are looked at.

Rough and fast on purpose: a hundred thousand command lines take about a second. Nothing is decided
by a family, commands are only counted by it.
"""

import re
from functools import lru_cache

from crossrun.commandlines.shell import Part, parts, stages
from crossrun.system.commandlines import bare_command, opened

_JOINTS = re.compile(r"&&|\|\||[;|\n]")
_SETS_OPTIONS = re.compile(r"\bset\s+-")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_WORD = re.compile(r"[a-z][\w:.-]*")
_PYTHON = re.compile(r"(?:python|pypy)[\d.]*")
_SCENE_WORDS = "cd export set unset source . : true pushd popd echo printf sleep test [ mkdir"
_SCENE = frozenset(_SCENE_WORDS.split())
"""Programs that set the scene for what follows them."""
_BEFORE = frozenset(("sudo", "time", "env", "nohup", "exec", "command", "nice", "npx"))
_RUNNERS = frozenset((("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("hatch", "run")))
_INTERPRETER_WORDS = "bash sh zsh node ruby perl php Rscript deno bun"
_INTERPRETERS = frozenset(_INTERPRETER_WORDS.split())
_SUBCOMMAND_WORDS = """
    git npm pnpm yarn docker podman cargo go pip pip3 uv kubectl make just gh brew apt apt-get
    conda terraform dotnet mvn gradle bundle composer poetry rustup helm
"""
_WITH_SUBCOMMANDS = frozenset(_SUBCOMMAND_WORDS.split())
_LONGEST = 40


@lru_cache(maxsize=65_536)
def family(command: str) -> str:
    """The family of a command line: `pytest`, `git commit`, `python3 convert.py`; "" for none."""
    for piece in _JOINTS.split(bare_command(command)[:2_000]):
        words = _without_prefix(piece.split())
        if words and words[0] not in _SCENE:
            return _named(words)[:_LONGEST]
    return ""


def failing_family(command: str) -> str:
    """The family of the command that an exit code other than 0 most likely comes from.

    The shell returns that of the last command: of `a; b` and `a || b`, and of `a | b` unless the
    option `pipefail` is set.
    """
    text, flags = opened(command)
    if flags & {"e", "pipefail"} or _SETS_OPTIONS.search(text):
        return family(command)
    chain = list[Part]()
    for part in parts(text):
        chain = [*chain, part] if part.before in ("", "&&") else [part]
    names = (family((stages(part.text) or ("",))[-1]) for part in chain)
    name = next(filter(None, names), "")
    return family(command) if name in ("", "exit", "return") else name


def _without_prefix(words: list[str]) -> list[str]:
    while words:
        if words[0] in _BEFORE or _ASSIGNMENT.match(words[0]):
            words = words[1:]
        elif words[0] == "timeout" or tuple(words[:2]) in _RUNNERS:
            words = words[2:]
        else:
            break
    return words


def _named(words: list[str]) -> str:
    name, arguments = _base(words[0]), words[1:]
    if _PYTHON.fullmatch(name):
        return _of_python(name, arguments)
    first = next((word for word in arguments if not word.startswith("-")), "")
    if name in _INTERPRETERS and first and "-c" not in arguments[:1]:
        return f"{name} {_base(first)}"
    if name in _WITH_SUBCOMMANDS and _WORD.fullmatch(first):
        return f"{name} {first}"
    return name


def _of_python(name: str, arguments: list[str]) -> str:
    for number, word in enumerate(arguments):
        if word == "-m":
            return arguments[number + 1] if number + 1 < len(arguments) else name
        if word in ("-c", "-"):
            return f"{name} {word}"
        if not word.startswith("-"):
            return f"{name} {_base(word)}"
    return name


def _base(path: str) -> str:
    return path.strip("'\"").rstrip("/").rpartition("/")[2]
