"""What runs changed, on real git: in every form, of every run, and without disturbing anything."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Crossrun, Result, send
from test_views import in_terminal, terminal

from crossrun.cli.paging import pager_command
from crossrun.model.runs import Change
from crossrun.views.changes import patch_lines, rows, stat_lines
from crossrun.views.unseen import visible, visible_lines

TOKEN = "ghp_" + "a1B2" * 9
ODD_NAMES = (
    "two words", "line\nbreak", "-dash", "--all", 'quo"te', "apo'strophe", "back\\slash", "naïve",
    "日本語", "tab\there", "\x1b[2Jclear", "$(touch x)", "*", "a:b", "%s", "#hash", " lead",
    "trail ", "x" * 200, "e\u0301", "\u202egnp.exe", "{curly}", "semi;colon", "~", "[redacted]",
    "diff --git a",
)  # fmt: skip


def run_of(crossrun: Crossrun, script: str) -> str:
    """A run of a script, which must succeed."""
    found: str = crossrun.json("run", script, "--executor", "shell", "--quiet")["id"]
    return found


def in_python(source: str) -> str:
    """A script for the shell that runs Python."""
    return f"{sys.executable} - <<'END'\nimport os\nfrom pathlib import Path\n{source}\nEND"


def raw(crossrun: Crossrun, *words: str) -> bytes:
    """What a command writes into a pipe."""
    command = crossrun.command(*words)
    return subprocess.run(
        command, env=crossrun.environ, cwd=crossrun.cwd, capture_output=True, check=True
    ).stdout


def contents(folder: Path) -> dict[str, str]:
    """All files of a folder with their digests."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def applied(patch: bytes, folder: Path) -> dict[str, bytes]:
    """What an empty folder holds when git has applied a patch to it."""
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "apply"], cwd=folder, input=patch, check=True)
    files = (file for file in folder.rglob("*") if file.is_file())
    inside = ((str(file.relative_to(folder)), file) for file in files)
    return {name: file.read_bytes() for name, file in inside if not name.startswith(".git/")}


# --- every form


def test_odd_names_are_right_in_every_form(crossrun: Crossrun, tmp_path: Path) -> None:
    run = run_of(crossrun, in_python(f"for n in {ODD_NAMES!r}: Path(n).write_text(n)"))

    told = crossrun.json("diff", run)
    assert {change["path"] for change in told["changes"]} == set(ODD_NAMES)
    names = raw(crossrun, "diff", run, "--name-only", "-z").decode().split("\0")[:-1]
    assert set(names) == set(ODD_NAMES)
    patch = raw(crossrun, "diff", run)
    assert applied(patch, tmp_path / "again") == {name: name.encode() for name in ODD_NAMES}


def test_odd_names_are_harmless_on_a_terminal(crossrun: Crossrun) -> None:
    run_of(crossrun, in_python(f"for n in {ODD_NAMES!r}: Path(n).write_text(n)"))
    for form in ("--name-only", "--stat", "--patch"):
        shown = in_terminal(crossrun, "diff", form, "--no-pager", columns=200)
        assert "\x1b[2J" not in shown
        assert "\u202e" not in shown
        assert "two words" in shown
    assert "^[[2Jclear" in in_terminal(crossrun, "diff", "--name-only", "--no-pager")


def test_contents_go_as_they_are_into_a_pipe_and_visibly_to_a_terminal(crossrun: Crossrun) -> None:
    run_of(crossrun, r"printf 'a\033[2Jb\r\ncaf\351\ttab\n' > evil.txt")
    assert b"+a\x1b[2Jb\r\n+caf\xe9\ttab\n" in raw(crossrun, "diff")
    shown = in_terminal(crossrun, "diff", "--no-pager")
    assert "+a^[[2Jb^M" in shown
    assert "\x1b[2J" not in shown


def test_even_a_dumb_terminal_is_not_at_the_mercy_of_a_file(crossrun: Crossrun) -> None:
    run_of(crossrun, r"printf '\033[2J' > evil.txt")
    assert "\x1b" not in in_terminal(crossrun, "diff", environ={"TERM": "dumb"})


def test_binary_files_renames_and_modes_are_told_between_two_runs(crossrun: Crossrun) -> None:
    text = "'\\n'.join(map(str, range(100)))"
    before = run_of(
        crossrun,
        in_python(
            f"Path('old name').write_text({text}); Path('b.bin').write_bytes(b'\\0\\1')\n"
            "Path('tool').write_text('x'); Path('gone').write_text('x'); os.symlink('tool', 'l')"
        ),
    )
    after = run_of(
        crossrun,
        in_python(
            f"Path('new name').write_text({text}); Path('b.bin').write_bytes(b'\\0\\2')\n"
            "Path('tool').write_text('x'); os.chmod('tool', 0o755); os.symlink('/etc', 'l')"
        ),
    )
    told = crossrun.json("diff", before, after)
    assert (told["run_id"], told["against"], told["final"]) == (after, before, True)
    found = {change["path"]: change for change in told["changes"]}
    assert found["new name"]["old_path"] == "old name"
    assert found["new name"]["status"] == "renamed"
    assert found["b.bin"]["insertions"] is None
    assert found["gone"]["status"] == "deleted"
    assert found["tool"] == {
        "path": "tool",
        "status": "modified",
        "old_path": None,
        "insertions": 0,
        "deletions": 0,
        "path_bytes": None,
        "old_path_bytes": None,
    }
    patch = told["patch"]
    assert "old mode 100644\nnew mode 100755" in patch
    assert "rename from old name\nrename to new name" in patch
    assert "GIT binary patch" in patch
    assert "-tool\n" in patch
    shown = in_terminal(crossrun, "diff", before, after, "--stat", "--no-pager")
    assert "> old name -> new name" in shown
    assert "binary" in shown


def test_stat_and_patch_come_together_when_both_are_asked_for(crossrun: Crossrun) -> None:
    run_of(crossrun, "echo x > a")
    both = crossrun("diff", "--stat", "--patch").out
    assert both == crossrun("diff", "--stat").out + "\n" + crossrun("diff").out
    assert crossrun("diff", "--stat").out.startswith(" a | 1 +\n")


def test_names_alone_go_with_nothing_else(crossrun: Crossrun) -> None:
    run_of(crossrun, "echo x > a")
    refused = crossrun("diff", "--name-only", "--stat")
    assert (refused.code, "error[OPTIONS_CONFLICT]" in refused.err) == (2, True)


def test_a_run_that_changed_nothing_says_so(crossrun: Crossrun) -> None:
    run = run_of(crossrun, "true")
    assert crossrun("diff") == Result(0, "", f"run {run} changed nothing\n")
    assert crossrun.json("diff")["changes"] == []


# --- of which runs


def test_two_runs_are_compared_and_nothing_of_theirs_is_touched(crossrun: Crossrun) -> None:
    first = run_of(crossrun, "echo one > a; echo same > b")
    second = run_of(crossrun, "echo two > a; echo same > b; echo new > c")
    before = contents(crossrun.home / "snapshots"), contents(crossrun.home / "workspaces")

    assert crossrun("diff", first, second, "--name-only").out == "a\nc\n"
    assert crossrun("diff", second, first, "--stat").out.endswith(
        " 2 files changed, 1 insertion(+), 2 deletions(-)\n"
    )
    same = crossrun("diff", first, first)
    assert (same.out, same.err) == ("", f"run {first} left the same files as {first}\n")
    after = contents(crossrun.home / "snapshots"), contents(crossrun.home / "workspaces")
    assert after == before


def test_states_are_compared_when_both_workspaces_are_gone(crossrun: Crossrun) -> None:
    first, second = run_of(crossrun, "echo 1 > a"), run_of(crossrun, "echo 2 > a")
    shutil.rmtree(crossrun.home / "workspaces")
    assert crossrun("diff", first, second, "--name-only").out == "a\n"


def test_a_state_that_is_not_remembered_is_an_error(crossrun: Crossrun) -> None:
    first, second = run_of(crossrun, "echo 1 > a"), run_of(crossrun, "echo 2 > a")
    crossrun("cleanup", "--keep-last", "1", "--yes")
    refused = crossrun("diff", first, second)
    assert (refused.code, "error[STATE_GONE]" in refused.err) == (6, True)
    assert "+1" in crossrun("diff", first).out


def test_a_patch_whose_file_is_gone_is_made_again(crossrun: Crossrun) -> None:
    run = run_of(crossrun, "echo 1 > a")
    stored = crossrun("diff").out
    shutil.rmtree(crossrun.home / "artifacts")
    assert crossrun("diff").out == stored
    shutil.rmtree(crossrun.home / "snapshots")
    refused = crossrun("diff")
    assert (refused.code, "error[ARTIFACT_GONE]" in refused.err) == (6, True)
    assert list((crossrun.home / "snapshots").iterdir()) == []
    assert run in refused.err


def test_snapshots_in_a_folder_with_an_odd_name_are_found(crossrun: Crossrun) -> None:
    odd = crossrun.home.parent / 'odd "home":\\ \n x'
    crossrun.environ["CROSSRUN_HOME"] = str(odd)
    first, second = run_of(crossrun, "echo 1 > a"), run_of(crossrun, "echo 2 > a")
    assert crossrun("diff", first, second, "--name-only").out == "a\n"


@pytest.fixture
def going_on(crossrun: Crossrun) -> Iterator[str]:
    """A run that goes on, with one file and a repository in its workspace."""
    script = "echo 1 > a; git init -q sub; echo s > sub/s; touch ready; sleep 60"
    run = crossrun.start("run", script, "--executor", "shell", "--quiet")
    assert run.stdout is not None
    run_id = run.stdout.readline().decode().strip()
    ready = crossrun.home / "workspaces" / "default" / run_id / "ready"
    deadline = time.monotonic() + 30
    while not ready.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    yield run_id
    send(run, signal.SIGTERM)


def test_the_change_so_far_of_a_run_that_goes_on(crossrun: Crossrun, going_on: str) -> None:
    before = contents(crossrun.home / "snapshots"), contents(crossrun.home / "workspaces")
    told = crossrun.json("diff")
    assert [change["path"] for change in told["changes"]] == ["a", "ready", "sub/s"]
    assert told["final"] is False
    said = crossrun("diff", "--name-only")
    assert (said.out, said.err.splitlines()) == (
        "a\nready\nsub/s\n",
        [f"run {going_on} is still active; this is its change so far"],
    )
    assert "+ a" in crossrun("files").out
    after = contents(crossrun.home / "snapshots"), contents(crossrun.home / "workspaces")
    assert after == before


def test_a_run_that_was_killed_is_measured_by_whoever_asks(crossrun: Crossrun) -> None:
    run = crossrun.start("run", "echo 1 > a; touch ready; sleep 60", "--executor", "shell")
    assert run.stdout is not None
    run_id = run.stdout.readline().decode().strip()
    workspace = crossrun.home / "workspaces" / "default" / run_id
    while not (workspace / "ready").exists():
        time.sleep(0.05)
    send(run, signal.SIGKILL)
    assert crossrun("diff", "--name-only").out == "a\nready\n"
    shutil.rmtree(workspace)
    refused = crossrun("diff")
    assert (refused.code, "error[DIFF_MISSING]" in refused.err) == (6, True)


# --- secrets


def test_no_secret_is_in_any_form(crossrun: Crossrun) -> None:
    crossrun.environ["MY_API_KEY"] = "correct-horse-battery"
    first = run_of(crossrun, "echo nothing > a")
    script = f"printf '%s' '{TOKEN}' | tee a > {TOKEN}.txt; echo $(echo correct-horse)-battery > b"
    second = run_of(crossrun, script)
    for words in ((second,), (first, second), (second, first)):
        for form in ("--patch", "--stat", "--name-only", "--json"):
            told = crossrun("diff", *words, form)
            for secret in (TOKEN, "correct-horse-battery"):
                assert secret not in told.out + told.err, (words, form)
    assert "note: secrets in this patch are replaced" in crossrun("diff", first, second).err
    assert "secrets" not in crossrun("diff", first, second, "--name-only").err


def test_the_change_so_far_has_no_secret_either(crossrun: Crossrun, going_on: str) -> None:
    workspace = crossrun.home / "workspaces" / "default" / going_on
    (workspace / "b").write_text(TOKEN)
    told = crossrun("diff")
    assert TOKEN not in told.out
    assert "[redacted]" in told.out


# --- pagers


def pager_at(crossrun: Crossrun, script: str) -> Path:
    """A program for the variable PAGER."""
    program = crossrun.cwd / "my pager"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def test_a_terminals_diff_goes_through_the_users_pager(crossrun: Crossrun) -> None:
    run_of(crossrun, "seq 1000 > a")
    program = pager_at(crossrun, 'printf "%s " "$LESS" "$@" > args; cat > read')
    environ = {"PAGER": f"'{program}' --flag"}
    assert in_terminal(crossrun, "diff", environ=environ) == ""
    assert (crossrun.cwd / "args").read_text() == "FRX --flag "
    assert "\x1b[32m+1000\x1b[0m\n" in (crossrun.cwd / "read").read_text()


def test_no_pager_is_started_where_it_is_not_wanted(crossrun: Crossrun) -> None:
    run_of(crossrun, "seq 10 > a")
    environ = {
        "PAGER": str(pager_at(crossrun, "touch started; cat").rename(crossrun.cwd / "pager"))
    }
    in_terminal(crossrun, "diff", "--no-pager", environ=environ)
    in_terminal(crossrun, "diff", environ={**environ, "TERM": "dumb"})
    crossrun("diff", **environ)
    in_terminal(crossrun, "diff", "--json", environ=environ)
    assert not (crossrun.cwd / "started").exists()


@pytest.mark.parametrize(
    "pager", ["/nowhere/pager", "", "cat", "'no end", "   ", "no-such-program-xyz"]
)
def test_without_a_pager_that_works_all_is_written_at_once(crossrun: Crossrun, pager: str) -> None:
    run_of(crossrun, "seq 100 > a")
    assert "+100" in in_terminal(crossrun, "diff", environ={"PAGER": pager})


def test_a_file_that_is_no_program_is_no_pager(crossrun: Crossrun) -> None:
    run_of(crossrun, "seq 100 > a")
    broken = crossrun.cwd / "broken"
    broken.write_bytes(b"\x7fELF nonsense")
    broken.chmod(0o755)
    assert "+100" in in_terminal(crossrun, "diff", environ={"PAGER": str(broken)})


@pytest.mark.parametrize("script", ["exit 0", "exit 3", "head -1; exit 1", "kill -9 $$"])
def test_a_pager_that_ends_early_or_fails_is_no_error(crossrun: Crossrun, script: str) -> None:
    run_of(crossrun, "seq 200000 > a")
    program = pager_at(crossrun, script).rename(crossrun.cwd / "pager")
    shown = in_terminal(crossrun, "diff", environ={"PAGER": str(program)})
    assert "error" not in shown


def test_the_pager_is_the_users_else_less_else_none(tmp_path: Path) -> None:
    assert pager_command({"PAGER": "sh -c 'less -R'"}) == ["sh", "-c", "less -R"]
    assert pager_command({}) == (["less", "-FRX"] if shutil.which("less") else [])
    assert pager_command({"PAGER": str(tmp_path)}) == []


def test_a_reader_that_goes_away_is_no_error(crossrun: Crossrun) -> None:
    run_of(crossrun, "seq 300000 > a")
    for words in (("diff",), ("files", "last", "a"), ("get", "last", "a")):
        process = crossrun.start(*words)
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr is not None
        assert (process.wait(timeout=30), process.stderr.read()) == (0, b"")
        process.stderr.close()


# --- pure parts


def changes(*paths: str) -> list[Change]:
    return [Change(path, "added", None, 1, 0) for path in paths]


def test_folders_with_many_changes_are_one_row() -> None:
    many = changes(*(f"data/{n}.csv" for n in range(42)), "src/a.py", "src/deep/down/b.py")
    assert [(row.path, row.note, row.insertions) for row in rows(many, 5)] == [
        ("data/", "42 new files", 42),
        ("src/a.py", "", 1),
        ("src/deep/down/b.py", "", 1),
    ]


def test_rows_never_become_more_than_asked_for_and_count_everything() -> None:
    for most in (1, 2, 3, 7, 15):
        for width in (1, 2, 5, 40):
            many = changes(*(f"{a}/{b}/{c}" for a in range(width) for b in "xy" for c in "12"))
            found = rows(many, most)
            assert len(found) <= most
            assert sum(row.insertions for row in found) == len(many)


def test_a_row_says_what_became_of_the_files() -> None:
    mixed = [
        Change("a/1", "added", None, 5, 0),
        Change("a/2", "modified", None, 1, 2),
        Change("a/3", "deleted", None, 0, 9),
        Change("a/4", "renamed", "b", None, None),
    ]
    (row,) = rows(mixed, 1)
    assert row == (" ", "a/", "1 new, 1 changed, 1 renamed, 1 deleted", 6, 11)


def test_few_changes_are_rows_of_their_own() -> None:
    assert [row.path for row in rows(changes("a/b/c", "a/b/d", "e"), 15)] == ["a/b/c", "a/b/d", "e"]
    assert rows([], 15) == []
    assert [row.path for row in rows(changes("a", "a/b"), 15)] == ["a", "a/b"]


def test_only_the_lines_of_hunks_are_coloured_as_such() -> None:
    patch = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a\n++++ b\n same\n"
    shown = list(patch_lines(patch, terminal(color=True)))
    assert shown == [
        "\x1b[1mdiff --git a/x b/x\x1b[0m",
        "\x1b[1m--- a/x\x1b[0m",
        "\x1b[1m+++ b/x\x1b[0m",
        "\x1b[36m@@ -1,2 +1,2 @@\x1b[0m",
        "\x1b[31m--- a\x1b[0m",
        "\x1b[32m++++ b\x1b[0m",
        " same",
    ]
    assert list(patch_lines(b"", terminal())) == []


def test_object_ids_are_shortened_in_headings_only() -> None:
    before, after = "4bbf5b4b39c9f11af358c7b8ab46994b44abde4f", "b4f1976c" * 5
    patch = f"index {before}..{after} 100644\n@@ -1 +1 @@\n-index {before}\n+index {after}\n"
    shown = list(patch_lines(patch.encode(), terminal()))
    assert shown[0] == "index 4bbf5b4..b4f1976 100644"
    assert shown[2:] == [f"-index {before}", f"+index {after}"]


def test_counts_of_lines_line_up_and_keep_to_the_width() -> None:
    some = [
        Change("a", "added", None, 100, 0),
        Change("名前" * 40, "modified", None, 1, 1),
        Change("b.bin", "modified", None, None, None),
    ]
    first, second, third, last = stat_lines(some, terminal(80))
    assert first.index("100") == third.index("binary") + 3
    assert second.count("…") == 1
    assert last == "3 files changed, 101 insertions, 1 deletion"


def test_what_a_terminal_would_obey_becomes_visible() -> None:
    assert visible("a\x1b\x00\x7f\x9b\u202e\udc80é日👩\u200d💻") == (
        "a^[^@^?<U+009B><U+202E><U+DC80>é日👩\u200d💻"
    )
    assert visible_lines("a\tb\n\x1b\n") == ["a\tb", "^["]


def test_no_repository_of_the_user_is_looked_at(crossrun: Crossrun) -> None:
    run = run_of(crossrun, "echo 1 > a")
    crossrun.environ |= {"GIT_DIR": os.devnull, "GIT_PAGER": "false", "GIT_EXTERNAL_DIFF": "false"}
    assert "+1" in crossrun("diff", run, run_of(crossrun, "echo 2 > a")).out.replace("+2", "+1")
