"""The store that the states of all workspaces share: nothing is lost, and nothing stays."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import Crossrun

from crossrun.workspace.snapshots.object_store import ObjectStore, object_store
from crossrun.workspace.snapshots.packs import PackWriter, object_id, packed
from crossrun.workspace.snapshots.reader import reading_states
from crossrun.workspace.snapshots.recorder import Snapshots
from crossrun.workspace.snapshots.state_recording import Original
from crossrun.workspace.snapshots.tree_builder import EMPTY_TREE


def fill(folder: Path, files: int, *, marked: str = "") -> None:
    """Writes files of many sizes, in folders."""
    for number in range(files):
        file = folder / f"d{number % 7}" / f"e{number % 3}" / f"f{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(4) * (number * 13 % 3000) + f"{marked}{number}".encode())


def copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, symlinks=True)
    return target


def settle(folder: Path) -> None:
    """Lets files be older than the ticks of a file system, by their times of change, too."""
    newest = max(file.lstat().st_ctime for file in folder.rglob("*"))
    while time.time() < newest + 2.1:
        time.sleep(0.05)


def git(store: ObjectStore, *words: str) -> str:
    done = subprocess.run(
        ["git", f"--git-dir={store.folder}", *words], capture_output=True, text=True, check=False
    )
    errors = [line for line in done.stderr.splitlines() if not line.startswith("notice: ")]
    assert (done.returncode, errors) == (0, [])
    return done.stdout


def objects(store: ObjectStore) -> dict[str, int]:
    """All objects by their ids, as git sees them, and how often they are there."""
    listed = git(store, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    counts: dict[str, int] = dict.fromkeys(listed.split(), 1)
    return counts


def inodes(folder: Path) -> int:
    return sum(1 for _ in folder.rglob("*"))


@pytest.fixture
def states(tmp_path: Path) -> Path:
    """The folder of all states."""
    return tmp_path / "states"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    fill(folder, 60)
    return folder


class TestPacks:
    @pytest.mark.parametrize("count", [1, 255, 700])
    def test_git_reads_what_is_packed(self, states: Path, count: int) -> None:
        store = object_store(states)
        contents = [os.urandom(n % 97) + b"x" * (n * n) for n in range(count)]
        with store.writing("run") as writer:
            names = [writer.add("blob", content) for content in contents]
            writer.pack()
        git(store, "fsck", "--full", "--strict", "--no-dangling")
        read = [store.read(name) for name in names]
        assert read == [("blob", content) for content in contents]
        for name, content in list(zip(names, contents, strict=True))[:: max(1, count // 9)]:
            shown = subprocess.run(
                ["git", f"--git-dir={store.folder}", "cat-file", "blob", name],
                capture_output=True,
                check=True,
            )
            assert shown.stdout == content

    def test_a_file_that_is_cut_off_while_it_is_read_is_not_added(self, tmp_path: Path) -> None:
        writer = PackWriter(tmp_path)
        assert writer.add_stream("blob", 10, [b"12345"], set().__contains__) is None
        writer.add(packed(object_id("blob", b"a"), "blob", b"a"))
        index = writer.finish(lambda: None)
        done = subprocess.run(["git", "verify-pack", str(index)], check=False)
        assert done.returncode == 0

    def test_a_large_file_is_stored_once(self, states: Path, tmp_path: Path) -> None:
        store, folder = object_store(states), tmp_path / "folder"
        folder.mkdir()
        (folder / "first").write_bytes(os.urandom(9 * 1024 * 1024))
        shutil.copy2(folder / "first", folder / "second")
        snapshots = Snapshots(states / "run.git", folder)
        for _ in range(2):
            tree = snapshots.take(afresh=True)
            assert git(store, "ls-tree", tree).count("blob") == 2
            (pack,) = (store.objects / "pack").glob("*.pack")
            assert pack.stat().st_size < 10 * 1024 * 1024
            git(store, "index-pack", "--strict", "--verify", str(pack))

    def test_a_large_file_that_grows_meanwhile_is_recorded(
        self, states: Path, tmp_path: Path
    ) -> None:
        log, over = tmp_path / "folder" / "log", threading.Event()
        log.parent.mkdir()
        log.write_bytes(bytes(9 * 1024 * 1024))

        def grow() -> None:
            with log.open("ab", buffering=0) as file:
                while not over.wait(0.001):
                    file.write(b"more")

        writer = threading.Thread(target=grow)
        writer.start()
        snapshots = Snapshots(states / "run.git", log.parent)
        try:
            tree = snapshots.take()
        finally:
            over.set()
            writer.join()
        assert [file.path for file in snapshots.files(tree)] == ["log"]

    @pytest.mark.parametrize("damage", [b"", b"\xfftOc", bytes(2000)])
    def test_a_damaged_index_hides_its_pack_and_nothing_else(
        self, states: Path, source: Path, damage: bytes
    ) -> None:
        store, snapshots = object_store(states), Snapshots(states / "run.git", source)
        tree = snapshots.take()
        (index,) = (store.objects / "pack").glob("*.idx")
        index.chmod(0o600)
        index.write_bytes(damage)
        assert not Snapshots(states / "run.git", source).has(tree)
        again = Snapshots(states / "other.git", source)
        assert (again.take(), again.has(tree)) == (tree, True)


class TestSharing:
    def test_the_second_copy_of_a_source_is_not_read(
        self, states: Path, source: Path, tmp_path: Path
    ) -> None:
        settle(source)
        trees = []
        for name in ("first", "second"):
            began = time.time_ns()
            workspace = copy(source, tmp_path / name)
            if name == "second":  # what is not read need not be readable as what it was
                secret = workspace / "d1" / "e1" / "f1"
                times = secret.stat().st_mtime_ns
                secret.write_bytes(b"X" * secret.stat().st_size)
                os.utime(secret, ns=(times, times))
            snapshots = Snapshots(states / f"{name}.git", workspace)
            trees.append(snapshots.take(whole=True, original=Original(source, began)))
        assert trees[0] == trees[1]

    @pytest.mark.parametrize("when", ["before the copy", "after the copy"])
    def test_a_changed_original_is_never_believed(
        self, states: Path, source: Path, tmp_path: Path, when: str
    ) -> None:
        settle(source)
        began = time.time_ns()
        first = copy(source, tmp_path / "first")
        Snapshots(states / "first.git", first).take(original=Original(source, began))
        changed = source / "d1" / "e1" / "f1"
        status = changed.stat()
        began, second = time.time_ns(), tmp_path / "second"
        if when == "after the copy":
            copy(source, second)
        changed.write_bytes(b"Y" * status.st_size)
        os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
        if when == "before the copy":
            copy(source, second)
        shared = Snapshots(states / "second.git", second).take(original=Original(source, began))
        alone = Snapshots(tmp_path / "alone" / "second.git", second).take()
        assert shared == alone

    def test_what_was_changed_just_before_the_copy_is_not_remembered(
        self, states: Path, source: Path, tmp_path: Path
    ) -> None:
        began = time.time_ns()
        workspace = copy(source, tmp_path / "first")
        Snapshots(states / "first.git", workspace).take(original=Original(source, began))
        assert list((object_store(states).folder / "sources").iterdir()) == []

    def test_ten_runs_of_a_source_take_little_more_than_one(
        self, states: Path, source: Path, tmp_path: Path
    ) -> None:
        settle(source)
        store, first = object_store(states), 0
        for number in range(10):
            began = time.time_ns()
            workspace = copy(source, tmp_path / f"{number}")
            snapshots = Snapshots(states / f"{number}.git", workspace)
            snapshots.take(whole=True, original=Original(source, began))
            (workspace / "made").write_text(f"{number}")
            snapshots.take(last=True)
            if number == 0:
                first = inodes(states)
        # each further run: its own file, the tree that has it, and their folders
        assert inodes(states) <= first + 9 * 4
        assert len(list((store.objects / "pack").glob("*.pack"))) == 1

    def test_a_trivial_run_costs_two_files(self, states: Path, tmp_path: Path) -> None:
        object_store(states).make()
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            before = {file for file in states.rglob("*") if file.is_file()}
            (tmp_path / name / "greeting").write_text(name)
            Snapshots(states / f"{name}.git", tmp_path / name).take(last=True)
            after = {file for file in states.rglob("*") if file.is_file()}
            own = {file for file in after - before if file.name not in ("roots", "index.lock")}
            assert len(own) == 2

    def test_a_clone_has_the_states_of_its_original_and_no_copies_of_them(
        self, states: Path, source: Path, tmp_path: Path
    ) -> None:
        first = Snapshots(states / "first.git", source)
        tree = first.take()
        before = objects(object_store(states))
        clone = Snapshots(states / "clone.git", copy(source, tmp_path / "clone"))
        clone.inherit(first)
        assert clone.take(afresh=True) == tree
        assert objects(object_store(states)) == before
        object_store(states).drop(["first"])
        object_store(states).collect()
        assert clone.has(tree)


class TestCollection:
    def test_what_no_workspace_needs_any_more_is_removed(
        self, states: Path, source: Path, tmp_path: Path
    ) -> None:
        store = object_store(states)
        other = tmp_path / "other"
        fill(other, 30, marked="other")
        first, second = (
            Snapshots(states / f"{folder.name}.git", folder) for folder in (source, other)
        )
        gone, kept = first.take(), second.take()
        blob = second.store(b"kept beside")
        assert store.collect() == 0
        store.drop(["source"])
        assert store.collect() > 0
        assert (first.has(gone), second.has(kept)) == (False, True)
        assert second.blob(blob) == b"kept beside"
        assert store.keys() == {"other"}
        git(store, "fsck", "--full", "--strict", "--no-dangling")
        assert second.difference(EMPTY_TREE, kept).patch

    def test_a_pack_of_which_little_is_left_is_written_again(
        self, states: Path, source: Path
    ) -> None:
        store = object_store(states)
        tree = Snapshots(states / "all.git", source).take()
        part = Snapshots(states / "part.git", source)
        few = part.tree_of(["d1/e1/f1", "d0/e0/f0"])
        store.drop(["all"])
        assert store.collect() > 0
        assert (part.has(few), part.has(tree)) == (True, False)
        # two files, and the trees of d0/e0 and d1/e1 with those above them
        assert len(objects(store)) == 2 + 5
        git(store, "fsck", "--full", "--strict", "--no-dangling")

    def test_a_state_of_which_a_part_is_left_does_not_count(
        self, states: Path, tmp_path: Path
    ) -> None:
        store, trees = object_store(states), []
        for name in ("first", "second"):
            folder = tmp_path / name
            fill(folder / "own", 10, marked=name)
            snapshots = Snapshots(states / f"{name}.git", folder)
            snapshots.take()
            fill(folder / "shared", 1)
            for number in range(20):
                (folder / "shared" / f"{number}").write_text(f"{number}")
            trees.append(snapshots.take(last=True))
        first = Snapshots(states / "first.git", tmp_path / "first")
        assert first.has(trees[0])
        store.drop(["first"])
        assert not first.has(trees[0])
        store.collect()
        assert store.read(trees[0]) is not None  # in a pack that is needed by more than half
        assert not first.has(trees[0])
        with reading_states(states, states / "first.git", states / "second.git") as reader:
            assert [reader.has(tree) for tree in trees] == [False, True]

    def test_a_source_that_is_known_loses_what_is_removed(
        self, states: Path, source: Path, tmp_path: Path
    ) -> None:
        settle(source)
        store = object_store(states)
        for name in ("first", "second"):
            began = time.time_ns()
            snapshots = Snapshots(states / f"{name}.git", copy(source, tmp_path / name))
            tree = snapshots.take(original=Original(source, began))
            (cache,) = (store.folder / "sources").iterdir()
            torn = cache.with_suffix(".0123abcd")  # a writer was killed
            torn.write_bytes(cache.read_bytes()[:50])
            git(store, "rev-list", "--objects", tree)
            store.drop([name])
            store.collect()
            assert objects(store) == {}
            assert list((store.folder / "sources").iterdir()) == []

    def test_nothing_is_removed_while_a_state_is_recorded(self, states: Path, source: Path) -> None:
        store = object_store(states)
        Snapshots(states / "gone.git", source).take()
        store.drop(["gone"])
        with store.writing("other") as writer:
            blob = (source / "d1" / "e1" / "f1").read_bytes()
            writer.root(writer.add("blob", blob))  # relies on what the other one stored
            assert ObjectStore(store.folder).collect() == 0
        assert store.collect() > 0
        assert list(objects(store)) == [object_id("blob", blob).hex()]

    def test_many_small_packs_become_one(self, states: Path, tmp_path: Path) -> None:
        store = object_store(states)
        trees = []
        for number in range(60):
            folder = tmp_path / f"{number}"
            fill(folder, 10, marked=f"{number}-")
            trees.append(Snapshots(states / f"{number}.git", folder).take(last=True))
        assert len(list((store.objects / "pack").glob("*.pack"))) < 50
        assert all(Snapshots(states / "0.git", tmp_path).has(tree) for tree in trees)
        git(store, "fsck", "--full", "--strict", "--no-dangling")

    def test_a_merge_that_was_killed_before_it_removed_anything_is_repeated(
        self, states: Path, tmp_path: Path
    ) -> None:
        store, others = object_store(states), object_store(tmp_path / "others")
        for number in range(49):  # the last one would have them merged
            with (store if number < 48 else others).writing("run") as writer:
                writer.add("blob", b"%d" % number * 100)
                writer.pack()
        folder = store.objects / "pack"
        for file in (others.objects / "pack").iterdir():
            shutil.copy2(file, folder)
        before, names = copy(folder, tmp_path / "packs"), objects(store)
        for _ in range(2):
            shutil.copytree(before, folder, dirs_exist_ok=True)
            with store.writing("run"):
                pass
            assert len(list(folder.glob("*.pack"))) == 1
            assert objects(store).keys() == names.keys()

    def test_nothing_is_removed_if_a_needed_tree_cannot_be_read(
        self, states: Path, source: Path, tmp_path: Path
    ) -> None:
        store, few = object_store(states), tmp_path / "few"
        fill(few, 1)
        snapshots = Snapshots(states / "few.git", few)
        tree = snapshots.take()
        Snapshots(states / "gone.git", source).take()
        store.drop(["gone"])
        damaged = store.objects / tree[:2] / tree[2:]
        content = damaged.read_bytes()
        damaged.chmod(0o600)
        damaged.write_bytes(b"damaged")
        with pytest.raises(OSError, match="cannot be read"):
            store.collect()
        damaged.write_bytes(content)
        assert store.collect() > 0
        git(store, "rev-list", "--objects", tree)

    def test_nothing_is_removed_if_a_pack_cannot_be_read(
        self, states: Path, tmp_path: Path
    ) -> None:
        store, few = object_store(states), tmp_path / "few"
        fill(few, 1)
        tree = Snapshots(states / "few.git", few).take()
        (few / "more").mkdir()
        fill(few / "more", 30, marked="more")
        state = Snapshots(states / "few.git", few).take()  # its pack refers to loose objects
        store.drop(["gone"])
        (index,) = (store.objects / "pack").glob("*.idx")
        content = index.read_bytes()
        index.chmod(0o600)
        index.write_bytes(content[:100])
        with pytest.raises(OSError, match="cannot be read"):
            ObjectStore(store.folder).collect()
        index.write_bytes(content)
        ObjectStore(store.folder).collect()
        git(store, "rev-list", "--objects", tree, state)

    def test_an_object_that_only_one_of_two_workspaces_can_read_is_walked(
        self, states: Path, source: Path
    ) -> None:
        store, first = object_store(states), Snapshots(states / "first.git", source)
        tree = first.take()
        lower = first.tree_of(["d1/e1/f1"])
        first.make()
        words = ["git", f"--git-dir={first.git_dir}", "mktree"]
        listed = f"040000 tree {tree}\ta\n040000 tree {lower}\tb\n"
        made = subprocess.run(words, input=listed, capture_output=True, text=True, check=True)
        above = made.stdout.strip()
        with store.writing("clone") as writer:  # which does not have it beside it yet
            writer.root(above)
        store.drop(["first"])
        with store.writing("first") as writer:
            writer.root(above)
        store.collect()
        git(store, "rev-list", "--objects", tree, lower)

    def test_cleanup_frees_the_states_of_removed_runs(self, crossrun: Crossrun) -> None:
        runs = [
            crossrun.json("run", f"seq {n}99999 > a{n}", "--executor", "shell")["id"]
            for n in (1, 2)
        ]
        store = object_store(crossrun.home / "snapshots")
        assert store.keys() == set(runs)
        crossrun("cleanup", "--keep-last", "1", "--older-than", "0d", "--yes")
        assert store.keys() == {runs[1]}
        assert len(objects(store)) == 2


RECORD = """
import sys
from pathlib import Path
from crossrun.workspace.snapshots.recorder import Snapshots
git_dir, workspace = map(Path, sys.argv[1:])
print("ready", flush=True)
Snapshots(git_dir, workspace).take()
"""


def recording(states: Path, workspace: Path, key: str) -> "subprocess.Popen[bytes]":
    """A process that records a state just now."""
    words = [sys.executable, "-c", RECORD, str(states / f"{key}.git"), str(workspace)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


class TestManyWriters:
    def test_what_a_power_failure_emptied_is_written_again(
        self, states: Path, tmp_path: Path
    ) -> None:
        store, folder = object_store(states), tmp_path / "folder"
        fill(folder, 1)
        snapshots = Snapshots(states / "run.git", folder)
        tree = snapshots.take()
        assert len(objects(store)) == 4
        for file in [*store.objects.glob("??/*"), store.folder / "HEAD", store.folder / "config"]:
            file.chmod(0o600)
            file.write_bytes(b"")
        assert snapshots.take(afresh=True) == tree
        git(store, "fsck", "--full", "--strict", "--no-dangling")

    def test_a_pack_that_is_cut_off_counts_for_nothing(self, states: Path, source: Path) -> None:
        store, snapshots = object_store(states), Snapshots(states / "run.git", source)
        tree = snapshots.take()
        (pack,) = (store.objects / "pack").glob("*.pack")
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:-100])
        again = Snapshots(states / "run.git", source)
        assert (again.has(tree), again.take(afresh=True), again.has(tree)) == (False, tree, True)

    def test_an_index_without_its_pack_counts_for_nothing(self, states: Path, source: Path) -> None:
        store, snapshots = object_store(states), Snapshots(states / "run.git", source)
        tree = snapshots.take()
        (pack,) = (store.objects / "pack").glob("*.pack")
        pack.unlink()
        assert Snapshots(states / "run.git", source).take(afresh=True) == tree
        git(store, "rev-list", "--objects", tree)

    def test_many_processes_record_at_once(self, states: Path, tmp_path: Path) -> None:
        folders = [tmp_path / f"w{number}" for number in range(8)]
        for number, folder in enumerate(folders):
            fill(folder, 40, marked="" if number % 2 else f"{number}")
        writers = [recording(states, folder, folder.name) for folder in folders]
        for writer in writers:
            writer.communicate()
        store = object_store(states)
        assert [writer.returncode for writer in writers] == [0] * 8
        assert store.keys() == {folder.name for folder in folders}
        git(store, "fsck", "--full", "--strict", "--no-dangling")
        for folder in folders:
            (state,) = store.roots(folder.name).names
            assert git(store, "ls-tree", "-r", "--name-only", state).count("\n") == 40

    @pytest.mark.parametrize("delay", [0.0, 0.01, 0.03, 0.1])
    def test_a_writer_that_is_killed_leaves_a_store_in_order(
        self, states: Path, tmp_path: Path, delay: float
    ) -> None:
        folder = tmp_path / "folder"
        fill(folder, 300)
        writer = recording(states, folder, "killed")
        time.sleep(delay)
        writer.kill()
        writer.communicate()
        snapshots = Snapshots(states / "next.git", folder)
        tree = snapshots.take()
        store = object_store(states)
        git(store, "fsck", "--full", "--strict", "--no-dangling")
        assert git(store, "ls-tree", "-r", "--name-only", tree).count("\n") == 300
        store.drop(["killed"])
        store.collect()
        assert list((store.objects / "pack").glob("tmp_*")) == []
        assert snapshots.has(tree)

    def test_a_torn_record_of_a_root_spoils_no_other(self, states: Path, source: Path) -> None:
        store = object_store(states)
        snapshots = Snapshots(states / "run.git", source)
        first = snapshots.take()
        with (store.folder / "roots").open("a") as log:
            log.write("\nrun 4b825dc642")
        (source / "more").write_text("more")
        second = snapshots.take()
        assert store.roots("run") == ([first, second], second)


class TestEarlierVersions:
    """Workspaces whose states lie in git directories that only they use."""

    @pytest.fixture
    def old(self, states: Path, source: Path) -> tuple[Snapshots, str]:
        git_dir = states / "old.git"
        words = ["git", f"--git-dir={git_dir}", f"--work-tree={source}"]
        subprocess.run(["git", "init", "-q", "--bare", str(git_dir)], check=True)
        subprocess.run([*words, "add", "-A"], cwd=source, check=True)
        tree = subprocess.run([*words, "write-tree"], capture_output=True, text=True, check=True)
        return Snapshots(git_dir, source), tree.stdout.strip()

    def test_their_states_are_read(self, old: tuple[Snapshots, str], states: Path) -> None:
        snapshots, tree = old
        assert snapshots.has(tree)
        assert len(list(snapshots.files(tree))) == 60
        blob = next(snapshots.files(tree)).blob_id
        assert snapshots.blob(blob) is not None
        with reading_states(states, states / "old.git") as reader:
            assert reader.has(tree)
            assert len(reader.difference(EMPTY_TREE, tree).changes) == 60

    def test_what_git_has_packed_is_read(
        self, old: tuple[Snapshots, str], states: Path, source: Path
    ) -> None:
        snapshots, tree = old
        (source / "f1").write_text("line\n" * 1000 + "end")
        (source / "f2").write_text("line\n" * 1000)
        git = ["git", f"--git-dir={states / 'old.git'}"]
        subprocess.run([*git, f"--work-tree={source}", "add", "-A"], cwd=source, check=True)
        tree = subprocess.run(
            [*git, "write-tree"], capture_output=True, text=True, check=True
        ).stdout.strip()
        loose = list((states / "old.git" / "objects").glob("[0-9a-f][0-9a-f]/*"))
        names = "".join(f"{file.parent.name}{file.name}\n" for file in loose)
        pack = states / "old.git" / "objects" / "pack" / "pack"
        subprocess.run(
            [*git, "pack-objects", "-q", str(pack)], input=names, text=True, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for file in loose:
            file.unlink()
        assert snapshots.has(tree)
        blobs = {file.path: snapshots.blob(file.blob_id) for file in snapshots.files(tree)}
        assert blobs["f1"] == b"line\n" * 1000 + b"end"
        assert blobs["f2"] == b"line\n" * 1000

    @pytest.mark.parametrize("damage", [b"", b"damaged", None])
    def test_a_damaged_object_of_theirs_is_none(
        self, old: tuple[Snapshots, str], damage: bytes | None
    ) -> None:
        snapshots, tree = old
        blob = next(snapshots.files(tree)).blob_id
        file = snapshots.git_dir / "objects" / blob[:2] / blob[2:]
        content = file.read_bytes()
        file.chmod(0o600)
        file.write_bytes(content[: len(content) // 2] if damage is None else damage)
        assert snapshots.blob(blob) is None

    def test_they_are_continued(self, old: tuple[Snapshots, str], source: Path) -> None:
        snapshots, tree = old
        (source / ".gitignore").write_text("f*\nnew\n")
        (source / "new").write_text("ignored")
        after = snapshots.take(afresh=True)
        changes = snapshots.difference(tree, after).changes
        assert [change.path for change in changes] == [".gitignore"]

    def test_they_are_cloned(
        self, old: tuple[Snapshots, str], states: Path, source: Path, tmp_path: Path
    ) -> None:
        snapshots, tree = old
        clone = Snapshots(states / "clone.git", copy(source, tmp_path / "clone"))
        clone.inherit(snapshots)
        assert clone.take(afresh=True) == tree
        shutil.rmtree(states / "old.git")
        assert clone.difference(EMPTY_TREE, tree).patch


def test_few_gits_are_started_at_the_end_of_a_run(crossrun: Crossrun, tmp_path: Path) -> None:
    """In a repository: what is ignored, what is tracked nevertheless, the difference."""
    program, log = shutil.which("git"), tmp_path / "log"
    (tmp_path / "bin").mkdir()
    wrapper = tmp_path / "bin" / "git"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {program} "$@"\n')
    wrapper.chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ".gitignore").write_text("*.log\n")
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    path = {"PATH": f"{wrapper.parent}:{os.environ['PATH']}"}
    mark = f"echo began >> {log}; echo 1 > made; echo 1 > made.log"
    run = crossrun("run", mark, "--executor", "shell", "--source", str(folder), **path)
    assert run.code == 0
    after = log.read_text().partition("began\n")[2].splitlines()
    assert len(after) <= 4, after


def test_a_trivial_run_asks_for_the_version_and_starts_git_once(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    program, log = shutil.which("git"), tmp_path / "log"
    (tmp_path / "bin").mkdir()
    wrapper = tmp_path / "bin" / "git"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {program} "$@"\n')
    wrapper.chmod(0o755)
    path = {"PATH": f"{wrapper.parent}:{os.environ['PATH']}"}
    assert crossrun("run", "echo 1 > made", "--executor", "shell", **path).code == 0
    version, *others = log.read_text().splitlines()
    assert version == "--version"
    assert len(others) == 1
