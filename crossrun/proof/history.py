"""What happened in a run, as far as its proof depends on it: one pass over its events."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from crossrun.commandlines.shell import redirected
from crossrun.events import (
    AgentSpoke,
    CommandRan,
    CommandStarted,
    Event,
    FileChanged,
    RunStarted,
    ToolCalled,
    Verified,
    Warned,
    WorkspaceChanged,
)
from crossrun.proof.checks import CheckRun, checks_in, commands_in, kind_of
from crossrun.system.commandlines import bare_command

PROSE = re.compile(r"(?i)\.(?:md|mdx|rst|txt|adoc)$|(?:^|/)(?:LICENSE|NOTICE|AUTHORS|CHANGELOG)$")
_NOT_ALL = "not all files are recorded"
"""How the warning begins that some files are left out of the measured change."""
_EDITS = re.compile(
    r"(?:^|\s)(?:sed\s.*-\w*i|perl\s.*-\w*i|tee|mv|cp|rm|ln|unlink|patch|apply_?patch|truncate|dd"
    r"|touch|install)\b"
)
_UNSPECIFIC = re.compile(
    r"^git\s+(?:checkout|switch|restore|reset|stash(?!\s+(?:list|show))|merge|rebase|pull"
    r"|cherry-pick|revert|apply|am|clean)\b|^patch\b|^(?:find|fd)\s.*(?:-delete|-exec)|\bxargs\b"
)
_WRITES_INSIDE = re.compile(
    r"open\([^)]*['\"][wax+]|write_text|write_bytes|writeFile|appendFile|File\.write|fs\.\w*write"
)
_MAY_EDIT = re.compile(
    r">|\bsed\b|\bperl\b|\btee\b|\bmv\b|\bcp\b|\brm\b|\bln\b|\bunlink\b|patch|truncate|\bdd\b"
    r"|\btouch\b|\binstall\b|\bgit\b|\bfind\b|xargs|write|open\("
)


class CommandRun(NamedTuple):
    """A command that ran: the numbers of the events with which it began and ended."""

    began: int
    seq: int
    command: str
    exit_code: int | None
    output: str

    @property
    def script(self) -> str:
        """The command line without the shell around it."""
        return bare_command(self.command)

    @property
    def checks(self) -> tuple[CheckRun, ...]:
        """The checks in it."""
        return checks_in(self.command, self.exit_code, self.output)


class Edit(NamedTuple):
    """A file that the agent changed with its patch tool."""

    seq: int
    path: str
    change: str


class SeenCheck(NamedTuple):
    """A check of the agent, and the command line that it was in."""

    check: CheckRun
    run: CommandRun


class RunHistory:
    """What happened in a run.

    Attributes:
        task: what was asked for.
        workspace: the folder that the paths of changes are relative to.
        resumed: the run continues an earlier one, so its last message may speak of that one.
        commands: the commands, in the order in which they ended.
        edits: changes by the patch tool.
        message: the last message of the agent, and its event.
        tools: what other tools were called with, as text.
        verified: the check from outside, and its event.
        changed: the measured change, and its event.
        incomplete: not all files were measured.
    """

    def __init__(self, events: Iterable[tuple[int, Event]]) -> None:
        self.task = ""
        self.workspace = ""
        self.resumed = False
        self.commands: list[CommandRun] = []
        self.edits: list[Edit] = []
        self.message: tuple[int, str] | None = None
        self.tools: list[str] = []
        self.verified: tuple[int, Verified] | None = None
        self.changed: tuple[int, WorkspaceChanged] | None = None
        self.incomplete = False
        started: dict[str, list[int]] = defaultdict(list)
        for seq, event in events:
            match event:
                case RunStarted():
                    self.task, self.workspace = event.request.task, event.workspace
                    self.resumed = event.resumed_from is not None
                case CommandStarted(command=command):
                    started[command].append(seq)
                case CommandRan(command=command):
                    began = started[command].pop(0) if started[command] else seq
                    self.commands.append(
                        CommandRun(began, seq, command, event.exit_code, event.output)
                    )
                case FileChanged(path=path, change=change, ok=True):
                    self.edits.append(Edit(seq, path, change))
                case AgentSpoke(text=text):
                    self.message = (seq, text)
                case ToolCalled():
                    self.tools.append(f"{event.tool} {event.arguments}")
                case Verified():
                    self.verified = (seq, event)
                case WorkspaceChanged():
                    self.changed = (seq, event)
                case Warned(message=message) if message.startswith(_NOT_ALL):
                    self.incomplete = True
                case _:
                    pass

    @cached_property
    def checks(self) -> Sequence[SeenCheck]:
        """The agent's own checks, in order."""
        return [SeenCheck(check, run) for run in self.commands for check in run.checks]

    @cached_property
    def changed_paths(self) -> frozenset[str]:
        """The paths that the run changed, measured; ignored files included, old names, too."""
        if self.changed is None:
            return frozenset()
        _, event = self.changed
        ignored = event.ignored
        named = () if ignored is None else (*ignored.added, *ignored.modified, *ignored.deleted)
        paths = (path for change in event.changes for path in (change.path, change.old_path))
        return frozenset((*filter(None, paths), *named))

    def is_after_changes(self, seen: SeenCheck) -> bool:
        """Whether a check began after the last change that it depends on.

        Changes of prose do not count if the run changed something else, and formatters never do.
        """
        seq, at = self._last_edit
        return seen.run.began > seq or (seen.run.seq == seq and seen.check.at > at)

    @cached_property
    def _last_edit(self) -> tuple[int, int]:
        """The event of the last change, and its place in the command line; 0 without changes."""
        if self.changed is not None and not self.changed_paths:
            return 0, 0
        last = max((edit.seq for edit in self.edits if self._counts(edit.path)), default=0)
        for run in reversed(self.commands):
            if run.seq <= last:
                break
            at = self._edits(run)
            if at is not None:
                return run.seq, at
        return last, 0

    @cached_property
    def _counting(self) -> frozenset[str]:
        paths = frozenset(path for path in self.changed_paths if not PROSE.search(path))
        return paths or self.changed_paths

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(path.rpartition("/")[2] for path in self._counting)

    def _counts(self, path: str) -> bool:
        return self.changed is None or path.rpartition("/")[2] in self._names

    def _edits(self, run: CommandRun) -> int | None:
        """The last place in a command line that changed files which differ at the end."""
        script = run.script
        if not _MAY_EDIT.search(script):
            return None
        named = any(name in script for name in self._names) or self.changed is None
        commands = enumerate(commands_in(script))
        places = [at for at, part in commands if self._part_edits(part.text, named=named)]
        return places[-1] if places else None

    def _part_edits(self, part: str, *, named: bool) -> bool:
        if kind_of(part) is not None:
            return False
        target = redirected(part)
        if target and self._counts(target):
            return True
        if _UNSPECIFIC.search(part):
            return True
        return named and (_EDITS.search(part) or _WRITES_INSIDE.search(part)) is not None
