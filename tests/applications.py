"""Runs on a copy of the user's files, made by hand, and helpers for tests of `apply`."""

import shutil
import sqlite3
import subprocess
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from conftest import Crossrun
from msgspec.structs import replace
from trees import sh

from crossrun.config.sources import load
from crossrun.events import Event, RunFinished, RunStarted, WorkspaceChanged, WorkspacePrepared
from crossrun.model.requests import BeginWith, RunRequest
from crossrun.model.runs import Run, Source
from crossrun.model.status import Status
from crossrun.redaction import Redactor
from crossrun.services.app import App
from crossrun.services.applying import (
    ApplicableChange,
    ApplyResult,
    apply_to_files,
    change_of,
    target_of,
    undo,
)
from crossrun.store import Store
from crossrun.workspace.files.emptied import kept_folders
from crossrun.workspace.snapshots.tree_builder import EMPTY_TREE
from crossrun.workspace.snapshots.trees import Trees


@dataclass
class Desk:
    """A user's folder, and runs that work on copies of it."""

    folder: Path
    crossrun: Crossrun
    commit: str | None = None

    def __post_init__(self) -> None:
        self.settings = load(flags={}, environ=self.crossrun.environ, cwd=self.crossrun.cwd)
        self.workspaces = App(self.settings).workspaces
        self.store = Store(self.settings.paths)
        self.store.open_for_writing()
        self.folder.mkdir(exist_ok=True)

    def sh(self, script: str) -> str:
        """Does something in the user's folder."""
        return sh(script, self.folder)

    def commits(self) -> str:
        """Makes a repository of the folder, with all its files in a commit."""
        self.sh("git init -q -b main . && git add -A && git commit -q --allow-empty -m first")
        self.commit = self.sh("git rev-parse HEAD").strip()
        return self.commit

    def run(
        self,
        script: str,
        *,
        kind: Literal["repository", "folder", "url", "in_place"] | None = None,
        empty: bool = False,
        uncommitted: int = 0,
    ) -> Run:
        """A run whose agent did what the script does in a copy of the folder.

        `empty`: in an empty workspace, as without a source.
        """
        with self.store.owning() as run_id:
            path = self.folder
            if kind != "in_place":
                path = self.workspaces.path("default", run_id)
                self.workspaces.make_room(path)
                copied = self.crossrun.cwd if empty else self.folder
                ignored = shutil.ignore_patterns("*" if empty else ".git")
                shutil.copytree(copied, path, symlinks=True, ignore=ignored)
            snapshots = self.workspaces.snapshots(path)
            base = snapshots.take()
            sh(script, path)
            source = Source(
                kind=kind or ("repository" if self.commit else "folder"),
                path="https://example.org/x.git" if kind == "url" else str(self.folder),
                base=base,
                commit=self.commit,
                uncommitted=uncommitted,
            )
            tree = snapshots.take()
            self._record(run_id, path, tree, None if empty else source)
        return self.store.read.run(run_id)

    def resume(self, earlier: Run, script: str) -> Run:
        """A run that goes on from another one."""
        path = Path(earlier.workspace)
        with self.store.owning() as run_id:
            workspace = self.workspaces.take_over(path)
            sh(script, path)
            tree = workspace.snapshots.take()
            self._record(run_id, path, tree, earlier.source, resumed_from=earlier.id)
        return self.store.read.run(run_id)

    def clone(self, earlier: Run, script: str) -> Run:
        """A run on a copy of the workspace of another one."""
        there = Path(earlier.workspace)
        with self.store.owning() as run_id:
            path = self.workspaces.path("default", run_id)
            self.workspaces.make_room(path)
            shutil.copytree(there, path, symlinks=True)
            snapshots = self.workspaces.recorded(path, beside=there).snapshots
            sh(script, path)
            tree = snapshots.take()
            source = earlier.source
            if source is not None and source.kind == "in_place":
                source = replace(source, kind="folder")
            self._record(run_id, path, tree, source, from_run_id=earlier.id)
        return self.store.read.run(run_id)

    @contextmanager
    def sql(self) -> Iterator[sqlite3.Connection]:
        """The store without crossrun."""
        with closing(sqlite3.connect(self.settings.paths.database)) as connection:
            yield connection
            connection.commit()

    def trees(self, run: Run) -> Trees:
        return Trees(self.workspaces.snapshots(Path(run.workspace)))

    def undo(self, run: Run) -> ApplyResult:
        """Takes back what was brought."""
        return undo(self.store, run, self.workspaces)

    def is_live(self, run: Run) -> bool:
        """Whether a run was brought somewhere, or a part of it."""
        return any(one.is_live for one in self.store.read.applications(run.id))

    def change(self, run: Run) -> ApplicableChange:
        return change_of(self.store, run, self.workspaces)

    def tree(self) -> str:
        """The state of the user's folder."""
        return git_tree(self.folder, self.crossrun.cwd)

    def _record(
        self,
        run_id: str,
        path: Path,
        tree: str,
        source: Source | None,
        *,
        resumed_from: str | None = None,
        from_run_id: str | None = None,
    ) -> None:
        def facts() -> Generator[Event | None]:
            begin = BeginWith(run_id=from_run_id)
            task = "Fix the parser\nand test it"
            request = RunRequest(task=task, executor="shell", begin_with=begin)
            yield RunStarted(
                request=request,
                workspace=str(path),
                crossrun_version="0",
                resumed_from=resumed_from,
            )
            baseline = source.base if source else EMPTY_TREE
            yield WorkspacePrepared(path=str(path), baseline=baseline, source=source)
            snapshots = self.workspaces.snapshots(path)
            found = snapshots.difference(baseline, tree)
            yield WorkspaceChanged(
                tree=tree,
                changes=found.changes,
                shortstat=found.shortstat,
                stat=found.stat,
                kept_folders=kept_folders(path, found.changes),
            )
            yield RunFinished(status=Status.SUCCEEDED, failure=None)

        for _ in self.store.recording(run_id, facts(), Redactor()):
            pass


def git_tree(folder: Path, scratch: Path) -> str:
    """The id of the git tree of a folder, its own `.git` left alone."""
    git_dir = scratch / "measure.git"
    shutil.rmtree(git_dir, ignore_errors=True)
    subprocess.run(["git", "init", "-q", "--bare", git_dir], check=True)
    git = ["git", f"--git-dir={git_dir}", f"--work-tree={folder}"]
    settings = ["-c", "core.autocrlf=false", "-c", "core.excludesFile=/dev/null"]
    subprocess.run([*git, *settings, "add", "--all", "--force"], cwd=folder, check=True)
    found = subprocess.run([*git, "write-tree"], cwd=folder, check=True, capture_output=True)
    return found.stdout.decode().strip()


def files(folder: Path) -> Iterator[str]:
    """The names of all files in a folder, those of git left out."""
    for path in sorted(folder.rglob("*")):
        if ".git" not in path.parts and not path.is_dir():
            yield str(path.relative_to(folder))


def brought(
    desk: Desk, run: Run, *, mark_conflicts: bool = False, to: Path | None = None
) -> ApplyResult:
    """What comes of bringing a run's change to files."""
    folder = target_of(run, to)
    return apply_to_files(desk.store, desk.change(run), folder, mark_conflicts=mark_conflicts)
