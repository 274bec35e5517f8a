"""Branches in repositories that store files differently from the work tree."""

import shutil
from pathlib import Path

import pytest
from applications import Desk
from conftest import Crossrun

from crossrun.errors import ConfigurationError
from crossrun.model.runs import Run
from crossrun.services.applying import ApplyResult, apply_as_branch


@pytest.fixture
def desk(crossrun: Crossrun, tmp_path: Path) -> Desk:
    return Desk(tmp_path / "source", crossrun)


def branched(desk: Desk, run: Run) -> ApplyResult:
    environ = desk.settings.environ
    return apply_as_branch(desk.store, desk.change(run), desk.folder, "agent", environ)


def committed_by_git(desk: Desk, run: Run, tmp_path: Path) -> str:
    """The tree that the user's own git makes of the run's files."""
    folder = tmp_path / "own"
    shutil.copytree(run.workspace, folder, symlinks=True)
    shutil.copytree(desk.folder / ".git", folder / ".git")
    own = Desk(folder, desk.crossrun)
    home = desk.crossrun.environ["HOME"]
    return own.sh(f"HOME={home}; unset GIT_CONFIG_GLOBAL; git add -A; git write-tree")


BEGIN = r"""
printf 'one\r\ntwo\r\n' > dos.bat; printf 'one\ntwo\n' > unix.txt; printf 'a\0\r\n' > data.bin
printf 'x\r\n' > always-crlf.md; mkdir d; printf 'sub\r\n' > d/sub.bat
"""
WORK = r"""
printf 'one\r\nTWO\r\n' > dos.bat; printf 'new\r\n' > new.bat; printf 'n\r\n' > new.txt
printf 'b\0\r\n' > data.bin; printf 'x\r\ny\r\n' > always-crlf.md; printf 'SUB\r\n' > d/sub.bat
chmod +x unix.txt; printf '$Id: 123 $\n' > version.ident; ln -s dos.bat link.bat
printf '\376\377\0a\0\n' > wide.u16
"""


@pytest.mark.parametrize(
    ("place", "attributes", "config"),
    [
        ("repository", "*.bat text eol=crlf\n*.bin binary\n", ""),
        ("repository", "* text=auto eol=crlf\nd/* -text\n*.ident ident\n", ""),
        ("user", "[attr]dos crlf\n*.bat dos\n*.u16 text working-tree-encoding=UTF-16\n", ""),
        ("repository", "", "[core]\n\tautocrlf = true\n"),
        ("user", "*.txt -text\n", "[core]\n\tautocrlf = input\n\teol = crlf\n"),
    ],
)
def test_a_branch_has_what_the_users_own_git_would_commit(
    desk: Desk, tmp_path: Path, attributes: str, config: str, place: str
) -> None:
    home = Path(desk.crossrun.environ["HOME"])
    desk.sh("git init -q -b main .")
    if place == "repository":
        (desk.folder / ".gitattributes").write_text(attributes)
        with (desk.folder / ".git/config").open("a") as file:
            file.write(config)
    else:
        (home / "attributes").write_text(attributes)
        (home / ".gitconfig").write_text(f"{config}[core]\n\tattributesFile = ~/attributes\n")
    desk.sh(f"{BEGIN} HOME={home}; unset GIT_CONFIG_GLOBAL; git add -A; git commit -q -m first")
    desk.commit = desk.sh("git rev-parse HEAD").strip()
    run = desk.run(WORK)

    result = branched(desk, run)

    assert result.plan.conflicts == ()
    assert desk.sh("git rev-parse agent^{tree}") == committed_by_git(desk, run, tmp_path)


def test_rules_that_the_run_itself_adds_count(desk: Desk, tmp_path: Path) -> None:
    desk.sh(BEGIN)
    desk.commits()
    run = desk.run(f"echo '*.bat text eol=crlf' > .gitattributes; rm dos.bat; {WORK}")

    assert branched(desk, run).plan.conflicts == ()

    assert desk.sh("git show agent:new.bat") == "new\n"
    assert desk.sh("git rev-parse agent^{tree}") == committed_by_git(desk, run, tmp_path)


def test_a_merge_with_what_was_committed_is_made_in_the_stored_form(desk: Desk) -> None:
    desk.sh(r"echo '*.bat eol=crlf' > .gitattributes; printf '1\r\n2\r\n3\r\n4\r\n5\r\n' > a.bat")
    desk.commits()
    desk.sh(r"printf '1\r\n2\r\n3\r\n4\r\nuncommitted\r\n' > a.bat")
    run = desk.run("sed -i s/1/ONE/ a.bat", uncommitted=1)

    assert branched(desk, run).plan.conflicts == ()

    assert desk.sh("git show agent:a.bat") == "ONE\n2\n3\n4\n5\n"


FILTERED = """
printf 'secrets/** filter=git-crypt\\n*.big filter=lfs diff=lfs merge=lfs -text\\n' > .gitattributes
mkdir secrets; printf 'encrypted' > secrets/old; printf 'pointer' > x.big; echo a > a
"""


@pytest.mark.parametrize(
    ("work", "names"),
    [
        ("echo password > secrets/new; echo raw > y.big; echo A > a", ["secrets/new", "y.big"]),
        ("echo changed > x.big", ["x.big"]),
        ("rm x.big; mkdir x.big; echo b > x.big/b; echo c > secrets/deep", ["secrets/deep"]),
        ("echo '*.key filter=vault' >> .gitattributes; echo k > my.key", ["my.key"]),
        ("sed -i /secrets/d .gitattributes; echo plain > secrets/old", ["secrets/old"]),
        (
            "printf 'a filter=x\\n' > .git-attributes; mv a .gitattributes; echo b > x.big",
            ["x.big"],
        ),
        ("for i in 1 2 3 4 5 6 7; do echo $i > $i.big; done", ["1.big", "5.big", "and 2 more"]),
    ],
)
def test_files_that_a_filter_would_change_are_named_and_no_branch_is_made(
    desk: Desk, work: str, names: list[str]
) -> None:
    desk.sh(FILTERED)
    desk.commits()
    desk.sh("printf 'smudged' > secrets/old; printf 'content' > x.big")
    run = desk.run(work)

    with pytest.raises(ConfigurationError) as raised:
        branched(desk, run)

    assert raised.value.code == "BRANCH_FILTERED"
    assert "without --branch" in raised.value.hint
    for name in names:
        assert name in raised.value.message
    assert "agent" not in desk.sh("git branch --list")
    assert list(desk.store.read.applications(run.id)) == []


@pytest.mark.parametrize(
    "filtered_by",
    [
        "echo '*.key filter=vault' > .git/info/attributes",
        "echo '*.key filter=vault' > .gitattributes",
        "echo '*.key filter=vault' > \"$HOME_OF_USER/.config/git/attributes\"",
        "echo '[attr]sealed filter=vault' > .git/info/attributes; echo '* sealed' > .gitattributes",
    ],
)
def test_a_filter_counts_wherever_it_is_named(desk: Desk, filtered_by: str) -> None:
    desk.sh("echo a > a")
    desk.commits()
    home = Path(desk.crossrun.environ["HOME"])
    (home / ".config" / "git").mkdir(parents=True)
    desk.sh(f"HOME_OF_USER={home}; mkdir -p .git/info; {filtered_by}")
    run = desk.run("mkdir -p d; echo k > d/my.key")

    with pytest.raises(ConfigurationError, match=r"d/my\.key"):
        branched(desk, run)


def test_filtered_files_that_go_or_change_only_their_mode_are_no_hindrance(desk: Desk) -> None:
    desk.sh(FILTERED)
    desk.commits()
    desk.sh("printf 'smudged' > secrets/old; printf 'content' > x.big")
    run = desk.run("rm secrets/old; chmod +x x.big; echo A > a")

    assert branched(desk, run).plan.conflicts == ()

    shown = desk.sh("git show --format= --raw --no-renames agent | cut -d' ' -f1-2,5-")
    assert shown.splitlines() == [
        ":100644 100644 M\ta",
        ":100644 000000 D\tsecrets/old",
        ":100644 100755 M\tx.big",
    ]
    assert desk.sh("git show agent:x.big") == "pointer"


def test_a_file_in_another_encoding_than_its_rule_says_is_named(desk: Desk) -> None:
    desk.sh("echo '*.u16 working-tree-encoding=UTF-16' > .gitattributes")
    desk.commits()
    run = desk.run("printf 'abc' > plain.u16")

    with pytest.raises(ConfigurationError, match=r"plain\.u16 .*encoding") as raised:
        branched(desk, run)

    assert raised.value.code == "BRANCH_IMPOSSIBLE"
