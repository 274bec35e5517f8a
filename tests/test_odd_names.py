"""File names that are not UTF-8 or contain newlines, quotes and tabs are exact everywhere."""

import os
import subprocess
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from applications import Desk, brought
from conftest import Crossrun
from trees import sh, state

from crossrun.workspace.files.filenames import percent_encoded, quoted, system_path

BEGIN = r"""
printf old > "$(printf 'caf\351.txt')"; printf nl > "$(printf 'a\nb')"
printf x > "$(printf 't\t"q')"
"""
WORK = r"""
printf new > "$(printf 'caf\351.txt')"; printf other > "$(printf 'caf\350.txt')"
mv "$(printf 'a\nb')" "$(printf 'b\377c')"; mkdir "$(printf 'd\376')"
echo f > "$(printf 'd\376/f')"; ln -s "$(printf 'to\375')" "$(printf 'l\374')"
echo n > "$(printf 'new\nline')"; rm "$(printf 't\t"q')"
"""
CHANGED = {
    b"b\xffc", b"caf\xe8.txt", b"caf\xe9.txt", b"d\xfe/f", b"l\xfc", b"new\nline", b't\t"q',
}  # fmt: skip


@pytest.fixture
def desk(crossrun: Crossrun, tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "source", crossrun)
    desk.sh(BEGIN)
    desk.commits()
    return desk


def output(crossrun: Crossrun, *words: str | bytes) -> bytes:
    """What a command prints, byte by byte."""
    command = [*crossrun.command(), *words]
    environ = crossrun.environ
    done = subprocess.run(command, cwd=crossrun.cwd, env=environ, capture_output=True, check=True)
    return done.stdout


def exact(path: str, encoded: str | None) -> bytes:
    return unquote_to_bytes(encoded) if encoded else path.encode()


@pytest.mark.parametrize(
    ("name", "encoded"),
    [("plain", None), ("ä\n%41", None), ("caf\udce9", "caf%E9"), ("d\udcfe/a b%", "d%FE/a%20b%25")],
)
def test_a_path_that_is_not_utf8_is_percent_encoded(name: str, encoded: str | None) -> None:
    assert percent_encoded(name) == encoded
    assert system_path(os.fsencode(name).decode("utf-8", "replace"), encoded) == name


@pytest.mark.parametrize("name", ["a b", "ä", "a\nb", 'q"', "b\\s", "\t\x01\x7f", "caf\udce9\n"])
def test_names_are_quoted_as_git_quotes_them(desk: Desk, name: str) -> None:
    desk.sh("git rm -rq --cached .; rm -f *")
    (desk.folder / name).touch()

    assert f"{quoted(name)}\n" == desk.sh("git -c core.quotePath=false ls-files -o")


def test_changes_are_recorded_exactly(desk: Desk) -> None:
    run = desk.run(WORK)

    changes = run.changes or ()
    assert {exact(change.path, change.path_bytes) for change in changes} == CHANGED
    counts = {change.path_bytes: (change.insertions, change.deletions) for change in changes}
    assert (counts["caf%E8.txt"], counts["caf%E9.txt"]) == ((1, 0), (1, 1))
    (renamed,) = [change for change in changes if change.status == "renamed"]
    assert (renamed.old_path, renamed.path_bytes) == ("a\nb", "b%FFc")


def test_files_and_patches_are_brought_and_taken_back_exactly(desk: Desk, tmp_path: Path) -> None:
    before = desk.tree()
    run = desk.run(WORK)
    patch = tmp_path / "patch"
    patch.write_bytes(desk.change(run).patch)
    desk.sh(f"git clone -q . ../patched; cd ../patched; git apply --whitespace=nowarn {patch}")

    assert brought(desk, run).plan.conflicts == ()

    assert {name for name in state(desk.folder) if not name.startswith(b".git")} == {
        name for name in state(tmp_path / "patched") if not name.startswith(b".git")
    }
    desk.undo(run)
    assert desk.tree() == before


def test_commands_print_and_take_exact_names(desk: Desk) -> None:
    run, crossrun = desk.run(WORK), desk.crossrun

    names = output(crossrun, "diff", run.id, "--name-only", "-z")
    assert set(names.split(b"\0")[:-1]) == CHANGED
    lines = output(crossrun, "diff", run.id, "--name-only").splitlines()
    assert b'"new\\nline"' in lines
    assert b"caf\xe9.txt" in lines
    listed = set(output(crossrun, "files", run.id, "-z").split(b"\0")[:-1])
    assert listed == CHANGED - {b't\t"q'}
    assert output(crossrun, "get", run.id, b"caf\xe8.txt") == b"other"
    assert output(crossrun, "files", run.id, b"d\xfe/f") == b"f\n"
    files = crossrun.json("files", run.id)["files"]
    assert {exact(file["path"], file["path_bytes"]) for file in files} == CHANGED
    (link,) = [file for file in files if file["kind"] == "link"]
    assert (link["target"], link["target_bytes"]) == ("to\ufffd", "to%FD")
    tree = crossrun("files", run.id).out.splitlines()
    assert sum("caf\ufffd.txt" in line for line in tree) == 2
    dry = crossrun.json("apply", run.id, "--dry-run")
    assert {exact(file["path"], file["path_bytes"]) for file in dry["files"]} == {
        *CHANGED,
        b"a\nb",
    }


def test_ignored_files_and_tags_may_have_such_names(crossrun: Crossrun) -> None:
    source = crossrun.cwd / "repo"
    source.mkdir()
    sh("git init -q -b main; echo out/ > .gitignore; git add .; git commit -qm x", source)
    task = r'mkdir out; echo x > "$(printf "out/\351")"; git tag "$(printf "t\351")"'

    assert crossrun("run", "--executor", "shell", "--source", "repo", task).code == 0

    assert crossrun.json("show")["ignored_files"] == 1
    assert crossrun("apply", "--ignored").code == 0
    assert list((source / "out").iterdir()) == [source / "out" / "\udce9"]
    told = crossrun.json("apply", "--commits")
    assert [each["ref"].rpartition("/")[2] for each in told["refs"]] == ["t%E9"]


@pytest.mark.parametrize("option", ["--source", "--workspace"])
def test_a_folder_whose_path_is_not_utf8_is_refused(crossrun: Crossrun, option: str) -> None:
    folder = crossrun.cwd / "caf\udce9"
    folder.mkdir()
    words = crossrun.command("run", "--executor", "shell", option, str(folder), "true")

    done = subprocess.run(words, env=crossrun.environ, capture_output=True, check=False)

    assert (done.returncode, b"error[PATH_NOT_UTF8]" in done.stderr) == (2, True)
