"""Picking a run from a list, on a real terminal."""

import json

import pytest
from conftest import Crossrun
from on_terminal import CTRL_C, DOWN, ENTER, ESCAPE, OnTerminal

SHELL = ("--executor", "shell")
HOSTILE = "echo '\x1b[2J\x1b]0;title\x07 作物の収量を読み込んで箱ひげ図を描く'; true"


@pytest.fixture
def runs(crossrun: Crossrun) -> list[str]:
    """The ids of four runs, the newest first."""
    tasks = ("echo first", HOSTILE, "exit 3", "echo " + "long " * 60)
    return [crossrun("run", task, *SHELL, "--json").json["id"] for task in tasks][::-1]


@pytest.mark.parametrize("columns", [60, 80])
def test_arrow_keys_pick_an_older_run(crossrun: Crossrun, runs: list[str], columns: int) -> None:
    with OnTerminal(crossrun, "show", "--pick", "--json", columns=columns) as terminal:
        terminal.wait_for(runs[3])
        listed = terminal.text
        terminal.type(DOWN + DOWN + ENTER)
        assert terminal.end() == 0
        end = terminal.text

    lines = [line for line in listed.splitlines() if any(run in line for run in runs)]
    assert [line.split()[-1] if run in line else "" for run, line in zip(runs, lines, strict=True)]
    assert "exit 3" in listed
    assert "  failed  " in listed
    assert "\x1b]0;" not in terminal.raw
    assert "\x1b[2J" not in terminal.raw.replace("\x1b[2J\x1b[H", "")
    assert all(len(line) < columns for line in lines)
    assert json.loads(end[end.index("{") :])["id"] == runs[2]


def test_typing_filters_and_enter_picks_only_what_matches(
    crossrun: Crossrun, runs: list[str]
) -> None:
    with OnTerminal(crossrun, "show", "--pick", "--json") as terminal:
        terminal.wait_for(runs[3])
        terminal.type("fist" + ENTER)
        terminal.wait_for("t...")
        assert terminal.process.poll() is None
        terminal.type("\x7f\x7frst" + ENTER)
        assert terminal.end() == 0
        end = terminal.text
    assert json.loads(end[end.index('{"') :])["id"] == runs[3]


@pytest.mark.parametrize("key", [ESCAPE, CTRL_C])
def test_leaving_the_list_is_calm(crossrun: Crossrun, runs: list[str], key: str) -> None:
    with OnTerminal(crossrun, "apply", "--pick") as terminal:
        terminal.wait_for(runs[3])
        terminal.type(key)
        assert terminal.end() == 130
        assert "error" not in terminal.text
        assert "Traceback" not in terminal.text
        assert terminal.raw.rstrip().endswith("\x1b[?25h")


def test_the_setting_makes_a_missing_run_a_question(crossrun: Crossrun, runs: list[str]) -> None:
    for words in (("show",), ("events",), ("files",), ("artifacts",)):
        with OnTerminal(crossrun, *words, CROSSRUN_UI_PICK="true") as terminal:
            terminal.wait_for(runs[3])
            terminal.type(ENTER)
            assert terminal.end() == 0
    with OnTerminal(crossrun, "show") as terminal:
        assert terminal.end() == 0
        assert "Which run?" not in terminal.text
    shown = crossrun.json("show", CROSSRUN_UI_PICK="true")
    assert shown["id"] == runs[0]


def test_without_a_terminal_nothing_can_be_picked(crossrun: Crossrun, runs: list[str]) -> None:
    refused = crossrun("show", "--pick", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "NO_TERMINAL")
    refused = crossrun("show", runs[0], "--pick", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "OPTIONS_CONFLICT")
    assert crossrun("cancel").code == 2


@pytest.mark.usefixtures("runs")
def test_answering_no_is_not_an_error(crossrun: Crossrun) -> None:
    with OnTerminal(crossrun, "cleanup", "--older-than", "0") as terminal:
        terminal.wait_for("[y/N]")
        terminal.type("n" + ENTER)
        assert terminal.end() == 10
        assert terminal.text.splitlines()[-1] == "nothing was removed"
        assert "error" not in terminal.text
    assert len(crossrun("cleanup", "--older-than", "0", "--dry-run", "--json").json["going"]) == 4


def test_leaving_a_run_that_is_watched_says_that_it_continues(crossrun: Crossrun) -> None:
    run = crossrun("run", "sleep 60", *SHELL, "--detach").out.strip()
    for words, said in (
        (("watch",), f"run {run} continues; stop it: crossrun cancel {run}"),
        (("wait", run), "the runs continue"),
    ):
        with OnTerminal(crossrun, *words) as terminal:
            terminal.wait_for(run)
            terminal.type(CTRL_C)
            assert terminal.end() == 130
            assert said in terminal.text
    assert crossrun.json("show", run)["status"] == "running"
    crossrun("cancel", run)


def test_a_summary_names_its_task(crossrun: Crossrun) -> None:
    ended = crossrun("run", "echo one of several", *SHELL, "--no-watch")
    assert f"{ended.out.strip()}  echo one of several" in ended.err.splitlines()
