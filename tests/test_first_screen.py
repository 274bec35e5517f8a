"""`crossrun` alone, the list of runs, and words that are no command."""

import sqlite3

import pytest
from conftest import Crossrun
from on_terminal import OnTerminal
from trees import sh

from crossrun.config.sources import load
from crossrun.services.app import App
from crossrun.services.overview import overview

SHELL = ("--executor", "shell")


def screen(crossrun: Crossrun, *words: str, columns: int = 80, **environ: str) -> tuple[int, str]:
    with OnTerminal(crossrun, *words, columns=columns, **environ) as terminal:
        code = terminal.end()
        return code, terminal.text


def test_crossrun_alone_prints_the_help_for_a_program(crossrun: Crossrun) -> None:
    result = crossrun()
    assert (result.code, result.err) == (0, "")
    assert result.out == crossrun("--help").out


def test_crossrun_alone_names_the_quickstart_if_there_are_no_runs(crossrun: Crossrun) -> None:
    code, shown = screen(crossrun)
    assert code == 0
    assert "crossrun quickstart" in shown
    assert len(shown.splitlines()) < 8
    assert not crossrun.home.exists()


@pytest.mark.parametrize("columns", [60, 80])
def test_crossrun_alone_shows_what_is_new_and_what_waits(crossrun: Crossrun, columns: int) -> None:
    sh("git init -q && echo a > a && git add . && git commit -q -m a", crossrun.cwd)
    source = ("--source", str(crossrun.cwd))
    changed = crossrun.json("run", "echo b > a", *SHELL, *source)["id"]
    applied = crossrun.json("run", "echo c > c", *SHELL, *source)["id"]
    crossrun("apply", applied)
    empty = crossrun.json("run", "echo \x1b[31mhostile > x", *SHELL, "--empty")["id"]
    failed = crossrun("run", "exit 3", *SHELL, "--tag", "scheduled", "--json").json["id"]

    code, shown = screen(crossrun, columns=columns)

    assert code == 0
    assert max(map(len, shown.splitlines())) <= columns
    for run in (changed, applied, empty, failed):
        assert run in shown
    assert "not applied yet: 1 run" in shown
    assert f"crossrun apply {changed}" in shown
    assert f"crossrun apply {applied}" not in shown
    assert "failed while nobody was watching: 1 run" in shown
    assert f"crossrun show {failed}" in shown
    assert shown.splitlines()[-1] == "all runs: crossrun runs · help: crossrun --help"
    assert "nobody was watching" not in screen(crossrun, columns=columns)[1]


def test_a_run_that_was_cleaned_up_does_not_wait(crossrun: Crossrun) -> None:
    run = crossrun.json("run", "echo b > a", *SHELL, "--source", ".")["id"]
    assert f"crossrun apply {run}" in screen(crossrun)[1]
    assert crossrun("cleanup", "--older-than", "0", "--force", "--yes").code == 0
    assert "crossrun apply" not in screen(crossrun)[1]


def test_a_run_that_was_applied_in_part_waits_until_the_rest_is_applied(
    crossrun: Crossrun,
) -> None:
    sh("git init -q && echo a > a && git add . && git commit -q -m a", crossrun.cwd)
    run = crossrun.json("run", "echo b > a; echo b > b", *SHELL)["id"]
    assert crossrun("apply", run, "--", "a").code == 0
    shown = screen(crossrun)[1]
    assert "applied in part: 1 run" in shown
    assert f"crossrun apply {run}" in shown
    assert "not applied yet" not in shown
    assert crossrun("apply", run).code == 0
    assert f"crossrun apply {run}" not in screen(crossrun)[1]


def test_a_failed_run_says_in_a_word_what_it_failed_for(crossrun: Crossrun) -> None:
    crossrun("run", "true", *SHELL, "--verify", "false")
    crossrun("run", "exit 3", *SHELL)
    first, second = crossrun("runs").out.splitlines()[1:]
    assert "  failed  " in first
    assert "  failed (check)  " in second


def test_an_active_run_is_on_the_first_screen_however_many_came_later(crossrun: Crossrun) -> None:
    ids = [crossrun.json("run", "true", *SHELL)["id"] for _ in range(7)]
    with sqlite3.connect(crossrun.home / "crossrun.db") as store:
        store.execute("UPDATE runs SET status = 'running' WHERE id = ?", ids[:1])

    shown = overview(App(load(flags={}, environ=crossrun.environ, cwd=crossrun.cwd)))

    assert [run.id for run in shown.active] == ids[:1]
    assert [run.id for run in shown.newest] == ids[:1:-1][:5]


def test_the_list_says_how_many_more_there_are(crossrun: Crossrun) -> None:
    assert "no runs yet" in crossrun("runs").err
    for _ in range(3):
        crossrun("run", "true", *SHELL)
    assert "2 of 3 · --limit 0 for all" in crossrun("runs", "--limit", "2").err
    assert crossrun("runs", "--limit", "0").err == ""
    assert len(crossrun("runs", "--limit", "0").out.splitlines()) == 4
    assert "no runs match" in crossrun("runs", "--project-id", "nope").err
    listed = crossrun.json("runs", "--limit", "2")
    assert (len(listed["runs"]), listed["total"]) == (2, 3)
    assert crossrun.json("runs", "--limit", "0", "--status", "failed")["total"] == 0


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("Fix the test",), 'did you mean: crossrun run "Fix the test"'),
        (("Fix", "the", "test"), 'did you mean: crossrun run "Fix the test"'),
        (("run", "Fix", "the", "test"), 'put the task in quotes: crossrun run "Fix the test"'),
        (("run", "Say", "$HOME"), "put the task in quotes: crossrun run 'Say $HOME'"),
        (
            ("resume", "last", "Fix", "it"),
            'put the task in quotes: crossrun resume last "Fix it"',
        ),
        (("run", "--sourc", "."), "did you mean --source? · see: crossrun run --help"),
        (("run", "-v"), "see: crossrun run --help"),
        (("diff", "--files"), "see: crossrun diff --help"),
        (
            ("run", "-v is broken"),
            'a task that begins with a dash needs --: crossrun run -- "-v is broken"',
        ),
        (("start",), "did you mean crossrun run?"),
        (("delete", "k7f3"), "did you mean crossrun rm?"),
        (("rusn",), "did you mean crossrun run?"),
        (("login",), "crossrun uses the login of the agent: codex login"),
        (("zzzzzz",), "see: crossrun --help"),
    ],
)
def test_words_that_make_no_command_say_what_was_meant(
    crossrun: Crossrun, words: tuple[str, ...], hint: str
) -> None:
    result = crossrun(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[1:] == [f"hint: {hint}"]


def test_words_of_other_programs_work_for_looking(crossrun: Crossrun) -> None:
    crossrun("run", "echo hello", *SHELL)
    assert crossrun("version").out == crossrun("--version").out
    for word in ("ls", "ps", "list", "history"):
        assert crossrun(word).out == crossrun("runs").out
        assert crossrun("--home", str(crossrun.home), word, "--limit", "1").code == 0
    assert crossrun("logs").out == crossrun("steps").out
    assert "all runs" in screen(crossrun, "status")[1]


def test_an_id_that_is_like_no_other_gets_the_newest_ids(crossrun: Crossrun) -> None:
    run = crossrun.json("run", "true", *SHELL)["id"]
    assert f"hint: the newest: {run}" in crossrun("show", "!!").err
    wrong = f"{run[:3]}{'2' if run[3] != '2' else '3'}"
    assert f"hint: similar ids: {run}" in crossrun("show", wrong).err
