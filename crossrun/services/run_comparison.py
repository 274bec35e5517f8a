"""Two runs side by side: what was asked for otherwise, and how their changes compare."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from crossrun.errors import NotFoundError
from crossrun.events import RunStarted
from crossrun.model.runs import Change, Run
from crossrun.services.app import App
from crossrun.services.changes import Changes
from crossrun.services.origins import applied_settings


class ComparedFiles(Struct, frozen=True):
    """The files that two runs changed, by path.

    `same` are those that both left alike, `different` those that they did not. `unknown` are
    changed by both, and their states are no longer recorded.
    """

    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


class DifferingSetting(Struct, frozen=True):
    """A setting or option whose value differs between two runs; None: not set, or not known."""

    name: str
    values: tuple[Any, Any]


def differing_settings(app: App, first: Run, second: Run) -> list[DifferingSetting]:
    """The task for in another way, besides the task."""
    values = [_settings(app, run) for run in (first, second)]
    return [
        DifferingSetting(name, pair)
        for name in dict.fromkeys((*values[0], *values[1]))
        if (pair := (values[0].get(name), values[1].get(name)))[0] != pair[1]
    ]


def _settings(app: App, run: Run) -> dict[str, Any]:
    started = app.store.read.first_event(run.id, RunStarted)
    if started is None:
        return {}
    return {each.name: each.value for each in applied_settings(started.request)}


def compare_files(app: App, first: Run, second: Run) -> ComparedFiles:
    """How the changes of two runs compare, file by file."""
    ours, theirs = _paths(first.changes or ()), _paths(second.changes or ())
    differing = _differing(app, first, second) if ours & theirs else set()
    unknown = ours & theirs if differing is None else set()
    different = (ours & theirs) & (differing or set())
    return ComparedFiles(
        only_first=_sorted(ours - theirs),
        only_second=_sorted(theirs - ours),
        different=_sorted(different),
        same=_sorted((ours & theirs) - different - unknown),
        unknown=_sorted(unknown),
    )


def _differing(app: App, first: Run, second: Run) -> set[str] | None:
    """The files that are not alike after two runs; None if that is no longer known."""
    try:
        return _paths(Changes(app).between(first, second).changes)
    except NotFoundError:
        return None


def _paths(changes: Sequence[Change]) -> set[str]:
    """All paths that changes are about: of a renamed file, both."""
    named = {change.path for change in changes}
    return named | {change.old_path for change in changes if change.old_path is not None}


def _sorted(paths: set[str]) -> tuple[str, ...]:
    return tuple(sorted(paths))
