"""Twelve families of realistic tasks, each with a run that teaches and new jobs of the same kind.

A family is a file in `data/families`. Its `teaching` job comes with the turns of a scripted model,
mistakes and their cures included. Its `instances` are the same kind of job in other words, with
other names and other data. `hold` says what an agent needs to know of the taught run, `exact` is
how a person would write that down. `data/easy_tasks.yaml` has jobs that need no pattern.

    python tests/families.py lay FAMILY JOB FOLDER     makes the workspace of a job
    python tests/families.py check FAMILY JOB          exits 0 if the job is done in this folder

JOB is `teaching` or the name of an instance; the easy tasks are the jobs of the family `easy`.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_DATA = Path(__file__).parent / "data"
_EASY = "easy"

Turn = Mapping[str, Any] | str
"""A message, an item, or a mapping with `items`; `replace_in_file` has `old` and `new` lines."""


@dataclass(frozen=True)
class Job:
    """A task, the workspace that it begins with, and what a right result looks like.

    `expected` has the contents of files, None for a file that must not be there; `also` has other
    contents that are right, too. `names` maps names of the teaching job to those of this one.
    """

    family: str
    name: str
    task: str
    files: Mapping[str, str]
    encoding: str = "utf-8"
    setup: str = ""
    expected: Mapping[str, str | None] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)
    unchanged: Sequence[str] = ()
    verify: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    solution: str = ""

    def lay(self, folder: Path) -> None:
        """Makes the workspace."""
        for path, content in self.files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding=self.encoding)
        if self.setup:
            subprocess.run(["sh", "-ec", self.setup], cwd=folder, check=True)

    @property
    def check(self) -> str:
        """The command for `--verify`: it knows the right result, and the workspace does not."""
        return shlex.join([sys.executable, __file__, "check", self.family, self.name])

    def faults(self, folder: Path) -> list[str]:
        """What is wrong with the result in this folder."""
        texts = {path: _text(folder / path) for path in (*self.expected, *self.unchanged)}
        right: dict[str, tuple[str | None, ...]] = {
            path: (content, self.also.get(path, content)) for path, content in self.expected.items()
        }
        right |= {path: (self.files[path].rstrip(),) for path in self.unchanged}
        wrong = [path for path, content in texts.items() if content not in map(_bare, right[path])]
        return wrong + ([self.verify] if self.verify and not self._verifies(folder) else [])

    def _verifies(self, folder: Path) -> bool:
        command = ["sh", "-c", self.verify]
        return not subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode


@dataclass(frozen=True)
class Knowledge:
    """What an agent has to know of the taught run: parts of the block, as they were run."""

    commands: Sequence[str]
    check: str = ""
    files: Sequence[str] = ()
    cure: Mapping[str, str] = field(default_factory=dict)
    """`error`: a part of what the failed command printed; `by`: a part of what cured it."""


@dataclass(frozen=True)
class Family:
    """One kind of job."""

    name: str
    about: str
    teaching: Job
    turns: Sequence[Turn]
    """Of the agent at the teaching job; see `turn_for_model`."""
    hold: Knowledge
    exact: Mapping[str, str]
    """`sequence` and `failed` as a person would write them; `{reference}` has its files."""
    instances: Sequence[Job]

    @property
    def programs(self) -> dict[str, str]:
        """The files that the taught run wrote and a later one can use, as they were in the end."""
        written: dict[str, str] = {}
        for item in (item for turn in self.turns for item in _items(turn)):
            if "write_file" in item:
                written[item["write_file"]] = item["content"]
            if item.get("replace_in_file") in written:
                path = item["replace_in_file"]
                written[path] = written[path].replace(item["old"], item["new"])
        return {path: written[path] for path in self.hold.files}


@cache
def families() -> dict[str, Family]:
    """All families by name."""
    paths = sorted((_DATA / "families").glob("*.yaml"))
    return {path.stem: _family(yaml.safe_load(path.read_text("utf-8"))) for path in paths}


@cache
def easy_tasks() -> dict[str, Job]:
    """Jobs that are done without a pattern, by name."""
    raw = yaml.safe_load((_DATA / "easy_tasks.yaml").read_text("utf-8"))
    return {one["name"]: Job(_EASY, **one) for one in raw}


def job(family: str, name: str) -> Job:
    """A job by the names of its family and of itself."""
    if family == _EASY:
        return easy_tasks()[name]
    of_family = families()[family]
    return {one.name: one for one in (of_family.teaching, *of_family.instances)}[name]


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A text with other names in it; of names that overlap, the longest counts."""
    if not names:
        return text
    longest_first = sorted(names, key=len, reverse=True)
    pattern = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in longest_first)
    return re.sub(pattern, lambda match: names[match[0]], text)


def _family(raw: dict[str, Any]) -> Family:
    name, common = raw["name"], raw.get("common", {})
    teaching = dict(raw["teaching"], name="teaching")
    turns = teaching.pop("turns")
    return Family(
        name=name,
        about=raw["about"],
        teaching=_job(name, common, teaching),
        turns=turns,
        hold=Knowledge(**raw["hold"]),
        exact=raw["exact"],
        instances=[_job(name, common, dict(one)) for one in raw["instances"]],
    )


def _job(family: str, common: Mapping[str, str], raw: dict[str, Any]) -> Job:
    values = {key: str(value) for key, value in raw.pop("fill", {}).items()}
    files = {**common, **raw.pop("files", {})}
    filled = {_filled(path, values): _filled(text, values) for path, text in files.items()}
    names = {str(old): str(new) for old, new in raw.pop("names", {}).items()}
    return Job(family, files=filled, names=names, **raw)


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def turn_for_model(raw: Turn) -> dict[str, Any]:
    """A turn as the scripted model takes it: replaced lines as a patch."""
    return {"items": [_patch(item) if "replace_in_file" in item else item for item in _items(raw)]}


def _patch(item: Mapping[str, str]) -> dict[str, Any]:
    lines = [f"*** Update File: {item['replace_in_file']}", "@@", f"-{item['old']}"]
    text = "\n".join(["*** Begin Patch", *lines, f"+{item['new']}", "*** End Patch"])
    return {"patch": text}


def _items(turn: Turn) -> list[dict[str, Any]]:
    items = turn["items"] if isinstance(turn, dict) and "items" in turn else [turn]
    return [item if isinstance(item, dict) else {"message": item} for item in items]


def _text(file: Path) -> str | None:
    return file.read_text("utf-8", "replace").rstrip() if file.exists() else None


def _bare(content: str | None) -> str | None:
    return content if content is None else content.rstrip()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["lay", family, name, folder]:
            Path(folder).mkdir(parents=True, exist_ok=True)
            job(family, name).lay(Path(folder))
        case ["check", family, name]:
            sys.exit("\n".join(job(family, name).faults(Path.cwd())) or 0)
        case _:
            sys.exit(__doc__)
