"""Workspaces and their states, with real git: nothing escapes, nothing runs, nothing is missed."""

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Crossrun

from crossrun.errors import ConfigurationError, StillRunningError, UsageError
from crossrun.model.runs import Change
from crossrun.workspace.folder_names import folder_name
from crossrun.workspace.snapshots.differences import Difference
from crossrun.workspace.snapshots.recorder import Snapshots
from crossrun.workspace.snapshots.tree_builder import EMPTY_TREE
from crossrun.workspace.workspaces import Workspace, Workspaces, branch

GIT_IDENTITY = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": "me" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
Contents = dict[bytes, tuple[str, bytes]]


def sh(script: str, folder: Path) -> bytes:
    """Does something in a folder as an agent would, with a git of no special configuration."""
    environ = {"PATH": os.environ["PATH"], "HOME": os.devnull, **GIT_IDENTITY}
    done = subprocess.run(
        ["sh", "-ec", script], cwd=folder, env=environ, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def contents(folder: Path) -> Contents:
    """All that a git tree can hold of a folder: each path with its kind and its bytes."""
    found: Contents = {}
    for place, folders, files in os.walk(os.fsencode(folder)):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]  # noqa: PTH114, PTH118
        folders[:] = [name for name in folders if name != b".git" and name not in links]
        for name in [*files, *links]:
            path = os.path.join(place, name)  # noqa: PTH118  bytes
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                kind, data = "link", os.readlink(path)  # noqa: PTH115
            elif stat.S_ISREG(mode):
                kind = "program" if mode & stat.S_IXUSR else "file"
                data = Path(os.fsdecode(path)).read_bytes()
            else:
                continue
            found[os.path.relpath(path, os.fsencode(folder))] = (kind, data)
    return found


@dataclass
class World:
    """A workspace, and where its states are remembered."""

    workspace: Path
    git_dir: Path

    @property
    def snapshots(self) -> Snapshots:
        return Snapshots(self.git_dir, self.workspace)

    def sh(self, script: str) -> bytes:
        return sh(script, self.workspace)

    def take(self, script: str = "") -> str:
        """The state after a script has been at work."""
        self.sh(script)
        return self.snapshots.take()

    def changes(self, before: str, after: str) -> tuple[Change, ...]:
        return self.snapshots.difference(before, after).changes

    def recorded(self, tree: str) -> Contents:
        """What a state holds, read by git itself."""
        git = ["git", f"--git-dir={self.snapshots.reading_dir()}"]
        kinds = {b"100644": "file", b"100755": "program", b"120000": "link"}
        found: Contents = {}
        listing = subprocess.run(
            [*git, "ls-tree", "-r", "-z", tree], capture_output=True, check=True
        ).stdout
        for entry in listing.split(b"\0")[:-1]:
            about, path = entry.split(b"\t", 1)
            mode, _, blob = about.split(b" ")
            show = [*git, "cat-file", "blob", blob.decode()]
            data = subprocess.run(show, capture_output=True, check=True).stdout
            found[path] = (kinds[mode], data)
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return World(workspace, tmp_path / "snapshots" / "run.git")


def added(path: str, lines: int | None = 1) -> Change:
    return Change(path, "added", None, lines, None if lines is None else 0)


def deleted(path: str, lines: int = 1) -> Change:
    return Change(path, "deleted", None, 0, lines)


def modified(path: str, insertions: int | None, deletions: int | None) -> Change:
    return Change(path, "modified", None, insertions, deletions)


def prepared(workspaces: Workspaces, project_id: str, run_id: str) -> Workspace:
    """An empty workspace."""
    path = workspaces.path(project_id, run_id)
    workspaces.make_room(path)
    workspaces.make_empty(path)
    return workspaces.recorded(path)


class TestNames:
    @pytest.mark.parametrize(
        ("name", "folder"),
        [
            ("thesis", "thesis"),
            ("My thesis, part 2", "My thesis, part 2"),
            ("a.b-c_d@e+f=g", "a.b-c_d@e+f=g"),
            (".", "%2E"),
            ("..", "%2E."),
            ("...", "%2E.."),
            (".git", "%2Egit"),
            ("../../etc", "%2E.%2F..%2Fetc"),
            ("/etc/passwd", "%2Fetc%2Fpasswd"),
            ("a/../b", "a%2F..%2Fb"),
            ("..\\..", "%2E.%5C.."),
            ("%2e", "%252e"),
            ("%2E", "%252E"),
            ("~root", "%7Eroot"),
            ("C:", "C%3A"),
            ("a\nb\t\x1b[31m", "a%0Ab%09%1B%5B31m"),
            ("naïve", "na%C3%AFve"),
            ("日本", "%E6%97%A5%E6%9C%AC"),
            ("x\u202ey", "x%E2%80%AEy"),
            ("x" * 255, "x" * 255),
        ],
    )
    def test_a_name_becomes_one_harmless_folder(
        self, tmp_path: Path, name: str, folder: str
    ) -> None:
        assert folder_name(name) == folder
        workspaces = Workspaces(tmp_path / "root", tmp_path / "snapshots")
        path = prepared(workspaces, name, "run1").path
        assert path.resolve() == (tmp_path / "root").resolve() / folder / "run1"

    def test_different_names_have_different_folders(self) -> None:
        names = [".", "..", "%2E", "%2E.", "%252E", "~", "%7E", "a/b", "a%2Fb", "a%2fb", "ä", "ä"]
        assert len({folder_name(name) for name in names}) == len(set(names))

    @pytest.mark.parametrize(
        "name", ["", " ", "\t\n", "nul\0inside", "x" * 256, "x" * 300, "日" * 300, "half\udcff"]
    )
    def test_a_name_that_makes_no_folder_is_refused(self, name: str) -> None:
        with pytest.raises(UsageError) as refused:
            folder_name(name)
        assert refused.value.code == "PROJECT_NAME"

    def test_a_run_stays_below_the_root_whatever_its_project_is_called(
        self, crossrun: Crossrun
    ) -> None:
        words = ("run", "echo x > made", "--executor", "shell", "--project-id", "../../../escaped")
        run = crossrun.json(*words)
        root = crossrun.home / "workspaces"
        assert Path(run["workspace"]) == root / "%2E.%2F..%2F..%2Fescaped" / run["id"]
        assert (Path(run["workspace"]) / "made").is_file()


class TestPrepare:
    @pytest.fixture
    def workspaces(self, tmp_path: Path) -> Workspaces:
        return Workspaces(tmp_path / "root", tmp_path / "snapshots")

    def test_a_workspace_is_empty_and_the_users_own(
        self, workspaces: Workspaces, tmp_path: Path
    ) -> None:
        made = prepared(workspaces, "thesis", "run1")

        path = tmp_path / "root" / "thesis" / "run1"
        assert made == Workspace(path, EMPTY_TREE, made.snapshots)
        assert workspaces.path("thesis", "run1") == path
        assert list(path.iterdir()) == []
        assert stat.S_IMODE(path.stat().st_mode) == 0o700

    def test_its_state_is_kept_outside_of_it(self, workspaces: Workspaces, tmp_path: Path) -> None:
        made = prepared(workspaces, "thesis", "run1")
        assert made.snapshots.take() == EMPTY_TREE
        assert list(made.path.iterdir()) == []
        assert [each.name for each in (tmp_path / "snapshots").iterdir()] == [
            "shared.git",
            "run1.index",
        ]

    def test_a_folder_that_is_there_already_is_never_taken(self, workspaces: Workspaces) -> None:
        (prepared(workspaces, "thesis", "run1").path / "kept").touch()
        with pytest.raises(ConfigurationError) as refused:
            prepared(workspaces, "thesis", "run1")
        assert refused.value.code == "WORKSPACE_UNWRITABLE"
        assert (workspaces.path("thesis", "run1") / "kept").exists()

    def test_a_project_folder_that_leads_outside_is_refused(
        self, workspaces: Workspaces, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (tmp_path / "root").mkdir()
        (tmp_path / "root" / "thesis").symlink_to(outside)

        with pytest.raises(ConfigurationError) as refused:
            prepared(workspaces, "thesis", "run1")
        assert refused.value.code == "WORKSPACE_OUTSIDE"
        assert list(outside.iterdir()) == []

    @pytest.mark.parametrize("target", ["../outside", "../missing", "thesis"])
    def test_a_link_in_the_place_of_the_project_or_the_run_is_refused(
        self, workspaces: Workspaces, tmp_path: Path, target: str
    ) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "root" / "other").mkdir(parents=True)
        (tmp_path / "root" / "thesis").symlink_to(target)
        (tmp_path / "root" / "other" / "run1").symlink_to("../../outside")

        for project in ("thesis", "other"):
            with pytest.raises(ConfigurationError) as refused:
                prepared(workspaces, project, "run1")
            assert refused.value.code in ("WORKSPACE_UNWRITABLE", "WORKSPACE_OUTSIDE")
        assert list((tmp_path / "outside").iterdir()) == []
        assert not (tmp_path / "missing").exists()

    def test_the_root_itself_may_be_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        (tmp_path / "root").symlink_to("disk")
        prepared(Workspaces(tmp_path / "root", tmp_path / "snapshots"), "thesis", "run1")
        assert (tmp_path / "disk" / "thesis" / "run1").is_dir()

    def test_a_root_that_is_a_file_is_told(self, workspaces: Workspaces, tmp_path: Path) -> None:
        (tmp_path / "root").touch()
        with pytest.raises(ConfigurationError) as refused:
            prepared(workspaces, "thesis", "run1")
        assert refused.value.code == "WORKSPACE_UNWRITABLE"


ODD_NAMES = [
    " two  spaces ",
    "two\nlines",
    "tab\tbed",
    "-dash",
    "--all",
    "ünï✓",
    'quo"te',
    "it's",
    "back\\slash",
    ":(top)x",
    "!negated",
    "#hash",
    "*[a]?",
    "{a => b}",
    "a => b",
    "\x01\x1b[31m",
    "…" * 80,
]
CHANGES: dict[str, tuple[str, str, tuple[Change, ...]]] = {
    # what happened: how it was, what was done, the changes
    "nothing": ("echo 1 > a", "", ()),
    "added": ("", r"printf 'one\ntwo\n' > a", (added("a", 2),)),
    "added without a newline at its end": ("", "printf one > a", (added("a", 1),)),
    "added in a folder": ("", "mkdir -p x/y; echo 1 > x/y/a", (added("x/y/a"),)),
    "added and empty": ("", "touch a", (added("a", 0),)),
    "only an empty folder": ("", "mkdir -p x/y", ()),
    "modified": (r"printf '1\n2\n3\n' > a", r"printf '1\n4\n3\n5\n' > a", (modified("a", 2, 1),)),
    "modified at the same size": ("echo 1 > a", "echo 2 > a", (modified("a", 1, 1),)),
    "touched": ("echo 1 > a", "touch -d 2020-01-01 a", ()),
    "emptied": ("echo 1 > a", ": > a", (modified("a", 0, 1),)),
    "deleted": (r"printf '1\n2\n' > a; touch b", "rm a b", (deleted("a", 2), deleted("b", 0))),
    "renamed": (
        "seq 9 > a",
        "mkdir x; mv a 'x/new name'",
        (Change("x/new name", "renamed", "a", 0, 0),),
    ),
    "renamed and edited": (
        "seq 20 > a; echo 1 > z",
        r"mv a 'two\nlines'; echo 21 >> 'two\nlines'; rm z".replace(r"\n", "\n"),
        (Change("two\nlines", "renamed", "a", 1, 0), deleted("z")),
    ),
    "copied": ("seq 9 > a", "cp a b", (added("b", 9),)),
    "binary": (
        r"printf 'a\000b' > old; printf '\001\000' > gone",
        r"printf 'a\000c' > old; printf '\000\377' > new; rm gone",
        (
            Change("gone", "deleted", None, None, None),
            added("new", None),
            modified("old", None, None),
        ),
    ),
    "made a program": ("echo 1 > a", "chmod +x a", (modified("a", 0, 0),)),
    "made a program and edited": ("echo 1 > a", "chmod +x a; echo 2 >> a", (modified("a", 1, 0),)),
    "no program any more": ("echo 1 > a; chmod +x a", "chmod -x a", (modified("a", 0, 0),)),
    "linked": (
        "echo 1 > a",
        "ln -s a near; ln -s /etc/passwd far; ln -s nowhere dead; ln -s /etc folder; ln -s me me",
        (added("dead"), added("far"), added("folder"), added("me"), added("near")),
    ),
    "linked elsewhere": ("ln -s a link", "ln -sf b link", (modified("link", 1, 1),)),
    "a link in the place of a file": ("echo 1 > a", "ln -sf b a", (modified("a", 1, 1),)),
    "a file in the place of a link": ("ln -s b a", "rm a; echo 1 > a", (modified("a", 1, 1),)),
    "a folder in the place of a file": (
        "echo 1 > a",
        "rm a; mkdir a; echo 2 > a/b",
        (deleted("a"), added("a/b")),
    ),
    "a file in the place of a folder": (
        "mkdir a; echo 1 > a/b",
        "rm -r a; echo 2 > a",
        (added("a"), deleted("a/b")),
    ),
    "no file at all": ("", "mkfifo pipe; echo 1 > a", (added("a"),)),
}


class TestDifference:
    @pytest.mark.parametrize("what", CHANGES)
    def test_it_tells_what_happened_and_the_patch_does_it_again(
        self, world: World, tmp_path: Path, what: str
    ) -> None:
        before_script, after_script, changes = CHANGES[what]
        before = world.take(before_script)
        elsewhere = tmp_path / "elsewhere"
        shutil.copytree(world.workspace, elsewhere, symlinks=True)
        after = world.take(after_script)
        difference = world.snapshots.difference(before, after)

        assert difference.changes == changes
        sh(after_script, elsewhere)
        assert world.recorded(after) == contents(elsewhere)
        applied = tmp_path / "applied"
        applied.mkdir()
        sh(f"git init -q; {before_script}", applied)
        (tmp_path / "patch").write_bytes(difference.patch)
        if changes:
            sh("git apply ../patch", applied)
        assert contents(applied) == contents(elsewhere)

    def test_it_is_told_for_people_as_well(self, world: World) -> None:
        tree = world.take(r"printf '1\n2\n' > a; mkdir b; printf 'x\000' > b/c")
        found = world.snapshots.difference(EMPTY_TREE, tree)
        assert found == Difference(
            changes=(added("a", 2), added("b/c", None)),
            shortstat="2 files changed, 2 insertions(+)",
            stat=" a   |   2 ++\n b/c | Bin 0 -> 2 bytes\n 2 files changed, 2 insertions(+)",
            patch=found.patch,
        )
        assert found.patch.startswith(b"diff --git a/a b/a\nnew file mode 100644\n")

    def test_equal_states_do_not_differ(self, world: World) -> None:
        tree = world.take("echo 1 > a")
        assert world.snapshots.difference(tree, tree) == Difference((), "", "", b"")
        assert world.take() == tree

    def test_a_state_that_came_back_is_the_same_state(self, world: World) -> None:
        first = world.take("echo 1 > a; mkdir b; echo 2 > b/c")
        second = world.take("rm -r a b; echo 3 > d")
        third = world.take("rm d; echo 1 > a; mkdir b; echo 2 > b/c")
        assert (first == third, first == second) == (True, False)
        assert world.changes(second, third) == (added("a"), added("b/c"), deleted("d"))

    def test_names_are_told_as_they_are(self, world: World, tmp_path: Path) -> None:
        for name in ODD_NAMES:
            (world.workspace / name).write_text(f"{name!r}\n")
            (world.workspace / f"in {name}").mkdir()
            (world.workspace / f"in {name}" / name).symlink_to("target")
        tree = world.take()
        difference = world.snapshots.difference(EMPTY_TREE, tree)

        expected = [added(name) for name in ODD_NAMES]
        expected += [added(f"in {name}/{name}") for name in ODD_NAMES]
        assert sorted(difference.changes, key=lambda change: change.path) == sorted(
            expected, key=lambda change: change.path
        )
        assert world.recorded(tree) == contents(world.workspace)
        applied = tmp_path / "applied"
        applied.mkdir()
        (tmp_path / "patch").write_bytes(difference.patch)
        sh("git init -q; git apply ../patch", applied)
        assert contents(applied) == contents(world.workspace)

    def test_a_name_that_is_no_text_is_recorded(self, world: World) -> None:
        Path(os.fsdecode(os.fsencode(world.workspace) + b"/caf\xe9")).write_text("1\n")
        tree = world.take()
        assert world.recorded(tree) == {b"caf\xe9": ("file", b"1\n")}
        assert world.changes(EMPTY_TREE, tree) == (
            Change("caf\ufffd", "added", None, 1, 0, path_bytes="caf%E9"),
        )

    @pytest.mark.parametrize("name", ["git~1", ".git /x", ".git./x", ".g\u200cit"])
    def test_a_name_that_another_system_would_take_for_git_is_recorded(
        self, world: World, name: str
    ) -> None:
        path = world.workspace / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("1\n")
        assert world.changes(EMPTY_TREE, world.take()) == (added(name),)

    def test_many_files_are_recorded(self, world: World) -> None:
        world.sh("mkdir x; cd x; seq 3000 | split -l 1 -a 3")
        assert len(world.changes(EMPTY_TREE, world.take())) == 3000


class TestWhatCounts:
    def test_what_is_ignored_by_now_stays_recorded_in_a_state_taken_afresh(
        self, world: World
    ) -> None:
        world.take("echo 1 > build.log; echo 1 > a")
        world.sh("echo '*.log' > .gitignore; echo 2 > build.log; echo x > new.log")

        recorded = world.recorded(world.snapshots.take(afresh=True))

        assert {path: data for path, (_, data) in recorded.items()} == {
            b".gitignore": b"*.log\n",
            b"a": b"1\n",
            b"build.log": b"2\n",
        }

    def test_a_first_state_can_be_taken_afresh(self, world: World) -> None:
        assert world.snapshots.take(afresh=True) == EMPTY_TREE

    def test_the_workspaces_own_ignore_files_are_obeyed(self, world: World) -> None:
        tree = world.take(
            "printf '*.log\n/build/\n!kept.log\n' > .gitignore; mkdir build sub;"
            "echo 1 > a.log; echo 1 > kept.log; echo 1 > build/x; echo 1 > sub/b.log;"
            "echo '*.tmp' > sub/.gitignore; echo 1 > sub/c.tmp; echo 1 > c.tmp"
        )
        assert sorted(world.recorded(tree)) == [
            b".gitignore",
            b"c.tmp",
            b"kept.log",
            b"sub/.gitignore",
        ]

    def test_a_file_that_is_ignored_later_is_still_followed(self, world: World) -> None:
        before = world.take("echo 1 > a.log")
        after = world.take("echo '*' > .gitignore; echo 2 > a.log; echo 1 > b.log")
        assert world.changes(before, after) == (modified("a.log", 1, 1),)

    def test_what_the_user_configured_does_not_count(
        self, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = world.take(r"printf '1\r\n' > a.txt; echo 2 > a.log; chmod +x a.log; ln -s a l")
        home, settings = tmp_path / "home", tmp_path / "gitconfig"
        (home / ".config" / "git").mkdir(parents=True)
        (home / ".config" / "git" / "ignore").write_text("*\n")
        (home / ".config" / "git" / "attributes").write_text("* text eol=lf filter=x diff=x\n")
        settings.write_text(
            "[core]\nautocrlf = input\nfileMode = false\nsymlinks = false\n"
            f"excludesFile = {home}/.config/git/ignore\n"
            '[filter "x"]\nclean = tr a-z A-Z\n'
            f'[diff "x"]\ncommand = touch {tmp_path}/ran\n'
            f"[diff]\nexternal = touch {tmp_path}/ran\nnoprefix = true\nrenames = false\n"
        )
        (home / ".gitconfig").write_text(settings.read_text())
        before = world.snapshots.difference(EMPTY_TREE, expected)
        for name, value in {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "GIT_CONFIG_GLOBAL": str(settings),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "core.excludesFile",
            "GIT_CONFIG_VALUE_0": str(home / ".config" / "git" / "ignore"),
        }.items():
            monkeypatch.setenv(name, value)

        fresh = Snapshots(tmp_path / "fresh.git", world.workspace)
        assert fresh.take() == expected
        assert fresh.difference(EMPTY_TREE, expected) == before
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("GIT_DIR", "/nonexistent"),
            ("GIT_WORK_TREE", "/nonexistent"),
            ("GIT_COMMON_DIR", "/nonexistent"),
            ("GIT_INDEX_FILE", "/nonexistent/index"),
            ("GIT_OBJECT_DIRECTORY", "/nonexistent/objects"),
            ("GIT_ALTERNATE_OBJECT_DIRECTORIES", "/nonexistent/objects"),
            ("GIT_CEILING_DIRECTORIES", "/"),
            ("GIT_NAMESPACE", "other"),
            ("GIT_PREFIX", "sub/"),
            ("GIT_LITERAL_PATHSPECS", "1"),
            ("GIT_ICASE_PATHSPECS", "1"),
            ("GIT_EXTERNAL_DIFF", "false"),
            ("GIT_DIFF_OPTS", "--unified=0"),
            ("GIT_DEFAULT_HASH", "sha256"),
            ("GIT_TRACE", "2"),
            ("GIT_REDIRECT_STDOUT", "/nonexistent"),
        ],
    )
    def test_variables_for_git_do_not_count(
        self, world: World, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)
        tree = world.take("echo 1 > a; git init -q sub; echo 2 > sub/b")
        kept = world.snapshots.keep("a")

        assert world.changes(EMPTY_TREE, tree) == (added("a"), added("sub/b"))
        assert kept == "d00491fd7e5bb6fa28c517a0bb32b8b506539d4d"
        assert world.snapshots.blob(kept) == b"1\n"

    @pytest.mark.parametrize(
        "attributes",
        [
            "* text=auto eol=lf",
            "* text eol=crlf",
            "* crlf",
            "* ident",
            "* working-tree-encoding=UTF-16",
            "* binary",
            "* -diff",
            "* filter=lfs diff=lfs merge=lfs -text",
            "[attr]odd text eol=lf ident -diff\n* odd",
        ],
    )
    def test_attributes_do_not_change_what_is_recorded(self, world: World, attributes: str) -> None:
        files = {
            b"dos.txt": b"one\r\ntwo\r\n",
            b"unix.txt": b"one\ntwo\n",
            b"mixed.txt": b"one\r\ntwo\nthree\r",
            b"ident.txt": b"$Id$ $Id: 0123 $\n",
            b"wide.txt": "two\r\n".encode("utf-16"),
            b"sub/deep.txt": b"deep\r\n",
        }
        (world.workspace / "sub").mkdir()
        for name, data in files.items():
            Path(os.fsdecode(os.fsencode(world.workspace) + b"/" + name)).write_bytes(data)
        for place in ("", "sub/"):
            (world.workspace / f"{place}.gitattributes").write_text(f"{attributes}\n")
        tree = world.take()

        seen = world.recorded(tree)
        assert {name: seen[name] for name in files} == {n: ("file", d) for n, d in files.items()}
        lines = {c.path: c.insertions for c in world.changes(EMPTY_TREE, tree)}
        assert (lines["dos.txt"], lines["unix.txt"], lines["wide.txt"]) == (2, 2, None)

    def test_a_failing_git_is_an_error_and_no_wrong_answer(self, world: World) -> None:
        tree = world.take("echo 1 > a")
        with pytest.raises(ConfigurationError) as failed:
            world.changes(EMPTY_TREE, f"{tree[:-4]}beef")
        assert failed.value.code == "GIT_FAILED"

    def test_a_workspace_that_is_gone_is_an_error_with_a_hint(self, world: World) -> None:
        world.take("echo 1 > a")
        shutil.rmtree(world.workspace)
        with pytest.raises(ConfigurationError):
            world.snapshots.take()


COMMIT = "git add -A; git commit -qm x"


class TestNestedRepositories:
    @pytest.mark.parametrize("commit", ["true", COMMIT])
    def test_it_is_recorded_file_by_file(self, world: World, commit: str) -> None:
        tree = world.take(
            "git init -q 'sub dir'; cd 'sub dir'; echo 1 > a; mkdir b; echo 2 > b/c; chmod +x b/c;"
            f"ln -s a l; touch empty; {commit}; echo 3 > uncommitted; echo 4 > ../beside"
        )
        assert world.recorded(tree) == contents(world.workspace)
        assert [change.path for change in world.changes(EMPTY_TREE, tree)] == [
            "beside",
            "sub dir/a",
            "sub dir/b/c",
            "sub dir/empty",
            "sub dir/l",
            "sub dir/uncommitted",
        ]

    @pytest.mark.parametrize("name", ["-x", "--", "two\nlines", "ünï", "a b/c d", ":(top)", "*"])
    def test_it_may_have_any_name(self, world: World, name: str) -> None:
        repository = world.workspace / name
        repository.mkdir(parents=True)
        sh("git init -q; echo 1 > a", repository)
        assert world.changes(EMPTY_TREE, world.take()) == (added(f"{name}/a"),)

    def test_repositories_in_repositories_are_recorded(self, world: World) -> None:
        tree = world.take(
            "git init -q; git init -q a; git init -q a/b; git init -q a/b/c/d; git init -q e;"
            "echo 1 > 1; echo 2 > a/2; echo 3 > a/b/3; echo 4 > a/b/c/4; echo 5 > a/b/c/d/5;"
            f"cd a/b/c/d; {COMMIT}; cd ../..; {COMMIT} 2>/dev/null"
        )
        assert world.recorded(tree) == contents(world.workspace)
        assert sorted(world.recorded(tree)) == [b"1", b"a/2", b"a/b/3", b"a/b/c/4", b"a/b/c/d/5"]

    @pytest.mark.parametrize("commit", ["true", COMMIT])
    def test_changes_in_it_are_told_later(self, world: World, commit: str) -> None:
        before = world.take(
            f"git init -q a; git init -q a/b; cd a; echo 1 > kept; echo 1 > edited; seq 9 > gone;"
            f"cd b; echo 1 > deep; {commit}"
        )
        after = world.take(
            f"cd a; echo 2 >> edited; mv gone moved; echo 1 > new; cd b; echo 2 >> deep;"
            f"mkdir x; echo 1 > x/new; {commit}; git init -q c; echo 1 > c/new"
        )
        assert world.changes(before, after) == (
            added("a/b/c/new"),
            modified("a/b/deep", 1, 0),
            added("a/b/x/new"),
            modified("a/edited", 1, 0),
            Change("a/moved", "renamed", "a/gone", 0, 0),
            added("a/new"),
        )

    def test_it_may_go_away_again(self, world: World) -> None:
        before = world.take("git init -q a; echo 1 > a/x; echo 1 > a/y; echo 1 > z")
        unmade = world.take("rm -rf a/.git; echo 2 > a/x")
        after = world.take("rm -rf a")
        assert world.changes(before, unmade) == (modified("a/x", 1, 1),)
        assert world.changes(unmade, after) == (deleted("a/x"), deleted("a/y"))

    @pytest.mark.parametrize("commit", ["true", COMMIT])
    def test_a_folder_may_become_one(self, world: World, commit: str) -> None:
        before = world.take("mkdir a; echo 1 > a/x")
        after = world.take(f"cd a; git init -q; echo 1 > y; {commit}")
        assert world.changes(before, after) == (added("a/y"),)

    @pytest.mark.parametrize("commit", ["true", COMMIT])
    def test_it_may_take_the_place_of_a_file(self, world: World, commit: str) -> None:
        before = world.take("echo 1 > a")
        after = world.take(f"rm a; git init -q a; cd a; echo 2 > x; {commit}")
        assert world.changes(before, after) == (deleted("a"), added("a/x"))

    def test_a_file_may_take_its_place(self, world: World) -> None:
        before = world.take("git init -q a; echo 1 > a/x")
        after = world.take("rm -rf a; echo 2 > a")
        assert world.changes(before, after) == (added("a"), deleted("a/x"))

    def test_its_own_ignore_file_is_obeyed_and_so_is_the_workspaces(self, world: World) -> None:
        tree = world.take(
            "echo vendor/ > .gitignore; git init -q vendor; echo 1 > vendor/x;"
            "git init -q a; cd a; echo '*.log' > .gitignore; echo 1 > b.log; echo 1 > c"
        )
        assert sorted(world.recorded(tree)) == [b".gitignore", b"a/.gitignore", b"a/c"]

    @pytest.mark.parametrize(
        "pretend",
        [
            "mkdir .git",
            "mkdir -p .git/objects .git/refs; echo nonsense > .git/HEAD",
            "echo 'gitdir: /nonexistent' > .git",
            "echo nonsense > .git",
            "touch .git",
            "ln -s /nonexistent .git",
        ],
    )
    def test_a_folder_that_only_pretends_is_a_folder(self, world: World, pretend: str) -> None:
        tree = world.take(f"mkdir a; cd a; echo 1 > x; {pretend}")
        assert world.changes(EMPTY_TREE, tree) == (added("a/x"),)

    def test_one_whose_git_folder_lies_elsewhere_is_recorded(self, world: World) -> None:
        tree = world.take(
            f"git init -q main; cd main; echo 1 > x; {COMMIT}; git worktree add -q ../tree;"
            "cd ..; git init -q --separate-git-dir=../elsewhere apart; echo 1 > apart/y"
        )
        assert set(world.recorded(tree)) == {b"main/x", b"tree/x", b"apart/y"}

    def test_a_bare_one_is_recorded_as_files(self, world: World) -> None:
        tree = world.take("git init -q --bare bare.git; cd bare.git; rm -r hooks info")
        assert b"bare.git/HEAD" in world.recorded(tree)


HOSTILE_CONFIG = """
[core]
    fsmonitor = "touch {ran}; false"
    fsmonitorHookVersion = 2
    hooksPath = .git/hooks
    sshCommand = touch {ran}
    pager = touch {ran}
    editor = touch {ran}
    askPass = touch {ran}
    gitProxy = touch {ran}
    alternateRefsCommand = touch {ran}
[filter "trap"]
    clean = "touch {ran}; cat"
    smudge = "touch {ran}; cat"
    process = touch {ran}
[diff]
    external = touch {ran}
[diff "trap"]
    command = touch {ran}
    textconv = touch {ran}
[merge "trap"]
    driver = touch {ran}
[pager]
    diff-tree = touch {ran}
[credential]
    helper = "!touch {ran}"
[uploadpack]
    packObjectsHook = touch {ran}
[gpg]
    program = touch {ran}
[alias]
    add = "!touch {ran}"
[protocol "ext"]
    allow = always
[remote "origin"]
    url = "ext::touch {ran}"
    promisor = true
    partialCloneFilter = blob:none
[extensions]
    partialClone = origin
"""
HOOKS = ("post-index-change", "pre-commit", "post-checkout", "reference-transaction", "pre-auto-gc")
PLACES = {"the workspace": ["."], "a nested one": ["sub"], "both": [".", "deep/in/it"]}


def make_hostile(repository: Path, ran: Path) -> None:
    """Makes a repository that leaves a sentinel wherever a careless git looks at it."""
    repository.mkdir(parents=True, exist_ok=True)
    sh(f"git init -q -b trap; echo text > file; echo text > gone; {COMMIT}", repository)
    for hook in HOOKS:
        path = repository / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {ran}\n")
        path.chmod(0o755)
    attributes = "* filter=trap diff=trap merge=trap\n"
    for path in (repository / ".gitattributes", repository / ".git" / "info" / "attributes"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(attributes)
    with (repository / ".git" / "config").open("a") as config:
        config.write(HOSTILE_CONFIG.format(ran=ran))
    (repository / "new").write_text("new\n")


@pytest.mark.parametrize("where", PLACES)
class TestHostileRepositories:
    @pytest.fixture
    def ran(self, tmp_path: Path) -> Path:
        """A file that is there when something ran."""
        return tmp_path / "ran"

    @pytest.fixture
    def repositories(self, world: World, ran: Path, where: str) -> list[Path]:
        made = [world.workspace / place for place in PLACES[where]]
        for repository in made:
            make_hostile(repository, ran)
        assert not ran.exists()
        return made

    def test_a_careless_git_would_run_its_code(self, repositories: list[Path], ran: Path) -> None:
        for repository in repositories:
            sh("git add -A || true", repository)
            assert ran.exists()
            ran.unlink()
            sh("git diff HEAD || true", repository)
            assert ran.exists()
            ran.unlink()

    def test_no_code_of_it_runs(self, world: World, repositories: list[Path], ran: Path) -> None:
        before = world.snapshots.take()
        for repository in repositories:
            kept = world.snapshots.keep(str((repository / "new").relative_to(world.workspace)))
            assert world.snapshots.blob(str(kept)) == b"new\n"
            sh("echo more >> new; echo other > other; rm gone", repository)
        after = world.snapshots.take()
        changes = world.changes(before, after)

        assert branch(world.workspace) == ("trap" if repositories[0] == world.workspace else None)
        assert not ran.exists()
        assert world.recorded(after) == contents(world.workspace)
        names = sorted((Path(change.path).name, change.status) for change in changes)
        each = [("gone", "deleted"), ("new", "modified"), ("other", "added")]
        assert names == sorted(each * len(repositories))

    def test_its_git_folder_stays_byte_for_byte(
        self, world: World, repositories: list[Path], ran: Path
    ) -> None:
        def state() -> dict[Path, tuple[int, int, bytes | None]]:
            return {
                path: (
                    path.stat().st_mode,
                    path.stat().st_mtime_ns,
                    path.read_bytes() if path.is_file() else None,
                )
                for repository in repositories
                for path in (repository / ".git").rglob("*")
            }

        before = state()
        first = world.snapshots.take()
        world.snapshots.keep("file")
        branch(world.workspace)
        world.changes(first, world.take("find . -name new -delete"))

        assert len(before) > 20
        assert state() == before
        assert not ran.exists()


class TestKeep:
    @pytest.mark.parametrize(
        "data", [b"", b"text\n", b"dos\r\n", b"\0\xff" * 1000, os.urandom(8 * 1024 * 1024)]
    )
    def test_a_file_is_kept_as_it_was_at_that_moment(self, world: World, data: bytes) -> None:
        file = world.workspace / "sub" / "-ünï\n"
        file.parent.mkdir()
        file.write_bytes(data)
        kept = world.snapshots.keep("sub/-ünï\n")
        file.write_bytes(b"changed")

        assert kept is not None
        assert world.snapshots.blob(kept) == data
        hashed = subprocess.run(
            ["git", "hash-object", "--stdin"], input=data, capture_output=True, check=True
        ).stdout
        assert kept == hashed.decode().strip()

    def test_the_same_content_has_the_same_id(self, world: World) -> None:
        world.sh("echo 1 > a; echo 1 > b; echo 2 > c")
        a, b, c = (world.snapshots.keep(name) for name in "abc")
        assert (a == b, a == c, None in (a, b, c)) == (True, False, False)

    def test_keeping_is_no_part_of_a_state(self, world: World) -> None:
        tree = world.take("echo 1 > a")
        world.sh("echo 2 > a")
        world.snapshots.keep("a")
        world.sh("echo 1 > a")
        assert world.take() == tree

    @pytest.mark.parametrize(
        "path",
        [
            "missing",
            "missing/file",
            "folder",
            ".",
            "",
            "../outside.txt",
            "folder/../../outside.txt",
            "{outside}",
            "link to a file",
            "link to outside",
            "link to a folder outside/outside.txt",
            "dead link",
            "a loop",
            "a loop/file",
            "file/below",
            "pipe",
            "too large",
            "nul\0inside",
            "long/" * 2000,
            "long" * 2000,
        ],
    )
    def test_what_is_no_file_of_the_workspace_is_not_kept(self, world: World, path: str) -> None:
        (world.workspace.parent / "outside.txt").write_text("secret")
        world.sh(
            "mkdir folder; echo 1 > file; ln -s file 'link to a file'; mkfifo pipe;"
            "ln -s ../outside.txt 'link to outside'; ln -s .. 'link to a folder outside';"
            "ln -s nowhere 'dead link'; ln -s 'a loop' 'a loop'; truncate -s 8388609 'too large'"
        )
        named = path.format(outside=world.workspace.parent / "outside.txt")
        assert world.snapshots.keep(named) is None

    def test_a_link_within_the_workspace_may_be_on_the_way(self, world: World) -> None:
        world.sh("mkdir folder; echo 1 > folder/a; ln -s folder link")
        kept = world.snapshots.keep("link/a")
        assert kept is not None
        assert world.snapshots.blob(kept) == b"1\n"

    @pytest.mark.parametrize("blob", ["0" * 40, "abcd", "", "nonsense", "../../etc/passwd", "HEAD"])
    def test_what_was_never_kept_is_not_there(self, world: World, blob: str) -> None:
        assert world.snapshots.blob(blob) is None
        world.take("echo 1 > a")
        assert world.snapshots.blob(blob) is None


class TestBranch:
    @pytest.mark.parametrize(
        ("script", "expected"),
        [
            ("true", None),
            ("git init -q -b main", "main"),
            (f"git init -q -b main; touch a; {COMMIT}; git checkout -qb fix/a-b", "fix/a-b"),
            (f"git init -q -b main; touch a; {COMMIT}; git checkout -q --detach", None),
            ("git init -q -b ünï", "ünï"),
            ("mkdir .git", None),
            ("mkdir -p .git/HEAD", None),
            ("mkdir .git; touch .git/HEAD", None),
            (r"mkdir .git; printf 'ref: refs/heads/\377' > .git/HEAD", None),
            ("mkdir .git; mkfifo .git/HEAD", None),
            ("echo 'gitdir: ../elsewhere' > .git", None),
            ("git init -q -b other ../elsewhere; ln -s ../elsewhere/.git .git", None),
            ("git init -q; ln -sf ../../elsewhere .git/HEAD", None),
        ],
    )
    def test_it_is_that_of_the_workspaces_own_repository(
        self, world: World, script: str, expected: str | None
    ) -> None:
        (world.workspace.parent / "elsewhere").mkdir()
        world.sh(script)
        assert branch(world.workspace) == expected


def test_a_folder_of_the_users_is_held_by_one_run_at_a_time(tmp_path: Path) -> None:
    first, second = (Workspaces(tmp_path / "workspaces", tmp_path / "snapshots") for _ in range(2))
    folder, other = tmp_path / "project", tmp_path / "other"

    with first.holding(folder), second.holding(other):
        with pytest.raises(StillRunningError), second.holding(folder):
            pytest.fail("two runs would work in one folder")
        with pytest.raises(StillRunningError):
            second.require_free(folder)

    with second.holding(folder):
        second.require_free(other)
