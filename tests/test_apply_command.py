"""`crossrun apply` and `crossrun undo` as users and scripts call them."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from applications import Desk, files
from conftest import Crossrun
from processes import wait_for
from trees import sh, state

from crossrun.model.runs import Application

KEY = "sk-" + "abcdefghij0123456789ABCDEFGHIJ01"


@pytest.fixture
def desk(crossrun: Crossrun, tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "source", crossrun)
    desk.sh("printf 'one\\ntwo\\nthree\\n' > notes.txt; echo old > old.txt")
    desk.commits()
    return desk


WORK = "sed -i s/one/ONE/ notes.txt; rm old.txt; echo new > 'a new file.txt'"


def test_a_change_is_brought_and_taken_back(desk: Desk, crossrun: Crossrun) -> None:
    run, before = desk.run(WORK), desk.tree()
    git = state(desk.folder / ".git")

    result = crossrun("apply", run.id)

    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines() == [
        f"applied 3 files to {desk.folder}",
        "  changed  + a new file.txt",
        "           ~ notes.txt",
        "           - old.txt",
        "",
        f"  undo it: crossrun undo {run.id}",
    ]
    assert list(files(desk.folder)) == ["a new file.txt", "notes.txt"]
    assert f"applied   {desk.folder}" in crossrun("show", run.id).out

    result = crossrun("undo")

    assert (result.code, result.out) == (0, "")
    assert f"undid the changes of run {run.id} in {desk.folder}" in result.err
    assert desk.tree() == before
    assert state(desk.folder / ".git") == git
    assert "applied   undone" in crossrun("show", run.id).out


@pytest.mark.parametrize("words", [(), ("--clean",)])
def test_real_runs_on_a_copy_come_back(
    desk: Desk, crossrun: Crossrun, words: tuple[str, ...]
) -> None:
    desk.sh("echo uncommitted >> notes.txt; echo untracked > untracked")
    before, git = desk.tree(), state(desk.folder / ".git")
    shell = ("--executor", "shell")
    first = crossrun.json("run", WORK, "--source", str(desk.folder), *shell, *words)
    second = crossrun.json("run", "echo more > more", "--from-run-id", first["id"], *shell)

    assert crossrun("apply", second["id"]).code == 0

    assert list(files(desk.folder)) == ["a new file.txt", "more", "notes.txt", "untracked"]
    assert (desk.folder / "notes.txt").read_text() == "ONE\ntwo\nthree\nuncommitted\n"
    assert crossrun("undo", second["id"]).code == 0
    assert (desk.tree(), state(desk.folder / ".git")) == (before, git)


def test_a_real_run_in_place_is_taken_back(desk: Desk, crossrun: Crossrun) -> None:
    before = desk.tree()
    run = crossrun.json("run", WORK, "--workspace", str(desk.folder), "--executor", "shell")
    assert desk.tree() != before

    assert crossrun("undo", run["id"]).code == 0

    assert desk.tree() == before


PLAIN = {"old_path": None, "path_bytes": None}
"""What JSON tells of a file that has no other name."""


def test_json_tells_all_of_it(desk: Desk, crossrun: Crossrun) -> None:
    run = desk.run(WORK)
    desk.sh("echo four >> notes.txt")

    told = crossrun.json("apply")

    assert told == {
        "schema_version": 1,
        "applied": True,
        "dry_run": False,
        "run_id": run.id,
        "application_id": told["application_id"],
        "path": str(desk.folder),
        "branch": None,
        "commit": None,
        "pushed_to": None,
        "pull_request": None,
        "refs": [],
        "files": [
            {"path": "a new file.txt", "status": "added", **PLAIN, "merged": False},
            {"path": "notes.txt", "status": "modified", **PLAIN, "merged": True},
            {"path": "old.txt", "status": "deleted", **PLAIN, "merged": False},
        ],
        "conflicts": [],
        "already": 0,
        "restored": [],
        "notes": [],
        "ignored_left": 0,
        "left": 0,
        "other_branch": None,
        "recovered": [],
    }
    (application,) = crossrun.json("show")["applications"]
    assert set(application) == set(Application.__struct_fields__)
    assert application["id"] == told["application_id"]

    undone = crossrun.json("undo")
    assert (undone["undone"], undone["application_id"]) == (True, told["application_id"])
    assert [file["status"] for file in undone["files"]] == ["deleted", "modified", "added"]
    assert crossrun.json("show")["applications"][0]["undone_at"] is not None


def test_a_dry_run_touches_nothing(desk: Desk, crossrun: Crossrun) -> None:
    desk.run(WORK)
    before = state(desk.folder.parent)

    for words in ((), ("--branch", "x"), ("--json",), ("--conflicts",)):
        assert crossrun("apply", "--dry-run", *words).code == 0

    after = state(desk.folder.parent)
    differing = {path for path in before | after if before.get(path) != after.get(path)}
    kept = (b"home/crossrun/state", b"home/crossrun/crossrun.db", b"cwd")
    folders = {b"home/crossrun", b"home/crossrun/snapshots"}  # a scratch folder was in them
    assert {path for path in differing if not path.startswith(kept)} <= folders


def test_a_conflict_changes_nothing_and_says_where(desk: Desk, crossrun: Crossrun) -> None:
    run = desk.run(WORK)
    desk.sh("sed -i s/one/mine/ notes.txt")
    before = state(desk.folder)

    result = crossrun("apply", "--quiet")

    assert result.code == 1
    assert result.err.splitlines()[:2] == [
        f"nothing was changed: 1 conflict in {desk.folder}",
        "  conflict × notes.txt  also changed here",
    ]
    assert f"crossrun apply {run.id} --conflicts" in result.err
    assert state(desk.folder) == before

    told = crossrun("apply", "--json").json
    assert (told["applied"], told["application_id"]) == (False, None)
    assert told["conflicts"] == [
        {
            "path": "notes.txt",
            "reason": "also changed here",
            "written": None,
            "path_bytes": None,
        }
    ]


def test_conflicts_are_written_on_request_and_undone(desk: Desk, crossrun: Crossrun) -> None:
    desk.run(WORK)
    desk.sh("sed -i s/one/mine/ notes.txt")
    before = desk.tree()

    result = crossrun("apply", "--conflicts", "--json")

    assert (result.code, result.json["applied"]) == (1, True)
    assert result.json["conflicts"][0]["written"] == "notes.txt"
    assert (
        "<<<<<<< here\nmine\n=======\nONE\n>>>>>>> run" in (desk.folder / "notes.txt").read_text()
    )
    assert crossrun("undo").code == 0
    assert desk.tree() == before


def test_what_was_edited_since_is_not_taken_back(desk: Desk, crossrun: Crossrun) -> None:
    desk.run(WORK)
    crossrun("apply")
    desk.sh("echo mine > 'a new file.txt'")
    before = state(desk.folder)

    result = crossrun("undo")

    assert result.code == 1
    assert "nothing was changed" in result.err
    assert "a new file.txt" in result.err
    assert state(desk.folder) == before


def test_a_second_apply_has_nothing_to_do(desk: Desk, crossrun: Crossrun) -> None:
    desk.run(WORK)
    crossrun("apply")

    result = crossrun("apply")

    assert result.code == 0
    assert "nothing to do" in result.err
    assert len(crossrun.json("show")["applications"]) == 1


def test_a_run_that_changed_nothing_has_nothing_to_bring(desk: Desk, crossrun: Crossrun) -> None:
    desk.run("true")

    result = crossrun("apply")

    assert (result.code, result.err.startswith("nothing to do")) == (0, True)


def test_a_branch_is_made_and_removed(desk: Desk, crossrun: Crossrun) -> None:
    run = desk.run(WORK)
    before = desk.sh("git for-each-ref; git status --porcelain")

    told = crossrun.json("apply", "--branch", "agent/work")

    assert told["branch"] == "agent/work"
    assert desk.sh("git rev-parse agent/work").strip() == told["commit"]
    assert f"branch agent/work in {desk.folder}" in crossrun("show", run.id).out
    assert crossrun("apply", "--branch", "agent/work").code == 2
    assert crossrun("undo").code == 0
    assert desk.sh("git for-each-ref; git status --porcelain") == before


def test_a_branch_on_uncommitted_work_says_why_not(desk: Desk, crossrun: Crossrun) -> None:
    desk.sh("echo work > old.txt")
    desk.run("echo more >> old.txt", uncommitted=1)

    result = crossrun("apply", "--branch", "x")

    assert result.code == 1
    assert "because it builds on uncommitted work" in " ".join(result.err.split())


def test_a_patch_is_whole_and_applies(desk: Desk, crossrun: Crossrun) -> None:
    run = desk.run(f"{WORK}; echo 'key = {KEY}' > config; printf '\\0\\1' > bin; ln -s bin l")

    written = crossrun("apply", run.id, "--patch", "change.patch")
    printed = crossrun("apply", run.id, "--patch", "-")

    patch = (crossrun.cwd / "change.patch").read_text()
    assert patch == printed.out
    assert KEY in patch
    for result in (written, printed):
        assert result.code == 0
        assert "warning: the patch is not redacted; possible secrets in it: 1" in result.err
        assert KEY not in result.err
    desk.sh(f"git apply {crossrun.cwd}/change.patch")
    wanted = desk.tree()
    desk.sh("git clean -fdq; git checkout -q .")
    crossrun("apply", run.id)
    assert desk.tree() == wanted
    told = crossrun.json("apply", run.id, "--patch", "change.patch")
    assert (told["patch"], told["size"], told["secrets"]) == ("change.patch", len(patch), 1)


def test_another_folder_gets_the_change(desk: Desk, crossrun: Crossrun, tmp_path: Path) -> None:
    run = desk.run(WORK)
    before = state(desk.folder)
    other = tmp_path / "other folder"
    other.mkdir()
    (other / "notes.txt").write_text("one\ntwo\nthree\nmore\n")
    (other / "old.txt").write_text("old\n")

    assert crossrun("apply", "--to", str(other)).code == 0
    assert (other / "notes.txt").read_text() == "ONE\ntwo\nthree\nmore\n"
    assert state(desk.folder) == before
    assert f"applied   {other}" in crossrun("show", run.id).out
    assert crossrun("undo").code == 0
    assert (other / "old.txt").read_text() == "old\n"


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("--branch", "x", "--patch", "-"), 2, "OPTIONS_CONFLICT"),
        (("--branch", "x", "--conflicts"), 2, "OPTIONS_CONFLICT"),
        (("--patch", "-", "--json"), 2, "OPTIONS_CONFLICT"),
        (("--patch", "x", "--dry-run"), 2, "OPTIONS_CONFLICT"),
        (("--patch", "x", "--to", "."), 2, "OPTIONS_CONFLICT"),
        (("--patch", "no/folder/x"), 3, "OUTPUT_UNWRITABLE"),
        (("--to", "nowhere", "--dry-run"), 6, "TARGET_GONE"),
        (("--branch", "-x"), 2, "BRANCH_INVALID"),
        (("--branch", "main"), 2, "BRANCH_TAKEN"),
        (("--branch", "x", "--to", "."), 3, "BRANCH_IMPOSSIBLE"),
    ],
)
def test_what_cannot_be_is_told(
    desk: Desk, crossrun: Crossrun, words: tuple[str, ...], code: int, error: str
) -> None:
    desk.run(WORK)

    result = crossrun("apply", *words)

    assert result.code == code
    assert f"error[{error}]" in result.err
    assert "hint: " in result.err


def test_runs_without_a_folder_need_one(desk: Desk, crossrun: Crossrun) -> None:
    for run in (desk.run("echo a > a", empty=True), desk.run(WORK, kind="url")):
        result = crossrun("apply", run.id, "--json")
        assert (result.code, result.json["error"]["code"]) == (2, "SOURCE_NONE")
        assert f"crossrun apply {run.id} --to DIR" in result.err
        assert crossrun("apply", run.id, "--patch", "-").code == 0


def test_a_source_that_is_gone_is_told(desk: Desk, crossrun: Crossrun) -> None:
    desk.run(WORK)
    desk.folder.rename(desk.folder.with_name("moved"))

    result = crossrun("apply")

    assert (result.code, "error[TARGET_GONE]" in result.err) == (6, True)


def test_snapshots_that_are_gone_are_told(desk: Desk, crossrun: Crossrun) -> None:
    run = desk.run(WORK)
    crossrun("apply")
    sh(f"rm -r '{desk.trees(run).git_dir.parent}'", desk.folder)

    for words in (("apply",), ("apply", "--patch", "-"), ("undo",)):
        result = crossrun(*words)
        assert (result.code, "error[SNAPSHOTS_GONE]" in result.err) == (6, True)


def test_a_workspace_that_is_gone_does_not_matter(desk: Desk, crossrun: Crossrun) -> None:
    run = desk.run(WORK)
    sh(f"rm -r '{run.workspace}'", desk.folder)

    assert crossrun("apply").code == 0
    assert crossrun("undo").code == 0


def test_what_was_not_brought_cannot_be_taken_back(desk: Desk, crossrun: Crossrun) -> None:
    desk.run(WORK)

    assert (crossrun("undo").code, crossrun("undo", "--json").json["error"]["code"]) == (
        6,
        "NOT_APPLIED",
    )


def test_a_run_that_goes_on_is_not_brought(crossrun: Crossrun) -> None:
    process = crossrun.start("run", "sleep 30", "--executor", "shell")
    try:
        wait_for(lambda: crossrun("runs", "--json").json["runs"])
        result = crossrun("apply")
        assert (result.code, "error[STILL_RUNNING]" in result.err) == (8, True)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_a_run_in_place_is_taken_back_without_an_apply(desk: Desk, crossrun: Crossrun) -> None:
    before = desk.tree()
    desk.run(WORK, kind="in_place")

    applied = crossrun("apply")
    assert (applied.code, applied.err.startswith("nothing to do")) == (0, True)
    assert crossrun("undo").code == 0
    assert desk.tree() == before
    again = crossrun("undo")
    assert (again.code, again.err.startswith("nothing to do")) == (0, True)


def test_one_target_has_one_apply_at_a_time(desk: Desk, crossrun: Crossrun) -> None:
    run = desk.run(WORK)
    with desk.store.changing(desk.folder) as ours:
        assert ours
        for words in (("apply",), ("apply", "--branch", "x")):
            result = crossrun(*words)
            assert (result.code, "error[TARGET_BUSY]" in result.err) == (8, True)
    assert crossrun("apply", run.id).code == 0


def test_a_folder_that_a_run_works_in_is_left_alone(desk: Desk, crossrun: Crossrun) -> None:
    desk.run(WORK)
    with desk.workspaces.holding(desk.folder.resolve()):
        result = crossrun("apply")
        assert (result.code, "error[WORKSPACE_BUSY]" in result.err) == (8, True)


def test_many_at_once_end_in_one_whole_change(desk: Desk, crossrun: Crossrun) -> None:
    desk.run(WORK)
    before = desk.tree()

    started = [crossrun.start("apply", "--json") for _ in range(6)]
    ended = [process.communicate(timeout=60) for process in started]

    assert {process.returncode for process in started} <= {0, 8}, ended
    assert len(crossrun.json("show")["applications"]) == 1
    assert crossrun("undo").code == 0
    assert desk.tree() == before


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.1])
def test_an_apply_that_is_killed_can_be_taken_back(
    desk: Desk, crossrun: Crossrun, delay: float
) -> None:
    desk.sh("mkdir many; for i in $(seq 400); do echo $i > many/$i; done")
    before = desk.tree()
    desk.run("for i in $(seq 400); do echo new > many/$i; done; rm many/7; mkdir n; echo n > n/n")
    changed = desk.folder / "many" / "1"

    process = crossrun.start("apply")
    wait_for(lambda: process.poll() is not None or changed.read_text() == "new\n", 60)
    subprocess.run(["sleep", str(delay)], check=True)
    process.kill()
    process.communicate()

    result = crossrun("undo")
    assert result.code == 0, result.err
    assert desk.tree() == before
    assert not [name for name in files(desk.folder) if ".crossrun" in name]


def test_a_killed_apply_is_completed_by_the_next(desk: Desk, crossrun: Crossrun) -> None:
    desk.sh("mkdir many; for i in $(seq 200); do echo $i > many/$i; done")
    desk.run("for i in $(seq 200); do echo new > many/$i; done; rm many/7")

    process = crossrun.start("apply")
    wait_for(lambda: (desk.folder / "many" / "1").read_text() == "new\n", 60)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()

    assert crossrun("apply").code == 0
    assert not (desk.folder / "many" / "7").exists()
    texts = {file.read_text() for file in (desk.folder / "many").iterdir()}
    assert texts == {"new\n"}


def test_what_was_brought_before_a_clone_was_made_is_no_conflict(
    desk: Desk, crossrun: Crossrun
) -> None:
    shell = ("--executor", "shell")
    script = "sed -i s/one/ALPHA/ notes.txt; echo n1 > new"
    first = crossrun.json("run", script, "--source", str(desk.folder), *shell)
    assert crossrun("apply", first["id"]).code == 0
    script = "sed -i s/ALPHA/BETA/ notes.txt; echo n2 > new"
    second = crossrun.json("run", script, "--from-run-id", first["id"], *shell)
    result = crossrun("apply", second["id"])
    assert result.code == 0, result.err
    assert (desk.folder / "notes.txt").read_text() == "BETA\ntwo\nthree\n"
    assert (desk.folder / "new").read_text() == "n2\n"


def test_an_application_is_finished_when_all_of_it_is_there(desk: Desk, crossrun: Crossrun) -> None:
    run = desk.run(WORK)
    crossrun("apply", run.id)
    (application,) = desk.store.read.applications(run.id)
    assert application.finished_at is not None


def test_another_branch_than_the_run_began_with_is_told(desk: Desk, crossrun: Crossrun) -> None:
    run = crossrun.json("run", WORK, "--source", str(desk.folder), "--executor", "shell")
    desk.sh("git checkout -q -b other")

    told = crossrun.json("apply", run["id"], "--dry-run")
    result = crossrun("apply", run["id"])

    assert told["other_branch"] == "other"
    assert "  the run started on branch main; this is other" in result.err.splitlines()


def test_a_change_that_was_never_measured_names_the_way_on(desk: Desk, crossrun: Crossrun) -> None:
    process = crossrun.start(
        "run", "--source", str(desk.folder), "--executor", "shell", "echo x > x; sleep 60"
    )
    wait_for(lambda: list(crossrun.home.glob("workspaces/*/*/x")))
    process.kill()
    process.communicate()
    (run,) = crossrun.json("runs")["runs"]

    result = crossrun("apply", run["id"])

    assert (result.code, "DIFF_MISSING" in result.err) == (6, True)
    assert f"crossrun resume {run['id']}" in result.err
