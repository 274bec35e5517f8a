"""The files of workspaces: nothing outside of them is ever shown, whatever lies in them."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from itertools import product
from pathlib import Path

import pytest
from conftest import Crossrun
from contracts import FilesContract
from test_diff import ODD_NAMES, TOKEN, in_python, raw, run_of
from test_views import in_terminal, terminal

from crossrun.errors import CrossrunError, NotFoundError, UsageError
from crossrun.model.runs import Change
from crossrun.views.files import ListedFile, listed, summary, tree
from crossrun.workspace.snapshots.files import Files, OnDisk, WorkspaceEntry, inside
from crossrun.workspace.snapshots.ignored import CACHES
from crossrun.workspace.snapshots.reader import reading_states
from crossrun.workspace.snapshots.recorder import Snapshots

SECRET = "outside of the workspace"
_UP = ("..", "../..", "a/..", "a/../..", "./..", ".//..", "a/b/../../..", ".git/../..", "../w")
_TARGETS = ("outside.txt", "outside/secret.txt", "../../etc/passwd", "workspace2", "")
CLIMBING = [f"{up}/{target}" for up, target in product(_UP, _TARGETS)]
ABSOLUTE = ["/", "//", "/etc/passwd", "//etc/passwd", "/proc/self/environ", "/dev/null", "/./x"]
UNUSABLE = ["\0", "a\0b", "..\0", "a/\0/../..", "/\0"]
NOT_THERE = [
    "\uff0e\uff0e/outside.txt", "\u2025/outside.txt", "\u2026/outside.txt", "\u2024\u2024/x",
    "..\u2215outside.txt", "..\uff0foutside.txt", "%2e%2e/outside.txt", "..%2foutside.txt",
    "%252e%252e/outside.txt", "..\\outside.txt", "..\\..\\outside.txt", "C:\\outside.txt",
    "\\\\host\\share", "~/outside.txt", "~root/.profile", "$HOME/outside.txt", "${HOME}", "`pwd`",
    "$(pwd)", "file:///etc/passwd", "..;/outside.txt", ".. /outside.txt", " ../outside.txt", "...",
    "....//outside.txt", "..../x", "..\n/outside.txt", "..\t/outside.txt", "\u202e../outside.txt",
    "\ufeff../x", "a" * 256, "a/" * 3000, "\xe9" * 200, "\udcff/x", "*", "?", "[a-z]*", "{a,b}",
    "outside.txt", "-", "--", "-o", "nul", "con", "a:b", "a|b", "a;b", "a&b", "\x1b[2J", "'", '"',
    "\\", " ", "\t", "\n",
]  # fmt: skip
LINKED = [
    "out", "out/secret.txt", "file", "twice", "twice/secret.txt", "deep/out/secret.txt",
    "root/etc/passwd", "up/outside.txt", "loop", "loop/x", "loop2/loop/x", "dangling",
    "self/self/self", "inner", "inner/a.txt", "proc/environ", "out/", "out/.", "out//secret.txt",
    "deep/up2/outside.txt",
]  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace full of links, and what they lead to."""
    folder = tmp_path / "workspace"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").mkdir()
    (folder / "a" / "a.txt").write_text("inside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text(SECRET)
    (tmp_path / "outside.txt").write_text(SECRET)
    for name, target in {
        "out": "../outside", "file": "../outside.txt", "twice": "out", "deep/out": "../../outside",
        "root": "/", "up": "..", "loop": "loop", "loop2": ".", "dangling": "../nothing",
        "self": ".", "inner": "a", "proc": "/proc/self", "deep/up2": "../..",
    }.items():  # fmt: skip
        (folder / name).symlink_to(target)
    return folder


def read(workspace: Path, path: str) -> bytes:
    files, parts = OnDisk(workspace), inside(path)
    files.entry(parts)
    with files.reading(parts) as content:
        return content.read()


# --- nothing outside


def test_there_are_more_than_a_hundred_ways_out() -> None:
    assert len({*CLIMBING, *ABSOLUTE, *UNUSABLE, *NOT_THERE, *LINKED}) > 120


@pytest.mark.parametrize("path", [*CLIMBING, *ABSOLUTE, *UNUSABLE], ids=ascii)
def test_a_path_that_would_lead_out_is_refused(path: str) -> None:
    with pytest.raises(UsageError) as refused:
        inside(path)
    assert refused.value.code == "PATH_OUTSIDE"
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("path", NOT_THERE, ids=ascii)
def test_a_path_is_taken_by_the_letter(workspace: Path, path: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        read(workspace, path)
    assert refused.value.code == "PATH_NOT_FOUND"


@pytest.mark.parametrize("path", LINKED, ids=ascii)
def test_no_link_is_followed(workspace: Path, path: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        read(workspace, path)
    assert refused.value.code == "PATH_NOT_FOUND"


@pytest.mark.parametrize("path", ["a/a.txt", "./a/a.txt", "a//a.txt", "a/./a.txt", "a/a.txt/"])
def test_what_is_inside_is_found(workspace: Path, path: str) -> None:
    assert read(workspace, path) == b"inside"


def test_links_are_listed_with_what_they_say(workspace: Path) -> None:
    found = {entry.path: entry for entry in OnDisk(workspace).below((), CACHES.__contains__)}
    assert found["root"] == WorkspaceEntry("root", "link", target="/")
    assert found["deep/out"] == WorkspaceEntry("deep/out", "link", target="../../outside")
    assert {path for path, entry in found.items() if entry.kind != "link"} == {"a/a.txt"}


@pytest.mark.parametrize("path", ["out", "inner", "deep/up2"])
def test_no_tree_goes_through_a_link(workspace: Path, path: str) -> None:
    assert OnDisk(workspace).entry(inside(path)).kind == "link"
    listed_there = list(OnDisk(workspace).below(inside(path), CACHES.__contains__))
    assert listed_there == [WorkspaceEntry(path, "folder", closed=True)]


def test_a_link_that_is_put_there_meanwhile_leads_nowhere(workspace: Path, tmp_path: Path) -> None:
    (workspace / "swap" / "below").mkdir(parents=True)
    (workspace / "swap" / "below" / "secret.txt").write_text("inside")
    (tmp_path / "outside" / "below").mkdir()
    (tmp_path / "outside" / "below" / "secret.txt").write_text(SECRET)
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            (workspace / "swap").rename(workspace / "kept")
            (workspace / "swap").symlink_to("../outside")
            (workspace / "swap").unlink()
            (workspace / "kept").rename(workspace / "swap")

    swapping = threading.Thread(target=swap)
    swapping.start()
    read_inside = 0
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        with suppress(CrossrunError):
            assert read(workspace, "swap/below/secret.txt") == b"inside"
            read_inside += 1
        sizes = {
            entry.size
            for entry in OnDisk(workspace).below((), CACHES.__contains__)
            if entry.path.endswith("below/secret.txt")
        }
        assert sizes <= {len("inside")}
    over.set()
    swapping.join()
    assert read_inside > 10


@pytest.mark.parametrize("path", ["pipe", "socket", "folder", "."])
def test_only_regular_files_are_read(workspace: Path, path: str) -> None:
    import socket

    os.mkfifo(workspace / "pipe")
    (workspace / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(workspace)  # the address of a socket has 108 bytes at most
        try:
            listening.bind("socket")
        finally:
            os.chdir(here)
    files, parts = OnDisk(workspace), inside(path)
    assert files.entry(parts).kind in ("special", "folder")
    with pytest.raises(NotFoundError), files.reading(parts):
        pass


def test_a_very_deep_tree_is_walked(tmp_path: Path) -> None:
    top = tmp_path / "deep"
    top.mkdir()
    at = os.open(top, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)
    (entry,) = OnDisk(top).below((), CACHES.__contains__)
    subprocess.run(["rm", "-rf", top], check=True)  # pytest could not remove it
    assert entry.path == "d/" * 1500 + "leaf"
    drawn = list(tree(listed([entry], [], ()), (), terminal(80), whole=False))
    assert len(drawn) == 2


# --- the commands


def test_a_tree_has_sizes_and_marks(crossrun: Crossrun) -> None:
    script = (
        "mkdir -p src/lib .git node_modules/x empty; printf 12345 > src/lib/a.py; ln -s /etc out; "
        "echo x > node_modules/x/y; echo x > top"
    )
    run_of(crossrun, script)
    shown = crossrun("files")
    assert shown.out.splitlines() == [
        "  src/lib/",
        "+   a.py                                          5 B",
        "  .git/  not shown",
        "  empty/  empty",
        "~ node_modules/  not shown, 1 change inside",
        "+ out -> /etc",
        "+ top                                             2 B",
    ]
    assert shown.err == "3 files · 7 B · 3 new\n"
    assert "+   y" in crossrun("files", "last", "--all").out
    assert crossrun("files", "last", "src").out.splitlines()[0] == "  lib/"
    found = crossrun.json("files")["files"]
    assert [file["path"] for file in found] == [
        ".git", "empty", "node_modules", "out", "src/lib/a.py", "top",
    ]  # fmt: skip
    assert found[3] == {
        "path": "out",
        "kind": "link",
        "size": None,
        "change": "added",
        "old_path": None,
        "target": "/etc",
        "closed": False,
        "changes_inside": 0,
        "ignored": False,
        "path_bytes": None,
        "old_path_bytes": None,
        "target_bytes": None,
    }


def test_odd_names_can_be_listed_and_got(crossrun: Crossrun) -> None:
    run_of(crossrun, in_python(f"for n in {ODD_NAMES!r}: Path(n).write_text(n)"))
    assert {file["path"] for file in crossrun.json("files")["files"]} == set(ODD_NAMES)
    for name in ODD_NAMES[:6]:
        assert raw(crossrun, "get", "last", "--", name) == name.encode()
    shown = in_terminal(crossrun, "files", "--no-pager")
    assert "\x1b[2J" not in shown
    assert "^[[2Jclear" in shown
    assert "line^Jbreak" in shown


def test_names_that_are_no_utf8_can_be_listed_and_got(crossrun: Crossrun) -> None:
    run_of(crossrun, in_python("open(b'caf\\xe9', 'w').write('x')"))
    assert crossrun.json("files")["files"][0]["path"] == "caf\ufffd"
    assert "+ caf\ufffd" in crossrun("files").out
    assert raw(crossrun, "get", "last", os.fsdecode(b"caf\xe9")) == b"x"


def test_a_text_is_shown_and_anything_else_refused(crossrun: Crossrun) -> None:
    script = rf"printf 'a\033[2J\r\n\351 {TOKEN}' > t; printf 'a\0b' > b; ln -s t l; mkdir d; : > e"
    run = run_of(crossrun, script)
    assert raw(crossrun, "files", "last", "t") == f"a\x1b[2J\r\n\xe9 {TOKEN}".encode("latin-1")
    shown = in_terminal(crossrun, "files", "last", "t", "--no-pager")
    assert "a^[[2J^M" in shown
    assert "[redacted]" in shown
    assert TOKEN not in shown
    assert raw(crossrun, "files", "last", "e") == b""
    assert crossrun("files", "last", "l").out == "+ l -> t\n"
    for words, code in (
        (("files", run, "b"), "FILE_BINARY"),
        (("get", run, "d"), "PATH_NOT_FILE"),
        (("get", run, "l"), "PATH_NOT_FILE"),
        (("get", run, "."), "PATH_NOT_FILE"),
        (("get", run, "../t"), "PATH_OUTSIDE"),
        (("files", run, "nothing"), "PATH_NOT_FOUND"),
        (("files", run, "l/x"), "PATH_NOT_FOUND"),
        (("get", run, "t/x"), "PATH_NOT_FOUND"),
        (("files", run, "/etc"), "PATH_OUTSIDE"),
        (("get", "zzz", "t"), "RUN_NOT_FOUND"),
    ):
        refused = crossrun(*words)
        assert (refused.out, f"error[{code}]" in refused.err) == ("", True), words


def test_a_folder_without_a_place_to_copy_it_to_gets_the_command(crossrun: Crossrun) -> None:
    run = run_of(crossrun, "mkdir 'a b'; : > 'a b/c'")
    refused = crossrun("get", "last", "a b")
    assert f"hint: copy it: crossrun get {run} 'a b' -o DIR\n" in refused.err
    assert crossrun("get", run, "a b", "-o", "copy").code == 0
    assert (crossrun.cwd / "copy" / "a b" / "c").is_file()


def test_get_copies_byte_by_byte_and_asks_before_it_replaces(crossrun: Crossrun) -> None:
    run_of(crossrun, in_python("Path('b').write_bytes(bytes(range(256)) * 5000)"))
    content = bytes(range(256)) * 5000
    assert raw(crossrun, "get", "last", "b") == content
    told = crossrun("get", "last", "b", "-o", "copy")
    assert (told.code, told.out, told.err) == (0, "", "wrote copy\n")
    assert (crossrun.cwd / "copy").read_bytes() == content

    (crossrun.cwd / "copy").write_text("mine")
    refused = crossrun("get", "last", "b", "-o", "copy")
    assert (refused.code, "error[CONSENT_NEEDED]" in refused.err) == (2, True)
    assert (crossrun.cwd / "copy").read_text() == "mine"
    assert crossrun("get", "last", "b", "-o", "copy", "--yes").code == 0
    assert (crossrun.cwd / "copy").read_bytes() == content
    assert crossrun("get", "last", "b", "-o", "/dev/null").code == 0
    for place in (".", "no/such/folder/x"):
        refused = crossrun("get", "last", "b", "-o", place)
        assert (refused.code, "error[OUTPUT_UNWRITABLE]" in refused.err) == (3, True)


def test_a_binary_file_is_not_written_to_a_terminal(crossrun: Crossrun) -> None:
    run_of(crossrun, r"printf 'a\0b' > b; printf 'c\033[2J' > t")
    assert "^[[2J" in in_terminal(crossrun, "get", "last", "t")
    with pytest.raises(AssertionError, match="FILE_BINARY"):
        in_terminal(crossrun, "get", "last", "b")


def test_a_file_that_may_not_be_read_is_an_error_of_its_own(crossrun: Crossrun) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    run_of(crossrun, "echo x > a; chmod 0 a")
    refused = crossrun("get", "last", "a")
    assert (refused.code, "error[PATH_UNREADABLE]" in refused.err) == (3, True)


def test_without_its_workspace_a_run_shows_the_state_after_it(crossrun: Crossrun) -> None:
    script = "mkdir -p s node_modules; printf new > s/a; ln -s /etc l; echo x > node_modules/m"
    run = run_of(crossrun, script)
    before = crossrun.json("files", "--all")["files"]
    shutil.rmtree(crossrun.home / "workspaces")

    told = crossrun("files", run)
    assert "this is the state after run" in told.err
    assert "+   a" in told.out
    assert "~ node_modules/  not shown, 1 change inside" in told.out
    assert crossrun.json("files", "--all")["files"] == before
    assert crossrun("files", run, "s").out.splitlines()[0].startswith("+ a")
    assert raw(crossrun, "get", run, "s/a") == b"new"
    for path, code in (("l", "PATH_NOT_FILE"), ("s", "PATH_NOT_FILE"), ("l/x", "PATH_NOT_FOUND")):
        assert f"error[{code}]" in crossrun("get", run, path).err
    assert [file.name for file in (crossrun.home / "snapshots").iterdir()] == ["shared.git"]

    shutil.rmtree(crossrun.home / "snapshots")
    refused = crossrun("files", run)
    assert (refused.code, "error[WORKSPACE_GONE]" in refused.err) == (6, True)


def test_an_earlier_run_of_a_workspace_shows_its_own_state(crossrun: Crossrun) -> None:
    first = run_of(crossrun, "echo 1 >> a; [ -e second ] && echo 2 > b; touch second")
    crossrun("retry", first, "--keep-workspace")
    second = crossrun.json("show")["id"]
    assert raw(crossrun, "get", first, "a") == b"1\n"
    assert raw(crossrun, "get", second, "a") == b"1\n1\n"
    assert "b" not in {file["path"] for file in crossrun.json("files", first)["files"]}
    assert "the workspace is used by a later run" in crossrun("files", first).err
    marks = {file["path"]: file["change"] for file in crossrun.json("files", second)["files"]}
    assert marks == {"a": "modified", "b": "added", "second": None}


def test_a_link_in_a_state_is_no_file(tmp_path: Path) -> None:
    from crossrun.workspace.snapshots.recorder import Snapshots

    work = tmp_path / "work"
    work.mkdir()
    (work / "link").symlink_to("/etc/passwd")
    (work / "file").write_text("x")
    tree_id = Snapshots(tmp_path / "run.git", work).take()
    with reading_states(tmp_path, tmp_path / "run.git") as lookout:
        files = lookout.files(tree_id)
        assert files.entry(("link",)) == WorkspaceEntry("link", "link", target="/etc/passwd")
        with pytest.raises(NotFoundError), files.reading(("link",)):
            pass
        with pytest.raises(NotFoundError):
            files.entry(("file", "x"))


# --- pure parts


def entry(path: str) -> WorkspaceEntry:
    return WorkspaceEntry(path, "file", 1)


def test_deleted_and_renamed_files_are_listed() -> None:
    changes = [
        Change("gone", "deleted"),
        Change("new", "renamed", "old"),
        Change("elsewhere/gone", "deleted"),
        Change("sub/gone", "deleted"),
    ]
    found = listed([entry("new"), entry("same")], changes, ())
    assert [(file.path, file.change) for file in found] == [
        ("elsewhere/gone", "deleted"),
        ("gone", "deleted"),
        ("new", "renamed"),
        ("same", None),
        ("sub/gone", "deleted"),
    ]
    drawn = list(tree(found, (), terminal(60), whole=False))
    assert drawn[-3:] == [
        "- gone",
        "> new  from old       1 B",
        drawn[-1],
    ]
    assert [file.path for file in listed([], changes, ("sub",))] == ["sub/gone"]
    assert summary(found) == "2 files · 2 B · 1 renamed · 3 deleted"


def test_a_folder_with_too_many_files_keeps_what_changed() -> None:
    entries = [entry(f"d/{n:05}") for n in range(1000)]
    changes = [Change("d/00777", "modified", None, 1, 0)]
    found = listed(entries, changes, ())
    drawn = list(tree(found, (), terminal(), whole=False))
    assert len(drawn) == 1 + 100 + 1
    assert any(line.startswith("~   00777") for line in drawn)
    assert drawn[-1].strip() == "… 900 more"
    assert len(list(tree(found, (), terminal(), whole=True))) == 1001


def test_a_hundred_thousand_files_are_drawn_within_seconds() -> None:
    entries = [entry(f"{n % 317}/{n % 101}/{n}") for n in range(100_000)]
    began = time.monotonic()
    found = listed(entries, [Change(f"5/5/{5}", "added")], ())
    drawn = list(tree(found, (), terminal(), whole=False))
    assert time.monotonic() - began < 20
    assert len(drawn) <= 5001
    assert sum(1 for _ in tree(found, (), terminal(), whole=True)) > 100_000


@pytest.mark.parametrize("width", [40, 80, 200])
def test_every_line_keeps_to_the_width(width: int) -> None:
    from rich.cells import cell_len

    paths = ["x" * 300, "日本" * 80, "a/" * 200 + "b", "a/" * 200 + "日本" * 40, "short"]
    for line in tree(listed(map(entry, paths), [], ()), (), terminal(width), whole=False):
        assert cell_len(line) <= width


def test_marks_are_coloured_and_the_rest_is_not() -> None:
    found = [ListedFile("a", "file", 1, "added"), ListedFile("b", "file", 1, None)]
    added, same = tree(found, (), terminal(color=True), whole=False)
    assert added.startswith("\x1b[32m+ a\x1b[0m")
    assert same.startswith("  b ")


class TestOnDiskKeepsTheContract(FilesContract):
    def files(self, folder: Path, tmp_path: Path) -> AbstractContextManager[Files]:  # noqa: ARG002
        return nullcontext(OnDisk(folder))


class TestStateFilesKeepTheContract(FilesContract):
    @contextmanager
    def files(self, folder: Path, tmp_path: Path) -> Iterator[Files]:
        states = tmp_path / "states"
        tree = Snapshots(states / "run.git", folder).take()
        with reading_states(states, states / "run.git") as reader:
            yield reader.files(tree)
