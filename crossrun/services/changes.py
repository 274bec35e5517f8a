"""The states of runs and what differs between them, wherever these are still to be had."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from crossrun.config.settings import Settings
from crossrun.errors import CrossrunError, NotFoundError, StillRunningError
from crossrun.model.runs import Change, IgnoredFiles, Run
from crossrun.store import Store

if TYPE_CHECKING:
    from crossrun.events import WorkspaceChanged
    from crossrun.redaction import Redactor
    from crossrun.workspace.snapshots.files import Files
    from crossrun.workspace.snapshots.reader import Lookout
    from crossrun.workspace.workspaces import Workspaces


class Comparison(NamedTuple):
    """What differs between the state after a run and an earlier one.

    `against` is the run whose end that is; None: it is the state that the run began with. `final`:
    the run had ended when its state was taken.
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
    """A run's files, what the run did to them, and a note if they do not come from the disk."""

    files: "Files"
    changes: Sequence[Change]
    ignored: IgnoredFiles
    note: str = ""


class States:
    """Finds states of runs.

    Args:
        store: where the runs are.
        settings: where their workspaces are, and which secrets must not be shown.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._read = store.read
        self._settings = settings

    def change(self, run: Run) -> Comparison:
        """What a run changed: as it was measured when it ended, or else as it is now.

        Raises:
            NotFoundError: it is not known and cannot be found out any more.
            StillRunningError: the run has not begun to work yet.
        """
        measured = self._measured(run)
        if measured is None:
            return self._change_until_now(run)
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
        """What differs between the states after two runs. Raises NotFoundError, STATE_GONE."""
        with self._workspaces.looking_out(_folder(earlier), _folder(later)) as lookout:
            before, after = (self._state_after(lookout, run) for run in (earlier, later))
            return self._compared(lookout, before, after, later, earlier.id)

    @contextmanager
    def files(self, run: Run) -> Iterator[FilesOfRun]:
        """A run's files as they are now, or else as they are remembered.

        Raises:
            NotFoundError: the workspace is gone, and so is the remembered state.
        """
        measured = self._measured(run)
        if self._is_in_its_workspace(run):
            from crossrun.workspace.snapshots.files import OnDisk

            changes = measured.changes if measured else self._changes_until_now(run)
            ignored = measured.ignored if measured and measured.ignored else IgnoredFiles()
            yield FilesOfRun(OnDisk(_folder(run)), changes, ignored)
            return
        with self._workspaces.looking_out(_folder(run)) as lookout:
            if measured is None or not lookout.has(measured.tree):
                raise NotFoundError(
                    "WORKSPACE_GONE",
                    f"the workspace of the run {run.id} is not there: {run.workspace}",
                    hint=f"what the run did is recorded: crossrun steps {run.id}",
                )
            is_taken_over = _folder(run).is_dir()
            reason = "is used by a later run" if is_taken_over else "was removed"
            note = f"the workspace {reason}; this is the state after run {run.id}"
            files = lookout.files(measured.tree)
            yield FilesOfRun(files, measured.changes, IgnoredFiles(), note)

    def redactor(self) -> "Redactor":
        """Takes secrets out of what is shown."""
        from crossrun.services.assembly import redactor_for

        return redactor_for(self._settings)

    @cached_property
    def _workspaces(self) -> "Workspaces":
        from crossrun.services.assembly import workspaces

        return workspaces(self._settings)

    def _change_until_now(self, run: Run) -> Comparison:
        baseline = self._baseline(run)
        if not run.ended and baseline is None:
            raise StillRunningError(
                "STILL_RUNNING",
                f"run {run.id} has not begun to work, it has changed nothing yet",
                hint=f"follow it: crossrun watch {run.id}",
            )
        if baseline is None or not self._is_in_its_workspace(run):
            raise NotFoundError(
                "DIFF_MISSING",
                f"the change of run {run.id} was never measured: it is {run.status}",
                hint=f"its files were in {run.workspace}",
            )
        with self._workspaces.looking_out(_folder(run)) as lookout:
            after = self._workspaces.state_now(lookout, _folder(run))
            return self._compared(lookout, baseline, after, run, None)

    def _changes_until_now(self, run: Run) -> Sequence[Change]:
        try:
            return self._change_until_now(run).changes
        except CrossrunError:
            return ()

    def _patch_again(self, run: Run, measured: "WorkspaceChanged") -> bytes:
        baseline = self._baseline(run)
        with self._workspaces.looking_out(_folder(run)) as lookout:
            if baseline is not None and lookout.has(baseline) and lookout.has(measured.tree):
                return self._compared(lookout, baseline, measured.tree, run, None).patch
        raise NotFoundError(
            "ARTIFACT_GONE",
            f"the patch of run {run.id} is gone, and so are the states that it was made of",
            hint=f"its summary is kept: crossrun diff {run.id} --stat",
        )

    def _state_after(self, lookout: "Lookout", run: Run) -> str:
        measured = self._measured(run)
        if measured is not None and lookout.has(measured.tree):
            return measured.tree
        if measured is None and self._is_in_its_workspace(run):
            return self._workspaces.state_now(lookout, _folder(run))
        raise NotFoundError(
            "STATE_GONE",
            f"the state after the run {run.id} is not remembered any more",
            hint=f"what it changed may be: crossrun diff {run.id}",
        )

    def _compared(
        self, lookout: "Lookout", before: str, after: str, run: Run, against: str | None
    ) -> Comparison:
        """The difference without secrets, as what is stored has none."""
        found, redacted = lookout.difference(before, after), self.redactor()
        patch, _ = redacted(found.patch.decode("utf-8", "surrogateescape"))
        return Comparison(
            run.id,
            against,
            run.ended,
            None,
            [_without_secrets(change, redacted) for change in found.changes],
            found.shortstat,
            redacted(found.stat)[0],
            patch.encode("utf-8", "surrogateescape"),
        )

    def _is_in_its_workspace(self, run: Run) -> bool:
        """Whether the workspace is there, and no later run has gone on in it."""
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
        """As it was measured; None when its file is gone."""
        for artifact in self._read.artifacts(run.id):
            if artifact.kind == "patch":
                try:
                    return Path(artifact.path).read_bytes()
                except OSError:
                    return None
        return None


def _folder(run: Run) -> Path:
    return Path(run.workspace)


def _without_secrets(change: Change, redacted: "Redactor") -> Change:
    old = None if change.old_path is None else redacted(change.old_path)[0]
    path, _ = redacted(change.path)
    exact = path == change.path and old == change.old_path
    return replace(
        change,
        path=path,
        old_path=old,
        path_bytes=change.path_bytes if exact else None,
        old_path_bytes=change.old_path_bytes if exact else None,
    )
