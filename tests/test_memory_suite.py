"""The suite that tries memory: its checks know right from wrong, and its teachers teach."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import CodexWorld, Crossrun, WithCodex
from families import Job
from scripted_model import Item, Scenario

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "memory"))
from house import HouseFamily, check_command, house_families
from run import Lesson, report

SUITE = Path(__file__).parents[1] / "benchmarks" / "memory"
FAMILIES = sorted(house_families())
CLUES = ("hollunder", "6510", "32 64 128", "MARGIN=18", "w-card", "zur Freigabe", "-srv.intern")


def do(script: str, job: Job, folder: Path) -> bool:
    """Whether a script does a job in a new workspace, as its check sees it; "" does nothing."""
    folder.mkdir(parents=True)
    job.lay(folder)
    if script:
        subprocess.run(["sh", "-c", script], cwd=folder, check=True, capture_output=True)
    return not job.faults(folder)


def jobs(family: HouseFamily) -> list[Job]:
    return [family.teacher, *family.instances]


def test_there_are_twelve_families_with_six_instances_each() -> None:
    assert len(FAMILIES) >= 12
    assert all(len(family.instances) >= 6 for family in house_families().values())


def test_the_know_how_stands_in_no_task_and_no_file() -> None:
    texts = [
        text
        for family in house_families().values()
        for job in family.instances
        for text in (job.task, job.setup, *job.files.values())
    ]
    assert not [clue for clue in CLUES for text in texts if clue in text]


def test_no_two_jobs_have_the_same_task() -> None:
    tasks = [job.task for family in house_families().values() for job in jobs(family)]
    assert len(set(tasks)) == len(tasks)


@pytest.mark.process
@pytest.mark.parametrize("name", FAMILIES)
def test_a_check_passes_with_the_know_how_and_fails_without_it(name: str, tmp_path: Path) -> None:
    family = house_families()[name]
    results = {
        job.name: (
            do("", job, tmp_path / job.name / "untouched"),
            do(family.naive_solution(job), job, tmp_path / job.name / "naive"),
            do(family.solution(job), job, tmp_path / job.name / "right"),
        )
        for job in jobs(family)
    }
    assert set(results.values()) == {(False, False, True)}, results


@pytest.mark.process
def test_the_check_that_a_run_gets_exits_with_the_result_and_gives_nothing_away(
    tmp_path: Path,
) -> None:
    family = house_families()["price-list"]
    job = family.instances[0]
    do(family.solution(job), job, tmp_path / "right")
    do(family.naive_solution(job), job, tmp_path / "naive")

    def check(folder: str) -> subprocess.CompletedProcess[str]:
        command = check_command(job)
        place = tmp_path / folder
        return subprocess.run(
            ["sh", "-c", command], cwd=place, check=False, capture_output=True, text=True
        )

    assert check("right").returncode == 0
    assert (check("naive").returncode, check("naive").stderr) == (1, "the result is not right\n")


def test_a_report_has_the_lift_and_says_how_often_a_family_got_its_pattern() -> None:
    experiment = {
        "id": "b1",
        "comparisons": [
            {
                "difference": 0.5,
                "interval": [0.1, 0.9],
                "level": 0.95,
                "pairs": 2,
                "sentence": "memory better than off by 10 to 90 points, 2 pairs",
            }
        ],
        "tasks": [
            task("frames", "tower", without=0, with_memory=1),
            task("frames", "bridge", without=0, with_memory=0),
        ],
    }
    runs = [
        run("b1", "frames", "injected", "nmz93b"),
        run("b1", "frames", "abstained", None),
        run("b1", "frames", "disabled", None),
        run("b2", "frames", "injected", "nmz93b"),
    ]

    assert report(experiment, runs, [Lesson("frames", "nmz93b")]) == [
        "lift of memory: +50 points [+10, +90] (95%, valid at any time), 2 pairs",
        "memory better than off by 10 to 90 points, 2 pairs",
        "",
        "family               without  with memory  got its pattern",
        "frames                0 of 2       1 of 2           1 of 2",
    ]


def task(family: str, job: str, *, without: int, with_memory: int) -> dict[str, Any]:
    tallies = [
        {"name": "memory", "runs": 1, "succeeded": with_memory},
        {"name": "off", "runs": 1, "succeeded": without},
    ]
    return {"name": f"{family}/{job}", "tags": [family], "variants": tallies}


def run(batch: str, family: str, decision: str, pattern_id: str | None) -> dict[str, Any]:
    pattern = {"decision": decision, "pattern_id": pattern_id}
    return {"batch_id": batch, "tags": [family], "pattern": pattern}


# ---------------------------------------------------------------- with the real Codex


TRIED = {
    # family: what only its block tells an agent
    "host-config": r"7000 \+ 10",
    "price-list": r"/pricelist\.py",
    "product-page": r"/page\.py",
    "till-closing": r"/closing\.py",
}
INSTANCES = 2


class Lift(NamedTuple):
    """What the trial of memory printed."""

    points: int
    low: int
    high: int
    pairs: int
    families: dict[str, tuple[int, int, int]]
    """Successes without memory and with it, and how often the family's own pattern was given."""


def lift(made: WithCodex, folder: Path) -> Lift:
    command = [sys.executable, str(SUITE / "run.py"), "--folder", str(folder / "trial")]
    command += [word for family in TRIED for word in ("--family", family)]
    command += ["--instances", str(INSTANCES), "--", "--jobs", "2", "--planner", "direct"]
    command += ["--sandbox", "danger-full-access", "-n", "1"]
    done = subprocess.run(
        command, env=made.crossrun.environ, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    head, _, _, _, *rows = done.stdout.splitlines()
    points, low, high, _, pairs = map(int, re.findall(r"[+-]?\d+", head))
    return Lift(points, low, high, pairs, dict(map(row, rows)))


def row(line: str) -> tuple[str, tuple[int, int, int]]:
    family, *_ = line.split()
    without, with_memory, given = map(int, re.findall(r"(\d+) of", line))
    return family, (without, with_memory, given)


def agent(*, uses_the_block: bool) -> list[Scenario]:
    """An agent that is right with the block alone, or at every other job in any case."""
    script = []
    for name, clue in TRIED.items():
        family = house_families()[name]
        for number, job in enumerate(family.instances[:INSTANCES]):
            match = rf"{re.escape(job.task)}\s*\Z"
            right: list[Item | str] = [{"shell": family.solution(job)}, "Done."]
            naive: list[Item | str] = [{"shell": family.naive_solution(job)}, "Done."]
            if uses_the_block:
                script += [
                    Scenario(right, match=match, developer=clue),
                    Scenario(naive, match=match),
                ]
            else:
                script.append(Scenario(naive if number % 2 else right, match=match))
    return script


@pytest.mark.codex
def test_the_trial_shows_the_lift_that_the_model_has(codex: CodexWorld, tmp_path: Path) -> None:
    result = lift(codex(agent(uses_the_block=True)), tmp_path)

    given = sum(given for _, _, given in result.families.values())
    assert given >= 6
    assert all(
        (without, right) == (0, given) for without, right, given in result.families.values()
    ), result
    assert result.pairs == len(TRIED) * INSTANCES
    assert result.points == round(100 * given / result.pairs)
    assert result.low > 0


@pytest.mark.codex
def test_the_trial_shows_no_lift_where_the_model_has_none(
    codex: CodexWorld, tmp_path: Path
) -> None:
    result = lift(codex(agent(uses_the_block=False)), tmp_path)

    assert {right for _, right, _ in result.families.values()} == {1}
    assert result.points == 0
    assert result.low < 0 < result.high


# ---------------------------------------------------------------- what a run did with its pattern


def test_a_run_says_how_much_of_its_pattern_it_carried_out(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    family, other = house_families()["fiscal-weeks"], house_families()["frames"]
    job = family.instances[0]
    taught = play(crossrun, family.recording(), family.teacher, tmp_path, "--no-pattern")
    given = ("--pattern", taught["learned_pattern_id"])

    def share(script: str, done: Job) -> float:
        command = {"type": "command_ran", "command": script, "exit_code": 0}
        run = play(crossrun, {"recording": 1, "events": [command]}, done, tmp_path, *given)
        adherence: float = run["pattern"]["adherence"]
        return adherence

    assert share(family.solution(job), job) > 0.95
    assert 0.4 < share(family.naive_solution(job), job) < 0.9
    assert share(other.solution(other.instances[0]), other.instances[0]) < 0.2


def play(
    crossrun: Crossrun, recording: dict[str, Any], job: Job, folder: Path, *words: str
) -> dict[str, Any]:
    source = Path(tempfile.mkdtemp(dir=folder))
    job.lay(source)
    file = source.with_suffix(".json")
    file.write_text(json.dumps(recording))
    replay = ("--executor", "replay", "--recording", str(file), "--planner", "direct", "--yes")
    return crossrun.json("run", job.task, *replay, "--source", str(source), *words)
