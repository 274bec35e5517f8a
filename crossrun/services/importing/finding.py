"""Finds the sessions that an agent program has kept, and looks at their beginnings."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from msgspec import Struct

from crossrun.config.settings import Settings
from crossrun.errors import NotFoundError
from crossrun.sessions import PROGRAMS, Asked, Opened, SessionFacts, SessionItem, read_items
from crossrun.sessions.items import Happened, Stopped
from crossrun.store import Store
from crossrun.store.importing import SessionFile

_FOLDERS: Mapping[str, tuple[str, ...]] = {
    "codex": ("sessions", "archived_sessions"),
    "claude": ("projects",),
}
"""Where below its own folder a program keeps sessions."""
_SUFFIX = ".jsonl"
_OF_SUB_AGENTS = "subagents"
_LOOKED_AT = 300
"""Items at the beginning of a file in which it has to say what it is."""
_ANY_DRIVE = re.compile(r"[/\\]+")
NO_FOLDER = "imported"
"""The project of sessions that do not say in which folder they were."""


def plain_path(text: str) -> str:
    """What a session names as a folder; nothing if no folder has such a name."""
    return text if text.isprintable() else ""


class SkippedFile(Struct, frozen=True):
    """A file, or a part of one, that is not imported, and why."""

    path: str
    reason: str


class FoundSession(Struct, frozen=True, kw_only=True):
    """A session's file. `is_known`: it was imported as it is now."""

    file: SessionFile
    facts: SessionFacts
    is_known: bool

    @property
    def folder(self) -> str:
        """The name of the folder in which the session was, which names the project."""
        names = [name for name in _ANY_DRIVE.split(plain_path(self.facts.cwd)) if name]
        return names[-1] if names and names[-1].strip(". ") else NO_FOLDER


class SessionHistory(Struct, frozen=True, kw_only=True):
    """The sessions that were session, the oldest first."""

    program: str
    root: str
    files: int
    sessions: tuple[FoundSession, ...]
    skipped: tuple[SkippedFile, ...]

    @property
    def new(self) -> list[FoundSession]:
        """Those that have not been imported as they are now."""
        return [session for session in self.sessions if not session.is_known]


def history_folder(program: str, settings: Settings) -> Path:
    """The folder of an agent program, unless the user names another."""
    if program == "codex":
        return settings.codex_home
    named = settings.environ.get("CLAUDE_CONFIG_DIR")
    return Path(named) if named else settings.user_home / ".claude"


def find_history(
    program: str, path: Path, store: Store, *, since: str | None = None
) -> SessionHistory:
    """Finds sessions: in a file, in a folder, or in the folder of the program.

    Args:
        program: whose sessions.
        path: where to look.
        store: knows what was imported before.
        since: only sessions that were used since this time (UTC).

    Raises:
        NotFoundError: there is nothing at the path.
    """
    if not path.exists():
        raise NotFoundError(
            "HISTORY_NOT_FOUND",
            f"there is no {path}",
            hint=f"name the folder or the file: crossrun import {program} PATH",
        )
    imported = store.imported_files(program)
    paths = sorted(_files(program, path))
    sessions, skipped = [], []
    for file in paths:
        session = _looked_at(program, file, imported, since=since)
        if isinstance(session, SkippedFile):
            skipped.append(session)
        elif session is not None:
            sessions.append(session)
    sessions.sort(key=lambda session: (session.facts.began_at, session.file.path))
    own = [session for session in sessions if store.is_own_thread(session.facts.session_id)]
    skipped += [
        SkippedFile(each.file.path, "crossrun recorded this session itself") for each in own
    ]
    return SessionHistory(
        program=program,
        root=str(path),
        files=len(paths),
        sessions=tuple(session for session in sessions if session not in own),
        skipped=tuple(skipped),
    )


def _files(program: str, path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    own = [path / name for name in _FOLDERS[program] if (path / name).is_dir()]
    for folder in own or [path]:
        for parent, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if name != _OF_SUB_AGENTS)
            yield from (Path(parent, name) for name in names if name.endswith(_SUFFIX))


def _looked_at(
    program: str,
    path: Path,
    imported: Mapping[str, tuple[int, int]],
    *,
    since: str | None,
) -> FoundSession | SkippedFile | None:
    """What a file is by its beginning; None if it is older than what the user wants."""
    name = str(path.absolute())
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for, a device is endless
            return SkippedFile(name, "it is not a file")
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            facts, last_at = _beginning(read_items(stream, PROGRAMS[program]()))
    except OSError as error:
        return SkippedFile(name, f"it cannot be read: {error.strerror}")
    if facts is None:
        return SkippedFile(name, "it is not a session")
    if facts.sub_agent:
        return SkippedFile(name, "it is the session of a sub-agent")
    if not last_at:
        return SkippedFile(name, "it has no messages")
    used_at = _utc(status.st_mtime_ns)
    if since is not None and max(used_at, last_at) < since:
        return None
    file = SessionFile(program, name, status.st_size, status.st_mtime_ns)
    is_known = imported.get(name) == (file.size, file.modified_ns)
    return FoundSession(file=file, facts=facts, is_known=is_known)


def _beginning(items: Iterable[SessionItem]) -> tuple[SessionFacts | None, str]:
    """What a session says about itself, and the time of the first thing that happened in it."""
    facts: SessionFacts | None = None
    for item in islice(items, _LOOKED_AT):
        match item:
            case Opened(facts=now):
                facts = now
            case Asked(at=at) | Happened(at=at) | Stopped(at=at) if facts is not None:
                return facts, at or facts.began_at
            case _:
                pass
    return facts, ""


def _utc(nanoseconds: int) -> str:
    from datetime import UTC, datetime

    from crossrun.system.clock import utc

    return utc(datetime.fromtimestamp(nanoseconds / 1e9, UTC))
