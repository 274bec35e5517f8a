"""The disk that crossrun takes, and Codex in its own home. Changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from crossrun.config.settings import Paths
from crossrun.model.retention import RunLocation
from crossrun.services.cleanup.inventory import leftovers, size_of
from crossrun.workspace.files.guarded import ManagedPath, folders
from crossrun.workspace.files.measuring import Meter
from crossrun.workspace.folder_names import FROZEN
from crossrun.workspace.snapshots.object_store import object_store


class ProjectUsage(NamedTuple):
    """Bytes of one project. `project_id` is None for what belongs to no known run."""

    project_id: str | None
    workspaces: int = 0
    snapshots: int = 0
    artifacts: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.workspaces + self.snapshots + self.artifacts


class DiskUsage(NamedTuple):
    """Bytes of everything: by project, the largest first, and what all projects share.

    `frozen` is what batches froze to begin their runs with.
    """

    projects: list[ProjectUsage]
    store: int
    states: int
    """The states of all workspaces, which share what they have in common."""
    backups: int
    logs: int
    leftovers: int
    frozen: int
    sizes: Mapping[ManagedPath, int]

    @property
    def total(self) -> int:
        """All of it."""
        shared = sum(
            (self.store, self.states, self.backups, self.logs, self.leftovers, self.frozen)
        )
        return shared + sum(project.total for project in self.projects)


class CodexUsage(NamedTuple):
    """Bytes and files that Codex keeps in its own home; `sessions` are its records of threads."""

    home: Path
    sessions: int
    session_files: int
    total: int


def disk_usage(paths: Paths, locations: Iterable[RunLocation]) -> DiskUsage:
    """Measures all that crossrun keeps."""
    meter = Meter()
    projects = {run.id: run.project_id for run in locations}
    sizes = {path: meter.below(path.root, path.parts) for path in _measured_paths(paths)}
    states = ManagedPath(paths.snapshots, (object_store(paths.snapshots).folder.name,))
    usage: dict[str | None, ProjectUsage] = {}
    for path, size in sizes.items():
        if path == states:
            continue
        kind, project_id = _belongs_to(path, paths, projects)
        project = usage.setdefault(project_id, ProjectUsage(project_id))
        usage[project_id] = project._replace(**{kind: getattr(project, kind) + size})
    database = paths.database
    files = [database.name + ending for ending in ("", "-wal", "-shm")]
    return DiskUsage(
        sorted(usage.values(), key=lambda project: (-project.total, project.project_id or "")),
        store=sum(meter.below(database.parent, (name,)) for name in files),
        states=sizes.get(states, 0),
        backups=meter.below(paths.backups),
        logs=meter.below(paths.logs),
        leftovers=size_of(leftovers(paths)),
        frozen=meter.below(paths.workspaces, (FROZEN,)),
        sizes=sizes,
    )


def codex_usage(home: Path) -> CodexUsage | None:
    """Measures the home of Codex; None if there is none."""
    if not home.is_dir():
        return None
    meter = Meter()
    sessions = sum(meter.below(home, (name,)) for name in ("sessions", "archived_sessions"))
    return CodexUsage(home, sessions, meter.files, Meter().below(home))


def _measured_paths(paths: Paths) -> list[ManagedPath]:
    """Each workspace, each run's artifacts, each git directory of snapshots."""
    below = ((paths.workspaces, 2), (paths.artifacts, 2), (paths.snapshots, 1))
    return [
        ManagedPath(root, parts)
        for root, depth in below
        for parts in folders(root, depth)
        if len(parts) == depth
    ]


def _belongs_to(
    path: ManagedPath, paths: Paths, projects: Mapping[str, str]
) -> tuple[str, str | None]:
    if path.root == paths.snapshots:
        return "snapshots", projects.get(_run_id(path.parts))
    kind = "workspaces" if path.root == paths.workspaces else "artifacts"
    return kind, unquote(path.parts[0])


def _run_id(parts: Sequence[str]) -> str:
    return parts[-1].removesuffix(".git")
