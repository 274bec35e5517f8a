"""Removal of folders with files of patterns that no run uses."""

from crossrun.config.settings import Paths
from crossrun.errors import NotFoundError
from crossrun.memory.references import ReferenceFolders
from crossrun.model.runs import Run
from crossrun.store import Store


def remove_unused_references(store: Store, paths: Paths) -> int:
    """Removes them, and returns how many they were. A run that gets the pattern writes them again.

    Raises:
        ConfigurationError: one cannot be removed.
    """
    references = ReferenceFolders(paths.references)
    active = [run for run in _active(store) if not run.ended]
    used = {run.pattern.folder for run in active if run.pattern and run.pattern.folder}
    is_beginning = any(run.pattern is None for run in active)
    return references.remove(references.unused(used, spare_new=is_beginning))


def _active(store: Store) -> list[Run]:
    runs = []
    for run_id in store.read.unfinished():
        try:
            runs.append(store.read.run(run_id))
        except NotFoundError:
            continue
    return runs
