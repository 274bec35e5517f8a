"""The files of runs and how they changed, as long as the files or their snapshots exist."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from crossrun.errors import CrossrunError, NotFoundError, StillRunningError
from crossrun.model.runs import Change, IgnoredFiles, Run, require_own_files

if TYPE_CHECKING:
    from crossrun.events import WorkspaceChanged
    from crossrun.redaction import Redactor
    from crossrun.services.app import App
    from crossrun.workspace.snapshots.files import Files
    from crossrun.workspace.snapshots.reader import StateReader


class Comparison(NamedTuple):
    """The changes up to the state after a run.

    `against` is the run after which they begin; None: they begin with the run. `final`: the run had
    ended when they were measured.
    """

    run_id: str
    against: str | None
    final: bool
    branch: str | None
    changes: Sequence[Change]
    shortstat: str
    stat: str
    patch: bytes


class FilesOfRun(NamedTuple):
    """The files of a run, its changes to them, and a note if they come from a snapshot."""

    files: "Files"
    changes: Sequence[Change]
    ignored: IgnoredFiles
    note: str = ""


class Changes:
    """Reads the files of runs and compares them.

    Args:
        app: has the runs and their workspaces, and redacts what is compared now.
    """

    def __init__(self, app: "App") -> None:
        self._app = app
        self._read = app.store.read

    def of_run(self, run: Run) -> Comparison:
        """The changes of a run: measured at its end, or else up to now.

        Raises:
            NotFoundError: they were not measured, and the files are gone.
            StillRunningError: the agent has not started yet.
            UsageError: the run was imported.
        """
        require_own_files(run)
        measured = self._measured(run)
        if measured is None:
            return self._so_far(run)
        patch = self._stored_patch(run) if measured.changes else b""
        return Comparison(
            run.id,
            None,
            run.ended,
            measured.branch,
            measured.changes,
            measured.shortstat,
            measured.stat,
            self._patch_again(run, measured) if patch is None else patch,
        )

    def between(self, earlier: Run, later: Run) -> Comparison:
        """The changes from the end of one run to the end of another.

        Raises:
            NotFoundError: a state is gone.
            UsageError: one of them was imported.
        """
        require_own_files(earlier)
        require_own_files(later)
        with self._app.workspaces.reading_states(_folder(earlier), _folder(later)) as reader:
            before, after = (self._state_after(reader, run) for run in (earlier, later))
            return self._compare(reader, before, after, later, earlier.id)

    @contextmanager
    def files(self, run: Run) -> Iterator[FilesOfRun]:
        """The files of a run as they are now, or else from their snapshot.

        An error about a path that is not there then names the command that lists the run's files.

        Raises:
            NotFoundError: the workspace and the snapshot are gone.
            UsageError: the run was imported.
        """
        try:
            yield from self._files(run)
        except NotFoundError as error:
            if error.code == "PATH_NOT_FOUND":
                error.hint = f"list the files: crossrun files {run.id} --all · {error.hint}"
            raise

    def _files(self, run: Run) -> Iterator[FilesOfRun]:
        require_own_files(run)
        measured = self._measured(run)
        if self._is_in_its_workspace(run):
            from crossrun.workspace.snapshots.files import OnDisk

            changes = measured.changes if measured else self._changes_so_far(run)
            ignored = measured.ignored if measured and measured.ignored else IgnoredFiles()
            yield FilesOfRun(OnDisk(_folder(run)), changes, ignored)
            return
        with self._app.workspaces.reading_states(_folder(run)) as reader:
            if measured is None or not reader.has(measured.tree):
                raise NotFoundError(
                    "WORKSPACE_GONE",
                    f"the workspace of the run {run.id} is not there: {run.workspace}",
                    hint=f"what the run did is recorded: crossrun steps {run.id}",
                )
            is_taken_over = _folder(run).is_dir()
            reason = "is used by a later run" if is_taken_over else "was removed"
            note = f"the workspace {reason}; this is the state after run {run.id}"
            files = reader.files(measured.tree)
            yield FilesOfRun(files, measured.changes, IgnoredFiles(), note)

    def _so_far(self, run: Run) -> Comparison:
        baseline = self._baseline(run)
        if not run.ended and baseline is None:
            raise StillRunningError(
                "STILL_RUNNING",
                f"run {run.id} has not started to work; it has changed nothing yet",
                hint=f"follow it: crossrun watch {run.id}",
            )
        if baseline is None or not self._is_in_its_workspace(run):
            raise NotFoundError(
                "DIFF_MISSING",
                f"the change of run {run.id} was never measured: it is {run.status}",
                hint=f"its files were in {run.workspace}",
            )
        with self._app.workspaces.reading_states(_folder(run)) as reader:
            after = self._app.workspaces.state_now(reader, _folder(run))
            return self._compare(reader, baseline, after, run, None)

    def _changes_so_far(self, run: Run) -> Sequence[Change]:
        try:
            return self._so_far(run).changes
        except CrossrunError:
            return ()

    def _patch_again(self, run: Run, measured: "WorkspaceChanged") -> bytes:
        baseline = self._baseline(run)
        with self._app.workspaces.reading_states(_folder(run)) as reader:
            if baseline is not None and reader.has(baseline) and reader.has(measured.tree):
                return self._compare(reader, baseline, measured.tree, run, None).patch
        raise NotFoundError(
            "ARTIFACT_GONE",
            f"the patch of run {run.id} is gone, and so are the states that it was made from",
            hint=f"its summary is kept: crossrun diff {run.id} --stat",
        )

    def _state_after(self, reader: "StateReader", run: Run) -> str:
        measured = self._measured(run)
        if measured is not None and reader.has(measured.tree):
            return measured.tree
        if measured is None and self._is_in_its_workspace(run):
            return self._app.workspaces.state_now(reader, _folder(run))
        raise NotFoundError(
            "STATE_GONE",
            f"the state after the run {run.id} is no longer recorded",
            hint=f"its change may still be recorded: crossrun diff {run.id}",
        )

    def _compare(
        self, reader: "StateReader", before: str, after: str, run: Run, against: str | None
    ) -> Comparison:
        """The changes between two states, redacted as stored ones are."""
        difference, redact = reader.difference(before, after), self._app.redactor
        patch, _ = redact(difference.patch.decode("utf-8", "surrogateescape"))
        return Comparison(
            run.id,
            against,
            run.ended,
            None,
            [_redacted(change, redact) for change in difference.changes],
            difference.shortstat,
            redact(difference.stat)[0],
            patch.encode("utf-8", "surrogateescape"),
        )

    def _is_in_its_workspace(self, run: Run) -> bool:
        """Whether the workspace exists, and is not that of a later run."""
        newest = self._read.newest_in(run.workspace)
        return newest is not None and newest.id == run.id and _folder(run).is_dir()

    def _measured(self, run: Run) -> "WorkspaceChanged | None":
        from crossrun.events import WorkspaceChanged

        return self._read.last_event(run.id, WorkspaceChanged)

    def _baseline(self, run: Run) -> str | None:
        from crossrun.events import WorkspacePrepared

        prepared = self._read.first_event(run.id, WorkspacePrepared)
        return None if prepared is None else prepared.baseline

    def _stored_patch(self, run: Run) -> bytes | None:
        """The patch as it was measured; None if its file is gone."""
        for artifact in self._read.artifacts(run.id):
            if artifact.kind == "patch":
                try:
                    return Path(artifact.path).read_bytes()
                except OSError:
                    return None
        return None


def _folder(run: Run) -> Path:
    return Path(run.workspace)


def _redacted(change: Change, redact: "Redactor") -> Change:
    old = None if change.old_path is None else redact(change.old_path)[0]
    path, _ = redact(change.path)
    exact = path == change.path and old == change.old_path
    return replace(
        change,
        path=path,
        old_path=old,
        path_bytes=change.path_bytes if exact else None,
        old_path_bytes=change.old_path_bytes if exact else None,
    )
