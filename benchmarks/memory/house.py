"""Families of recurring jobs that need to know how the house does them.

A family is a file in `families`. Its `know_how` stands neither in its tasks nor in its files, so
nobody can find it out by looking. The `session` of the teacher does the job of the `teacher` with
it, as an agent does that was told by a colleague. The `instances` are the same kind of job in other
words, with other names and other data; `names` maps the names of the teacher's job to theirs.
`naive` is how a good agent would do the teacher's job without the know-how.
"""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from families import Job, renamed

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class HouseFamily:
    """One kind of job of the house."""

    name: str
    know_how: str
    teacher: Job
    session: Sequence[Mapping[str, Any]]
    """What the teacher does: `say`, `write` with `content`, `run` with an `exit_code`."""
    naive: str
    """A shell script with the names of the teacher's job."""
    instances: Sequence[Job]

    def recording(self) -> dict[str, Any]:
        """The teacher's session as `--executor replay` plays it: its commands really run."""
        return {
            "recording": 1,
            "title": f"how the house does it: {self.name}",
            "task": self.teacher.task,
            "events": [_event(entry) for entry in self.session],
        }

    def solution(self, job: Job) -> str:
        """A shell script that does a job as the teacher did."""
        return renamed("\n".join(_commands(self.session)), job.names)

    def naive_solution(self, job: Job) -> str:
        """A shell script that does a job without the know-how."""
        return renamed(self.naive, job.names)


@cache
def house_families() -> dict[str, HouseFamily]:
    """All families by name."""
    paths = sorted((_HERE / "families").glob("*.yaml"))
    return {path.stem: _family(yaml.safe_load(path.read_text("utf-8"))) for path in paths}


def house_job(family: str, name: str) -> Job:
    """A job by the names of its family and of itself; `teacher` is what the teacher did."""
    chosen = house_families()[family]
    return {job.name: job for job in (chosen.teacher, *chosen.instances)}[name]


def check_command(job: Job) -> str:
    """The command for `--verify`. It knows the right result, and the workspace does not."""
    return shlex.join([sys.executable, str(_HERE / "check.py"), job.family, job.name])


def _family(raw: Mapping[str, Any]) -> HouseFamily:
    name, common = raw["name"], raw.get("common", {})
    teacher = dict(raw["teacher"])
    session = teacher.pop("session")
    return HouseFamily(
        name=name,
        know_how=raw["know_how"],
        teacher=_job(name, common, {"name": "teacher", **teacher}),
        session=session,
        naive=raw["naive"],
        instances=[_job(name, common, entry) for entry in raw["instances"]],
    )


def _job(family: str, common: Mapping[str, str], raw: Mapping[str, Any]) -> Job:
    return Job(family, **{**raw, "files": {**common, **raw.get("files", {})}})


def _event(entry: Mapping[str, Any]) -> dict[str, Any]:
    if "say" in entry:
        return {"type": "agent_spoke", "text": entry["say"]}
    if "write" in entry:
        change = {"path": entry["write"], "change": "added", "content": entry["content"]}
        return {"type": "file_changed", **change}
    return {
        "type": "command_ran",
        "command": entry["run"],
        "exit_code": entry.get("exit_code", 0),
    }


def _commands(session: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for entry in session:
        if "write" in entry:
            yield f"cat > {entry['write']} <<'END_OF_FILE'\n{entry['content']}END_OF_FILE"
        elif "run" in entry and not entry.get("exit_code"):
            yield entry["run"]
