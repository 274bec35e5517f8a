"""Files of patterns: kept from one run, laid for the next, and taken up by its agent."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import CodexWorld, Crossrun
from scripted_model import Scenario

from crossrun.memory.references import ReferenceFile, ReferenceFolders

CONVERT = "Convert report.csv to JSON and validate it"
OTHER_WORDS = "Turn the sales.csv file into a JSON document, then check that it is valid"
ALWAYS = {"CROSSRUN_PATTERNS_HOLDOUT": "0"}
SCRIPT = (
    "import csv, json, sys\n"
    "json.dump(list(csv.DictReader(open(sys.argv[1]))), open(sys.argv[2], 'w'))\n"
)
FILES = {
    "convert.py": ReferenceFile(b"print(1)\n"),
    "tools/run.sh": ReferenceFile(b"#!/bin/sh\n", executable=True),
}


def laid(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_is_whole_read_only_and_named_by_its_content(tmp_path: Path) -> None:
    references = ReferenceFolders(tmp_path / "references")
    folder = references.folder("a")
    references.lay(folder, FILES)
    assert laid(folder) == {path: file.content for path, file in FILES.items()}
    for path in (folder, *folder.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o222
    assert stat.S_IMODE((folder / "tools/run.sh").stat().st_mode) == 0o555
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    before = (folder / "convert.py").stat().st_ino
    references.lay(folder, FILES)
    assert (folder / "convert.py").stat().st_ino == before
    assert references.folder("b") != folder


@pytest.mark.parametrize("harm", ["changed", "added", "removed", "link", "mode", "replaced"])
def test_a_folder_that_somebody_changed_is_laid_anew(tmp_path: Path, harm: str) -> None:
    references = ReferenceFolders(tmp_path / "references")
    folder = references.folder("a")
    references.lay(folder, FILES)
    folder.chmod(0o755)
    file = folder / "convert.py"
    if harm == "changed":
        file.chmod(0o644)
        file.write_text("import os")
        file.chmod(0o444)
    elif harm == "added":
        (folder / "json.py").write_text("evil")
    elif harm == "mode":
        file.chmod(0o666)
    elif harm == "replaced":
        folder.rename(tmp_path / "away")
        folder.symlink_to(tmp_path / "away")
    else:
        file.unlink()
    if harm == "link":
        (tmp_path / "mine").write_bytes(FILES["convert.py"].content)
        file.symlink_to(tmp_path / "mine")
    references.lay(folder, FILES)
    assert not folder.is_symlink()
    assert laid(folder) == {path: file.content for path, file in FILES.items()}
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o444


LAY = """
import sys
from pathlib import Path
from crossrun.memory.references import ReferenceFile, ReferenceFolders
references = ReferenceFolders(Path(sys.argv[1]))
files = {f"{n}.txt": ReferenceFile(b"x" * 1000) for n in range(200)}
for number in range(int(sys.argv[2])):
    references.lay(references.folder(str(number)), files)
"""


def laying(root: Path, folders: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", LAY, str(root), str(folders)])


@pytest.mark.process
def test_runs_that_lay_the_same_folder_at_once_all_have_it(tmp_path: Path) -> None:
    processes = [laying(tmp_path / "references", 5) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    references = ReferenceFolders(tmp_path / "references")
    for number in range(5):
        assert len(laid(references.folder(str(number)))) == 200
    assert len(list((tmp_path / "references").iterdir())) == 5


@pytest.mark.process
def test_a_kill_leaves_no_half_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "references"
    process = laying(root, 1_000)
    while not root.is_dir() or not any(path.name[0] != "." for path in root.iterdir()):
        time.sleep(0.001)
    process.kill()
    process.wait()
    whole = [path for path in root.iterdir() if not path.name.startswith(".")]
    assert whole
    assert {len(laid(path)) for path in whole} == {200}
    ReferenceFolders(root).remove([])
    assert not any(path.name.startswith(".") for path in root.iterdir())


def test_only_folders_that_no_run_has_and_that_are_old_go(tmp_path: Path) -> None:
    references = ReferenceFolders(tmp_path / "references")
    old, used, new = (references.folder(name) for name in ("old", "used", "new"))
    for folder in (old, used, new):
        references.lay(folder, FILES)
    for folder in (old, used):
        os.utime(folder, (0, 0))
    assert references.unused({str(used)}, spare_new=True) == [old]
    assert references.unused({str(used)}, spare_new=False) == sorted([old, new])
    assert references.remove([old]) == 1
    assert sorted(path.name for path in old.parent.iterdir()) == sorted([used.name, new.name])


# ------------------------------------------------------------------ on the real Codex


UNCONFINED = ("--sandbox", "danger-full-access")


def converting(name: str, first: dict[str, str]) -> list[Any]:
    return [
        {"shell": f"printf 'a;b\\n1;2\\n' > {name}.csv"},
        first,
        {"shell": f"python3 convert.py {name}.csv {name}.json"},
        {"shell": f"python3 -m json.tool {name}.json"},
        "Converted and valid.",
    ]


def copying(crossrun: Crossrun) -> str:
    """The command that the block of the only pattern says."""
    text = crossrun("patterns", "show", "--block").out
    return next(line for line in text.splitlines() if "convert.py" in line and "cp " in line)


@pytest.mark.codex
@pytest.mark.parametrize("sandbox", ["danger-full-access", "workspace-write"])
def test_a_program_that_a_run_wrote_is_copied_by_the_next(codex: CodexWorld, sandbox: str) -> None:
    made = codex(
        [
            Scenario(
                converting("report", {"write_file": "convert.py", "content": SCRIPT}),
                match="report.csv",
            )
        ]
    )
    words = ("--sandbox", sandbox)
    first = made.run(CONVERT, *words).json
    pattern = made.crossrun.json("patterns", "show", first["learned_pattern_id"])
    assert [(file["path"], file["kind"]) for file in pattern["files"]] == [
        ("convert.py", "program")
    ]
    copy = copying(made.crossrun)
    made = codex([Scenario(converting("sales", {"shell": copy}), match="sales.csv")])
    second = made.run(OTHER_WORDS, *words, **ALWAYS).json
    assert (second["status"], second["pattern"]["decision"]) == ("succeeded", "injected")
    folder = Path(second["pattern"]["folder"])
    assert sorted(laid(folder)) == ["PATTERN.md", "convert.py", "transcript.md"]
    assert (folder / "convert.py").read_text() == SCRIPT
    assert "python3 convert.py report.csv report.json" in (folder / "transcript.md").read_text()
    assert copy in (folder / "PATTERN.md").read_text()
    assert second["pattern"]["uptake"] == ["convert.py"]
    assert second["pattern"]["adherence"] > 0.8
    changed = {change["path"] for change in second["changes"]}
    assert changed == {"convert.py", "sales.csv", "sales.json"}
    assert second["learned_pattern_id"] == first["learned_pattern_id"]
    merged = made.crossrun.json("patterns", "show", first["learned_pattern_id"])
    assert [file["sha256"] for file in merged["files"]] == [
        file["sha256"] for file in pattern["files"]
    ]
    assert any("delimiter `;`" in fact for fact in merged["facts"])
    dry = made.run(OTHER_WORDS, "--dry-run", **ALWAYS)
    assert dry.code == 0


@pytest.mark.codex
@pytest.mark.parametrize(
    "way",
    [
        "cp FOLDER/convert.py . && python3 convert.py",
        "cp -r FOLDER/. . && python3 convert.py",
        "python3 FOLDER/convert.py",
    ],
)
def test_however_a_run_uses_the_files_the_next_one_gets_them(codex: CodexWorld, way: str) -> None:
    write = {"write_file": "convert.py", "content": SCRIPT}
    made = codex([Scenario(converting("report", write), match="report.csv")])
    taught = made.run(CONVERT, *UNCONFINED).json["learned_pattern_id"]
    shown = made.crossrun("patterns", "show", taught, "--block").out
    folder = Path(shown.split('cp "')[1].split("/convert.py")[0])
    assert (folder / "convert.py").read_text() == SCRIPT
    first, _, *last = converting("sales", write)
    used = {"shell": f"{way.replace('FOLDER', str(folder))} sales.csv sales.json"}
    made = codex([Scenario([first, used, *last[1:]], match="sales.csv")])
    second = made.run(OTHER_WORDS, *UNCONFINED, **ALWAYS).json
    assert "convert.py" in second["pattern"]["uptake"]
    assert second["learned_pattern_id"] == taught
    block = made.crossrun("patterns", "show", taught, "--block").out
    assert ("python3 convert.py sales.csv sales.json" in block, "$PATTERN" in block) == (
        True,
        False,
    )
    assert Path(block.split('cp "')[1].split('"')[0]).read_text() == SCRIPT


@pytest.mark.codex
def test_an_agent_that_may_write_nothing_can_read_the_files(codex: CodexWorld) -> None:
    first = converting("report", {"write_file": "convert.py", "content": SCRIPT})
    made = codex([Scenario(first, match="report.csv")])
    made.run(CONVERT, "--sandbox", "danger-full-access")
    block = made.crossrun("patterns", "show", "--block").out
    folder = block.split('cp "')[1].split("/convert.py")[0]
    look = {"shell": f'cat "{folder}/convert.py" "{folder}/PATTERN.md"'}
    made = codex([Scenario([look, "It is there."], match="sales.csv")])
    second = made.run(OTHER_WORDS, "--sandbox", "read-only", **ALWAYS).json
    assert second["pattern"]["folder"] == folder
    assert second["pattern"]["uptake"] == ["PATTERN.md", "convert.py"]
    ran = [event for event in made.crossrun.events() if event["type"] == "command_ran"]
    assert [(event["exit_code"], "json.dump" in event["output"]) for event in ran] == [(0, True)]
