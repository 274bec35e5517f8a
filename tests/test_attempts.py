"""Several attempts at one task, as users start them: ranked, decided early, continued, applied."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import CodexWorld, Crossrun, Result, send
from processes import wait_for
from scripted_model import Scenario, TurnLike
from trees import sh, state

CHECK = "grep -q 'a + b' calc.py"
BEGIN = (
    "git init -q -b main; printf 'def add(a, b):\\n    return a - b\\n' > calc.py; git add .;"
    "git commit -qm first; echo mine > notes.txt"
)
MEND = "sed -i 's/a - b/a + b/' calc.py"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A repository with a function that is wrong, and uncommitted work."""
    folder = tmp_path / "source"
    folder.mkdir()
    sh(BEGIN, folder)
    return folder


def by_turns(folder: Path, *scripts: str) -> str:
    """A script of which each run takes the next of several."""
    taken = [f"mkdir {folder}/{number} 2>/dev/null; then {s}" for number, s in enumerate(scripts)]
    return f"if {'; elif '.join(taken)}; else exit 9; fi"


def attempt(crossrun: Crossrun, script: str, source: Path, *words: str) -> Result:
    return crossrun(
        "attempts", "--executor", "shell", "--source", str(source), *words, "--json", script
    )


def ranked(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["name"], each["status"]) for each in document["ranking"]]


def test_the_first_that_passes_ends_the_others_and_is_applied(
    crossrun: Crossrun, source: Path, tmp_path: Path
) -> None:
    script = by_turns(tmp_path, "echo wrong > wrong", f"sleep 1; {MEND}", "sleep 60")
    done = attempt(crossrun, script, source, "-n", "4", "-j", "3", "--verify", CHECK, "--apply")
    assert done.code == 0, done.err
    document = done.json
    states = [status for _, status in ranked(document)]
    assert states[:2] == ["succeeded", "failed"]
    assert set(states[2:]) <= {"cancelled", "skipped", "failed"}
    assert document["state"] == "succeeded"
    assert document["reason"].endswith("passed the check")
    best = document["ranking"][0]
    assert (document["winner"], best["verify_exit_code"], best["lines"]) == (best["run_id"], 0, 2)
    assert document["applied"]["applied"] is True
    assert "a + b" in (source / "calc.py").read_text()
    assert sh("git status --short", source) == " M calc.py\n?? notes.txt\n"
    assert crossrun("undo", document["winner"]).code == 0
    assert "a - b" in (source / "calc.py").read_text()
    shown = crossrun("attempts", "show")
    assert f"crossrun apply {document['winner']}" in shown.out
    assert crossrun.json("attempts", "show", document["id"])["winner"] == document["winner"]
    assert [each["id"] for each in crossrun.json("attempts", "list")["batches"]] == [document["id"]]
    assert crossrun.json("batch", "list")["batches"] == []


def test_attempts_in_a_folder_that_git_ignores_begin_with_an_empty_one(
    crossrun: Crossrun,
) -> None:
    sh(f"{BEGIN}; echo scratch > .gitignore; mkdir scratch", crossrun.cwd)
    ignored = replace(crossrun, cwd=crossrun.cwd / "scratch")
    done = ignored("attempts", "-n", "2", "--executor", "shell", "--json", 'test -z "$(ls -A)"')
    assert done.code == 0, done.err
    assert [status for _, status in ranked(done.json)] == ["succeeded", "succeeded"]
    assert "the runs begin with an empty folder: git ignores scratch in " in done.err
    named = ("attempts", "-n", "2", "--executor", "shell", "--source", ".", "--json", "true")
    assert ignored(*named).json["error"]["code"] == "SOURCE_INVALID"


def test_all_begin_in_one_state_although_the_user_continues_to_edit(
    crossrun: Crossrun, source: Path, tmp_path: Path
) -> None:
    edit = f"echo changed > {source}/notes.txt; echo changed > {source}/calc.py"
    script = by_turns(
        tmp_path, edit, "cat notes.txt calc.py > seen", "cat notes.txt calc.py > seen"
    )
    done = attempt(crossrun, script, source, "-n", "3", "-j", "1", "--all", "--verify", "ls seen")
    rows = {row["name"]: row["run_id"] for row in done.json["rows"]}
    for name in ("attempt 2", "attempt 3"):
        workspace = Path(crossrun.json("show", rows[name])["workspace"])
        assert (workspace / "seen").read_text().startswith("mine\ndef add")
    baselines = {
        event["baseline"]
        for run_id in rows.values()
        for event in crossrun.events(run_id)
        if event["type"] == "workspace_prepared"
    }
    assert len(baselines) == 1


def test_all_are_carried_out_if_asked_for_and_the_smallest_change_wins(
    crossrun: Crossrun, source: Path, tmp_path: Path
) -> None:
    script = by_turns(tmp_path, f"{MEND}; seq 50 > noise", MEND, "true")
    done = attempt(crossrun, script, source, "-n", "3", "-j", "1", "--all", "--verify", CHECK)
    assert ranked(done.json) == [
        ("attempt 2", "succeeded"), ("attempt 1", "succeeded"), ("attempt 3", "failed"),
    ]  # fmt: skip


def test_without_a_check_all_run_and_the_user_is_warned(
    crossrun: Crossrun, source: Path, tmp_path: Path
) -> None:
    script = by_turns(tmp_path, "true", "echo 1 > a")
    done = attempt(crossrun, script, source, "-n", "2", "-j", "1")
    assert (done.code, "without --verify" in done.err) == (0, True)
    assert ranked(done.json) == [("attempt 2", "succeeded"), ("attempt 1", "succeeded")]


def test_if_none_passes_the_exit_code_says_so_and_nothing_is_applied(
    crossrun: Crossrun, source: Path
) -> None:
    before = state(source)
    done = attempt(crossrun, "echo no", source, "-n", "2", "--verify", CHECK, "--apply")
    assert (done.code, done.json["winner"], done.json["applied"]) == (9, None, None)
    assert state(source) == before
    assert f"crossrun attempts resume {done.json['id']} --retry-failed" in done.err


def test_a_conflict_keeps_the_best_from_being_applied(crossrun: Crossrun, source: Path) -> None:
    script = f"echo 'other = 1' > {source}/calc.py; {MEND}"
    done = attempt(crossrun, script, source, "-n", "1", "--verify", CHECK, "--apply")
    assert (done.code, done.json["applied"]["applied"]) == (1, False)
    assert done.json["applied"]["conflicts"][0]["path"] == "calc.py"
    assert (source / "calc.py").read_text() == "other = 1\n"


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_stopped_attempts_continue_from_the_state_that_they_began_with(
    crossrun: Crossrun, source: Path, tmp_path: Path, stop: signal.Signals, code: int
) -> None:
    script = by_turns(tmp_path, f"touch {tmp_path}/began; sleep 60", MEND)
    process = crossrun.start(
        "attempts", "--executor", "shell", "--source", str(source), "-n", "2", "-j", "1",
        "--verify", CHECK, script,
    )  # fmt: skip
    wait_for((tmp_path / "began").exists)
    stopped = send(process, stop)
    assert stopped.code == code
    (source / "calc.py").write_text("other = 1\n")
    done = crossrun("attempts", "resume", stopped.out.strip(), "--json")
    assert done.code == 0, done.err
    first = done.json["ranking"][0]
    assert (first["name"], first["status"], first["lines"]) == ("attempt 1", "succeeded", 2)
    refused = crossrun("attempts", "resume")
    assert (refused.code, "--all" in refused.err) == (2, True)
    assert crossrun("attempts", "cancel").code == 0


def test_a_check_that_tells_nothing_is_found_before_anything_runs(
    crossrun: Crossrun, source: Path
) -> None:
    refused = attempt(crossrun, MEND, source, "--check-first", "--verify", "true")
    assert (refused.code, refused.json["error"]["code"]) == (2, "CHECK_UNFIT")
    assert crossrun.json("runs")["runs"] == []
    assert attempt(crossrun, MEND, source, "--check-first", "--verify", CHECK).code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--workspace", "."), "OPTIONS_CONFLICT"),
        (("--check-first",), "OPTION_INVALID"),
        (("--apply", "--detach"), "OPTIONS_CONFLICT"),
        (("-n", "0"), "OPTION_INVALID"),
    ],
)
def test_what_makes_no_sense_is_refused(
    crossrun: Crossrun, words: tuple[str, ...], code: str
) -> None:
    refused = crossrun("attempts", "--executor", "shell", *words, "true", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, code)


class TestComparison:
    def test_two_runs_side_by_side(self, crossrun: Crossrun, source: Path, tmp_path: Path) -> None:
        script = by_turns(
            tmp_path, f"{MEND}; echo 1 > both; echo 1 > one", f"{MEND}; echo 2 > both; echo 2 > two"
        )
        words = ("-n", "2", "-j", "1", "--all", "--verify", CHECK)
        rows = attempt(crossrun, script, source, *words).json["rows"]
        first, second = (row["run_id"] for row in rows)
        compared = crossrun.json("compare", first, second)
        assert [run["id"] for run in compared["runs"]] == [first, second]
        assert compared["files"] == {
            "only_first": ["one"],
            "only_second": ["two"],
            "different": ["both"],
            "same": ["calc.py"],
            "unknown": [],
        }
        shown = crossrun("compare", first, second).out
        assert f"crossrun diff {first} {second}" in shown
        assert shown.count("succeeded") == 2

    def test_when_states_are_gone_what_both_changed_is_unknown(
        self, crossrun: Crossrun, source: Path
    ) -> None:
        rows = attempt(crossrun, MEND, source, "-n", "2", "--all", "--verify", CHECK).json["rows"]
        assert crossrun("cleanup", "--older-than", "0", "--force", "--yes").code == 0
        compared = crossrun.json("compare", *(row["run_id"] for row in rows))
        assert compared["files"]["unknown"] == ["calc.py"]


def patch(after: str) -> dict[str, str]:
    """What the model has Codex do: replace what the function returns."""
    head, tail = "*** Begin Patch\n*** Update File: calc.py\n@@\n", "*** End Patch\n"
    return {"patch": f"{head}-    return a - b\n+    return {after}\n{tail}"}


@pytest.mark.codex
def test_codex_tries_until_one_attempt_passes_and_that_is_applied(
    codex: CodexWorld, source: Path
) -> None:
    turns: list[TurnLike] = [patch("b - a"), "Mended it.", patch("a + b"), "Mended it, too."]
    made = codex([Scenario(turns, counts="server")])
    words = ("--source", str(source), "-n", "3", "-j", "1", "--verify", CHECK, "--apply", "--json")
    done = made.crossrun("attempts", "mend calc.py", *words)
    assert done.code == 0, done.err
    assert ranked(done.json) == [
        ("attempt 2", "succeeded"), ("attempt 1", "failed"), ("attempt 3", "skipped"),
    ]  # fmt: skip
    assert (source / "calc.py").read_text() == "def add(a, b):\n    return a + b\n"
    assert done.json["ranking"][0]["tokens"] > 0
