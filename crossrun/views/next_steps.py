"""What can be done after a run: commands, the one that matters most first, with their purpose."""

import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from crossrun.model.executors import EXECUTORS
from crossrun.model.runs import Application, Run
from crossrun.views.terminal import Terminal, cell_len
from crossrun.views.unseen import visible
from crossrun.views.words import source_name

_LABEL = "next"
_LONGEST_PATH = 40
_INDENT = 12


class NextStep(NamedTuple):
    """A command, and what it is good for."""

    command: str
    purpose: str


def next_step_lines(
    run: Run, terminal: Terminal, applications: Sequence[Application] = ()
) -> Iterator[str]:
    """The commands, one to a line so that they can be copied; purposes if there is room."""
    steps = list(next_steps(run, is_applied=_is_applied(run, applications)))
    widest = max((cell_len(step.command) for step in steps), default=0)
    label = _LABEL
    for command, purpose in steps:
        line = f"  {terminal.style(f'{label:<9}', 'dim')} {command}"
        if _INDENT + widest + 3 + cell_len(purpose) <= terminal.width:
            line += f"{' ' * (widest - cell_len(command) + 3)}{terminal.style(purpose, 'dim')}"
        yield line
        label = ""


def next_steps(run: Run, *, is_applied: bool) -> Iterator[NextStep]:
    """What to do next.

    Args:
        run: a run that has ended.
        is_applied: whether the folder that the run began with has its change.
    """
    if run.failure is not None and run.imported_from is None:
        yield _again(run)
    yield from _results(run, is_applied=is_applied)
    if run.changes:
        yield NextStep(f"crossrun diff {run.id}", "see what changed")
    yield NextStep(f"crossrun steps {run.id}", "see what the agent did")
    if run.commits and not _is_in_place(run):
        to = "" if _has_target(run) else " --to DIR"
        yield NextStep(f"crossrun apply {run.id} --commits{to}", "apply the agent's commits")
    if run.learned_pattern_id is not None:
        yield NextStep(f"crossrun patterns show {run.learned_pattern_id}", "see what was learned")


def _again(run: Run) -> NextStep:
    """How a run that failed can still succeed."""
    has_begun = run.pattern is not None or run.changes is not None
    executor = EXECUTORS.get(run.executor)
    is_script = executor is not None and executor.runs_task
    if has_begun and not is_script:
        return NextStep(f"crossrun resume {run.id}", "continue where it stopped")
    return NextStep(f"crossrun retry {run.id}", "start it again")


def _results(run: Run, *, is_applied: bool) -> Iterator[NextStep]:
    """How to get what the run changed, or to be rid of it."""
    if run.imported_from is not None or not (run.changes or run.ignored_files):
        return
    if _is_in_place(run):
        yield NextStep(f"crossrun undo {run.id}", "restore the files as they were")
    elif is_applied:
        yield NextStep(f"crossrun undo {run.id}", "undo the change")
    elif run.source is not None and _has_target(run):
        yield _apply(run, visible(source_name(run.source.kind, run.source.path)))
    else:
        path = _only_file(run)
        if path is not None:
            command = f"crossrun get {run.id} {shlex.quote(path)}"
            yield NextStep(command, "copy the file to this folder")
        yield NextStep(f"crossrun apply {run.id} --to DIR", "copy the files to a folder")


def _apply(run: Run, where: str) -> NextStep:
    if run.applied is not None and run.applied.conflicts and run.applied.branch is None:
        command = f"crossrun apply {run.id} --conflicts"
        return NextStep(command, "write both versions into the files")
    return NextStep(f"crossrun apply {run.id}", f"apply the change to {where}")


def _only_file(run: Run) -> str | None:
    """The file that the run made or changed, if it is the only one and easy to name."""
    files = [change for change in run.changes or () if change.status != "deleted"]
    if len(files) != 1 or files[0].path_bytes is not None:
        return None
    path = files[0].path
    return path if path.isprintable() and len(path) <= _LONGEST_PATH else None


def _is_applied(run: Run, applications: Sequence[Application]) -> bool:
    if applications:
        return any(each.undone_at is None and not each.refs for each in applications)
    return run.applied is not None and run.applied.application_id is not None


def _has_target(run: Run) -> bool:
    """Whether there is a folder to apply the change to."""
    return run.source is not None and run.source.kind in ("repository", "folder")


def _is_in_place(run: Run) -> bool:
    return run.source is not None and run.source.kind == "in_place"
