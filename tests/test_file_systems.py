"""Changes applied to file systems that ignore case, or have no modes."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from applications import Desk, brought
from conftest import Crossrun
from filesystems import EXFAT, lacks, mounted

from crossrun.errors import ConfigurationError
from crossrun.workspace.files.spelling import folded
from crossrun.workspace.merge.decisions import Conflict, DesiredEntry, without_mode
from crossrun.workspace.merge.path_matching import MatchedPath, match_paths
from crossrun.workspace.snapshots.trees import FILE, LINK, PROGRAM, TreeEntry, blob_id

A, B, C = (TreeEntry(FILE, blob_id(sign)) for sign in (b"a", b"b", b"c"))
COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


@pytest.fixture(scope="module")
def exfat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    lacking = lacks(EXFAT, tmp_path_factory.mktemp("probe"))
    if lacking is not None:
        pytest.skip(lacking)
    with mounted(EXFAT, tmp_path_factory.mktemp("disk") / "exfat") as folder:
        yield folder


@pytest.fixture
def desk(crossrun: Crossrun, exfat: Path) -> Iterator[Desk]:
    folder = exfat / "source"
    desk = Desk(folder, crossrun)
    yield desk
    shutil.rmtree(folder)


def listed(folder: Path) -> dict[str, str]:
    """All files in the spelling of the listing."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


BROUGHT = {
    # what is: (the files at first, what the run did, what the user did since, the files then)
    "a file in another case": ("echo a > readme", "mv readme README", "", {"README": "a\n"}),
    "a file in another case with an edit": (
        "echo a > readme",
        "mv readme README; echo b > README",
        "",
        {"README": "b\n"},
    ),
    "a file in another case that the user edited": (
        "printf 'a\\nb\\nc\\n' > readme",
        "mv readme README",
        "echo d >> readme",
        {"README": "a\nb\nc\nd\n"},
    ),
    "a file in another case that both edited": (
        "printf '1\\n2\\n3\\n4\\n5\\n6\\n' > readme",
        "mv readme README; sed -i s/1/one/ README",
        "sed -i s/6/six/ readme",
        {"README": "one\n2\n3\n4\n5\nsix\n"},
    ),
    "a file in another case that the user renamed, too": (
        "echo a > readme",
        "mv readme README; echo b > README",
        "mv readme Readme",
        {"README": "b\n"},
    ),
    "a folder in another case": (
        "mkdir -p src/deep; echo a > src/a; echo b > src/deep/b",
        "mv src Src",
        "",
        {"Src/a": "a\n", "Src/deep/b": "b\n"},
    ),
    "folders and files in another case": (
        "mkdir -p src/deep; echo a > src/deep/a",
        "mkdir -p Src/Deep; mv src/deep/a Src/Deep/A; echo b > Src/Deep/A",
        "",
        {"Src/Deep/A": "b\n"},
    ),
    "a folder in another case, in which the user has more": (
        "mkdir src; echo a > src/a",
        "mv src Src",
        "echo mine > src/mine",
        {"Src/a": "a\n", "Src/mine": "mine\n"},
    ),
    "a folder in another case, with more in it": (
        "mkdir src; echo a > src/a",
        "mv src Src; echo b > Src/b; mkdir Src/deep; echo c > Src/deep/c",
        "",
        {"Src/a": "a\n", "Src/b": "b\n", "Src/deep/c": "c\n"},
    ),
    "one file of a folder in another case": (
        "mkdir src; echo a > src/a; echo b > src/b",
        "mkdir Src; mv src/a Src/a",
        "",
        {"src/a": "a\n", "src/b": "b\n"},
    ),
    "a new file in a folder of another case": (
        "mkdir src; echo a > src/a",
        "mkdir Src; echo b > Src/b",
        "",
        {"src/a": "a\n", "src/b": "b\n"},
    ),
    "names that are swapped": (
        "echo a > a; echo b > b",
        "mv a t; mv b A; mv t B",
        "",
        {"A": "b\n", "B": "a\n"},
    ),
    "a file that goes, and the user's of another case": (
        "echo a > readme",
        "rm readme",
        "mv readme README; echo mine > README",
        {"README": "mine\n"},
    ),
    "new files": ("echo a > a", "echo b > b; chmod +x b; echo A > a", "", {"a": "A\n", "b": "b\n"}),
    "an edit where modes are lost": ("echo a > a", "chmod -x a; echo b > a", "", {"a": "b\n"}),
}


@pytest.mark.parametrize("case", BROUGHT)
def test_a_change_is_brought_and_taken_back(desk: Desk, case: str) -> None:
    first, by_run, since, expected = BROUGHT[case]
    desk.sh(first)
    run = desk.run(by_run)
    desk.sh(since)
    before = listed(desk.folder)

    result = brought(desk, run)

    assert result.plan.conflicts == ()
    assert listed(desk.folder) == expected
    if result.application is not None:
        assert desk.undo(run).plan.conflicts == ()
    assert listed(desk.folder) == before
    again = brought(desk, run)
    assert again.plan.conflicts == ()
    assert listed(desk.folder) == expected
    assert brought(desk, run).plan.steps == ()


CONFLICTS = {
    # what is: (the files at first, what the run did, what the user did since, the files then)
    "a new file that the user has in another case": (
        "",
        "echo b > README",
        "echo mine > readme",
        {"readme": "<<<<<<< here\nmine\n=======\nb\n>>>>>>> run {id}\n"},
    ),
    "two new files of one name": (
        "echo x > x",
        "echo a > a; echo A > A",
        "",
        {"x": "x\n", "A": "A\n"},
    ),
}


@pytest.mark.parametrize("case", CONFLICTS)
def test_what_cannot_be_brought_is_a_conflict_that_can_be_written(desk: Desk, case: str) -> None:
    first, by_run, since, expected = CONFLICTS[case]
    desk.sh(first)
    run = desk.run(by_run)
    desk.sh(since)
    before = listed(desk.folder)
    assert brought(desk, run).application is None
    assert listed(desk.folder) == before

    assert brought(desk, run, mark_conflicts=True).application is not None

    wanted = {path: content.format(id=run.id) for path, content in expected.items()}
    assert listed(desk.folder) == wanted
    desk.undo(run)
    assert listed(desk.folder) == before


@pytest.mark.parametrize(("made", "name"), [("ln -s x link", "link"), ("echo b > a:b", "a:b")])
def test_what_the_file_system_cannot_hold_is_named_and_nothing_changed(
    desk: Desk, made: str, name: str
) -> None:
    desk.sh("echo a > a")
    run = desk.run(f"echo A > a; {made}; echo z > z")

    with pytest.raises(ConfigurationError) as raised:
        brought(desk, run)

    assert raised.value.code == "TARGET_UNUSABLE"
    assert raised.value.message.startswith(f"{name} in {desk.folder} cannot be changed: ")
    assert listed(desk.folder) == {"a": "a\n"}
    assert not any(one.is_live for one in desk.store.read.applications(run.id))


def test_the_same_is_known_of_a_folder_without_a_name_to_try(desk: Desk) -> None:
    run = desk.run("echo a > a; echo A > A")
    (conflict,) = brought(desk, run).plan.conflicts
    assert conflict == Conflict("a", "here this is the same file as A")
    assert listed(desk.folder) == {}


def test_work_in_place_in_another_case_is_seen_and_taken_back(
    desk: Desk, crossrun: Crossrun
) -> None:
    desk.sh("mkdir src; echo a > src/a; echo b > readme; echo c > c")
    before = listed(desk.folder)
    run = desk.run("mv readme README; mv src t; mv t Src; echo C > c", kind="in_place")
    after = {"README": "b\n", "Src/a": "a\n", "c": "C\n"}
    assert {change.path for change in run.changes or ()} == {"README", "Src/a", "c"}
    assert listed(desk.folder) == after

    assert desk.undo(run).plan.conflicts == ()

    assert listed(desk.folder) == before
    real = crossrun.json(
        "run", "mv readme Readme", "--executor", "shell", "--workspace", str(desk.folder)
    )
    assert [change["path"] for change in real["changes"]] == ["Readme"]
    assert crossrun("undo", real["id"]).code == 0
    assert listed(desk.folder) == before


class Folder(NamedTuple):
    """The names that a folder lists, and what it makes of others."""

    names: tuple[str, ...]
    is_case_sensitive: bool
    preserves_names: bool

    def spelling_of(self, path: str) -> str:
        same = [name for name in self.names if folded(name) == folded(path)]
        return path if path in self.names or not same or self.is_case_sensitive else same[0]


class TestGoals:
    """What a folder is to become, by the names that it lists."""

    @staticmethod
    def of(
        wanted: dict[str, DesiredEntry],
        *names: str,
        is_case_sensitive: bool = False,
        preserves_names: bool = True,
        stays: tuple[str, ...] = (),
    ) -> tuple[list[MatchedPath], list[Conflict]]:
        """The goals in a folder with these names."""
        there = Folder(names, is_case_sensitive, preserves_names)
        return match_paths(wanted, there, stays=lambda folder: folder in stays)

    def test_what_goes_and_comes_in_another_spelling_is_renamed(self) -> None:
        wanted = {"readme": DesiredEntry((A,), None), "README": DesiredEntry((None,), B)}
        assert self.of(wanted, "readme") == (
            [MatchedPath("README", "readme", DesiredEntry((A,), B))],
            [],
        )

    def test_where_case_counts_they_are_two_files(self) -> None:
        wanted = {"readme": DesiredEntry((A,), None), "README": DesiredEntry((None,), B)}
        apart = [MatchedPath(path, path, desired) for path, desired in sorted(wanted.items())]
        assert self.of(wanted, "readme", is_case_sensitive=True) == (apart, [])

    def test_forms_of_unicode_are_one_name(self) -> None:
        wanted = {COMPOSED: DesiredEntry((A,), None), DECOMPOSED: DesiredEntry((None,), A)}
        renamed = MatchedPath(DECOMPOSED, COMPOSED, DesiredEntry((A,), A))
        assert self.of(wanted, COMPOSED) == ([renamed], [])

    def test_a_name_that_was_listed_in_another_form_is_removed(self) -> None:
        desired = DesiredEntry((A,), None)
        assert self.of({COMPOSED: desired}, DECOMPOSED) == (
            [MatchedPath(DECOMPOSED, DECOMPOSED, desired)],
            [],
        )

    def test_a_name_that_goes_does_not_take_one_of_another_case_with_it(self) -> None:
        assert self.of({"readme": DesiredEntry((A,), None)}, "README") == ([], [])

    def test_a_name_that_is_listed_in_a_form_of_its_own_is_removed(self) -> None:
        desired = DesiredEntry((A,), None)
        found, _ = self.of({"README": desired}, "readme", preserves_names=False)
        assert found == [MatchedPath("readme", "readme", desired)]

    def test_folders_that_stay_keep_their_names(self) -> None:
        wanted = {"src/a": DesiredEntry((A,), None), "Src/A": DesiredEntry((None,), A)}
        found, _ = self.of(wanted, "src/a", stays=("src",))
        assert found == [MatchedPath("src/A", "src/a", DesiredEntry((A,), A))]

    def test_of_two_files_with_one_name_there_is_one(self) -> None:
        wanted = {"a": DesiredEntry((None,), A), "A": DesiredEntry((None,), B)}
        found, conflicts = self.of(wanted, "a")
        assert found == [MatchedPath("a", "a", DesiredEntry((None,), A))]
        assert [conflict.path for conflict in conflicts] == ["A"]


def test_without_modes_a_file_is_what_its_content_is() -> None:
    program = TreeEntry(PROGRAM, A.blob)
    assert without_mode(DesiredEntry((B,), A), program) == A
    assert without_mode(DesiredEntry((A,), B), program) == A
    assert without_mode(DesiredEntry((B,), C), program) == A
    assert without_mode(DesiredEntry((None,), B), program) == A
    assert without_mode(DesiredEntry((A,), None), program) == A
    linked = TreeEntry(LINK, A.blob)
    assert without_mode(DesiredEntry((A,), B), linked) == linked
