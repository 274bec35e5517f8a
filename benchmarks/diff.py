"""How long it takes to find out what changed in a large workspace, beside git itself.

    python benchmarks/diff.py [--files 100000] [--edits 100] [--rounds 5]

Makes a workspace of small files in 1,000 folders and looks at it: the first snapshot, one when
nothing has changed, the change after some files were edited, as at the end of a run and as of a run
that goes on, and the tree of files. The peers are `git add`, `git status`, and `git add` with `git
diff`, in a repository of their own on the same files, and `find`. The rounds of all are
interleaved; medians of wall time.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from timing import machine

from crossrun.views.files import listed
from crossrun.workspace.snapshots.files import OnDisk
from crossrun.workspace.workspaces import Workspaces

FOLDERS = 1000
CONTENT = "line of text\n" * 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), wanted.files, wanted.edits)
        print(f"{machine()}, {wanted.files} files, {wanted.edits} edits, {wanted.rounds} rounds\n")
        rounds = wanted.rounds
        compare("first snapshot", bench.first_snapshot, "git add", bench.git_add, 1)
        time.sleep(1.1)  # git trusts only in files that are older than its index
        bench.catch_up()
        compare("snapshot, nothing new", bench.unchanged, "git status", bench.git_status, rounds)
        prepare = bench.edit
        compare(
            "edits, snapshot, diff", bench.diff, "git add, diff", bench.git_diff, rounds, prepare
        )
        compare(
            "edits, diff so far", bench.so_far, "git add, diff", bench.git_diff, rounds, prepare
        )
        compare("tree with sizes, marks", bench.listing, "find -printf", bench.find, rounds)


class Bench:
    """A workspace, crossrun's snapshots of it, and a repository of git's on the same files."""

    def __init__(self, folder: Path, files: int, edits: int) -> None:
        self._edits = edits
        self._number, self._peer_tree = 0, ""
        workspaces = Workspaces(folder / "workspaces", folder / "snapshots")
        path = workspaces.path("bench", "run")
        workspaces.make_room(path)
        workspaces.make_empty(path)
        prepared = workspaces.recorded(path)
        self._workspaces, self._snapshots = workspaces, prepared.snapshots
        self._path, self._tree = prepared.path, prepared.baseline
        for number in range(min(FOLDERS, files)):
            (self._path / f"d{number}").mkdir()
        self._files = [self._path / f"d{n % FOLDERS}" / f"f{n}.txt" for n in range(files)]
        for number, file in enumerate(self._files):
            file.write_text(f"{number}\n{CONTENT}")
        self._git = ["git", f"--git-dir={folder / 'peer'}", f"--work-tree={self._path}"]
        subprocess.run(["git", "init", "--quiet", "--bare", folder / "peer"], check=True)

    def first_snapshot(self) -> None:
        """The state after a run whose workspace was empty before."""
        self._tree = self._snapshots.take(afresh=True)

    def git_add(self) -> None:
        """The same by git, with the user's own hands."""
        self._run("add", "--all")
        self._peer_tree = self._run("write-tree").decode().strip()

    def catch_up(self) -> None:
        """Both know all that is there."""
        self._tree = self._snapshots.take()
        self.git_add()
        self._run(
            "-c",
            "user.name=x",
            "-c",
            "user.email=x",
            "commit",
            "--quiet",
            "--allow-empty",
            "-m",
            "x",
        )

    def edit(self) -> None:
        """Some files get a line more, and nobody knows of it yet."""
        self.catch_up()
        self._number += 1
        for file in self._files[:: max(len(self._files) // self._edits, 1)][: self._edits]:
            with file.open("a") as content:
                content.write(f"edit {self._number}\n")

    def unchanged(self) -> None:
        """A snapshot that finds nothing new."""
        assert self._snapshots.take() == self._tree

    def git_status(self) -> None:
        """That nothing changed, by git."""
        assert not self._run("status", "--porcelain")

    def diff(self) -> None:
        """The change as at the end of a run: changes, counts and patch."""
        found = self._snapshots.difference(self._tree, self._snapshots.take())
        assert len(found.changes) == self._edits

    def so_far(self) -> None:
        """The change as of a run that goes on, which must not notice."""
        with self._workspaces.reading_states(self._path) as lookout:
            now = self._workspaces.state_now(lookout, self._path)
            assert len(lookout.difference(self._tree, now).changes) == self._edits

    def git_diff(self) -> None:
        """The same three by git."""
        self._run("add", "--all")
        for form in ("--raw", "--stat", "--patch"):
            assert self._run("diff", "--cached", form, self._peer_tree)

    def listing(self) -> None:
        """All files with their sizes and what the run did to them."""
        found = listed(OnDisk(self._path).below((), frozenset[str]().__contains__), [], ())
        assert len(found) == len(self._files)

    def find(self) -> None:
        """All files with their sizes, by find."""
        command = ["find", str(self._path), "-printf", "%P %s\\n"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def _run(self, *words: str) -> bytes:
        environ = {"PATH": os.environ["PATH"], "HOME": os.devnull}
        command = [*self._git, *words]
        return subprocess.run(command, check=True, capture_output=True, env=environ).stdout


def compare(
    name: str,
    ours: Callable[[], None],
    peer: str,
    theirs: Callable[[], None],
    rounds: int,
    prepare: Callable[[], None] = lambda: None,
) -> None:
    """Times both in turn, what prepares them left out, and prints the medians."""
    times: dict[str, list[float]] = {name: [], peer: []}
    for _ in range(rounds):
        for call, taken in zip((ours, theirs), times.values(), strict=True):
            prepare()
            began = time.perf_counter()
            call()
            taken.append(time.perf_counter() - began)
    mine, its = map(statistics.median, times.values())
    print(f"{name:<24} {mine:7.2f} s   {peer:<14} {its:7.2f} s   {mine / its:5.2f}")


if __name__ == "__main__":
    main()
