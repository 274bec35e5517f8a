"""Twelve families of realistic tasks on the real Codex: taught once, then done again elsewhere."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import CodexWorld, WithCodex
from families import Family, Job, Knowledge, families, renamed, turn_for_model
from scripted_model import Item, Scenario

pytestmark = pytest.mark.codex

HALVES = [sorted(families())[0::2], sorted(families())[1::2]]
ALWAYS = {"CROSSRUN_PATTERNS_HOLDOUT": "0"}
NO_SANDBOX = ("--sandbox", "danger-full-access", "--planner", "direct")


@dataclass(frozen=True)
class Lesson:
    """What came of the teaching run of a family."""

    pattern_id: str
    block: str


def scenarios(family: Family) -> list[Scenario]:
    """An agent that makes its mistakes the first time, and knows how the next times."""
    first = Scenario(
        [turn_for_model(turn) for turn in family.turns], match=_exactly(family.teaching)
    )
    return [first, *(_done_at_once(family, one) for one in family.instances)]


def _done_at_once(family: Family, instance: Job) -> Scenario:
    files: list[Item] = [
        {"write_file": path, "content": text} for path, text in family.programs.items()
    ]
    without_copies = re.sub(r"(?m)^cp \{reference\}.*\n", "", family.exact["sequence"])
    commands = instance.solution or renamed(without_copies, instance.names)
    return Scenario([*files, {"shell": commands}, "Done."], match=_exactly(instance))


def _exactly(job: Job) -> str:
    return rf"{re.escape(job.task)}\s*\Z"


def do(made: WithCodex, job: Job, folder: Path) -> dict[str, Any]:
    """A run at a job, in a workspace of its own; its result is checked from outside."""
    source = folder / f"{job.family}-{job.name}"
    source.mkdir()
    job.lay(source)
    words = (job.task, "--source", str(source), "--verify", job.verify or job.check)
    run = made.run(*words, *NO_SANDBOX, **ALWAYS).json
    assert (run["status"], job.faults(Path(run["workspace"]))) == ("succeeded", []), job.family
    return run


def teach(made: WithCodex, family: Family, folder: Path) -> Lesson:
    pattern_id = do(made, family.teaching, folder)["learned_pattern_id"]
    return Lesson(pattern_id, made.crossrun("patterns", "show", pattern_id, "--block").out)


def missing(block: str, knowledge: Knowledge) -> list[str]:
    """What an agent would have to know, and cannot read in the block."""
    return [command for command in knowledge.commands if command not in block]


@pytest.mark.parametrize("names", HALVES, ids=["even", "odd"])
def test_a_new_job_of_a_family_gets_the_pattern_of_its_family_and_no_other(
    codex: CodexWorld, tmp_path: Path, names: list[str]
) -> None:
    chosen = [families()[name] for name in names]
    made = codex([scenario for family in chosen for scenario in scenarios(family)])
    lessons = {family.name: teach(made, family, tmp_path) for family in chosen}
    owners = {lesson.pattern_id: name for name, lesson in lessons.items()}
    assert len(owners) == len(chosen)
    lacking = {f.name: missing(lessons[f.name].block, f.hold) for f in chosen}
    assert not any(lacking.values()), lacking

    got = {}
    for family in chosen:
        pattern = do(made, family.instances[0], tmp_path)["pattern"]
        got[family.name] = owners.get(pattern["pattern_id"])
    right = [name for name, owner in got.items() if owner == name]
    wrong = {name: owner for name, owner in got.items() if owner not in {name, None}}
    assert wrong == {}
    assert len(right) >= 3, got
