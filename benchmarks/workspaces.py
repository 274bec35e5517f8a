"""Copying a tree, and recording its state: time and disk, beside other tools.

    python benchmarks/workspaces.py [--folder DIR] [--files 25000] [--megabytes 512] [--rounds 5]

Makes a tree of files of very different sizes in DIR, which should be on the file system in question
and have room for two trees, or eleven where blocks are not shared. All are timed in turn, after a
round that does not count, and each copy is removed outside of the timing. Python runs already, as
it does in a run; the start of `cp`, some milliseconds, is part of its time. Goals: at most half of
copytree's time, less than cp's, and a tree with ten copies in less than twice its disk where the
file system shares blocks.

Then the states of ten runs of the tree are recorded, each of a copy in which one file is new,
beside `git add` and `git diff` in a new repository. Goals: the second run records its copy in a
tenth of the first one's time, the states of ten runs take less than 1.3 times the disk of the first
one's, and a run that writes one file adds two inodes.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from timing import machine

from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.trees import Copied, copy_tree
from crossrun.workspace.files.atomic import remove_tree
from crossrun.workspace.snapshots.recorder import Snapshots
from crossrun.workspace.snapshots.source_cache import RACY_NS
from crossrun.workspace.snapshots.state_recording import Original

FOLDERS_PER_FILE = 0.1
COPIES = 10
Copy = Callable[[Path, Path], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--files", type=int, default=25_000)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder, tree = Path(name), Path(name) / "tree"
        make_tree(tree, files=asked.files, size=asked.megabytes * 10**6)
        print(f"{machine()}, {file_system(folder)}")
        print(f"{asked.files} files, {asked.megabytes} MB, {asked.rounds} rounds, medians\n")
        report_times(timed(tree, folder / "copy", rounds=asked.rounds))
        report_disk(tree, folder)
        report_states(tree, folder)


def make_tree(top: Path, *, files: int, size: int) -> None:
    """Folders within folders, and files of which most are small and some large."""
    chance = random.Random(5)  # noqa: S311  the same tree each time
    folders = [top]
    top.mkdir()
    for number in range(int(files * FOLDERS_PER_FILE)):
        folders.append(chance.choice(folders[-200:]) / f"folder{number}")
        folders[-1].mkdir()
    weights = [chance.lognormvariate(8, 1.7) for _ in range(files)]
    scale = size / sum(weights)
    noise = chance.randbytes(1 << 22)
    for number, weight in enumerate(weights):
        write(chance.choice(folders) / f"file{number}", noise, int(weight * scale), chance)


def write(file: Path, noise: bytes, size: int, chance: random.Random) -> None:
    with file.open("wb") as opened:
        while size > 0:
            start = chance.randrange(len(noise) // 2)
            size -= opened.write(noise[start : start + min(size, len(noise) // 2)])


def by_crossrun(source: Path, target: Path) -> Copied:
    copying = copy_tree(source, target, CancelToken())
    while True:
        try:
            next(copying)
        except StopIteration as end:
            found: Copied = end.value
            return found


def by_copytree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True)


def by_cp(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


WAYS: dict[str, Copy] = {"copytree": by_copytree, "cp -a": by_cp, "crossrun": by_crossrun}


def timed(tree: Path, target: Path, *, rounds: int) -> dict[str, float]:
    """Median seconds of each way."""
    measured: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(rounds + 1):
        for name, copy in WAYS.items():
            os.sync()
            began = time.perf_counter()
            copy(tree, target)
            if number:
                measured[name].append(time.perf_counter() - began)
            remove_tree(target)
    return {name: statistics.median(times) for name, times in measured.items()}


def report_times(times: dict[str, float]) -> None:
    for name, seconds in times.items():
        print(f"  {name:<10} {seconds:7.2f} s")
    own = times["crossrun"]
    print(f"  {own / times['copytree']:.2f} of copytree's time (goal 0.50)")
    print(f"  {own / times['cp -a']:.2f} of cp's (goal below 1)\n")


def report_disk(tree: Path, folder: Path) -> None:
    size = sum(file.stat().st_blocks for file in tree.rglob("*")) * 512
    if shutil.disk_usage(folder).free < size * (COPIES + 1):
        print("no room for ten copies, should they share nothing")
        return
    before = used(folder)
    copied = [by_crossrun(tree, folder / f"copy{number}") for number in range(COPIES)]
    more = used(folder) - before
    print(f"ten copies take {more / size:.2f} times the disk of the tree ", end="")
    print("(goal below 1 more)" if copied[0].shared else "(blocks cannot be shared here)")


def report_states(tree: Path, folder: Path) -> None:
    time.sleep(RACY_NS / 1e9)  # what was changed just now is not remembered
    states, workspace = folder / "states", folder / "workspace"
    first, whole, disk, git_seconds = [], [], [], 0.0
    for number in range(COPIES):
        copied_at = time.time_ns()
        by_crossrun(tree, workspace)
        if number == 0:
            git_seconds = by_git(workspace, folder / "repository")
        at_first, both = by_snapshots(workspace, states / f"{number}.git", tree, copied_at)
        first.append(at_first)
        whole.append(both)
        disk.append(occupied(states))
        remove_tree(workspace)
    print(f"\nstates of {COPIES} runs")
    print(f"  state of the first copy   {first[0]:6.2f} s")
    print(f"  state of the second       {first[1]:6.2f} s, {first[1] / first[0]:.2f} (goal 0.10)")
    print(f"  with end and difference   {whole[0]:6.2f} s, {whole[0] / git_seconds:.2f} of git's")
    print(
        f"  the same for the second   {whole[1]:6.2f} s, {whole[1] / whole[0]:.2f} of the first's"
    )
    print(f"  disk {disk[-1] / disk[0]:.2f} times that of the first (goal 1.30)")
    report_trivial_run(states, workspace)


def by_snapshots(workspace: Path, git_dir: Path, tree: Path, copied_at: int) -> tuple[float, float]:
    """Seconds for the first state of a run; and for both, with their difference."""
    began = time.perf_counter()
    snapshots = Snapshots(git_dir, workspace)
    before = snapshots.take(whole=True, original=Original(tree, copied_at))
    at_first = time.perf_counter() - began
    (workspace / "new").write_text(git_dir.name)
    after = snapshots.take(last=True)
    assert len(snapshots.difference(before, after).changes) == 1
    return at_first, time.perf_counter() - began


def by_git(workspace: Path, git_dir: Path) -> float:
    """Seconds for the same with git alone."""
    git = ["git", f"--git-dir={git_dir}", f"--work-tree={workspace}", "-c", "gc.auto=0"]
    subprocess.run(["git", "init", "--quiet", "--bare", str(git_dir)], check=True)
    began = time.perf_counter()
    for words in (["add", "--all"], ["add", "--all"], ["diff", "--cached", "--stat"]):
        subprocess.run([*git, *words], cwd=workspace, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    remove_tree(git_dir)
    return seconds


def report_trivial_run(states: Path, workspace: Path) -> None:
    """A run that writes one file into an empty folder."""
    workspace.mkdir()
    inodes = {file.stat().st_ino for file in states.rglob("*")}
    (workspace / "one").write_text("a file\n")
    Snapshots(states / "trivial.git", workspace).take(last=True)
    new = [file for file in states.rglob("*") if file.stat().st_ino not in inodes]
    files, folders = sum(file.is_file() for file in new), sum(file.is_dir() for file in new)
    print(f"  a run that writes one file adds {files} files (goal 2)", end="")
    print(f", and {folders} of 256 folders for all runs")


def occupied(folder: Path) -> int:
    """Bytes in blocks."""
    return sum(file.stat().st_blocks for file in folder.rglob("*")) * 512


def used(folder: Path) -> int:
    os.sync()
    return shutil.disk_usage(folder).used


def file_system(folder: Path) -> str:
    done = subprocess.run(
        ["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "an unknown file system"


if __name__ == "__main__":
    main()
