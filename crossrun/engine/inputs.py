"""Copies the files that the user gives a run to the folder in which the agent begins."""

from collections.abc import Generator
from pathlib import Path

from crossrun.engine.context import RunContext
from crossrun.events import CopyProgressed, Event
from crossrun.workspace.copying.trees import Progress
from crossrun.workspace.sources.inputs import copy_input
from crossrun.workspace.sources.overlays import hide


def place_inputs(
    run: RunContext, *, hidden: bool
) -> Generator[Event | None, None, tuple[str, ...]]:
    """Copies the inputs of a run.

    Args:
        run: its workspace has been filled.
        hidden: whether git in the workspace overlooks them, so that no commit has them.

    Returns:
        The paths of the files in the workspace.

    Raises:
        RunFailed, CrossrunError: an input cannot be copied.
    """
    paths: list[str] = []
    for path in run.request.begin_with.inputs:
        copying = copy_input(Path(path), run.folder, run.stop)
        placed = yield from run.with_progress(copying, _copying)
        paths += [_in_workspace(run, each) for each in placed]
        if placed and hidden:
            hide(run.path, _in_workspace(run, Path(path).name))
    return tuple(paths)


def _in_workspace(run: RunContext, path: str) -> str:
    return f"{run.subfolder}/{path}".lstrip("/")


def _copying(progress: Progress) -> CopyProgressed:
    return CopyProgressed(files=progress.files, bytes=progress.bytes, total=progress.total)
