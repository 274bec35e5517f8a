"""Changes brought to file systems that tell no case apart, or keep no modes, whole and exact."""

import random
import tempfile
from collections.abc import Mapping
from pathlib import Path

from filesystems import EXFAT, NTFS, Kind, lacks, mounted
from trees import sh

from crossrun.workspace.files.spelling import folded
from faults.lists import FaultList, Trial
from faults.recovery import in_child, run_id
from faults.worlds import crossrun_in

_NAMES = ("alpha", "Beta", "gamma.txt", "README.md", "Makefile", "caf\u00e9", "x y")
_KINDS = (EXFAT, EXFAT, NTFS)
_CHANGES = 6
_KILLED = 0.4
"""So often an apply or an undo is killed first."""

Files = Mapping[str, str]


class Script:
    """A random change of a tree, as a script, in which no two names differ only in spelling."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.files: dict[str, str] = {}
        self.lines: list[str] = []

    def begin(self) -> str:
        """Makes a tree."""
        for number in range(8):
            self._write(self._new_path(), f"first {number}")
        return self._done()

    def change(self) -> str:
        """Changes it."""
        for number in range(_CHANGES):
            getattr(self, self._chance.choice(("_edit", "_add", "_remove", "_respell", "_move")))(
                f"then {number}"
            )
        return self._done()

    def _done(self) -> str:
        script, self.lines = "; ".join(self.lines) or "true", []
        return script

    def _edit(self, content: str) -> None:
        self._write(self._some(), content)

    def _add(self, content: str) -> None:
        self._write(self._new_path(), content)

    def _remove(self, _: str) -> None:
        path = self._some()
        del self.files[path]
        self.lines.append(f"rm '{path}'")
        self._prune(path)

    def _move(self, _: str) -> None:
        self._rename(self._some(), self._new_path())

    def _respell(self, _: str) -> None:
        """Another case for a file, or for a folder with all that is in it."""
        path = self._some()
        folder, slash, _ = path.partition("/")
        if slash and self._chance.random() < 0.5:
            for each in [each for each in self.files if each.startswith(f"{folder}/")]:
                self.files[f"{folder.swapcase()}{each[len(folder) :]}"] = self.files.pop(each)
            self.lines.append(f"mv '{folder}' t; mv t '{folder.swapcase()}'")
        else:
            above, _, last = path.rpartition("/")
            self._rename(path, f"{above}/{last.swapcase()}" if above else last.swapcase())

    def _rename(self, old: str, new: str) -> None:
        self.files[new] = self.files.pop(old)
        self.lines.append(f"mv '{old}' t; {_make_room(new)}mv t '{new}'")
        self._prune(old)

    def _prune(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        if folder and not any(each.startswith(f"{folder}/") for each in self.files):
            self.lines.append(f"rmdir '{folder}'")

    def _write(self, path: str, content: str) -> None:
        self.files[path] = f"{content}\n"
        self.lines.append(f"{_make_room(path)}echo '{content}' > '{path}'")

    def _some(self) -> str:
        if not self.files:
            self._write(self._new_path(), "again")
        return self._chance.choice(sorted(self.files))

    def _new_path(self) -> str:
        """In the spelling that folders have; nothing else has the name in any spelling."""
        names = {folded(path) for path in self.files}
        folders = {path.partition("/")[0] for path in self.files if "/" in path}
        while True:
            name = f"{self._chance.choice(_NAMES)}{self._chance.randrange(100)}"
            folder = self._chance.choice((*sorted(folders), f"dir{self._chance.randrange(9)}", ""))
            path = f"{folder}/{name}" if folder else name
            others = {folded(each) for each in folders if each != folder}
            if folded(path) not in names and folded(folder) not in others:
                return path


def _make_room(path: str) -> str:
    folder = path.rpartition("/")[0]
    return f"mkdir -p '{folder}'; " if folder else ""


def carry_out(trial: Trial) -> None:
    kind = _KINDS[trial.number % len(_KINDS)]
    with mounted(kind, trial.folder / "disk", megabytes=24) as disk:
        _brought_and_taken_back(trial, kind, disk)


def _brought_and_taken_back(trial: Trial, kind: Kind, disk: Path) -> None:
    chance, script = trial.chance, Script(trial.chance)
    own = trial.folder / "own"
    own.mkdir()
    crossrun = crossrun_in(own)
    if chance.random() < 0.3:
        crossrun.environ["CROSSRUN_HOME"] = str(disk / "home")
    folder = disk / "source"
    folder.mkdir()
    sh(script.begin(), folder)
    before = _listed(folder, kind)
    script.files = dict(before)
    begin = "--workspace" if chance.random() < 0.3 else "--source"
    words = ("run", script.change(), "--executor", "shell", begin, str(folder), "--json")
    run = run_id(in_child(crossrun, *words))
    after = _expected(script.files, kind)
    if begin == "--source":
        if chance.random() < _KILLED:
            in_child(crossrun, "apply", run, die_at=chance.randint(1, 150))
        told = in_child(crossrun, "apply", run)
        assert told.code == 0, told.err
    _require(folder, kind, after)
    if chance.random() < _KILLED:
        in_child(crossrun, "undo", run, die_at=chance.randint(1, 150))
    told = in_child(crossrun, "undo", run)
    assert told.code in (0, 6), told.err
    _require(folder, kind, before)


def _require(folder: Path, kind: Kind, expected: Files) -> None:
    found = _listed(folder, kind)
    differing = {
        path: (expected.get(path), found.get(path))
        for path in {*expected, *found}
        if expected.get(path) != found.get(path)
    }
    assert not differing, f"expected and found: {differing}"


def _listed(folder: Path, kind: Kind) -> Files:
    """All files in the spelling of the listing."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    return _expected({p: file.read_text() for p, file in found.items() if file.is_file()}, kind)


def _expected(files: Files, kind: Kind) -> Files:
    if kind is NTFS:
        return {folded(path): content for path, content in files.items()}
    return dict(files)


def _lacks() -> str | None:
    with tempfile.TemporaryDirectory() as scratch:
        for kind in (EXFAT, NTFS):
            missing = lacks(kind, Path(scratch))
            if missing is not None:
                return missing
    return None


FILESYSTEMS = FaultList(
    name="filesystems",
    about="exFAT and NTFS, where case and modes do not count: brought and taken back exactly",
    short=30,
    long=600,
    carry_out=carry_out,
    lacks=_lacks,
)
