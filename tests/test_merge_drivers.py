"""Merges follow the `merge` attributes in the target, and run no custom driver."""

from pathlib import Path

import pytest
from applications import Desk, brought
from conftest import Crossrun

LINES = "printf 'one\\ntwo\\nthree\\nfour\\nfive\\n'"


@pytest.fixture
def desk(crossrun: Crossrun, tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "source", crossrun)
    desk.sh(f"mkdir d; {LINES} > d/a")
    return desk


def merged(
    desk: Desk, rules: str, theirs: str, ours: str, *, at: str = ".gitattributes"
) -> str | None:
    """The text after a run's change met one of the user's; None where it was a conflict."""
    (desk.folder / at).write_text(rules)
    run = desk.run(f"sed -i {theirs} d/a")
    desk.sh(f"sed -i {ours} d/a")
    result = brought(desk, run)
    assert [conflict.path for conflict in result.plan.conflicts] in ([], ["d/a"])
    return None if result.plan.conflicts else (desk.folder / "d/a").read_text()


BOTH = "ONE\ntwo\nthree\nfour\nFIVE\n"


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ("", BOTH),
        ("d/a merge\n", BOTH),
        ("a merge=text\n", BOTH),
        ("d/* -merge\n", None),
        ("a binary\n", None),
        ("a merge=binary\n", None),
        ("a merge=lockfile\n", BOTH),
        ("[attr]whole -merge\na whole\n", None),
        ("other -merge\n", BOTH),
    ],
)
def test_what_may_not_be_merged_is_a_conflict(desk: Desk, rules: str, text: str | None) -> None:
    assert merged(desk, rules, "s/one/ONE/", "s/five/FIVE/") == text


def test_rules_further_down_win(desk: Desk) -> None:
    (desk.folder / ".gitattributes").write_text("a -merge\n")

    text = merged(desk, "a merge\n", "s/one/ONE/", "s/five/FIVE/", at="d/.gitattributes")

    assert text == BOTH


def test_a_union_has_the_lines_of_both_and_undo_removes_those_of_the_run(desk: Desk) -> None:
    text = merged(desk, "a merge=union\n", "'$a run'", "'$a mine'")
    assert text is not None
    assert sorted(text.splitlines()[5:]) == ["mine", "run"]

    assert desk.undo(desk.store.read.run("last")).plan.conflicts == ()

    assert (desk.folder / "d/a").read_text().splitlines()[5:] == ["mine"]
