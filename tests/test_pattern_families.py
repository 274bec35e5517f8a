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
TAG = "<reference_workflow"
NO_SANDBOX = ("--sandbox", "danger-full-access", "--planner", "direct")


@dataclass(frozen=True)
class Lesson:
    """What came of the teaching run of a family."""

    pattern_id: str
    block: str


def teaching(family: Family) -> Scenario:
    """An agent that makes its mistakes, as one does the first time."""
    return Scenario(
        [turn_for_model(turn) for turn in family.turns], match=_exactly(family.teaching)
    )


def repeating(family: Family, instance: Job, block: str) -> list[Scenario]:
    """An agent that does what its pattern says, with other names; without one it knows, too."""
    commands = renamed(re.sub(r"(?m)^cp .*\n", "", family.exact["sequence"]), instance.names)
    commands = instance.solution or commands
    copies = "".join(re.findall(r"(?m)^cp .*\n", block))
    writes: list[Item] = [{"write_file": p, "content": text} for p, text in family.programs.items()]
    match = _exactly(instance)
    return [
        Scenario([{"shell": copies + commands}, "Done."], match=match, developer=TAG),
        Scenario([*writes, {"shell": commands}, "Done."], match=match),
    ]


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
    copies = [f'/{path}" {path}' for path in knowledge.files]
    texts = [*knowledge.commands, *copies, *knowledge.cure.values(), knowledge.check]
    return [text for text in texts if text not in block]


@pytest.mark.parametrize("names", HALVES, ids=["even", "odd"])
def test_a_new_job_of_a_family_gets_the_pattern_of_its_family_and_no_other(
    codex: CodexWorld, tmp_path: Path, names: list[str]
) -> None:
    chosen = [families()[name] for name in names]
    made = codex([teaching(family) for family in chosen])
    lessons = {family.name: teach(made, family, tmp_path) for family in chosen}
    owners = {lesson.pattern_id: name for name, lesson in lessons.items()}
    assert len(owners) == len(chosen)
    lacking = {f.name: missing(lessons[f.name].block, f.hold) for f in chosen}
    assert not any(lacking.values()), lacking

    again = [repeating(f, f.instances[0], lessons[f.name].block) for f in chosen]
    made = codex([scenario for scenarios in again for scenario in scenarios])
    got = {}
    for family in chosen:
        pattern = do(made, family.instances[0], tmp_path)["pattern"]
        got[family.name] = owners.get(pattern["pattern_id"])
    right = [name for name, owner in got.items() if owner == name]
    wrong = {name: owner for name, owner in got.items() if owner not in {name, None}}
    assert wrong == {}
    assert len(right) >= 3, got
