"""What shells offer when TAB is pressed, asked directly and in real shells."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import command_tree
import pytest
from conftest import Crossrun, clean_environ
from on_terminal import OnTerminal

from crossrun.cli import COMMANDS
from crossrun.completion import TREE
from crossrun.completion.scripts import SCRIPTS
from crossrun.config.tasktypes import SHIPPED
from crossrun.model.executors import EXECUTORS
from crossrun.model.status import Status

pytestmark = pytest.mark.process
TASKS = ("echo first task", "echo second task")


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Crossrun:
    """A user with two runs, whom all tests share that only look."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "cwd").mkdir()
    return Crossrun(folder / "home" / "crossrun", folder / "cwd", clean_environ(folder / "home"))


@pytest.fixture(scope="module")
def stored(user: Crossrun) -> list[str]:
    """The ids of the two runs, the newest first."""
    ids = [user("run", task, "--executor", "shell").out.strip() for task in TASKS]
    return ids[::-1]


def offered(crossrun: Crossrun, *words: str, to: str = "zsh") -> dict[str, str]:
    """The candidates after some words, with their descriptions."""
    answer = crossrun("__complete", to, *words)
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()[1:]
    return {word: text for word, _, text in (line.partition("\t") for line in lines)}


def test_runs_are_offered_newest_first_with_their_tasks(user: Crossrun, stored: list[str]) -> None:
    for words in (("show", ""), ("diff", "last", ""), ("run", "--reference-run-id", "")):
        assert list(offered(user, *words)) == ["last", *stored]
    assert offered(user, "show", stored[0][:4]) == {stored[0]: "succeeded echo second task"}


def test_every_command_is_offered_with_its_purpose(crossrun: Crossrun) -> None:
    expected = {name: text for section in COMMANDS.values() for name, text in section.items()}
    assert offered(crossrun, "") == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("runs", "--status", ""), list(Status)),
        (("runs", "--status=s"), ["--status=succeeded"]),
        (("run", "--executor", ""), list(EXECUTORS)),
        (("run", "--planner", "d"), ["direct"]),
        (("run", "--sandbox", "read"), ["read-only"]),
        (("run", "--task-type", ""), sorted(json.loads(SHIPPED.read_text()))),
        (("runs", "-p", ""), ["default"]),
        (("runs", "--idle"), []),
        (("run", "--idle"), ["--idle-timeout"]),
        (("patterns", "sho"), ["show"]),
        (("patterns", "show", "--blo"), ["--block"]),
        (("help", "pattern-m"), ["pattern-memory"]),
        (("help", "STORE_DAM"), ["STORE_DAMAGED"]),
        (("run", "--", "--j"), []),
        (("run", "some task", "--quie"), ["--quiet"]),
        (("completion", ""), list(SCRIPTS)),
    ],
)
def test_values_of_options_and_arguments_are_offered(
    user: Crossrun, stored: list[str], words: tuple[str, ...], expected: list[str]
) -> None:
    assert stored
    assert list(offered(user, *words)) == expected


def test_bash_gets_words_in_which_nothing_is_run(crossrun: Crossrun) -> None:
    folder = crossrun.cwd / ".crossrun" / "templates"
    folder.mkdir(parents=True)
    (folder / "x$(touch owned).yaml").write_text("instructions: x\n")
    words = ("run", "--template", "x")
    assert list(offered(crossrun, *words, to="bash")) == ["'x$(touch owned)'"]
    assert list(offered(crossrun, *words)) == ["x$(touch owned)"]


def test_bash_gets_the_part_after_the_equals_sign(crossrun: Crossrun) -> None:
    words = ("runs", "--status", "=", "s")
    assert list(offered(crossrun, *words, to="bash")) == ["succeeded"]


def test_an_option_to_the_left_says_which_store_and_which_project(
    user: Crossrun, stored: list[str], tmp_path: Path
) -> None:
    assert list(offered(user, "show", "-p", "none", "")) == ["last"]
    assert list(offered(user, "show", "-p", "default", "")) == ["last", *stored]
    assert list(offered(user, "--home", str(tmp_path / "none"), "show", "")) == ["last"]


def test_the_shell_adds_files_and_folders_where_they_may_stand(crossrun: Crossrun) -> None:
    assert crossrun("__complete", "zsh", "run", "--file", "").out == ":files\n"
    assert crossrun("__complete", "zsh", "run", "--source", "").out.startswith(":dirs\n")


def test_a_task_cannot_write_to_the_terminal(crossrun: Crossrun) -> None:
    crossrun("run", "false \x1b]0;owned\x07\nnext\tline", "--executor", "shell")
    _, shown = offered(crossrun, "show", "").values()
    assert shown == "failed false next line"


def test_trouble_offers_nothing_and_says_nothing(crossrun: Crossrun) -> None:
    crossrun.home.mkdir(parents=True)
    (crossrun.home / "crossrun.db").write_text("no database")
    (crossrun.home / "config.yaml").write_text("{")
    result = crossrun("__complete", "zsh", "show", "")
    assert (result.code, result.out, result.err) == (0, ":none\n", "")


def test_completion_does_not_import_the_command_line(user: Crossrun, stored: list[str]) -> None:
    code = (
        "import os, sys; os._exit = lambda code: None\n"
        "sys.argv = ['crossrun', '__complete', 'zsh', 'show', '']\n"
        "from crossrun.__main__ import main; main()\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=user.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert stored[0] in done.stdout
    heavy = {"typer", "click", "rich", "msgspec", "yaml", "crossrun.cli", "crossrun.store"}
    assert heavy.isdisjoint(done.stderr.split())


class Program(Crossrun):
    """Any program, in the home and the folder of a user of crossrun."""

    def command(self, *words: str) -> list[str]:
        return list(words)


def shell(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"no {name}")
    return path


@pytest.fixture
def on_path(user: Crossrun, tmp_path: Path) -> Crossrun:
    """A `crossrun` on the PATH of shells."""
    program = tmp_path / "bin" / "crossrun"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m crossrun "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{user.environ['PATH']}"
    return Crossrun(user.home, user.cwd, {**user.environ, "PATH": path, "HISTFILE": "/dev/null"})


def test_fish_shows_runs_with_their_tasks(on_path: Crossrun, stored: list[str]) -> None:
    script = "crossrun completion fish | source; complete -C 'crossrun show '"
    done = subprocess.run(
        [shell("fish"), "--no-config", "-c", script],
        env=on_path.environ, cwd=on_path.cwd, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "last\tthe newest run",
        f"{stored[0]}\tsucceeded echo second task",
        f"{stored[1]}\tsucceeded echo first task",
    ]


@pytest.mark.parametrize(
    ("name", "start", "load"),
    [
        ("bash", ["--norc", "-i"], 'eval "$(crossrun completion bash)"'),
        (
            "zsh",
            ["-f", "-i"],
            'autoload -U compinit; compinit -u; eval "$(crossrun completion zsh)"',
        ),
    ],
)
def test_tab_completes_in_a_real_shell(
    on_path: Crossrun, stored: list[str], name: str, start: list[str], load: str
) -> None:
    program = Program(on_path.home, on_path.cwd, on_path.environ)
    with OnTerminal(program, shell(name), *start, PS1="> ", columns=120) as terminal:
        terminal.type(f"{load}; echo lo''aded\r")
        terminal.wait_for("loaded")
        terminal.type(f"crossrun show {stored[0][:5]}\t")
        terminal.wait_for(stored[0])
        terminal.type("\x15crossrun runs --status=succ\t")
        terminal.wait_for("--status=succeeded")
        terminal.type("\x15crossrun show \t\t")
        terminal.wait_for(stored[1])


def test_the_commands_are_those_of_the_program() -> None:
    made = command_tree.completion_tree()
    assert TREE.read_text() == made, "run docs/generate_reference.py"
