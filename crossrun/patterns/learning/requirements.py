"""Requirements: programs on the PATH, and marker files, that a run needed."""

import re
from collections.abc import Callable, Iterable, Sequence

from crossrun.commandlines.intents import program
from crossrun.model.workflows import Act
from crossrun.system.commandlines import simple_commands

_EVERYWHERE = """
    awk cat chmod cmp cp cut date diff grep head ln make mv paste rm sed sh sort tail tee touch tr
    uniq wc xargs bash write delete use for while until if case do done then else fi esac in
"""
"""Programs that need no looking for, and words that are none."""
_READ_UNASKED = """
    cargo: Cargo.toml
    bundle: Gemfile
    cmake: CMakeLists.txt
    composer: composer.json
    conda env create: environment.yml
    deno task: deno.json
    docker build: Dockerfile
    docker compose build: Dockerfile
    go build: go.mod
    go generate: go.mod
    go mod: go.mod
    go run: go.mod
    go test: go.mod
    go vet: go.mod
    gradle: build.gradle
    gradlew: build.gradle
    hatch: pyproject.toml
    make: Makefile
    mamba env create: environment.yml
    mkdocs: mkdocs.yml
    mvn: pom.xml
    mvnw: pom.xml
    npm: package.json
    pdm: pyproject.toml
    pip install .: pyproject.toml setup.py
    pip install -e: pyproject.toml setup.py
    pip3 install .: pyproject.toml setup.py
    pip3 install -e: pyproject.toml setup.py
    pnpm: package.json
    podman build: Dockerfile
    poetry: pyproject.toml
    sphinx-build: conf.py
    tox: tox.ini
    tsc: tsconfig.json
    uv sync: pyproject.toml
    yarn: package.json
"""
"""Words of a command that reads marker files without naming them, and those files."""
_READERS = [
    (frozenset(words.split()), frozenset(files.split()))
    for words, _, files in (line.partition(":") for line in _READ_UNASKED.strip().splitlines())
]
_QUOTED = re.compile(r"'[^']*'|(?<!\\)\"(?:\\.|[^\"\\])*\"")
_SEPARATORS = re.compile(r"[|;&()]+|\$\(|\b(?:do|then|else)\b")
_WORD = re.compile(r"[^\s'\"=:,;|&()<>]+")


def required_tools(acts: Iterable[Act], is_installed: Callable[[str], bool]) -> tuple[str, ...]:
    """The programs that the acts start, except those that the run itself made.

    Args:
        acts: what the run did.
        is_installed: whether a program is on the PATH.
    """
    acts = tuple(acts)
    written = {act.target.rpartition("/")[2] for act in acts if act.intent == "edit"}
    started = dict.fromkeys(name for act in acts for name in _programs(act.command))
    return tuple(
        name
        for name in started
        if name and name not in _EVERYWHERE.split() and name not in written and is_installed(name)
    )


def required_markers(acts: Iterable[Act], present: Sequence[str]) -> tuple[str, ...]:
    """The marker files that the acts name, or that their programs read implicitly.

    Args:
        acts: what the run did.
        present: the marker files at the top of the workspace when the run began.
    """
    if not present:
        return ()
    needed: set[str] = set()
    for act in acts:
        words = {word.removeprefix("./") for word in _WORD.findall(act.command)}
        words |= {word.rpartition("/")[2] for word in words if "/" in word and "bin/" in word}
        needed |= words.intersection(present)
        for reader, files in _READERS:
            if reader <= words:
                needed |= files.intersection(present)
    return tuple(name for name in present if name in needed)


def _programs(command: str) -> Iterable[str]:
    """The programs that a command line starts, also in pipelines and loops."""
    if command.split(" ", 1)[0] in ("write", "delete", "use"):
        return
    for part in simple_commands(command):
        for piece in _SEPARATORS.split(_QUOTED.sub("_", part)):
            yield program(piece)
