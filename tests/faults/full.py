"""A disk without room at each write of store, artifacts, snapshots and workspace, in some trial."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from conftest import CodexWorld, Crossrun, Result, clean_environ, fill
from scripted_model import Script

from faults.checks import told_runs
from faults.lists import FaultList, Trial

_DISK = "2000k"
"""Room for a new store and three runs."""
_BLOCK = 4096
_GOLDEN = 0.6180339887
"""Steps of this size fill an interval evenly, however many there are."""


class Layout(NamedTuple):
    """What lies on the small disk, by the variable that puts it there.

    `most` is how many bytes of it are left free at most.
    """

    what: str
    variable: str | None
    most: int


LAYOUTS = (
    Layout("everything", "CROSSRUN_HOME", 800_000),
    Layout("store", "CROSSRUN_DATABASE_PATH", 400_000),
    Layout("artifacts", "CROSSRUN_ARTIFACTS_ROOT", 90_000),
    Layout("workspaces", "CROSSRUN_WORKSPACE_ROOT", 160_000),
    Layout("snapshots", None, 250_000),
)
EXECUTORS = ("shell", "replay", "codex")
WORK = "seq 1 6000 > numbers.txt; mkdir -p out; head -c 40000 /dev/urandom > out/noise; seq 1 2000"
SCRIPT: Script = [
    {"write_file": "notes.txt", "content": "first\n" * 500},
    {"shell": WORK},
    "Wrote the numbers.",
]
MADE = {"notes.txt", "numbers.txt", "out/noise"}
_TOLD = "made.json"
"""A file beside the home of crossrun with a recording of the same work."""


def carry_out(trial: Trial) -> None:
    """Lets the disk become full at some point of a run, makes room, and looks at what is there."""
    executor = EXECUTORS[trial.number % len(EXECUTORS)]
    layout = LAYOUTS[trial.number // len(EXECUTORS) % len(LAYOUTS)]
    with _small_disk(trial.folder / "disk") as disk:
        crossrun = _crossrun(trial.folder, disk, layout)
        world = CodexWorld(crossrun, _codex(executor), trial.folder)
        try:
            world([*SCRIPT, *SCRIPT, *SCRIPT])
            _fill_and_run(trial, crossrun, disk, layout, executor)
        finally:
            world.close()


def _fill_and_run(
    trial: Trial, crossrun: Crossrun, disk: Path, layout: Layout, executor: str
) -> None:
    first = _run(crossrun, executor)
    assert first.code == 0, first
    turn = trial.number // (len(EXECUTORS) * len(LAYOUTS))
    share = (turn * _GOLDEN + trial.chance.random() / 40) % 1
    leave = int(share * layout.most) // _BLOCK * _BLOCK
    where = f"{executor}, {layout.what} on a disk with {leave} bytes free"
    filling = fill(disk, leave=leave)
    second = _run(crossrun, executor)
    _check_ended(second, where, crossrun)
    _check_readable(crossrun("runs", "--json"), first, where)

    filling.unlink()
    told_runs(crossrun.home, crossrun.environ)
    listed = crossrun("runs", "--json")
    assert listed.code == 0, f"{where}: {listed}"
    _check_readable(listed, first, where)
    going_on = [one["id"] for one in listed.json["runs"] if one["status"] in ("queued", "running")]
    assert not going_on, f"{where}: {going_on} go on after {second}"
    third = _run(crossrun, executor)
    assert third.code == 0, f"{where}: with room again: {third}"
    _check_whole(third.json, where)
    told_runs(crossrun.home, crossrun.environ)


def _run(crossrun: Crossrun, executor: str) -> Result:
    script = f"yes first | head -500 > notes.txt; {WORK}"
    words = {
        "shell": ["--executor", "shell", script],
        "replay": ["--recording", str(crossrun.cwd / _TOLD), "--yes", "play"],
        "codex": ["make the numbers", "--sandbox", "danger-full-access"],
    }
    return crossrun("run", *words[executor], "--json")


def _check_ended(result: Result, where: str, crossrun: Crossrun) -> None:
    said = f"{where}: {result}"
    assert "Traceback" not in result.err, said
    assert result.code in (0, 1, 3), said
    assert "internal error" not in result.err + result.out, said
    if result.code == 0:
        _check_whole(result.json, where)
        saved = crossrun.json("artifacts", result.json["id"])["artifacts"]
        kinds = {one["kind"] for one in saved}
        assert {"patch", "diff-summary"} <= kinds, f"{said} {kinds}"
        for one in saved:
            content = Path(one["path"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == one["sha256"], f"{said} {one}"


def _check_whole(run: dict[str, Any], where: str) -> None:
    made = {change["path"] for change in run["changes"]}
    assert (run["status"], made) == ("succeeded", MADE), f"{where}: {run}"


def _check_readable(listed: Result, first: Result, where: str) -> None:
    """On a disk without any room SQLite cannot even open a store for reading, and says so."""
    if listed.code == 3:
        assert listed.json["error"]["code"] == "DISK_FULL", f"{where}: {listed}"
        return
    assert listed.code == 0, f"{where}: {listed}"
    known = {name: value for name, value in first.json.items() if name != "schema_version"}
    assert known in listed.json["runs"], f"{where}: {listed}"


def _crossrun(folder: Path, disk: Path, layout: Layout) -> Crossrun:
    user, cwd = folder / "user", folder / "cwd"
    cwd.mkdir()
    (cwd / _TOLD).write_text(json.dumps(_recording()))
    crossrun = Crossrun(user / "crossrun", cwd, clean_environ(user))
    if layout.variable is None:
        crossrun.home.mkdir()
        (crossrun.home / "snapshots").symlink_to(disk)
    elif layout.what == "everything":
        crossrun.home = disk / "home"
        crossrun.environ["CROSSRUN_HOME"] = str(crossrun.home)
    else:
        place = disk / "crossrun.db" if layout.what == "store" else disk / layout.what
        crossrun.environ[layout.variable] = str(place)
    return crossrun


def _recording() -> dict[str, Any]:
    notes = {"type": "file_changed", "path": "notes.txt", "change": "added"}
    return {
        "recording": 1,
        "title": "numbers",
        "task": "make the numbers",
        "events": [
            {**notes, "content": "first\n" * 500},
            {"type": "command_ran", "command": WORK, "exit_code": 0},
            {"type": "agent_spoke", "text": "Wrote the numbers."},
        ],
    }


def _lacks() -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            with _small_disk(Path(folder) / "disk"):
                return None
        except (OSError, subprocess.CalledProcessError):
            return "making a small file system takes root"


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=700", "tmpfs", str(folder)]
    subprocess.run(options, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _codex(executor: str) -> str:
    if executor != "codex":
        return "no codex"
    found = os.environ.get("CODEX_PATH") or shutil.which("codex")
    assert found, "no codex: set CODEX_PATH or put it on PATH"
    return found


FULL = FaultList(
    name="full",
    about="no room on the disk at some write of a run: told, nothing half recorded",
    short=45,
    long=450,
    carry_out=carry_out,
    lacks=_lacks,
)
