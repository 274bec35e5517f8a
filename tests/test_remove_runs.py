"""`crossrun rm`, `path` and `open`."""

import sqlite3
from pathlib import Path

from applications import Desk
from conftest import Crossrun

SHELL = ("--executor", "shell")


def made(crossrun: Crossrun, *words: str) -> str:
    run_id: str = crossrun.json("run", *words, *SHELL)["id"]
    return run_id


def code_of(crossrun: Crossrun, *words: str) -> tuple[int, str]:
    refused = crossrun(*words, "--json")
    return refused.code, refused.json["error"]["code"]


def test_runs_go_with_all_that_belongs_to_them(crossrun: Crossrun) -> None:
    stays, goes = made(crossrun, "echo a > a"), made(crossrun, "echo b > b")
    workspace = Path(crossrun("path", goes).out.strip())
    assert (workspace / "b").read_text() == "b\n"
    assert crossrun.json("path", goes) == {
        "schema_version": 1, "run_id": goes, "path": str(workspace)
    }  # fmt: skip
    pattern = crossrun.json("show", goes)["learned_pattern_id"]

    assert code_of(crossrun, "rm", goes) == (2, "CONSENT_NEEDED")
    planned = crossrun.json("rm", goes, "--dry-run")
    assert (planned["runs"], planned["dry_run"], workspace.exists()) == ([goes], True, True)
    removed = crossrun.json("rm", goes, "--yes")

    assert (removed["runs"], removed["dry_run"], removed["size"] > 0) == ([goes], False, True)
    assert not workspace.exists()
    assert list(crossrun.home.rglob(f"{goes}*")) == []
    assert [run["id"] for run in crossrun.json("runs")["runs"]] == [stays]
    assert code_of(crossrun, "show", goes) == (6, "RUN_NOT_FOUND")
    if pattern is not None:
        assert crossrun("patterns", "show", pattern).code == 0
    assert crossrun("files", stays).code == 0


def test_a_run_that_others_depend_on_stays(crossrun: Crossrun) -> None:
    first = made(crossrun, "echo a > a")
    clone = made(crossrun, "cat a", "--from-run-id", first)
    refused = crossrun("rm", first, "--yes")
    assert (refused.code, f"run {clone} builds on {first}" in refused.err) == (2, True)
    assert crossrun("files", first).code == 0
    assert crossrun.json("rm", first, "--force", "--yes")["runs"] == [first]
    assert "a" in crossrun("files", clone).out
    assert crossrun("rm", clone, "--yes").code == 0


def test_runs_in_one_workspace_go_together(crossrun: Crossrun) -> None:
    failed = crossrun("run", "echo a > a; exit 1", *SHELL, "--json").json["id"]
    second = crossrun("retry", failed, "--keep-workspace", "--json").json["id"]
    refused = crossrun("rm", failed, "--yes")
    assert (refused.code, f"{second} uses the same workspace" in refused.err) == (2, True)
    assert set(crossrun.json("rm", failed, second, "--yes")["runs"]) == {failed, second}


def test_an_applied_change_can_still_be_undone(crossrun: Crossrun, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "source", crossrun)
    run = desk.run("echo a > a")
    crossrun("apply", run.id)
    assert code_of(crossrun, "rm", run.id, "--yes") == (2, "RUN_NEEDED")
    crossrun("undo", run.id)
    assert crossrun("rm", run.id, "--yes").code == 0


def test_a_folder_of_the_user_is_not_touched(crossrun: Crossrun) -> None:
    words = ("--workspace", str(crossrun.cwd))
    first, second = made(crossrun, "echo a > a", *words), made(crossrun, "echo b > b", *words)
    assert crossrun.json("rm", first, "--yes")["runs"] == [first]
    assert sorted(path.name for path in crossrun.cwd.iterdir()) == ["a", "b"]
    assert crossrun("show", second).code == 0
    assert list(crossrun.home.rglob(f"*{first}*")) == []


def test_active_runs_are_never_removed(crossrun: Crossrun) -> None:
    run = crossrun("run", "sleep 60", *SHELL, "--detach").out.strip()
    assert code_of(crossrun, "rm", run, "--yes", "--force") == (8, "STILL_RUNNING")
    crossrun("cancel", run)
    assert crossrun("rm", run, "--yes").code == 0


def test_cleanup_names_rm_for_certain_runs(crossrun: Crossrun) -> None:
    assert "crossrun rm RUN" in crossrun("cleanup", "k7f3").err


def test_a_workspace_is_opened_with_a_command(crossrun: Crossrun) -> None:
    run = made(crossrun, "echo a > a")
    folder = crossrun("path", run).out
    assert crossrun("open", run, "--with", "sh -c 'pwd; echo $0'").out == folder + folder
    assert crossrun("open", run, EDITOR="ls", VISUAL="").out == "a\n"
    assert crossrun("open", run, "--with", "sh -c 'exit 7'").code == 7
    assert crossrun("open", run, "--with", "/nowhere").code == 2
    assert crossrun("open", run, "--with", "'").code == 2
    assert "has no agent thread" in crossrun("open", run, "--agent").err
    crossrun("cleanup", "--older-than", "0", "--yes")
    for command in ("path", "open"):
        assert "error[WORKSPACE_GONE]" in crossrun(command, run).err
        assert crossrun(command, run).code == 6


def test_an_agent_is_continued_by_hand(crossrun: Crossrun, tmp_path: Path) -> None:
    run = crossrun.json("run", "x", "--offline")["id"]
    with sqlite3.connect(crossrun.home / "crossrun.db") as store:
        store.execute("UPDATE runs SET executor = 'codex', thread_id = 't-1' WHERE id = ?", [run])
    agent = tmp_path / "codex"
    agent.write_text('#!/bin/sh\necho "$PWD" "$@"\n')
    agent.chmod(0o755)
    shown = crossrun("open", run, "--agent", CODEX_PATH=str(agent)).out
    assert shown == f"{crossrun('path', run).out.strip()} resume t-1\n"
    assert "by hand   codex resume t-1" in crossrun("show", run).out


def test_folders_and_globs_are_copied_out(crossrun: Crossrun) -> None:
    run = made(
        crossrun, "mkdir -p out/deep; echo a > out/a.csv; echo b > out/deep/b.csv; ln -s / out/l"
    )
    assert crossrun("get", run, "out", "-o", "results").code == 0
    assert crossrun("get", run, "*.csv", "-o", "tables").code == 0
    for folder in ("results", "tables"):
        copied = sorted(path.name for path in (crossrun.cwd / folder).rglob("*") if path.is_file())
        assert copied == ["a.csv", "b.csv"]
    assert crossrun("get", run, "*.nope", "-o", "x").code == 6
