"""The registry of executors: one entry and one package for each."""

import ast
from pathlib import Path

import pytest
from conftest import Crossrun

import crossrun
from crossrun.executors.codex.program import packaged
from crossrun.executors.registry import packaged_program
from crossrun.model.executors import DEFAULT_EXECUTOR, EXECUTORS, OFFLINE_EXECUTOR

ROOT = Path(crossrun.__file__).parent
NAMING_CODEX = {
    "model/skill_programs.py",
    "cli/commands/stats.py",
    "views/statistics.py",
    "events/__init__.py",
}
"""They name what Codex itself stores on the disk, and the field of stored requests."""

OTHER_MEANINGS = {
    ("services/importing/finding.py", "codex"),
    ("sessions/__init__.py", "codex"),
    ("sessions/codex.py", "shell"),
    ("views/runs.py", "replay"),
}
"""The program whose sessions are read, a tool in these sessions, and a cause of failure."""

PLAIN_WORDS = {"script"}
"""Names that mean other things as well."""


def named_executors(file: Path) -> set[str]:
    """The executors that stand as literals in a file of source."""
    nodes = ast.walk(ast.parse(file.read_text()))
    return {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    } & set(EXECUTORS)


def test_an_executor_is_named_only_by_the_registry_and_in_its_own_package() -> None:
    places = {
        (str(path.relative_to(ROOT)), name)
        for path in ROOT.rglob("*.py")
        for name in named_executors(path)
        if not path.is_relative_to(ROOT / "executors" / name)
    }
    elsewhere = {(path, name) for path, name in places if path not in NAMING_CODEX}
    assert elsewhere >= OTHER_MEANINGS
    elsewhere -= OTHER_MEANINGS
    words = {(path, name) for path, name in elsewhere if name not in PLAIN_WORDS}
    assert words == {("model/executors.py", name) for name in EXECUTORS.keys() - PLAIN_WORDS}


def test_each_executor_is_a_package() -> None:
    packages = {path.parent.name for path in (ROOT / "executors").glob("*/__init__.py")}
    assert packages == set(EXECUTORS)


def test_the_defaults_are_executors() -> None:
    assert {DEFAULT_EXECUTOR, OFFLINE_EXECUTOR} <= set(EXECUTORS)
    assert EXECUTORS[OFFLINE_EXECUTOR].plays_recordings


@pytest.mark.parametrize("words", [["--executor", "other"]])
def test_an_executor_that_is_not_in_the_registry_is_refused(
    crossrun: Crossrun, words: list[str]
) -> None:
    result = crossrun("run", *words, "do it")
    assert (result.code, "error[OPTION_INVALID]" in result.err) == (2, True)
    assert "codex, replay, shell" in result.err


def test_an_executor_without_a_packaged_program_has_none() -> None:
    assert packaged_program("shell") is None
    assert packaged_program("codex") == packaged()
