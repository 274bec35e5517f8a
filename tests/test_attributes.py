"""What files are besides their content: kept by copies, apply and undo, or named."""

import os
import stat
from pathlib import Path

import pytest
from attributes import (
    CAPABILITY,
    access_list,
    attributes,
    is_one_file,
    mode_of,
    set_extended,
    without_attributes,
)
from test_copying import copied
from trees import NOBODY, state

from crossrun.workspace.attributes import Attributes, give
from crossrun.workspace.transfer import Lost

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
