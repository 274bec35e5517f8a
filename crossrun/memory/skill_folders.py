"""Folders of skills on the disk: finding, reading and writing them. Links are never followed.

A skill is hostile until a person has reviewed it: its files are opened relative to their folder,
counted before they are read, and never executed.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from crossrun.errors import UsageError
from crossrun.model.workflows import PatternFile
from crossrun.patterns.formats.skill import PATTERN_FILE, SKILL_FILE
from crossrun.patterns.importing.dangers import Danger, SkillFile, printable
from crossrun.workspace.files.dirfd import opened, opened_below, reason, shown
from crossrun.workspace.files.filenames import percent_encoded

MOST_FILES = 2_000
MOST_BYTES = 32 * 1024 * 1024
_MOST_ENTRIES = 20_000
"""Names that are looked at in one folder and all below it."""
_DEEPEST = 32
_DEEPEST_SKILL = 8
_LARGEST_NAMED = 3
_REMOVE = "remove those that it does not need"
_NOT_SKILLS = frozenset((".git", "node_modules", ".venv", "__pycache__"))
"""Folders in which no skill is looked for; `.git` does not belong to a skill either."""
_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


class SkillFolder(Struct, frozen=True, kw_only=True):
    """A skill on the disk. `left_out`: what is there and cannot be imported."""

    folder: Path
    files: tuple[SkillFile, ...]
    left_out: tuple[Danger, ...] = ()

    def content(self, name: str) -> bytes | None:
        """The content of the top-level file with this name, in any case if necessary."""
        by_name = {file.path: file.content for file in self.files}
        folded = {path.lower(): content for path, content in by_name.items()}
        return by_name.get(name, folded.get(name.lower()))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(len(file.content) for file in self.files)


def is_skill(folder: Path) -> bool:
    """Whether a folder is a skill, or a pattern that was exported as one."""
    wanted = (SKILL_FILE.lower(), PATTERN_FILE)
    try:
        with os.scandir(folder) as entries:
            return any(
                entry.name.lower() in wanted and entry.is_file(follow_symlinks=False)
                for entry in entries
            )
    except OSError:
        return False


def skills_in(folder: Path) -> list[Path]:
    """The folder itself if it is a skill, or the skills in it, sorted by name.

    Raises:
        UsageError: the folder cannot be read, or holds too much to look through.
    """
    if is_skill(folder):
        return [folder]
    skills: list[Path] = []
    waiting = [(folder, 0)]
    looked_at = 0
    while waiting:
        current, depth = waiting.pop()
        for name, is_folder in _entries(current):
            looked_at += 1
            if looked_at > _MOST_ENTRIES:
                raise UsageError(
                    "SKILL_TOO_LARGE",
                    f"{shown(str(folder))} has more than {_MOST_ENTRIES:,} files and folders to"
                    " search",
                    hint="name the folder of the skill itself",
                )
            below = current / name
            if not is_folder or name in _NOT_SKILLS:
                continue
            if is_skill(below):
                skills.append(below)
            elif depth < _DEEPEST_SKILL:
                waiting.append((below, depth + 1))
    return sorted(skills)


def read_folder(folder: Path) -> SkillFolder:
    """A skill with all its files.

    Raises:
        UsageError: it cannot be read, or is too large.
    """
    files: list[SkillFile] = []
    left_out: list[Danger] = []
    try:
        with opened(folder) as top:
            for item in _FolderReader(folder, top).items():
                if isinstance(item, SkillFile):
                    files.append(item)
                else:
                    left_out.append(item)
    except OSError as error:
        raise _unreadable(folder, error) from error
    files.sort(key=lambda file: file.path)
    left_out.sort(key=lambda danger: danger.path)
    return SkillFolder(folder=folder, files=tuple(files), left_out=tuple(left_out))


def write_folder(folder: Path, files: Sequence[PatternFile], contents: Mapping[str, bytes]) -> None:
    """Writes files into an empty folder.

    Args:
        folder: an empty folder.
        files: with paths relative to it.
        contents: of all of them, by hash.

    Raises OSError, and ValueError for a path that leads out of the folder.
    """
    for file in files:
        parts = file.path.split("/")
        if not is_relative(file.path):
            raise ValueError(f"{file.path!r} leads out of its folder")
        place = folder.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o777 if file.executable else 0o666
        descriptor = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(contents[file.sha256])


def is_relative(path: str) -> bool:
    """Whether a path stays below the folder that it is relative to."""
    parts = path.split("/")
    return bool(path) and "\0" not in path and not {"", ".", ".."} & set(parts)


class _FolderReader:
    """Reads one folder, and counts what it reads.

    Args:
        folder: its path, for messages.
        top: its descriptor.
    """

    def __init__(self, folder: Path, top: int) -> None:
        self._folder = folder
        self._top = top
        self._sizes: dict[str, int] = {}
        self._size = 0
        self._entries = 0

    def items(self) -> Iterator[SkillFile | Danger]:
        """The files, and what is left out. Raises OSError and UsageError."""
        waiting: list[tuple[str, ...]] = [()]
        while waiting:
            parts = waiting.pop()
            with opened_below(self._top, parts) as current:
                for name in _names(current):
                    self._count_entry()
                    path = "/".join((*parts, name))
                    status = os.stat(name, dir_fd=current, follow_symlinks=False)
                    if path == ".git":
                        continue
                    why = _why_left_out(path, status, len(parts))
                    if why:
                        yield Danger(kind="left out", path=shown(path), text=why)
                    elif stat.S_ISDIR(status.st_mode):
                        waiting.append((*parts, name))
                    else:
                        yield self._file(current, name, path)

    def _file(self, folder: int, name: str, path: str) -> SkillFile:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            self._count(path, status.st_size)
            content = stream.read(status.st_size)
        return SkillFile(path=path, content=content, executable=bool(status.st_mode & 0o111))

    def _count(self, path: str, size: int) -> None:
        self._sizes[path] = size
        self._size += size
        if len(self._sizes) > MOST_FILES:
            raise self._too_large(
                f"more than {MOST_FILES:,} files", "remove those it does not need"
            )
        if self._size > MOST_BYTES:
            largest = sorted(self._sizes, key=lambda path: -self._sizes[path])[:_LARGEST_NAMED]
            named = ", ".join(
                f"{printable(name)} ({self._sizes[name]:,} bytes)" for name in largest
            )
            raise self._too_large(
                f"more than {MOST_BYTES // 1024**2} MiB", f"the largest files are {named}"
            )

    def _count_entry(self) -> None:
        self._entries += 1
        if self._entries > _MOST_ENTRIES:
            raise self._too_large(f"more than {_MOST_ENTRIES:,} files and folders", _REMOVE)

    def _too_large(self, what: str, remedy: str) -> UsageError:
        return UsageError(
            "SKILL_TOO_LARGE", f"the skill {shown(str(self._folder))} has {what}", hint=remedy
        )


def _names(folder: int) -> list[str]:
    return sorted(os.listdir(folder))


def _why_left_out(path: str, status: os.stat_result, depth: int) -> str | None:
    if percent_encoded(path) is not None:
        return "its name is not UTF-8"
    if stat.S_ISDIR(status.st_mode):
        return "it is nested too deeply" if depth >= _DEEPEST else None
    return next((f"it is {kind}" for test, kind in _KINDS if test(status.st_mode)), None)


def _entries(folder: Path) -> list[tuple[str, bool]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        "PATTERN_UNREADABLE",
        f"{shown(str(folder))} cannot be read: {reason(error)}",
        hint="give a YAML file or a folder with a SKILL.md",
    )
