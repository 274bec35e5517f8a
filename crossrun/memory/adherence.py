"""How much of the pattern that it was shown a run carried out."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from crossrun.events import CommandRan, FileChanged, ToolCalled, decode
from crossrun.memory.run_files import RunFiles
from crossrun.model.runs import Run
from crossrun.model.workflows import FILES_FOLDER, Pattern, Workflow
from crossrun.patterns.evaluation.adherence import adherence
from crossrun.patterns.learning.borrowing import borrowed
from crossrun.store import Store
from crossrun.system.commandlines import bare_command, one_line

_MOST_COMMANDS = 500
_MOST_CONTENTS = 12
"""So many files that a run wrote are read again."""
_END = "END_OF_FILE"


def share_carried_out(
    store: Store, run: Run, pattern: Pattern, version: int | None
) -> float | None:
    """From 0 to 1; None if it is not known what the agent was shown, or that has no steps."""
    versions = store.patterns.versions(pattern.id)
    shown = next((entry.workflow for entry in versions if entry.version == version), None)
    if shown is None:
        return None
    lent = _files(store, shown)
    steps = (step.command for step in shown.steps if step.command)
    return adherence(
        [text for step in steps for text in _in_workspace(step, lent)],
        list(islice(_done(store, run, lent), _MOST_COMMANDS)),
        examples={name: variable.example for name, variable in shown.variables.items()},
    )


def _files(store: Store, workflow: Workflow) -> dict[str, str]:
    contents = store.patterns.contents(file.sha256 for file in workflow.files)
    return {
        file.path: contents[file.sha256].decode("utf-8", "replace")
        for file in workflow.files
        if file.sha256 in contents
    }


def _done(store: Store, run: Run, lent: Mapping[str, str]) -> Iterator[str]:
    """What the agent did; copying a file of the pattern counts as writing it."""
    folder = (run.pattern.folder if run.pattern else None) or FILES_FOLDER
    subfolder = run.source.subfolder if run.source is not None else ""
    files = RunFiles(Path(run.workspace), subfolder, lambda text: text)
    contents: dict[str, str | None] = {}
    for stored in store.read.events(run.id, types=["command_ran", "file_changed", "tool_called"]):
        match decode(stored.body):
            case CommandRan(command=command):
                yield from _in_workspace(bare_command(command).replace(folder, FILES_FOLDER), lent)
            case FileChanged(path=path, change="deleted", ok=True):
                yield f"delete {path}"
            case FileChanged(path=path, ok=True):
                if path not in contents and len(contents) < _MOST_CONTENTS:
                    contents[path] = files.text(path)
                yield _written(path, contents.get(path))
            case ToolCalled(tool=tool, arguments=arguments, error=None):
                yield one_line(f"use {tool} {arguments}")
            case _:
                pass


def _in_workspace(command: str, lent: Mapping[str, str]) -> Iterator[str]:
    """A command as if the files that it takes from the pattern's folder had been written."""
    if FILES_FOLDER not in command:
        yield command
        return
    paths, rest = borrowed(command)
    for path in paths:
        name = next((name for name in lent if f"/{path}".endswith(f"/{name}")), "")
        yield _written(path, lent.get(name))
    if rest:
        yield rest


def _written(path: str, content: str | None) -> str:
    return f"write {path}" if content is None else f"cat > {path} <<'{_END}'\n{content}\n{_END}"
