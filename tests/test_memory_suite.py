"""The suite that tries memory: its checks know right from wrong, and its teachers teach."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from families import Job

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "memory"))
from house import HouseFamily, check_command, house_families
from run import Lesson, report

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
