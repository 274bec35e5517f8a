"""Commands that use a pattern's files where those lie, as if the run had had no pattern.

What a run teaches must not depend on the folder that its pattern lay in: the next version of the
pattern lies in another one, and on another machine in none.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from msgspec.structs import replace

from crossrun.commandlines.intents import looks
from crossrun.commandlines.shell import Part, joined, parts, redirected, split_words
from crossrun.model.workflows import FILES_FOLDER, Act, Cure
from crossrun.patterns.formats.block import TRANSCRIPT

_OWN_TEXTS = ("PATTERN.md", TRANSCRIPT)
"""What lies in the folder beside the files."""
_PREPARES = re.compile(r"(?:mkdir|chmod|cd|ls|pwd|true|:)\b[^|>]*")
_ASSIGNED = re.compile(rf"(?<!\w)(?:export )?(\w+)=[\"']?{re.escape(FILES_FOLDER)}/?[\"']?")
_FOLDER = re.compile(rf"([\"']?){re.escape(FILES_FOLDER)}\1/|{re.escape(FILES_FOLDER)}/")
_MOST_UNNAMED = 6
"""Of a folder that was copied whole, more files than these count only where they are named."""


class Borrowed(NamedTuple):
    """What a command took from the folder, and what it did beside."""

    paths: tuple[str, ...]
    """The files by their paths in the workspace."""
    rest: str
    """The command without the folder; "" if nothing is left."""


def with_copies(acts: Iterable[Act], files: Collection[str] = ()) -> tuple[Act, ...]:
    """The acts of a run as if no pattern had been there: what it took from one was written.

    Args:
        acts: what the run did.
        files: the paths of the pattern's files in its folder.
    """
    result: list[Act] = []
    acts = tuple(acts)
    for act in acts:
        if FILES_FOLDER not in act.command:
            result.append(act)
            continue
        paths, rest = borrowed(act.command, files)
        if len(paths) > _MOST_UNNAMED:
            paths = tuple(path for path in paths if _is_named(path, acts))
        done = {other.command for other in result}
        result += [
            replace(act, intent="edit", target=path, command=f"write {path}")
            for path in paths
            if f"write {path}" not in done
        ]
        if rest:
            result.append(replace(act, command=rest, target=_FOLDER.sub("", act.target)))
    return tuple(result)


def without_folder(cure: Cure) -> Cure:
    """A cure whose commands name the pattern's files as if they lay in the workspace."""
    return replace(
        cure, failed=_FOLDER.sub("", cure.failed), cured_by=_FOLDER.sub("", cure.cured_by)
    )


def borrowed(command: str, files: Collection[str] = ()) -> Borrowed:
    """What a command takes from the folder; all that it names there where `files` is empty."""
    taken: list[str] = []
    left: list[Part] = []
    place = ""
    for part in parts(_with_folder(command)):
        if FILES_FOLDER not in part.text:
            left.append(part)
            place = _after(part.text, place)
            continue
        copies = list(_copied(part.text, files))
        used = [] if copies or looks(part.text) else list(_used(part.text, files))
        taken += [_plain(f"{place}{path}") for path in copies or used]
        text = _FOLDER.sub("", part.text)
        if used and FILES_FOLDER not in text:
            left.append(part._replace(text=text))
    is_work = any(not _PREPARES.fullmatch(part.text) for part in left)
    return Borrowed(tuple(dict.fromkeys(taken)), joined(left) if is_work else "")


def _with_folder(command: str) -> str:
    """The command with the folder in the place of a variable that stands for it."""
    for match in _ASSIGNED.finditer(command):
        command = re.sub(rf"\$(?:{match[1]}\b|{{{match[1]}}})", lambda _: FILES_FOLDER, command)
    return command


def _after(text: str, place: str) -> str:
    """The folder, with a slash, in which what follows a command runs."""
    words = split_words(text)
    if words[:1] != ["cd"] or len(words) != 2 or words[1].startswith(("/", "..", "-", "$")):  # noqa: PLR2004
        return place
    return f"{place}{words[1].rstrip('/')}/"


def _copied(text: str, files: Collection[str]) -> Iterator[str]:
    """Where a command copies files to, if it does nothing else."""
    words = [word for word in split_words(text) if not word.startswith("-")]
    if words[:1] == ["cat"] and len(words) > 1:
        target = redirected(text)
        if target and _in_folder(words[1]):
            yield _plain(target)
        return
    if words[:1] not in (["cp"], ["install"], ["rsync"], ["ln"]) or len(words) < 3:  # noqa: PLR2004
        return
    *sources, target = words[1:]
    if not all(map(_in_folder, sources)):
        return
    for source in sources:
        path = source.removeprefix(FILES_FOLDER).strip("/")
        if path in ("", "."):
            yield from (_plain(f"{target}/{file}") for file in files)
        elif "*" in path:
            chosen = (file for file in files if fnmatchcase(file, path))
            yield from (_plain(f"{target}/{file.rpartition('/')[2]}") for file in chosen)
        elif _is_file(path, files):
            into = len(sources) > 1 or target.endswith("/") or _is_folder(target, path)
            name = path.rpartition("/")[2]
            yield _plain(f"{target}/{name}" if into else target)


def _in_folder(path: str) -> bool:
    return path == FILES_FOLDER or path.startswith(f"{FILES_FOLDER}/")


def _is_folder(target: str, path: str) -> bool:
    """Whether a copy of the file most likely goes into the target, not onto it."""
    name = target.rpartition("/")[2]
    return name in (".", "..") or ("." in path and "." not in name)


def _used(text: str, files: Collection[str]) -> Iterator[str]:
    """The files that a command names in the folder."""
    for match in _FOLDER.finditer(text):
        name = re.match(r"[^\s\"'<>|&;()]+", text[match.end() :])
        if name is not None and _is_file(name[0], files):
            yield name[0]


def _is_file(path: str, files: Collection[str]) -> bool:
    return path in files if files else path not in _OWN_TEXTS


def _is_named(path: str, acts: Iterable[Act]) -> bool:
    return any(path.rpartition("/")[2] in act.command for act in acts)


def _plain(path: str) -> str:
    """A path without what means the folder itself."""
    return "/".join(piece for piece in path.split("/") if piece not in ("", ".")) or "."
