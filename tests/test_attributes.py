"""Metadata of files: kept by copies, apply and undo, or reported."""

import os
import stat
from pathlib import Path

import pytest
from applications import Desk, brought
from attributes import (
    CAPABILITY,
    access_list,
    attributes,
    is_one_file,
    mode_of,
    set_extended,
    without_attributes,
)
from conftest import Crossrun
from test_copying import copied
from trees import NOBODY, state

from crossrun.workspace.copying.worker import Lost
from crossrun.workspace.files.attributes import Attributes, give
from crossrun.workspace.target.overwrite import finish, journal_name, overwrite

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    top = tmp_path / "source"
    (top / "folder").mkdir(parents=True)
    (top / "folder" / "file").write_text("content\n")
    return top


class TestCopies:
    def test_the_users_own_attributes_are_kept(self, source: Path, tmp_path: Path) -> None:
        file = source / "folder" / "file"
        for path in (file, source / "folder"):
            set_extended(path, "user.tag", b"\0 value")
        file.chmod(0o444)
        assert copied(source, tmp_path / "copy").lost == ()
        for name in ("folder", "folder/file"):
            assert attributes(tmp_path / "copy" / name) == attributes(source / name)
        assert attributes(tmp_path / "copy" / "folder").extended == (("user.tag", b"\0 value"),)
        assert state(tmp_path / "copy") == state(source)

    def test_access_lists_are_kept_also_those_for_new_files(
        self, source: Path, tmp_path: Path
    ) -> None:
        set_extended(source / "folder", "system.posix_acl_default", access_list(NOBODY, 4))
        set_extended(source / "folder" / "file", "system.posix_acl_access", access_list(NOBODY, 2))
        (source / "folder" / "below").mkdir()
        (source / "folder" / "below" / "plain").touch()
        os.removexattr(source / "folder" / "below" / "plain", "system.posix_acl_access")
        copied(source, tmp_path / "copy")
        for path in source.rglob("*"):
            there = tmp_path / "copy" / path.relative_to(source)
            assert attributes(there) == attributes(path), path

    def test_special_bits_are_kept(self, source: Path, tmp_path: Path) -> None:
        (source / "folder").chmod(0o2770)
        (source / "folder" / "file").chmod(0o4755)
        (source / "shared").mkdir()
        (source / "shared").chmod(0o1777)
        copied(source, tmp_path / "copy")
        names = ("folder", "folder/file", "shared")
        assert [mode_of(tmp_path / "copy" / name) for name in names] == [0o2770, 0o4755, 0o1777]

    @needs_root
    def test_root_keeps_owners_and_capabilities(self, source: Path, tmp_path: Path) -> None:
        set_extended(source / "folder" / "file", "security.capability", CAPABILITY)
        os.chown(source / "folder" / "file", NOBODY, NOBODY)
        os.chown(source / "folder", NOBODY, 0)
        set_extended(source / "folder" / "file", "security.capability", CAPABILITY)
        (source / "program").touch()
        os.chown(source / "program", NOBODY, NOBODY)
        (source / "program").chmod(0o6755)
        assert copied(source, tmp_path / "copy").lost == ()
        for name in ("folder", "folder/file", "program"):
            assert attributes(tmp_path / "copy" / name) == attributes(source / name)

    def test_names_of_one_file_stay_so(self, source: Path, tmp_path: Path) -> None:
        (source / "folder" / "second").hardlink_to(source / "folder" / "file")
        (source / "other").mkdir()
        (source / "other" / "third").hardlink_to(source / "folder" / "file")
        (source / "other" / "outside").write_text("not alone\n")
        (tmp_path / "outside").hardlink_to(source / "other" / "outside")
        found = copied(source, tmp_path / "copy")
        copy = tmp_path / "copy"
        assert is_one_file(copy / "folder/file", copy / "folder/second", copy / "other/third")
        assert (copy / "folder" / "file").stat().st_nlink == 3
        assert (copy / "other" / "outside").stat().st_nlink == 1
        assert state(copy) == state(source)
        assert (found.files, found.lost) == (4, ())

    def test_a_thousand_pairs_in_many_folders_stay_pairs(self, tmp_path: Path) -> None:
        for number in range(500):
            one, other = (tmp_path / "source" / f"{side}{number % 20}" for side in "ab")
            for folder in (one, other):
                folder.mkdir(parents=True, exist_ok=True)
            (one / str(number)).write_text(str(number))
            (other / str(number)).hardlink_to(one / str(number))
        copied(tmp_path / "source", tmp_path / "copy")
        assert state(tmp_path / "copy") == state(tmp_path / "source")
        assert {path.stat().st_nlink for path in (tmp_path / "copy").rglob("*/*")} == {2}

    @needs_root
    def test_what_the_file_system_does_not_keep_is_named(
        self, source: Path, tmp_path: Path
    ) -> None:
        set_extended(source / "folder" / "file", "user.tag", b"value")
        set_extended(source / "folder", "system.posix_acl_access", access_list(NOBODY, 2))
        with without_attributes(tmp_path / "plain") as plain:
            found = copied(source, plain / "copy")
            assert (plain / "copy" / "folder" / "file").read_text() == "content\n"
        assert found.lost == (Lost("folder", "access list"), Lost("folder/file", "user.tag"))


@needs_root
def test_a_file_that_cannot_be_given_away_never_runs_as_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "copy").touch()
    os.chown(tmp_path / "copy", NOBODY, NOBODY)
    descriptor = os.open(tmp_path / "copy", os.O_RDONLY)
    os.seteuid(NOBODY)
    try:
        lost = give(descriptor, Attributes(0o6755, 0, 4321), os.fstat(descriptor))
    finally:
        os.seteuid(0)
        os.close(descriptor)
    assert list(lost) == ["owner", "group", "set-ID bits"]
    assert mode_of(tmp_path / "copy") == 0o755
    assert stat.S_ISREG((tmp_path / "copy").stat().st_mode)


@pytest.fixture
def desk(crossrun: Crossrun, tmp_path: Path) -> Desk:
    return Desk(tmp_path / "mine", crossrun)


class TestBringing:
    def test_a_changed_file_stays_what_it_was_also_after_undo(self, desk: Desk) -> None:
        desk.sh("for name in tag list bits; do echo old > $name; done; chmod 4755 bits")
        set_extended(desk.folder / "tag", "user.tag", b"value")
        set_extended(desk.folder / "list", "system.posix_acl_access", access_list(NOBODY, 2))
        before = {name: attributes(desk.folder / name) for name in ("tag", "list", "bits")}
        run = desk.run("for name in tag list bits; do echo new > $name; done")
        assert brought(desk, run).notes == (("bits", "runs with set-user-ID as before"),)
        for name, attributes_before in before.items():
            assert (desk.folder / name).read_text() == "new\n"
            assert attributes(desk.folder / name) == attributes_before
        desk.undo(run)
        assert {name: attributes(desk.folder / name) for name in before} == before

    @needs_root
    def test_its_owner_and_its_capabilities_stay(self, desk: Desk) -> None:
        desk.sh("echo old > file; chmod 755 file")
        os.chown(desk.folder / "file", NOBODY, NOBODY)
        set_extended(desk.folder / "file", "security.capability", CAPABILITY)
        before = attributes(desk.folder / "file")
        run = desk.run("echo new > file")
        assert brought(desk, run).notes == (("file", "runs with capabilities as before"),)
        assert attributes(desk.folder / "file") == before

    def test_a_new_file_gets_what_its_folder_gives(self, desk: Desk) -> None:
        desk.sh("mkdir shared; echo old > shared/file")
        set_extended(desk.folder / "shared", "system.posix_acl_default", access_list(NOBODY, 4))
        run = desk.run("echo new > shared/new; chmod u+s shared/new; echo new > shared/file")
        brought(desk, run)
        names = [name for name, _ in attributes(desk.folder / "shared" / "new").extended]
        assert names == ["system.posix_acl_access"]
        assert not mode_of(desk.folder / "shared" / "new") & stat.S_ISUID
        assert attributes(desk.folder / "shared" / "file").extended == ()

    def test_what_was_deleted_comes_back_as_it_was(self, desk: Desk) -> None:
        desk.sh("mkdir -m 2770 keep; mkdir -m 700 keep/deep; echo l > keep/deep/l")
        desk.sh("chmod 440 keep/deep/l")
        for path in ("keep/deep/l", "keep/deep", "keep"):
            set_extended(desk.folder / path, "user.tag", path.encode())
        before = {path: attributes(path) for path in desk.folder.rglob("*")}
        run = desk.run("rm -rf keep")
        brought(desk, run)
        assert list(desk.folder.iterdir()) == []
        desk.undo(run)
        assert {path: attributes(path) for path in desk.folder.rglob("*")} == before

    def test_a_folder_that_the_run_only_emptied_stays(self, desk: Desk) -> None:
        desk.sh("mkdir -m 2770 keep; mkdir keep/deep go; touch keep/deep/l go/l")
        run = desk.run("rm -r keep/deep go")
        brought(desk, run)
        assert [path.name for path in desk.folder.iterdir()] == ["keep"]
        assert mode_of(desk.folder / "keep") == 0o2770
        desk.undo(run)
        assert (desk.folder / "keep" / "deep" / "l").exists()

    def test_zeros_take_no_room(self, desk: Desk) -> None:
        run = desk.run("truncate -s 8M disk; echo end >> disk")
        brought(desk, run)
        status = (desk.folder / "disk").stat()
        assert (status.st_size, status.st_blocks * 512 < 1 << 20) == ((8 << 20) + 4, True)
        assert (desk.folder / "disk").read_bytes() == bytes(8 << 20) + b"end\n"


class TestOtherNames:
    def test_a_name_outside_of_the_folder_stays_the_same_file(
        self, desk: Desk, tmp_path: Path
    ) -> None:
        desk.sh("echo old > file; chmod 640 file; ln file ../outside")
        run = desk.run("echo something new > file")
        note = "has a hard link outside the folder, which changed too"
        assert brought(desk, run).notes == (("file", note),)
        assert is_one_file(desk.folder / "file", tmp_path / "outside")
        assert (tmp_path / "outside").read_text() == "something new\n"
        assert desk.undo(run).notes == (("file", note),)
        assert is_one_file(desk.folder / "file", tmp_path / "outside")
        assert (tmp_path / "outside").read_text() == "old\n"
        assert sorted(path.name for path in desk.folder.iterdir()) == ["file"]

    def test_names_that_are_changed_alike_stay_one_file(self, desk: Desk) -> None:
        desk.sh("mkdir a; echo old > a/one; ln a/one two; ln a/one three")
        run = desk.run("for name in a/one two three; do echo new > $name; done")
        assert brought(desk, run).notes == ()
        paths = [desk.folder / name for name in ("a/one", "two", "three")]
        assert is_one_file(*paths)
        assert [path.read_text() for path in paths] == ["new\n"] * 3
        desk.undo(run)
        assert is_one_file(*paths)
        assert [path.read_text() for path in paths] == ["old\n"] * 3

    def test_a_name_that_the_run_did_not_change_keeps_its_content(self, desk: Desk) -> None:
        desk.sh("echo old > one; ln one two")
        run = desk.run("echo new > one")
        assert brought(desk, run).notes == (("one", "is no longer the same file as two"),)
        one, two = desk.folder / "one", desk.folder / "two"
        assert [one.read_text(), two.read_text()] == ["new\n", "old\n"]
        desk.undo(run)
        assert one.read_text() == "old\n"
        assert is_one_file(one, two)

    def test_names_that_become_different_or_go_are_no_trouble(self, desk: Desk) -> None:
        desk.sh("echo old > one; for name in two three four; do ln one $name; done")
        before = state(desk.folder)
        run = desk.run("echo first > one; echo second > two; rm three four")
        brought(desk, run)
        assert (desk.folder / "one").read_text() == "first\n"
        assert (desk.folder / "two").read_text() == "second\n"
        desk.undo(run)
        paths = [desk.folder / name for name in ("one", "two", "three", "four")]
        assert is_one_file(*paths)
        assert {path: entry.content for path, entry in state(desk.folder).items()} == {
            path: entry.content for path, entry in before.items()
        }


class TestOverwriting:
    OLD, NEW = b"the old content, which is longer", b"the new one"

    @pytest.mark.parametrize(("old", "new"), [(OLD, NEW), (NEW, OLD), (b"", NEW), (OLD, b"")])
    def test_what_a_killed_process_began_is_finished(
        self, tmp_path: Path, old: bytes, new: bytes
    ) -> None:
        top = os.open(tmp_path, os.O_RDONLY)
        for written in range(len(new) + 1):
            self.leave_half(tmp_path, old, new, written)
            finish(top, "file", ".mark")
            assert (tmp_path / "file").read_bytes() == new
            assert [path.name for path in tmp_path.iterdir()] == ["file"]
        os.close(top)

    def test_what_somebody_else_changed_since_stays(self, tmp_path: Path) -> None:
        top = os.open(tmp_path, os.O_RDONLY)
        self.leave_half(tmp_path, self.OLD, self.NEW, 5)
        (tmp_path / "file").write_bytes(b"mine")
        finish(top, "file", ".mark")
        os.close(top)
        assert (tmp_path / "file").read_bytes() == b"mine"
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    def test_without_room_nothing_is_changed(self, small_disk: Path) -> None:
        (small_disk / "file").write_bytes(self.OLD)
        top = os.open(small_disk, os.O_RDONLY)
        with pytest.raises(OSError, match="No space"):
            overwrite(top, "file", bytes(1 << 20), ".mark", executable=False)
        os.close(top)
        assert (small_disk / "file").read_bytes() == self.OLD
        assert [path.name for path in small_disk.iterdir()] == ["file"]

    @staticmethod
    def leave_half(folder: Path, old: bytes, new: bytes, written: int) -> None:
        """What is there when the process is killed after so many bytes."""
        (folder / "file").write_bytes(old)
        both = b"".join((len(old).to_bytes(8, "big"), old, new))
        (folder / journal_name("file", ".mark")).write_bytes(both)
        padded = old.ljust(len(new), b"\0")
        (folder / "file").write_bytes(new[:written] + padded[written:])


def test_a_run_in_place_is_undone_with_what_files_were(crossrun: Crossrun, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "folder").mkdir(parents=True)
    for name in ("folder/secret", "program", "plain"):
        (mine / name).write_text("old\n")
    (mine / "folder" / "secret").chmod(0o600)
    (mine / "program").chmod(0o4755)
    (mine / "folder").chmod(0o2770)
    set_extended(mine / "program", "user.tag", b"value")
    before = {path: attributes(path) for path in mine.rglob("*")}
    script = "rm -r folder; echo new > p && mv p program; echo new > plain"
    crossrun("run", script, "--executor", "shell", "--workspace", str(mine))
    assert not mode_of(mine / "program") & stat.S_ISUID
    assert crossrun("undo").code == 0
    assert {path: attributes(path) for path in mine.rglob("*")} == before
    assert (mine / "program").read_text() == "old\n"


def test_an_emptied_folder_and_special_files_survive_a_whole_run(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    (mine / "keep").mkdir(parents=True)
    (mine / "keep" / "l").write_text("l\n")
    (mine / "keep").chmod(0o2770)
    (mine / "one").write_text("old\n")
    (mine / "two").hardlink_to(mine / "one")
    script = "echo new >> one; rm keep/l"
    crossrun("run", script, "--executor", "shell", "--source", str(mine))
    told = crossrun.json("apply")
    assert sorted(file["path"] for file in told["files"]) == ["keep/l", "one", "two"]
    assert is_one_file(mine / "one", mine / "two")
    assert (mine / "two").read_text() == "old\nnew\n"
    assert mode_of(mine / "keep") == 0o2770
