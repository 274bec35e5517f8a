"""Parts of a change: some of its files, or some hunks of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from applications import Desk, files
from conftest import Crossrun
from on_terminal import ENTER, OnTerminal

from crossrun.config.sources import load
from crossrun.errors import NotFoundError
from crossrun.services.app import App
from crossrun.services.apply import ApplyOptions, apply_run
from crossrun.services.applying import ApplyResult, ChangedFile
from crossrun.workspace.merge.hunks import hunks_of, with_hunks

LINES = "".join(f"line {number}\n" for number in range(1, 41))
WORK = (
    "sed -i -e '2s/.*/two/' -e '20s/.*/twenty/' -e '$d' long.txt;"
    " mkdir -p src/deep; echo a > src/a.py; echo b > src/deep/b.py; git mv -f old.txt new.txt"
    " 2>/dev/null || mv old.txt new.txt; printf 'x\\0y' > binary"
)


@pytest.fixture
def desk(crossrun: Crossrun, tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "source", crossrun)
    (desk.folder / "long.txt").write_text(LINES)
    (desk.folder / "old.txt").write_text("the same in both places\n" * 5)
    desk.commits()
    return desk


def app_of(desk: Desk) -> App:
    return App(load(flags={}, environ=desk.crossrun.environ, cwd=desk.crossrun.cwd))


def apply_paths(desk: Desk, run: str, *paths: str, branch: str | None = None) -> ApplyResult:
    app = app_of(desk)
    return apply_run(ApplyOptions(paths=paths, branch=branch), app.run(run), app)


def apply_hunks(desk: Desk, run: str, wanted: Mapping[str, set[int] | None]) -> ApplyResult:
    def choose(changed: Sequence[ChangedFile]) -> Mapping[str, set[int] | None]:
        return {file.path: wanted[file.path] for file in changed if file.path in wanted}

    app = app_of(desk)
    return apply_run(ApplyOptions(), app.run(run), app, choose)


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (("src/a.py",), ["src/a.py"]),
        (("src/",), ["src/a.py", "src/deep/b.py"]),
        (("./src/deep",), ["src/deep/b.py"]),
        (("*.py",), ["src/a.py", "src/deep/b.py"]),
        (("binary", "src/a.py"), ["binary", "src/a.py"]),
    ],
)
def test_only_the_files_that_match_are_applied(
    desk: Desk, globs: tuple[str, ...], expected: list[str]
) -> None:
    run, before = desk.run(WORK), desk.tree()

    result = apply_paths(desk, run.id, *globs)

    assert sorted(step.path for step in result.plan.steps) == expected
    assert result.left == 6 - len(expected)
    assert (desk.folder / "long.txt").read_text() == LINES
    desk.undo(run)
    assert desk.tree() == before


def test_a_renamed_file_is_applied_by_either_of_its_names(desk: Desk) -> None:
    run = desk.run(WORK)
    apply_paths(desk, run.id, "new.txt")
    assert list(files(desk.folder)) == ["long.txt", "new.txt"]


def test_a_path_that_the_run_did_not_change_is_an_error(desk: Desk) -> None:
    run, before = desk.run(WORK), desk.tree()
    with pytest.raises(NotFoundError, match="matches 'nope'") as error:
        apply_paths(desk, run.id, "src", "nope")
    assert (error.value.code, desk.tree()) == ("CHANGE_NOT_FOUND", before)


def test_parts_add_up_to_the_whole_and_are_undone_one_by_one(desk: Desk) -> None:
    run, whole = desk.run(WORK), desk.run(WORK)
    start = desk.tree()
    desk.crossrun("apply", whole.id)
    end = desk.tree()
    desk.undo(whole)

    results = [
        (apply_hunks(desk, run.id, {"long.txt": {1}}), desk.tree()),
        (apply_paths(desk, run.id, "src/a.py"), desk.tree()),
        (apply_hunks(desk, run.id, {"long.txt": {0}, "binary": None}), desk.tree()),
        (apply_paths(desk, run.id), desk.tree()),
    ]
    states = [start, *(state for _, state in results)]
    assert [result.plan.conflicts for result, _ in results] == [()] * 4
    assert [result.left for result, _ in results] == [6, 5, 4, 0]
    assert states[-1] == end
    assert len(set(states)) == 5
    assert apply_paths(desk, run.id).plan.steps == ()

    for state in states[-2::-1]:
        desk.undo(run)
        assert desk.tree() == state


def test_the_rest_is_merged_with_what_the_user_changed_meanwhile(desk: Desk) -> None:
    run = desk.run(WORK)
    apply_hunks(desk, run.id, {"long.txt": {0}})
    text = (desk.folder / "long.txt").read_text()
    assert ("two\n" in text, "twenty\n" in text) == (True, False)
    (desk.folder / "long.txt").write_text(text.replace("line 10\n", "mine\n"))

    apply_paths(desk, run.id)

    merged = (desk.folder / "long.txt").read_text()
    for line in ("two\n", "mine\n", "twenty\n"):
        assert line in merged
    assert not merged.endswith("line 40\n")
    desk.undo(run)
    desk.undo(run)
    assert (desk.folder / "long.txt").read_text() == LINES.replace("line 10\n", "mine\n")


def test_a_branch_gets_only_the_files_that_match(desk: Desk) -> None:
    run = desk.run(WORK)
    result = apply_paths(desk, run.id, "src", branch="part")
    assert result.left == 4
    assert desk.sh("git diff --name-only main part").split() == ["src/a.py", "src/deep/b.py"]


def test_a_workspace_is_kept_until_all_of_the_change_is_applied(
    desk: Desk, crossrun: Crossrun
) -> None:
    run = desk.run(WORK)
    words = ("cleanup", "--older-than", "0", "--dry-run")
    apply_paths(desk, run.id, "src")
    assert crossrun.json(*words)["going"] == []
    apply_paths(desk, run.id)
    assert [each["run_id"] for each in crossrun.json(*words)["going"]] == [run.id]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"a\n"),
        (b"a\nb", b"a\nb\n"),
        (b"a\r\nb\r\n", b"a\r\nc\r\nd"),
        (b"@@ -1 +1 @@\n" * 20, b"@@ -1 +1 @@\n" * 9 + b"x\n" + b"@@ -1 +1 @@\n" * 12),
        (LINES.encode(), b"new\n" + LINES.replace("line 20\n", "").encode() + b"end"),
    ],
)
def test_all_hunks_are_the_change_and_none_are_nothing(
    before: bytes, after: bytes, tmp_path: Path, desk: Desk
) -> None:
    (tmp_path / "before").write_bytes(before)
    (tmp_path / "after").write_bytes(after)
    patch = desk.sh(f"git diff --no-index {tmp_path}/before {tmp_path}/after || true").encode()
    hunks = hunks_of(patch)

    assert with_hunks(before, after, hunks, set(range(len(hunks)))) == after
    assert with_hunks(before, after, hunks, set()) == before


def test_hunks_are_chosen_on_a_terminal(desk: Desk, crossrun: Crossrun) -> None:
    run = desk.run(
        "sed -i -e '2s/.*/\x1b[2Jtwo/' -e '20s/.*/twenty/' long.txt; echo a > a; echo b > b"
    )

    with OnTerminal(crossrun, "apply", run.id, "-i", columns=60) as terminal:
        for question, answer in (
            ("apply this file", "?"),
            ("show this help", "y"),
            ("+b", "n"),
            ("(1/2) apply this hunk", "n"),
            ("(2/2) apply this hunk", "y"),
        ):
            terminal.wait_for(question)
            terminal.type(answer + ENTER)
        assert terminal.end() == 0
        assert "\x1b[2J" not in terminal.raw

    assert list(files(desk.folder)) == ["a", "long.txt", "old.txt"]
    assert (desk.folder / "long.txt").read_text() == LINES.replace("line 20\n", "twenty\n")
    assert "2 files of the change, or hunks of them" in terminal.text

    with OnTerminal(crossrun, "apply", run.id, "-i") as terminal:
        terminal.wait_for("apply this file")
        terminal.type("q" + ENTER)
        assert terminal.end() == 10
        assert terminal.text.splitlines()[-1] == "nothing was changed"


def test_paths_come_after_two_dashes(desk: Desk, crossrun: Crossrun) -> None:
    run = desk.run(WORK)
    refused = crossrun("apply", run.id, "src/a.py")
    assert refused.code == 2
    assert refused.err.splitlines()[1] == (
        f"hint: files come after --: crossrun apply {run.id} -- src/a.py"
    )
    assert crossrun("apply", "-i", "--json").json["error"]["code"] == "NO_TERMINAL"
    assert crossrun("apply", "--dry-run", "--json", "--", "src").json["left"] == 4
    applied = json.loads(crossrun("apply", "--json", "--", "src/*").out)
    assert [file["path"] for file in applied["files"]] == ["src/a.py", "src/deep/b.py"]


def test_a_patch_can_have_a_part_of_the_change(desk: Desk) -> None:
    run = desk.run(WORK)
    patch = desk.crossrun("apply", run.id, "--patch", "-", "--", "src/", "long.txt")
    assert patch.code == 0
    headers = [line for line in patch.out.splitlines() if line.startswith("diff --git ")]
    assert [line.split()[-1] for line in headers] == ["b/long.txt", "b/src/a.py", "b/src/deep/b.py"]
    nothing = desk.crossrun("apply", run.id, "--patch", "-", "--", "nope")
    assert (nothing.code, nothing.out) == (6, "")
