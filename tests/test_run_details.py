"""Names, tags and notes are the user's: they can be changed at any time, and stay."""

from collections.abc import Generator
from pathlib import Path

import pytest
from conftest import Crossrun
from homes import Home

from crossrun.events import Event, RunFinished, RunStarted
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.redaction import Redactor
from crossrun.services import run_details
from crossrun.services.app import App


def test_they_can_be_changed_while_the_run_is_active(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    app = App(home.settings)
    request = RunRequest(task="x", name="old", tags=("a", "b"))

    def facts() -> Generator[Event | None]:
        yield RunStarted(request=request, workspace="/w", crossrun_version="0")
        yield None
        run = app.run(run_id)
        run_details.tag(app, run, add=["c", "a"], remove=["b"])
        run_details.note(app, run, " Two\nlines ")
        run_details.rename(app, run, "new")
        yield RunFinished(status=Status.SUCCEEDED)

    with home.store.owning() as run_id:
        for _ in home.store.recording(run_id, facts(), Redactor([])):
            pass
    ended = app.run(run_id)
    assert ended.ended
    assert (ended.name, ended.tags, ended.note) == ("new", ("a", "c"), "Two\nlines")


def test_the_commands_change_and_show_them(crossrun: Crossrun) -> None:
    run = crossrun.json("run", "--executor", "shell", "true")["id"]
    assert crossrun("tag", run, "good", "draft").out == "good\ndraft\n"
    assert crossrun("tag", run, "--remove", "draft").out == "good\n"
    assert crossrun("tag", run).out == "good\n"
    assert crossrun.json("note", run, "-", "--home", str(crossrun.home))["note"] is None
    assert crossrun("note", "last", "-", stdin="Too slow\n").code == 0
    assert crossrun("note", run).out == "Too slow\n"
    assert crossrun.json("rename", run, "Second draft")["name"] == "Second draft"
    assert "* Second draft" in crossrun("runs", "--tag", "good").out
    assert "note      Too slow" in crossrun("show", run).out
    assert crossrun("note", run, "-e", EDITOR="sed -i s/slow/late/").code == 0
    assert crossrun.json("show", run)["note"] == "Too late"
    assert crossrun("note", run, "").err == f"run {run} has no note\n"
    assert crossrun.json("rename", run, "")["name"] is None


@pytest.mark.parametrize("words", [("tag", "last", " "), ("note", "last", "x", "-e")])
def test_what_makes_no_sense_is_an_error(crossrun: Crossrun, words: tuple[str, ...]) -> None:
    crossrun("run", "--executor", "shell", "true")
    result = crossrun(*words)
    assert (result.code, "OPTION_INVALID" in result.err) == (2, True)


def test_secrets_are_removed(crossrun: Crossrun) -> None:
    crossrun("run", "--executor", "shell", "true")
    secret = "ghp_" + "a1B2" * 9
    assert secret not in crossrun("tag", "last", secret).out
    assert crossrun.json("note", "last", f"use {secret}")["note"] == "use [redacted]"
    assert crossrun.json("rename", "last", secret)["name"] == "[redacted]"
