"""Copies and removals of real trees: nothing is lost, followed or left behind."""

import errno
import mmap
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from trees import NOBODY, state, value_of

from crossrun.errors import ConfigurationError
from crossrun.model.failures import CANCELLED, RunFailed
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.trees import Copied, Progress, copy_tree
from crossrun.workspace.copying.worker import Skipped, leads_out
from crossrun.workspace.files import atomic
from crossrun.workspace.files.atomic import building, remove_tree, sweep

ODD = [
    b"two words", b" ", b"two\nlines", b"-dash", b"--", b"\xff\xfe no utf-8", "日本".encode(), b"*",
    b"~", b"...", b"\x01\x1b[31m", b"back\\slash", b"x" * 255,
]  # fmt: skip
KILLED = 100


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A tree with something of everything that a copy keeps."""
    top = tmp_path / "source"
    (top / "a" / "b").mkdir(parents=True)
    (top / "empty").mkdir()
    (top / "file").write_bytes(b"one\n")
    (top / "a" / "program").write_bytes(b"#!/bin/sh\n")
    (top / "a" / "program").chmod(0o755)
    (top / "a" / "b" / "large").write_bytes(bytes(range(256)) * 1200)
    (top / "nothing").touch()
    (top / "link").symlink_to("a/program")
    (top / "dead").symlink_to("nowhere")
    (top / "a" / "folder").symlink_to("b")
    for number, path in enumerate(sorted(top.rglob("*"))):
        when = 10**18 + number * 1_234_567_891
        os.utime(path, ns=(when, when), follow_symlinks=False)
    return top


def copied(source: Path, target: Path) -> Copied:
    return value_of(copy_tree(source, target, CancelToken()))


def pairs(top: Path) -> int:
    """How many names a folder has."""
    return len(list(top.iterdir()))


class TestCopy:
    def test_a_copy_is_the_same_to_the_nanosecond_and_the_source_is_untouched(
        self, source: Path, tmp_path: Path
    ) -> None:
        before = state(source)
        found = copied(source, tmp_path / "copy")
        assert state(tmp_path / "copy") == before == state(source)
        assert found == Copied(
            files=4, bytes=307_214, shared=found.shared, folders=3, links=3, outward=(), skipped=()
        )
        assert found.shared in (0, found.bytes)

    def test_a_file_with_holes_takes_no_more_room(self, tmp_path: Path) -> None:
        (tmp_path / "source").mkdir()
        with (tmp_path / "source" / "disk").open("wb") as disk:
            for at in (0, 300 << 20, (1 << 30) - 5):
                disk.seek(at)
                disk.write(b"data!")
            os.fsync(disk.fileno())
        with (tmp_path / "source" / "hole").open("wb") as hole:
            hole.truncate(1 << 20)
        copied(tmp_path / "source", tmp_path / "copy")
        disk_now, disk_before = tmp_path / "copy" / "disk", tmp_path / "source" / "disk"
        assert disk_now.stat().st_size == 1 << 30
        assert disk_now.stat().st_blocks <= disk_before.stat().st_blocks + 64
        with disk_now.open("rb") as content:
            for at in (0, 300 << 20, (1 << 30) - 5):
                content.seek(at)
                assert content.read(5) == b"data!"
        assert (tmp_path / "copy" / "hole").read_bytes() == bytes(1 << 20)

    def test_its_top_is_private(self, source: Path, tmp_path: Path) -> None:
        source.chmod(0o755)
        copied(source, tmp_path / "copy")
        assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700

    @pytest.mark.parametrize("mode", [0o400, 0o444, 0o555, 0o600, 0o644, 0o666, 0o755, 0o777])
    def test_modes_are_kept(self, tmp_path: Path, mode: int) -> None:
        top = tmp_path / "source"
        (top / "folder").mkdir(parents=True)
        (top / "folder" / "file").touch()
        (top / "folder" / "file").chmod(mode)
        (top / "folder").chmod(mode | 0o500)
        copied(top, tmp_path / "copy")
        assert stat.S_IMODE((tmp_path / "copy" / "folder" / "file").stat().st_mode) == mode
        assert stat.S_IMODE((tmp_path / "copy" / "folder").stat().st_mode) == mode | 0o500

    @pytest.mark.parametrize("name", ODD)
    def test_odd_names_are_kept(self, tmp_path: Path, name: bytes) -> None:
        top = tmp_path / "source"
        folder = top / os.fsdecode(name)
        folder.mkdir(parents=True)
        (folder / os.fsdecode(name)).write_bytes(name)
        (top / "link").symlink_to(os.fsdecode(name))
        copied(top, tmp_path / "copy")
        assert state(tmp_path / "copy") == state(top)

    def test_a_folder_of_many_files_is_shared_among_threads(self, tmp_path: Path) -> None:
        top = tmp_path / "source"
        (top / "many").mkdir(parents=True)
        for number in range(3000):
            (top / "many" / str(number)).write_text(str(number))
        os.utime(top / "many", ns=(5, 7))
        assert copied(top, tmp_path / "copy").files == 3000
        assert state(tmp_path / "copy") == state(top)

    def test_a_tree_deeper_than_files_may_be_open_is_copied_and_removed(
        self, tmp_path: Path
    ) -> None:
        top = tmp_path / "source"
        top.mkdir()
        make = "import os\nfor _ in range(400):\n os.mkdir('d'); os.chdir('d')\nopen('f', 'w')"
        subprocess.run([sys.executable, "-c", make], cwd=top, check=True)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, limits[1]))
        try:
            assert copied(top, tmp_path / "copy").folders == 400
            remove_tree(tmp_path / "copy")
            remove_tree(top)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert list(tmp_path.iterdir()) == []

    def test_what_is_left_out_stays_out_with_all_below_it(
        self, source: Path, tmp_path: Path
    ) -> None:
        asked = list[str]()

        def leave_out(path: str) -> bool:
            asked.append(path)
            return path in ("a/b", "file", "link")

        value_of(copy_tree(source, tmp_path / "copy", CancelToken(), leave_out=leave_out))
        left = {os.fsdecode(path) for path in state(tmp_path / "copy")}
        assert left == {"a", "a/folder", "a/program", "dead", "empty", "nothing"}
        assert "a/b/large" not in asked

    def test_a_copy_within_its_own_source_does_not_copy_itself(self, source: Path) -> None:
        (source / "copies").mkdir()
        before = state(source)
        copied(source, source / "copies" / "one")
        made = state(source / "copies" / "one")
        assert made.keys() == before.keys()

    def test_files_of_the_kernel_that_say_they_are_empty_are_read(self, tmp_path: Path) -> None:
        proc = Path("/proc/sys/kernel/random")
        if not proc.is_dir():
            pytest.skip("there is no such file system here")
        found = copied(proc, tmp_path / "copy")
        assert found.bytes > 0

    def test_special_files_are_skipped_and_named(self, source: Path, tmp_path: Path) -> None:
        os.mkfifo(source / "a" / "pipe")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(source / "socket"))
        assert copied(source, tmp_path / "copy").skipped == (
            Skipped("a/pipe", "fifo"),
            Skipped("socket", "socket"),
        )

    def test_links_that_lead_out_are_links_in_the_copy_and_named(
        self, source: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "secret").write_text("secret")
        (source / "a" / "out").symlink_to("../../secret")
        (source / "etc").symlink_to("/etc")
        assert copied(source, tmp_path / "copy").outward == ("a/out", "etc")
        assert (tmp_path / "copy" / "etc").readlink() == Path("/etc")
        assert (tmp_path / "copy" / "a" / "out").is_symlink()

    @pytest.mark.parametrize(
        ("path", "to", "out"),
        [
            ("a", "b", False), ("a", "../b", True), ("a/b", "../c", False), ("a", "/etc", True),
            ("a/b", "../../c", True), ("a", "..", True), ("a/b", "..", False), ("a", "..b", False),
            ("a", "b/../../c", True), ("a", ".", False),
        ],
    )  # fmt: skip
    def test_a_link_leads_out_by_its_words(self, path: str, to: str, *, out: bool) -> None:
        assert leads_out(path, to) is out


def swap_for_ever(folder: Path, elsewhere: Path, over: threading.Event) -> None:
    """Puts a link to elsewhere in the place of a folder and back again, without end."""
    aside = folder.with_name("aside")
    while not over.is_set():
        folder.rename(aside)
        folder.symlink_to(elsewhere)
        folder.unlink()
        aside.rename(folder)


class TestSwapped:
    def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(self, tmp_path: Path) -> None:
        outside, top = tmp_path / "outside", tmp_path / "source"
        (outside / "below").mkdir(parents=True)
        (outside / "below" / "secret").write_text("secret")
        (top / "x" / "below").mkdir(parents=True)
        (top / "x" / "below" / "mine").write_text("mine")
        over = threading.Event()
        swapping = threading.Thread(target=swap_for_ever, args=(top / "x", outside, over))
        swapping.start()
        try:
            for number in range(100):
                copy = tmp_path / f"copy{number}"
                copied(top, copy)
                assert b"secret" not in b"".join(entry.content for entry in state(copy).values())
                assert list(copy.rglob("secret")) == []
        finally:
            over.set()
            swapping.join()

    def test_what_changes_its_kind_meanwhile_is_named(self, source: Path, tmp_path: Path) -> None:
        def leave_out(path: str) -> bool:
            if path == "a":  # it is listed as a folder, and will be a link when it is opened
                (source / "a").rename(tmp_path / "moved")
                (source / "a").symlink_to("/etc")
            return False

        found = value_of(copy_tree(source, tmp_path / "copy", CancelToken(), leave_out=leave_out))
        assert found.skipped == (Skipped("a", "changed"),)
        assert pairs(tmp_path / "copy" / "a") == 0

    def test_a_link_in_a_tree_that_is_removed_meanwhile_leads_nowhere(self, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        (outside / "kept").mkdir(parents=True)
        (outside / "kept" / "file").touch()
        for number in range(50):
            top = tmp_path / "trees" / str(number)
            (top / "x").mkdir(parents=True)
            for name in range(20):
                (top / "x" / str(name)).touch()
            over = threading.Event()
            place = tmp_path / "trees" / "removed"
            top.rename(place)
            swapping = threading.Thread(target=swap_until_gone, args=(place / "x", outside, over))
            swapping.start()
            try:
                remove_tree(place)
            except ConfigurationError as error:
                assert error.code == "WORKSPACE_UNREMOVABLE"  # noqa: PT017  either is right
            finally:
                over.set()
                swapping.join()
        assert (outside / "kept" / "file").exists()


def swap_until_gone(folder: Path, elsewhere: Path, over: threading.Event) -> None:
    try:
        swap_for_ever(folder, elsewhere, over)
    except OSError:
        over.wait()


class TestTrouble:
    def test_a_stop_leaves_nothing(self, source: Path, tmp_path: Path) -> None:
        stop = CancelToken()
        stop.request("SIGINT")
        with pytest.raises(RunFailed) as stopped:
            value_of(copy_tree(source, tmp_path / "copy", stop))
        assert stopped.value.failure == CANCELLED
        assert [path.name for path in tmp_path.iterdir()] == ["source"]

    def test_a_stop_in_the_middle_leaves_nothing(self, tmp_path: Path) -> None:
        top = tmp_path / "source"
        top.mkdir()
        with (top / "large").open("wb") as large:
            large.truncate(4 * 1024**3)
        stop = CancelToken()
        copying = copy_tree(top, tmp_path / "copy", stop)
        next(copying)
        stop.request("SIGINT")
        began = time.monotonic()
        try:
            value_of(copying)
        except RunFailed:
            assert not (tmp_path / "copy").exists()
        assert time.monotonic() - began < 30

    def test_a_copy_that_takes_long_tells_how_many_files_there_are(self, tmp_path: Path) -> None:
        top = tmp_path / "source"
        for name in ("a", "b/c", "b/d/e"):
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(name)
        is_counted, asked = threading.Event(), list[str]()

        def waits(path: str) -> bool:
            """Holds the copy up, not the count that follows."""
            asked.append(path)
            return path == "b/c" and asked.count(path) == 1 and not is_counted.wait(60)

        for progress in copy_tree(top, tmp_path / "copy", CancelToken(), leave_out=waits):
            if progress.total:
                assert progress.total == 3
                is_counted.set()
        assert is_counted.is_set()
        assert (tmp_path / "copy" / "b" / "c").exists()

    def test_a_generator_that_is_closed_leaves_nothing(self, source: Path, tmp_path: Path) -> None:
        copying = copy_tree(source, tmp_path / "copy", CancelToken())
        assert isinstance(next(copying), Progress)
        copying.close()
        assert [path.name for path in tmp_path.iterdir()] == ["source"]
        assert threading.active_count() == 1

    def test_a_target_that_is_there_is_refused_and_kept(self, source: Path, tmp_path: Path) -> None:
        (tmp_path / "copy").mkdir()
        with pytest.raises(ConfigurationError) as refused:
            copied(source, tmp_path / "copy")
        assert refused.value.code == "WORKSPACE_UNWRITABLE"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "source"]

    def test_a_full_disk_is_told_and_leaves_nothing(self, small_disk: Path, tmp_path: Path) -> None:
        (tmp_path / "source").mkdir()
        (tmp_path / "source" / "large").write_bytes(b"x" * 2_000_000)
        with pytest.raises(ConfigurationError) as refused:
            copied(tmp_path / "source", small_disk / "copy")
        assert refused.value.code == "COPY_FAILED"
        assert os.strerror(errno.ENOSPC) in refused.value.message
        assert list(small_disk.iterdir()) == []

    def test_what_may_not_be_read_is_an_error_that_names_it(self, tmp_path: Path) -> None:
        done = as_nobody(
            tmp_path,
            """
            top = Path("source"); (top / "shut").mkdir(parents=True)
            for name in ("file", "fine"): (top / name).touch()
            (top / "file").chmod(0); (top / "shut").chmod(0)
            try: value_of(copy_tree(top, Path("copy"), CancelToken()))
            except ConfigurationError as error: print(error.code, error.message)
            (top / "shut").chmod(0o700)
            print(sorted(path.name for path in Path().iterdir()))
            """,
        )
        unreadable = "SOURCE_UNREADABLE source contains files that you may not read: 'file', 'shut'"
        assert done.splitlines() == [unreadable, "['source']"]


def as_nobody(folder: Path, script: str) -> str:
    """Runs a script of Python for a user who is held up by permissions, as root is not."""
    imports = """
import os
from pathlib import Path
from trees import value_of
from crossrun.errors import ConfigurationError
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.trees import copy_tree
from crossrun.workspace.files.atomic import remove_tree, sweep
"""
    become = ""
    if os.geteuid() == 0:
        folder.chmod(0o777)
        become = f"os.setuid({NOBODY})\n"
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", imports + become + textwrap.dedent(script)],
        cwd=folder,
        env={"PYTHONPATH": f"{here}:{here.parent}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestRemoval:
    def test_nothing_outside_is_removed(self, source: Path, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        shutil.copytree(source, outside, symlinks=True)
        before = state(outside)
        for name, leads_to in (("root", "/"), ("up", ".."), ("out", str(outside)), ("me", "me")):
            (source / "a" / name).symlink_to(leads_to)
            (source / name).symlink_to(leads_to)
        remove_tree(source)
        assert state(outside) == before
        assert [path.name for path in tmp_path.iterdir()] == ["outside"]

    def test_of_a_link_only_the_link_is_removed(self, source: Path, tmp_path: Path) -> None:
        before = state(source)
        (tmp_path / "link").symlink_to("source")
        remove_tree(tmp_path / "link")
        assert state(source) == before
        assert [path.name for path in tmp_path.iterdir()] == ["source"]

    def test_files_and_what_is_gone_are_fine(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        remove_tree(tmp_path / "file")
        remove_tree(tmp_path / "file")
        remove_tree(tmp_path / "nowhere" / "file")
        assert list(tmp_path.iterdir()) == []

    def test_folders_without_permissions_are_removed(self, tmp_path: Path) -> None:
        told = as_nobody(
            tmp_path,
            """
            for mode in (0o000, 0o100, 0o200, 0o400, 0o500):
                below = Path("tree") / f"{mode:o}" / "below"
                below.mkdir(parents=True)
                (below / "file").touch()
                (below / "out").symlink_to("/")
                below.chmod(mode); below.parent.chmod(mode)
            Path("tree").chmod(0o500)
            remove_tree(Path("tree"))
            print(list(Path().iterdir()))
            """,
        )
        assert told == "[]\n"

    def test_what_belongs_to_others_is_told(self, tmp_path: Path) -> None:
        if os.geteuid() != 0:
            pytest.skip("giving files away takes root")
        (tmp_path / "tree" / "of root").mkdir(parents=True)
        (tmp_path / "tree" / "of root" / "file").touch()
        told = as_nobody(
            tmp_path,
            """
            try: remove_tree(Path("tree"))
            except ConfigurationError as error: print(error.code, error.message)
            """,
        )
        assert told.startswith("WORKSPACE_UNREMOVABLE cannot remove tree: ")

    def test_a_file_system_mounted_in_a_tree_is_kept(
        self, small_disk: Path, tmp_path: Path
    ) -> None:
        (small_disk / "kept").touch()
        with pytest.raises(ConfigurationError) as refused:
            remove_tree(small_disk.parent)
        assert refused.value.code == "WORKSPACE_UNREMOVABLE"
        left = next(tmp_path.parent.glob(f".{tmp_path.name[:50]}.partial-*"))
        left.rename(tmp_path)
        assert (small_disk / "kept").exists()


class TestLeftovers:
    @pytest.mark.process
    def test_a_copy_that_is_killed_leaves_nothing_but_what_is_swept_away(
        self, tmp_path: Path
    ) -> None:
        top, copies = tmp_path / "source", tmp_path / "copies"
        for folder in range(20):
            (top / str(folder)).mkdir(parents=True)
            (top / str(folder) / "root").symlink_to("/")
            for file in range(20):
                (top / str(folder) / str(file)).write_bytes(b"x" * 1000)
        before = state(top)
        copies.mkdir()
        whole = 0
        for number in range(KILLED):
            killed_copy(top, copies / f"copy{number}", after=number * 0.0003)
            kept = [path for path in copies.iterdir() if ".partial-" not in path.name]
            left = len(list(copies.iterdir())) - len(kept)
            assert sweep(copies) == left <= 1
            for path in kept:
                assert state(path) == before
                remove_tree(path)
            whole += len(kept)
            assert list(copies.iterdir()) == []
        assert whole < KILLED
        assert state(top) == before

    def test_a_copy_that_goes_on_is_not_swept_away(self, source: Path, tmp_path: Path) -> None:
        with building(tmp_path / "copy") as folder:
            (folder / "file").touch()
            assert sweep(tmp_path) == 0
        assert [path.name for path in (tmp_path / "copy").iterdir()] == ["file"]
        assert source.exists()

    def test_only_what_has_such_a_name_and_is_a_folder_is_swept_away(
        self, source: Path, tmp_path: Path
    ) -> None:
        before = state(source)
        (tmp_path / ".copy.partial-0123456789abcdef").symlink_to("source")
        (tmp_path / ".file.partial-0123456789abcdef").touch()
        (tmp_path / "copy.partial-0123456789abcdef").mkdir()
        (tmp_path / ".copy.partial-").mkdir()
        names = sorted(tmp_path.iterdir())
        assert sweep(tmp_path) == 0
        assert sorted(tmp_path.iterdir()) == names
        assert state(source) == before

    def test_where_there_is_no_folder_there_is_nothing_to_sweep(self, tmp_path: Path) -> None:
        assert sweep(tmp_path / "nowhere") == 0

    def test_a_removal_that_was_interrupted_goes_on_with_the_next_sweep(
        self, tmp_path: Path
    ) -> None:
        left = tmp_path / ".run1.partial-0123456789abcdef"
        (left / "a").mkdir(parents=True)
        (left / "a" / "root").symlink_to("/")
        assert sweep(tmp_path) == 1
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.process
    def test_a_large_copy_that_is_stopped_is_removed_by_another_process(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(atomic, "_PATIENCE", -1.0)

        def stopped() -> None:
            with building(tmp_path / "copy") as folder:
                (folder / "a").mkdir()
                (folder / "a" / "b").touch()
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            stopped()
        deadline = time.monotonic() + 30
        while list(tmp_path.iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def killed_copy(source: Path, target: Path, *, after: float) -> None:
    """Starts a copy in a process of its own and kills it so many seconds after it began."""
    readable, writable = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(writable, b"x")
            value_of(copy_tree(source, target, CancelToken()))
        finally:
            os._exit(0)
    assert os.read(readable, 1) == b"x"
    os.close(readable)
    os.close(writable)
    time.sleep(after)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def append(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(b"more")


def truncate(file: Path) -> None:
    os.truncate(file, 1)


def write_mapped(file: Path) -> None:
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as mapped:
        mapped[0:1] = b"?"


def change_mode(file: Path) -> None:
    file.chmod(0o777)


def replace_content(file: Path) -> None:
    file.write_bytes(b"replaced")


@pytest.mark.parametrize("write", [append, truncate, write_mapped, change_mode, replace_content])
def test_writing_in_place_in_a_copy_leaves_the_source_alone(
    source: Path, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    (source / "again").hardlink_to(source / "file")
    before = state(source)
    copied(source, tmp_path / "copy")
    for name in ("file", "again", "a/program", "a/b/large"):
        write(tmp_path / "copy" / name)
    assert state(tmp_path / "copy") != before
    assert state(source) == before
