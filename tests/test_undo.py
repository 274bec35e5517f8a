"""Undoing applications: completely or not at all, in any order, and after a kill in between."""

import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from applications import Desk, brought
from conftest import Crossrun
from trees import state

from crossrun.errors import ConfigurationError
from crossrun.model.runs import Run
from crossrun.workspace.files.dirfd import opened
from crossrun.workspace.target.folder import TargetFolder

LINES = "printf 'one\\ntwo\\nthree\\nfour\\nfive\\nsix\\nseven\\n'"
_STEPS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "sqlite3.connect")
_RENAME_IN_TARGET = "os.rename in an open folder"
"""Only files of the user are renamed that way; recorded states are renamed by their paths."""
_FIRST, _STRIDE = 5, 7
"""The fault list `recovery` dies at all steps."""


@pytest.fixture
def desk(crossrun: Crossrun, tmp_path: Path) -> Desk:
    return Desk(tmp_path / "source", crossrun)


@contextmanager
def immutable(file: Path) -> Iterator[None]:
    """A file that nobody can change, not even root."""
    if shutil.which("chattr") is None or _fails("chattr", "+i", file):
        pytest.skip("files cannot be made immutable here")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", file], check=True)


@contextmanager
def busy(file: Path) -> Iterator[None]:
    """A file that can be read, and replaced only as far as the preflight knows."""
    if _fails("mount", "--bind", file, file):
        pytest.skip("mounting takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", file], check=True)


def _fails(*words: str | Path) -> bool:
    return subprocess.run(words, check=False, capture_output=True).returncode != 0


class TestAllOrNothing:
    def five(self, desk: Desk) -> Run:
        desk.sh("for i in 1 2 3 4 5; do echo $i > f$i; done")
        return desk.run("rm f1; for i in 2 3 4 5; do echo x >> f$i; done; echo 6 > f6")

    def test_an_immutable_file_keeps_a_change_from_being_begun(self, desk: Desk) -> None:
        run = self.five(desk)
        before = state(desk.folder)
        with immutable(desk.folder / "f3"):
            with pytest.raises(ConfigurationError, match=f"f3 in {desk.folder} cannot be changed"):
                brought(desk, run)
            assert state(desk.folder) == before
        assert desk.store.read.applications(run.id) == []

    def test_an_immutable_file_keeps_a_change_from_being_taken_back(self, desk: Desk) -> None:
        run = self.five(desk)
        brought(desk, run)
        after = state(desk.folder)
        with immutable(desk.folder / "f3"):
            with pytest.raises(ConfigurationError, match=f"f3 in {desk.folder} cannot be changed"):
                desk.undo(run)
            assert state(desk.folder) == after
        assert desk.undo(run).plan.conflicts == ()

    @pytest.mark.parametrize("path", ["d", "new"])
    def test_an_immutable_folder_is_known_before(self, desk: Desk, path: str) -> None:
        desk.sh("mkdir d; echo a > d/a; mkdir new; echo b > b")
        run = desk.run("echo A > d/a; mkdir -p new/deep; echo c > new/deep/c; rm b")
        before = state(desk.folder)
        with immutable(desk.folder / path), pytest.raises(ConfigurationError, match="immutable"):
            brought(desk, run)
        assert state(desk.folder) == before

    def test_a_failure_in_the_middle_takes_everything_back(self, desk: Desk) -> None:
        run = self.five(desk)
        before = desk.tree()
        with busy(desk.folder / "f3"):
            with pytest.raises(ConfigurationError) as raised:
                brought(desk, run)
            assert raised.value.code == "TARGET_UNUSABLE"
            assert raised.value.message.startswith(f"f3 in {desk.folder} cannot be changed")
        assert desk.tree() == before
        (application,) = desk.store.read.applications(run.id)
        assert application.undone_at is not None

    @pytest.mark.parametrize("kind", ["folder", "in_place"])
    def test_an_undo_that_fails_in_the_middle_has_changed_nothing(
        self, desk: Desk, kind: str
    ) -> None:
        desk.sh(f"{LINES} > f2; echo 3 > f3")
        run = desk.run(
            "sed -i s/one/ONE/ f2; echo x >> f3; echo 4 > f4",
            kind="in_place" if kind == "in_place" else None,
        )
        if kind == "folder":
            brought(desk, run)
        desk.sh("sed -i s/seven/SEVEN/ f2")
        after = desk.tree()
        with busy(desk.folder / "f3"):
            with pytest.raises(ConfigurationError, match="f3 in"):
                desk.undo(run)
            assert desk.tree() == after

        assert desk.undo(run).plan.conflicts == ()

        assert (desk.folder / "f2").read_text() == "one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n"
        assert not (desk.folder / "f4").exists()


def killed_at(number: int, command: Callable[[], object], steps: Sequence[str]) -> bool:
    """Whether a process that carries out a command was killed at its so-and-so-manieth step."""
    child = os.fork()
    if child == 0:
        seen = 0

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            in_open_folder = event == "os.rename" and arguments[2] != -1
            if event not in steps and not (in_open_folder and _RENAME_IN_TARGET in steps):
                return
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            command()
        except BaseException:  # noqa: BLE001  the parent goes on
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
class TestDeath:
    """The process dies at any step; the next command in that folder sets things right."""

    BASE = "mkdir -p d/deep; echo a > a; echo b > d/deep/b; echo c > c; echo mine > mine"
    WORK = (
        "echo A > a; rm -r d; echo D > d; rm c; mkdir -p c/e n/e; echo E > c/e/e; ln -s a n/e/l;"
        " echo n > n/n; chmod +x n/n"
    )

    @staticmethod
    def trees(desk: Desk) -> dict[bytes, tuple[int, int, bytes]]:
        return {
            path: (entry.kind, entry.mode, entry.content)
            for path, entry in state(desk.folder).items()
        }

    def dies(
        self,
        desk: Desk,
        number: int,
        command: Callable[[Desk], object],
        steps: Sequence[str] = _STEPS,
    ) -> bool:
        def execute() -> None:
            command(Desk(desk.folder, desk.crossrun))

        return killed_at(number, execute, steps)

    def test_an_apply_that_died_is_taken_back_or_made_anew(self, desk: Desk) -> None:
        desk.sh(self.BASE)
        run = desk.run(self.WORK)
        before, number = self.trees(desk), _FIRST
        while self.dies(desk, number, lambda desk: brought(desk, run)):
            if number % 2 and desk.is_live(run):
                assert desk.undo(run).plan.conflicts == ()
            if number % 2:
                assert self.trees(desk) == before
            else:
                assert brought(desk, run).plan.conflicts == ()
                assert sorted(self.trees(desk)) == [
                    b"a", b"c", b"c/e", b"c/e/e", b"d", b"mine", b"n", b"n/e", b"n/e/l", b"n/n",
                ]  # fmt: skip
                desk.undo(run)
            assert self.trees(desk) == before
            number += _STRIDE
        assert number > _FIRST + 3 * _STRIDE

    def test_an_undo_that_died_is_finished(self, desk: Desk) -> None:
        desk.sh(self.BASE)
        run, other = desk.run(self.WORK), desk.run("echo o > other")
        before, number = self.trees(desk), _FIRST
        brought(desk, run)
        while self.dies(desk, number, lambda desk: desk.undo(run)):
            if desk.store.read.cut_short():
                brought(desk, other)
                desk.undo(other)
            elif desk.is_live(run):
                desk.undo(run)
            assert self.trees(desk) == before
            brought(desk, run)
            number += _STRIDE
        assert number > _FIRST + 3 * _STRIDE
        assert self.trees(desk) == before

    def test_what_the_user_changed_after_a_death_stays(self, desk: Desk) -> None:
        desk.sh("echo a > a; echo b > b; echo c > c")
        run = desk.run("echo A > a; echo B > b; echo C > c")
        assert self.dies(desk, 2, lambda desk: brought(desk, run), [_RENAME_IN_TARGET])
        desk.sh("echo mine > a")

        result = desk.undo(run)

        assert [conflict.path for conflict in result.recovered[0].plan.conflicts] == ["a"]
        found = [(desk.folder / name).read_text() for name in "abc"]
        assert found == ["mine\n", "b\n", "c\n"]

    def test_work_in_place_half_taken_back_is_taken_back_to_its_end(self, desk: Desk) -> None:
        desk.sh(self.BASE)
        before = self.trees(desk)
        run = desk.run(self.WORK, kind="in_place")
        assert self.dies(desk, 2, lambda desk: desk.undo(run), [_RENAME_IN_TARGET])
        assert desk.store.read.cut_short() != []

        desk.undo(run)

        assert self.trees(desk) == before

    def test_a_cleanup_sets_it_right_and_keeps_what_that_takes(
        self, desk: Desk, crossrun: Crossrun
    ) -> None:
        desk.sh(self.BASE)
        before = self.trees(desk)
        run = desk.run(self.WORK)
        assert self.dies(desk, 2, lambda desk: brought(desk, run), [_RENAME_IN_TARGET])
        away = desk.folder.rename(desk.folder.with_name("away"))
        words = ("cleanup", "--older-than", "0s", "--yes", "--json")
        (kept,) = crossrun.json(*words)["kept"]
        assert (kept["run_id"], kept["why"]) == (run.id, "an apply or undo was interrupted")
        away.rename(desk.folder)

        result = crossrun("cleanup", "--older-than", "0s", "--yes")

        told = f"an earlier apply of run {run.id} was interrupted; its changes have now been"
        assert told in " ".join(result.err.split())
        assert self.trees(desk) == before
        assert brought(desk, run).plan.conflicts == ()

    def test_what_an_older_crossrun_left_half_and_completed_stays(self, desk: Desk) -> None:
        desk.sh("echo a > a")
        run = desk.run("echo A > a")
        first = brought(desk, run).application
        assert first is not None
        desk.sh("echo a > a")
        brought(desk, run)
        with desk.sql() as connection:
            connection.execute(
                "UPDATE applications SET finished_at = NULL WHERE id = ?", (first.id,)
            )
        other = desk.run("echo b > b")

        brought(desk, other)

        assert (desk.folder / "a").read_text() == "A\n"


CHAINS = {
    # what is: (the files at first, what the first run did, what the second did)
    "a new file that is removed again": ("echo s > s", "echo x > x", "rm x; echo y > y"),
    "a new file that gets another name": ("echo s > s", "echo x > x", "mv x z"),
    "an edit that is taken back": ("echo s > s", "echo A > s", "echo s > s; echo y > y"),
    "other lines of a file": (
        f"{LINES} > s",
        "sed -i s/one/ONE/ s",
        "sed -i s/seven/SEVEN/ s",
    ),
    "other files": ("echo s > s", "mkdir d; echo x > d/x", "echo y > y"),
}


class TestOrder:
    """Runs that go on from another one, brought and taken back in any order."""

    @pytest.mark.parametrize("case", CHAINS)
    def test_out_of_order_nothing_stays_that_was_not_the_users(self, desk: Desk, case: str) -> None:
        first, earlier, later = CHAINS[case]
        desk.sh(f"{first}; echo mine > mine")
        a = desk.run(earlier)
        b = desk.clone(a, later)
        before = desk.tree()
        brought(desk, a)
        brought(desk, b)

        assert not desk.undo(a).has_conflicts
        assert not desk.undo(b).has_conflicts

        assert desk.tree() == before
        assert sorted(path.name for path in desk.folder.iterdir()) == ["mine", "s"]

    @pytest.mark.parametrize("case", CHAINS)
    def test_in_order_all_is_as_before(self, desk: Desk, case: str) -> None:
        first, earlier, later = CHAINS[case]
        desk.sh(first)
        a = desk.run(earlier)
        b = desk.clone(a, later)
        before = desk.tree()
        brought(desk, a)
        between = desk.tree()
        brought(desk, b)

        desk.undo(b)
        assert desk.tree() == between
        desk.undo(a)
        assert desk.tree() == before

    @pytest.mark.parametrize(
        ("earlier", "later"),
        [
            ("echo x > x", "echo X > x"),
            ("echo A > s", "echo B > s"),
            ("echo A > s", "rm s"),
        ],
    )
    def test_what_is_built_on_is_taken_back_in_order(
        self, desk: Desk, earlier: str, later: str
    ) -> None:
        desk.sh("echo s > s")
        a = desk.run(earlier)
        b = desk.clone(a, later)
        before = desk.tree()
        brought(desk, a)
        brought(desk, b)
        after = desk.tree()

        refused = desk.undo(a)

        assert [one.run_id for one in refused.undo_first] == [b.id]
        assert desk.tree() == after
        desk.undo(b)
        desk.undo(a)
        assert desk.tree() == before

    def test_the_command_tells_the_order(self, desk: Desk, crossrun: Crossrun) -> None:
        desk.sh("echo s > s")
        a = desk.run("echo x > x")
        b = desk.clone(a, "echo X > x")
        brought(desk, a)
        brought(desk, b)

        result = crossrun("undo", a.id)

        assert result.code == 1
        assert result.err.splitlines()[-3:] == [
            "  later changes there build on it; undo them first:",
            f"  crossrun undo {b.id}",
            f"  crossrun undo {a.id}",
        ]
        told = crossrun("undo", a.id, "--json").json
        assert (told["undone"], told["undo_first"]) == (False, [b.id])

    def test_other_runs_on_the_same_files_count_as_well(self, desk: Desk) -> None:
        desk.sh(f"{LINES} > s")
        a, b = desk.run("sed -i s/one/ONE/ s"), desk.run("sed -i s/seven/SEVEN/ s")
        before = desk.tree()
        brought(desk, a)
        brought(desk, b)

        desk.undo(a)
        assert (desk.folder / "s").read_text() == "one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n"
        desk.undo(b)

        assert desk.tree() == before


def test_an_empty_folder_of_the_users_is_there_again_after_an_undo(desk: Desk) -> None:
    desk.sh("mkdir -p logs/old; chmod 700 logs/old; echo a > a")
    run = desk.run("echo x > logs/old/x; mkdir made; echo y > made/y")
    brought(desk, run)

    desk.undo(run)

    names = sorted(str(path.relative_to(desk.folder)) for path in desk.folder.rglob("*"))
    assert names == ["a", "logs", "logs/old"]


class TestInPlace:
    def test_what_goes_on_from_work_in_place_is_no_conflict_with_it(self, desk: Desk) -> None:
        desk.sh("echo one > chapter")
        a = desk.run("echo two >> chapter; echo n > notes", kind="in_place")
        b = desk.clone(a, "echo three >> chapter; rm notes")

        assert brought(desk, b).plan.conflicts == ()

        assert (desk.folder / "chapter").read_text() == "one\ntwo\nthree\n"
        assert not (desk.folder / "notes").exists()

    def test_work_in_place_that_was_taken_back_is_brought_with_what_goes_on(
        self, desk: Desk
    ) -> None:
        desk.sh("echo one > chapter")
        a = desk.run("echo two >> chapter", kind="in_place")
        b = desk.clone(a, "echo three >> chapter")
        desk.undo(a)

        assert brought(desk, b).plan.conflicts == ()

        assert (desk.folder / "chapter").read_text() == "one\ntwo\nthree\n"


def test_what_conflicts_left_out_is_missing_the_next_time_as_well(desk: Desk) -> None:
    desk.sh("echo a > a; mkdir d; echo b > d/b")
    run = desk.run("rm a; echo B > d/b; echo new > new")
    desk.sh("echo mine > a; rm -r d; ln -s /nowhere d")

    result = brought(desk, run, mark_conflicts=True)

    assert result.application is not None
    assert result.application.left_out == ("a", "d/b")
    assert desk.store.read.applications(run.id)[0].left_out == ("a", "d/b")
    again = brought(desk, run)
    assert [conflict.path for conflict in again.plan.conflicts] == ["a", "d/b"]
    desk.sh("echo a > a")
    assert [conflict.path for conflict in brought(desk, run).plan.conflicts] == ["d/b"]


def test_folders_above_one_that_is_gone_already_are_removed_too(tmp_path: Path) -> None:
    (tmp_path / "new" / "beside").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    with opened(tmp_path) as top:
        TargetFolder(top, "").prune("other/gone/file")
        TargetFolder(top, "").prune("new/gone/file")

    assert sorted(tmp_path.rglob("*")) == [tmp_path / "new", tmp_path / "new" / "beside"]
