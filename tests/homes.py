"""A home with runs that were never carried out: rows and trees, as old as a test wants them."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from conftest import Crossrun
from test_store import sql

from crossrun.config.settings import Paths
from crossrun.config.sources import load
from crossrun.events import Event, RunFinished, RunStarted, WorkspaceChanged, WorkspacePrepared
from crossrun.model.failures import Failure
from crossrun.model.requests import BeginWith, RunRequest
from crossrun.model.runs import Change, Source
from crossrun.model.status import Status
from crossrun.redaction import Redactor
from crossrun.store import Store
from crossrun.system.clock import utc

DAY = 86400
NOTHING = BeginWith()
FAILURE = Failure("SCRIPT_FAILED", "m", "h")


class Home:
    """One user's home."""

    def __init__(self, home: Path) -> None:
        self.settings = load(flags={}, environ={}, cwd=home.parent, home=home)
        self.paths: Paths = self.settings.paths
        self.store = Store(self.paths)
        self.store.open_for_writing()

    def run(
        self,
        *,
        days: float = 0,
        project: str = "default",
        status: Status = Status.SUCCEEDED,
        source: Literal["repository", "folder", "url", "in_place"] | None = None,
        changes: int = 1,
        workspace: Path | None = None,
        begin_with: BeginWith = NOTHING,
    ) -> str:
        """Records a run that ended so many days ago, and makes its tree; its id."""
        request = RunRequest(task="x", executor="shell", project_id=project, begin_with=begin_with)
        with self.store.owning() as run_id:
            place = workspace or self.paths.workspaces / project / run_id
            from_where = Source(kind=source, path="/p", base="b") if source else None
            change = tuple(Change(f"f{number}", "added") for number in range(changes))
            events: list[Event] = [
                RunStarted(
                    request=request,
                    workspace=str(place),
                    crossrun_version="0",
                ),
                WorkspacePrepared(path=str(place), baseline="b", source=from_where),
            ]
            if status not in (Status.QUEUED, Status.RUNNING):
                failure = None if status is Status.SUCCEEDED else FAILURE
                events += [
                    WorkspaceChanged(tree="t", changes=change, shortstat="", stat=""),
                    RunFinished(status=status, failure=failure),
                ]
            for _ in self.store.recording(run_id, (one for one in events), Redactor()):
                pass
        at = utc(datetime.now(UTC) - timedelta(days=days))
        with sql(self.paths.database) as connection:
            connection.execute(
                "UPDATE runs SET created_at = ?, ended_at = iif(ended_at IS NULL, NULL, ?)"
                " WHERE id = ?",
                (at, at, run_id),
            )
        self.fill(run_id, project, place)
        return run_id

    def fill(self, run_id: str, project: str, workspace: Path, files: int = 8) -> None:
        """Makes all that a run leaves on the disk."""
        for folder in (
            workspace,
            self.paths.snapshots / f"{workspace.name}.git",
            self.paths.artifacts / project / run_id,
        ):
            (folder / "deep" / "er").mkdir(parents=True, exist_ok=True)
            for number in range(files):
                (folder / "deep" / f"{number}").write_text("x" * 5000)
        self.paths.logs.mkdir(parents=True, exist_ok=True)
        (self.paths.logs / f"{run_id}.log").write_text("said")

    def workspace(self, run_id: str) -> Path:
        return Path(self.store.read.run(run_id).workspace)

    def has(self, run_id: str) -> bool:
        return self.workspace(run_id).exists()

    def apply(self, run_id: str, *, undone: bool = False) -> None:
        """Records that the change of a run was brought back."""
        with sql(self.paths.database) as connection:
            connection.execute(
                "INSERT INTO applications (id, run_id, at, path, files, finished_at, undone_at)"
                " VALUES (?, ?, 'now', '/p', 1, 'now', ?)",
                (f"a-{run_id}", run_id, "now" if undone else None),
            )

    def traces(self, run_id: str) -> list[str]:
        """What is on the disk of a run, wherever."""
        found = []
        for top in (self.paths.data, self.paths.state):
            for folder, below, files in os.walk(top):
                found += [f"{folder}/{name}" for name in (*below, *files) if run_id in name]
        return sorted(set(found))


def started(crossrun: Crossrun, script: str) -> tuple["subprocess.Popen[bytes]", str]:
    """A run that goes on, and its id."""
    process = crossrun.start("run", "--executor", "shell", script)
    assert process.stdout is not None
    return process, process.stdout.readline().decode().strip()
