"""Applying changes to folders: every kind of change, with real trees and real git."""

import os
import shutil
import socket
import stat
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from applications import Desk, brought, files
from conftest import Crossrun, fill
from msgspec.structs import replace
from trees import state

from crossrun.errors import ConfigurationError, CrossrunError
from crossrun.model.runs import Application, Run
from crossrun.workspace.files.dirfd import opened
from crossrun.workspace.merge.decisions import (
    DesiredEntry,
    MergePlan,
    MergeStep,
    TargetEntry,
    blocked_paths,
    decide,
    desired_entries,
    is_safe,
    merged_mode,
)
from crossrun.workspace.snapshots.tree_builder import EMPTY_TREE
from crossrun.workspace.snapshots.trees import FILE, LINK, PROGRAM, TreeEntry, blob_id
from crossrun.workspace.target.execution import execute
from crossrun.workspace.target.file_writer import TargetChangedError
from crossrun.workspace.target.folder import TargetFolder

LINES = "printf 'one\\ntwo\\nthree\\nfour\\nfive\\nsix\\nseven\\n'"


@pytest.fixture
def desk(crossrun: Crossrun, tmp_path: Path) -> Desk:
    return Desk(tmp_path / "source", crossrun)


NAMES = r"""
for name in 'a b' -dash ü "$(printf 'new\nline')" 'q"uote' 'back\slash' '*' ' '; do
    echo x > "./$name"
done
"""
CLEAN = {
    # what is: (the files at first, what the run did, what the user did since, the files then)
    "a new file": ("echo a > a", "echo b > b", "", "echo a > a; echo b > b"),
    "a new file in new folders": (
        "",
        "mkdir -p x/y; echo b > x/y/b",
        "",
        "mkdir -p x/y; echo b > x/y/b",
    ),
    "an empty file": ("", ": > empty", "", ": > empty"),
    "a file that becomes empty": ("echo a > a", ": > a", "", ": > a"),
    "a modified file": ("echo a > a", "echo b > a", "", "echo b > a"),
    "a deleted file": ("echo a > a; echo b > b", "rm a", "", "echo b > b"),
    "the last file of a folder": (
        "mkdir -p x/y; echo a > x/y/a; echo b > b",
        "rm -r x",
        "",
        "echo b > b",
    ),
    "a renamed file": ("echo a > a", "mv a b", "", "echo a > b"),
    "a file renamed into a folder of its name": (
        "echo a > a",
        "mv a t; mkdir a; mv t a/a",
        "",
        "mkdir a; echo a > a/a",
    ),
    "a folder that became a file": (
        "mkdir a; echo a > a/a",
        "rm -r a; echo b > a",
        "",
        "echo b > a",
    ),
    "a file that became a link": (
        "echo a > a; echo b > b",
        "ln -sf b a",
        "",
        "ln -s b a; echo b > b",
    ),
    "a link that became a file": (
        "ln -s b a; echo b > b",
        "rm a; echo a > a",
        "",
        "echo a > a; echo b > b",
    ),
    "a link that became a folder": (
        "ln -s b a; mkdir b; echo b > b/b",
        "rm a; mkdir a; echo a > a/a",
        "",
        "mkdir a b; echo a > a/a; echo b > b/b",
    ),
    "a folder that became a link": (
        "mkdir a b; echo a > a/a; echo b > b/b",
        "rm -r a; ln -s b a",
        "",
        "ln -s b a; mkdir b; echo b > b/b",
    ),
    "a link that leads out": (
        "",
        "ln -s ../../../etc/passwd out; ln -s / root",
        "",
        "ln -s ../../../etc/passwd out; ln -s / root",
    ),
    "a link to nowhere that changes": (
        "ln -s nowhere a",
        "ln -sfn elsewhere a",
        "",
        "ln -s elsewhere a",
    ),
    "a program": ("echo a > a", "chmod +x a", "", "echo a > a; chmod +x a"),
    "no program any more": ("echo a > a; chmod +x a", "chmod -x a", "", "echo a > a"),
    "a binary file": (
        "printf '\\0a' > a",
        "printf '\\0b' > a; printf '\\377\\0' > b",
        "",
        "printf '\\0b' > a; printf '\\377\\0' > b",
    ),
    "names of all kinds": ("", NAMES, "", NAMES),
    "a name that is no text": (
        "",
        "echo x > \"$(printf 'a\\377')\"",
        "",
        "echo x > \"$(printf 'a\\377')\"",
    ),
    "no line ending at the end": ("printf a > a", "printf b > a", "", "printf b > a"),
    "Windows line endings": (
        "printf 'a\\r\\nb\\r\\n' > a",
        "printf 'a\\r\\nc\\r\\n' > a",
        "",
        "printf 'a\\r\\nc\\r\\n' > a",
    ),
    "what the user did alike": (
        "echo a > a",
        "echo b > a; echo c > c",
        "echo b > a; echo c > c",
        "echo b > a; echo c > c",
    ),
    "what the user deleted as well": ("echo a > a; echo b > b", "rm a", "rm a", "echo b > b"),
    "another file that the user changed": (
        "echo a > a; echo b > b",
        "echo A > a",
        "echo B > b",
        "echo A > a; echo B > b",
    ),
    "other lines that the user changed": (
        f"{LINES} > a",
        "sed -i s/one/ONE/ a",
        "sed -i s/seven/SEVEN/ a",
        f"{LINES} | sed 's/one/ONE/;s/seven/SEVEN/' > a",
    ),
    "a program whose text the user changed": (
        f"{LINES} > a",
        "chmod +x a",
        "sed -i s/one/ONE/ a",
        f"{LINES} | sed s/one/ONE/ > a; chmod +x a",
    ),
    "text of what the user made a program": (
        f"{LINES} > a",
        "sed -i s/one/ONE/ a",
        "chmod +x a",
        f"{LINES} | sed s/one/ONE/ > a; chmod +x a",
    ),
    "a file beside ignored ones": (
        "echo '*.log' > .gitignore; echo l > x.log",
        "echo a > a; echo m > x.log",
        "",
        "echo '*.log' > .gitignore; echo l > x.log; echo a > a",
    ),
    "a folder that the user made meanwhile": (
        "",
        "mkdir a; echo a > a/a",
        "mkdir a; echo b > a/b",
        "mkdir a; echo a > a/a; echo b > a/b",
    ),
    "a file in the place of an empty folder": ("", "echo a > a", "mkdir -p a/b/c", "echo a > a"),
}


@pytest.mark.parametrize("case", CLEAN)
def test_what_changed_is_brought_and_taken_back(desk: Desk, tmp_path: Path, case: str) -> None:
    first, by_run, since, expected = CLEAN[case]
    desk.sh(first)
    run = desk.run(by_run)
    desk.sh(since)
    before = desk.tree()

    result = brought(desk, run)

    wanted = Desk(tmp_path / "wanted", desk.crossrun)
    wanted.sh(expected)
    assert result.plan.conflicts == ()
    assert desk.tree() == wanted.tree()
    if result.application is not None:
        assert desk.undo(run).plan.conflicts == ()
        assert desk.tree() == before
    assert [name for name in files(desk.folder) if ".crossrun" in name] == []


CONFLICTS = {
    # what is: (the files at first, what the run did, what the user did since, the conflicts)
    "the same line": ("echo a > a", "echo b > a", "echo c > a", ["a"]),
    "a new file of the same name": ("", "echo b > a", "echo c > a", ["a"]),
    "a file that the user deleted": ("echo a > a", "echo b > a", "rm a", ["a"]),
    "a file that the user changed and the run deleted": ("echo a > a", "rm a", "echo b > a", ["a"]),
    "a binary file": ("printf '\\0a' > a", "printf '\\0b' > a", "printf '\\0c' > a", ["a"]),
    "a link": ("ln -s x a", "ln -sfn y a", "ln -sfn z a", ["a"]),
    "a file that the user made a link": ("echo a > a", "echo b > a", "ln -sf x a", ["a"]),
    "a file that the user made a folder": ("echo a > a", "echo b > a", "rm a; mkdir a", ["a"]),
    "a new file below a link of the user's": ("", "mkdir a; echo a > a/a", "ln -s /tmp a", ["a/a"]),
    "a new file below a file of the user's": ("", "mkdir a; echo a > a/a", "echo a > a", ["a/a"]),
    "a new file where the user has a folder": ("", "echo a > a", "mkdir a; echo b > a/b", ["a"]),
    "a file in a folder that the user made a link": (
        "mkdir a; echo a > a/a",
        "echo b > a/a",
        "mv a b; ln -s b a",
        ["a/a"],
    ),
    "a folder that became a file, with ignored files": (
        "echo '*.log' > .gitignore; mkdir a; echo a > a/a; echo l > a/l.log",
        "rm -r a; echo a > a",
        "",
        ["a"],
    ),
    "a pipe": ("echo a > a", "echo b > a", "rm a; mkfifo a", ["a"]),
    "an ignored file that the run no longer ignores": (
        "echo l > .gitignore; echo l > l",
        ": > .gitignore; echo m > l",
        "",
        ["l"],
    ),
}


@pytest.mark.parametrize("case", CONFLICTS)
def test_what_the_user_changed_differently_keeps_everything_as_it_is(desk: Desk, case: str) -> None:
    first, by_run, since, paths = CONFLICTS[case]
    desk.sh(first)
    run = desk.run(f"{by_run}; echo also > also")
    desk.sh(since)
    before = state(desk.folder)

    result = brought(desk, run)

    assert [conflict.path for conflict in result.plan.conflicts] == paths
    assert result.application is None
    assert state(desk.folder) == before
    assert desk.store.read.applications(run.id) == []


def test_conflicts_get_markers_when_they_are_asked_for(desk: Desk) -> None:
    desk.sh(f"{LINES} > text; printf '\\0a' > binary; echo a > gone; echo a > removed")
    run = desk.run(
        "sed -i s/two/run/ text; printf '\\0b' > binary; echo b > gone; rm removed; echo b > new"
    )
    desk.sh(
        "sed -i s/two/mine/ text; printf '\\0c' > binary; rm gone; echo c > removed; echo c > new"
    )
    before = desk.tree()

    result = brought(desk, run, mark_conflicts=True)

    assert [(conflict.path, conflict.written) for conflict in result.plan.conflicts] == [
        ("binary", f"binary.{run.id}"),
        ("gone", f"gone.{run.id}"),
        ("new", "new"),
        ("removed", None),
        ("text", "text"),
    ]
    text = (desk.folder / "text").read_text()
    marked = f"<<<<<<< here\nmine\n=======\nrun\n>>>>>>> run {run.id}\n"
    assert text == f"one\n{marked}three\nfour\nfive\nsix\nseven\n"
    new = (desk.folder / "new").read_text()
    assert new == f"<<<<<<< here\nc\n=======\nb\n>>>>>>> run {run.id}\n"
    assert (desk.folder / "binary").read_bytes() == b"\0c"
    assert (desk.folder / f"binary.{run.id}").read_bytes() == b"\0b"
    assert (desk.folder / f"gone.{run.id}").read_text() == "b\n"
    assert not (desk.folder / "gone").exists()
    assert (desk.folder / "removed").read_text() == "c\n"

    desk.undo(run)
    assert desk.tree() == before


def test_a_name_beside_a_conflict_never_replaces_a_file(desk: Desk) -> None:
    desk.sh("printf '\\0a' > binary")
    run = desk.run("printf '\\0b' > binary")
    desk.sh(f"printf '\\0c' > binary; echo mine > binary.{run.id}")

    (conflict,) = brought(desk, run, mark_conflicts=True).plan.conflicts

    assert conflict.written == f"binary.{run.id}.2"
    assert (desk.folder / f"binary.{run.id}").read_text() == "mine\n"


def test_a_name_beside_a_conflict_is_as_long_as_names_may_be(desk: Desk) -> None:
    long, wide = "l" * 255, "é" * 127
    desk.sh(f"printf '\\0a' > {long}; printf '\\0a' > {wide}")
    run = desk.run(f"printf '\\0b' > {long}; printf '\\0b' > {wide}")
    desk.sh(f"printf '\\0c' > {long}; printf '\\0c' > {wide}")

    written = [
        conflict.written for conflict in brought(desk, run, mark_conflicts=True).plan.conflicts
    ]

    assert written == [f"{'l' * 246}.{run.id}", f"{'é' * 123}.{run.id}"]
    assert all((desk.folder / str(name)).read_bytes() == b"\0b" for name in written)


def test_what_may_be_run_may_be_run_where_its_text_conflicts(desk: Desk) -> None:
    desk.sh("echo a > a")
    run = desk.run("echo b > a; chmod +x a")
    desk.sh("echo c > a")

    brought(desk, run, mark_conflicts=True)

    assert os.access(desk.folder / "a", os.X_OK)


class TestDecisions:
    A, B, C = (TreeEntry(FILE, blob_id(sign)) for sign in (b"a", b"b", b"c"))
    LINKED = TreeEntry(LINK, blob_id(b"a"))

    def test_the_states_of_a_path_decide_what_becomes_of_it(self) -> None:
        a, b, c, linked = self.A, self.B, self.C, self.LINKED
        table = {
            # (base, wanted, now)
            (a, b, a): "take",
            (a, b, b): "keep",
            (a, b, c): "merge",
            (a, b, None): "conflict",
            (a, None, a): "take",
            (a, None, None): "keep",
            (a, None, b): "conflict",
            (None, a, None): "take",
            (None, a, a): "keep",
            (None, a, b): "conflict",
            (a, linked, a): "take",
            (a, linked, b): "conflict",
            (a, b, linked): "conflict",
        }
        found = {case: decide(DesiredEntry((case[0],), case[1]), case[2]) for case in table}
        assert found == table

    def test_every_state_that_led_to_the_change_is_known(self) -> None:
        a, b, c = self.A, self.B, self.C
        assert decide(DesiredEntry((b, a), c), a) == "take"
        assert decide(DesiredEntry((b, a), b), a) == "take"
        assert decide(DesiredEntry((b, a), b), c) == "keep"

    def test_a_path_that_is_as_in_one_base_is_wanted_as_it_is_there(self) -> None:
        a, b, c = self.A, self.B, self.C
        found = desired_entries([{"x": (b, c)}, {"x": (a, c), "y": (a, b)}])
        assert found == {"x": DesiredEntry((b, a), c), "y": DesiredEntry((b, a), b)}

    def test_both_sides_have_their_way_with_modes(self) -> None:
        file, program = self.A, TreeEntry(PROGRAM, self.A.blob)
        assert merged_mode(file, program, file) == PROGRAM
        assert merged_mode(file, file, program) == PROGRAM
        assert merged_mode(program, file, program) == FILE

    def test_what_is_in_the_way_may_be_removed_by_the_change_itself(self) -> None:
        new = MergeStep("a/b", None, self.A, current=TargetEntry(blocked_by="a"))
        assert blocked_paths([new]) == {"a/b": "a is not a folder here"}
        assert blocked_paths([new, MergeStep("a", self.A, None)]) == {}
        file = MergeStep("a", None, self.A, current=TargetEntry(within=("a/b", "a/c")))
        assert blocked_paths([file, MergeStep("a/b", self.A, None)]) == {
            "a": "a folder with other files is there"
        }
        assert (
            blocked_paths([file, *(MergeStep(path, self.A, None) for path in ("a/b", "a/c"))]) == {}
        )


PARTS = ["..", ".", "", ".git", ".GIT", ".Git"]
TRAVERSALS = [
    *PARTS,
    *(f"{part}/x" for part in PARTS),
    *(f"a/{part}/x" for part in PARTS),
    *(f"a/b/{part}" for part in PARTS),
    *("../" * depth + "etc/passwd" for depth in range(1, 20)),
    *(f"a/{'../' * depth}x" for depth in range(1, 20)),
    *("/etc/passwd", "//etc/passwd", "a//b", "a/", "/", "a\0b", ".git/config", ".git/hooks/x"),
]


@pytest.mark.parametrize("name", TRAVERSALS)
def test_no_name_leads_out_of_the_target_or_into_git(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    target = tmp_path / "x" / "y" / "target"
    target.mkdir(parents=True)
    with opened(target) as top:
        folder = TargetFolder(top, "t")
        with pytest.raises(ValueError, match="does not stay within"):
            folder.put(name, TreeEntry(FILE, blob_id(b"x")), b"x", TargetEntry())
        with pytest.raises(ValueError, match="does not stay within"):
            folder.look(name)
        with pytest.raises(ValueError, match="does not stay within"):
            folder.remove(name, TargetEntry())
    assert not is_safe(name)
    assert not outside.exists()
    assert list(target.iterdir()) == []


def test_names_that_only_look_dangerous_are_fine() -> None:
    assert all(
        map(is_safe, ["...", ".gitignore", "a..b", ".git.txt", "a/.github/x", "~", "-", " "])
    )


class TestRaces:
    """Something appears in the target after it was looked at."""

    @pytest.fixture
    def outside(self, tmp_path: Path) -> Path:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "f").write_text("theirs\n")
        return outside

    def step(self, desk: Desk, path: str) -> tuple[Run, MergePlan]:
        """A plan for a run that changes one path, made before the trap is set."""
        run = desk.run(f"mkdir -p $(dirname {path}); echo new > {path}")
        change = desk.change(run)
        pairs = change.trees.changed(change.base, change.tree)
        with opened(desk.folder) as top:
            current = TargetFolder(top, "x").look(path)
        before, after = pairs[path]
        return run, MergePlan((MergeStep(path, before, after, current=current),))

    @pytest.mark.parametrize(
        "trap",
        ["mv d moved; ln -s {outside} d", "rm -r d; ln -s {outside}/f d", "rm -r d; echo x > d"],
    )
    @pytest.mark.parametrize("path", ["d/f", "d/new", "d/sub/new"])
    def test_a_folder_swapped_for_a_link_leads_nowhere(
        self, desk: Desk, outside: Path, trap: str, path: str
    ) -> None:
        desk.sh("mkdir d; echo old > d/f")
        run, plan = self.step(desk, path)
        desk.sh(trap.format(outside=outside))

        with opened(desk.folder) as top, pytest.raises((TargetChangedError, OSError)):
            execute(plan, desk.trees(run), TargetFolder(top, "x"))

        assert {file.name: file.read_text() for file in outside.iterdir()} == {"f": "theirs\n"}

    @pytest.mark.parametrize(
        "trap", ["ln -sf {outside}/f f", "echo mine > f", "rm f", "rm f; mkdir f", "touch f"]
    )
    def test_a_file_touched_in_between_stays(self, desk: Desk, outside: Path, trap: str) -> None:
        desk.sh("echo old > f")
        run, plan = self.step(desk, "f")
        desk.sh(trap.format(outside=outside))
        before = state(desk.folder)

        with opened(desk.folder) as top, pytest.raises(TargetChangedError):
            execute(plan, desk.trees(run), TargetFolder(top, "x"))

        assert state(desk.folder) == before
        assert (outside / "f").read_text() == "theirs\n"

    def test_links_swapped_all_the_time_lead_nowhere(self, desk: Desk, outside: Path) -> None:
        desk.sh("mkdir d; for i in 1 2 3 4 5 6 7 8 9; do echo old > d/$i; done")
        run = desk.run("for i in 1 2 3 4 5 6 7 8 9; do echo new > d/$i; done")
        stop = threading.Event()

        def swap() -> None:
            d, away = desk.folder / "d", desk.folder / "away"
            while not stop.is_set():
                # what is brought may make a folder in its place at any moment
                with suppress(OSError):
                    d.rename(away)
                with suppress(OSError):
                    d.symlink_to(outside)
                    d.unlink()
                shutil.rmtree(d, ignore_errors=True)
                with suppress(OSError):
                    away.rename(d)

        swapping = threading.Thread(target=swap)
        swapping.start()
        try:
            for _ in range(25):
                try:
                    brought(desk, run)
                    desk.undo(run)
                except CrossrunError:
                    continue
        finally:
            stop.set()
            swapping.join()
        assert {file.name: file.read_text() for file in outside.iterdir()} == {"f": "theirs\n"}


class TestFiles:
    def test_permissions_of_a_file_are_kept(self, desk: Desk) -> None:
        desk.sh("echo a > secret; chmod 600 secret; echo a > tool; chmod 640 tool")
        run = desk.run("echo b > secret; chmod +x tool")

        brought(desk, run)

        modes = {
            name: stat.S_IMODE((desk.folder / name).stat().st_mode) for name in files(desk.folder)
        }
        assert modes == {"secret": 0o600, "tool": 0o750}

    def test_a_special_file_in_a_folder_stays(self, desk: Desk) -> None:
        desk.sh("mkdir d; echo a > d/a")
        run = desk.run("rm -r d; echo b > d")
        with socket.socket(socket.AF_UNIX) as server:
            here = Path.cwd()
            os.chdir(desk.folder / "d")
            server.bind("s")
            os.chdir(here)

            result = brought(desk, run)

        assert [conflict.path for conflict in result.plan.conflicts] == ["d"]
        assert (desk.folder / "d" / "a").read_text() == "a\n"

    def test_uncommitted_work_that_was_copied_is_no_conflict(self, desk: Desk) -> None:
        desk.sh("echo a > a")
        desk.commits()
        desk.sh("echo work > a; echo new > untracked; git add untracked")
        run = desk.run("echo more >> a; echo more >> untracked", uncommitted=2)
        git = state(desk.folder / ".git")

        assert brought(desk, run).plan.conflicts == ()

        assert (desk.folder / "a").read_text() == "work\nmore\n"
        assert (desk.folder / "untracked").read_text() == "new\nmore\n"
        assert state(desk.folder / ".git") == git

    def test_what_the_workspace_ignores_by_now_is_not_deleted(self, desk: Desk) -> None:
        desk.sh("echo precious > build.log; echo a > a")
        run = desk.resume(desk.run("echo '*.log' > .gitignore"), "echo b > a")

        brought(desk, run)

        assert (desk.folder / "build.log").read_text() == "precious\n"
        assert (desk.folder / "a").read_text() == "b\n"

    def test_a_run_that_goes_on_brings_only_what_is_missing(self, desk: Desk) -> None:
        desk.sh(f"{LINES} > a; echo x > x")
        first = desk.run("sed -i s/two/TWO/ a; echo 1 > b; echo y > x")
        brought(desk, first)
        desk.sh("sed -i s/seven/SEVEN/ a")
        second = desk.resume(first, "sed -i s/TWO/zwei/ a; echo 2 > b; echo x > x")

        result = brought(desk, second)

        assert result.plan.conflicts == ()
        assert (desk.folder / "a").read_text() == "one\nzwei\nthree\nfour\nfive\nsix\nSEVEN\n"
        assert [(desk.folder / name).read_text() for name in "bx"] == ["2\n", "x\n"]

    def test_without_room_for_all_of_it_nothing_is_begun(
        self, crossrun: Crossrun, small_disk: Path
    ) -> None:
        desk = Desk(small_disk / "source", crossrun)
        desk.sh("echo a > a; echo b > b; echo c > c")
        run = desk.run("rm a; echo B > b; head -c 500000 /dev/zero > c; echo d > d")
        before = state(desk.folder)
        fill(small_disk, leave=100_000)

        with pytest.raises(ConfigurationError) as raised:
            brought(desk, run)

        assert raised.value.code == "TARGET_UNUSABLE"
        assert raised.value.message.startswith(f"c in {desk.folder} cannot be changed: No space")
        assert state(desk.folder) == before
        assert desk.store.read.applications(run.id) == []

    def test_a_half_done_application_is_taken_back(self, desk: Desk) -> None:
        desk.sh("echo a > a; echo b > b; mkdir d; echo c > d/c")
        run = desk.run("echo A > a; rm b; rm -r d; echo D > d")
        before = desk.tree()
        result = brought(desk, run)
        assert result.application is not None
        desk.sh(f"echo b > b; rm d; echo half > .crossrun-{result.application.id}")

        desk.undo(run)

        assert desk.tree() == before

    def test_a_half_done_application_can_be_completed(self, desk: Desk) -> None:
        desk.sh("echo a > a; echo b > b")
        run = desk.run("echo A > a; rm b; echo c > c")
        brought(desk, run)
        after = desk.tree()
        desk.sh("echo b > b; rm c")

        brought(desk, run)

        assert desk.tree() == after

    def test_a_file_that_was_edited_since_is_not_taken_back(self, desk: Desk) -> None:
        desk.sh("echo a > a; echo b > b")
        run = desk.run("echo A > a; echo B > b")
        brought(desk, run)
        desk.sh("echo mine > a")
        before = state(desk.folder)

        result = desk.undo(run)

        assert [conflict.path for conflict in result.plan.conflicts] == ["a"]
        assert state(desk.folder) == before
        assert desk.store.read.applications(run.id)[0].undone_at is None

    def test_other_lines_edited_since_are_kept_by_undo(self, desk: Desk) -> None:
        desk.sh(f"{LINES} > a")
        run = desk.run("sed -i s/one/ONE/ a")
        brought(desk, run)
        desk.sh("sed -i s/seven/SEVEN/ a")

        desk.undo(run)

        assert (desk.folder / "a").read_text() == "one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n"

    def test_work_in_place_is_taken_back(self, desk: Desk) -> None:
        desk.sh("echo a > a; mkdir d; echo b > d/b")
        before = desk.tree()
        run = desk.run("echo A > a; rm -r d; echo c > c", kind="in_place")
        desk.sh("echo mine > mine")

        desk.undo(run)

        assert (desk.folder / "mine").read_text() == "mine\n"
        desk.sh("rm mine")
        assert desk.tree() == before
        (application,) = desk.store.read.applications(run.id)
        assert application.undone_at is not None

    def test_a_run_without_a_source_brings_its_files_to_a_folder(
        self, desk: Desk, tmp_path: Path
    ) -> None:
        run = desk.run("echo a > a; mkdir d; echo b > d/b", empty=True)
        (tmp_path / "there").mkdir()

        brought(desk, run, to=tmp_path / "there")

        assert list(files(tmp_path / "there")) == ["a", "d/b"]

    def test_what_is_recorded_is_read_again(self, desk: Desk) -> None:
        run = desk.run("echo a > a")
        result = brought(desk, run)

        (found,) = desk.store.read.applications(run.id)

        assert found.finished_at is not None
        assert replace(found, finished_at=None) == result.application
        assert isinstance(found, Application)
        assert (found.path, found.files, found.branch) == (str(desk.folder.resolve()), 1, None)
        assert found.before == EMPTY_TREE
