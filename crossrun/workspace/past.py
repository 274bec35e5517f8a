"""What files and folders were besides their contents, before an application took them away.

Kept beside the recorded states, so that an undo makes them again as they were.
"""

import base64
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from crossrun.workspace.attributes import Attributes, attributes_of
from crossrun.workspace.descriptors import opened_below
from crossrun.workspace.merging import Plan, Step, is_regular
from crossrun.workspace.other_names import OtherNames

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_FOLDER = "attributes"


class Was(NamedTuple):
    """A file or a folder as it was; `names` are other paths that were the same file."""

    attributes: Attributes
    names: tuple[str, ...] = ()


Past = Mapping[str, Was]
"""By paths."""


def past_of(plan: Plan, top: int) -> Past:
    """What a plan takes away that contents do not tell. Raises OSError."""
    others = OtherNames(top)
    found = dict[str, Was]()
    for step in plan.steps:
        found.update(_file_of(step, top, others))
        for folder in _folders_of(step):
            if folder not in found:
                found.update(_was(top, folder))
    return found


def keep(past: Past, git_dir: Path, application_id: str) -> None:
    """Keeps it for an undo. Raises OSError."""
    if past:
        (git_dir / _FOLDER).mkdir(mode=0o700, exist_ok=True)
        text = json.dumps({path: _plain(was) for path, was in past.items()})
        (git_dir / _FOLDER / f"{application_id}.json").write_text(text)


def kept(git_dir: Path, application_id: str) -> Past:
    """What was kept for an application; nothing where nothing was."""
    try:
        text = (git_dir / _FOLDER / f"{application_id}.json").read_text()
        return {path: _typed(was) for path, was in json.loads(text).items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _file_of(step: Step, top: int, others: OtherNames) -> Iterator[tuple[str, Was]]:
    seen = step.place.seen
    if seen is None or not is_regular(step.before):
        return
    several = others.of(seen.inode) if seen.links > 1 else ()
    names = tuple(name for name in several if name != step.at)
    if names or not is_regular(step.after):
        yield from _was(top, step.at, names)


def _folders_of(step: Step) -> Iterator[str]:
    """The folders that may be gone when a step is carried out."""
    paths = [step.at] if step.after is None else list(step.place.within or ())
    for path in paths:
        parts = path.split("/")
        yield from ("/".join(parts[:count]) for count in range(1, len(parts)))


def _was(top: int, path: str, names: Sequence[str] = ()) -> Iterator[tuple[str, Was]]:
    *above, name = path.split("/")
    with suppress(FileNotFoundError), opened_below(top, above) as folder:
        descriptor = os.open(name, _READ, dir_fd=folder)
        try:
            attributes = attributes_of(descriptor, os.fstat(descriptor))
            yield path, Was(attributes, tuple(names))
        finally:
            os.close(descriptor)


def _plain(was: Was) -> dict[str, Any]:
    extended = {name: base64.b64encode(v).decode() for name, v in was.attributes.extended}
    return {**was.attributes._asdict(), "extended": extended, "names": was.names}


def _typed(told: dict[str, Any]) -> Was:
    extended = tuple((name, base64.b64decode(v)) for name, v in told["extended"].items())
    attributes = Attributes(told["mode"], told["owner"], told["group"], extended)
    return Was(attributes, tuple(told["names"]))
