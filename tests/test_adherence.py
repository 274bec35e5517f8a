"""Adherence: what counts as carrying out the steps of a pattern, on labelled runs."""

from pathlib import Path
from random import Random
from statistics import mean
from typing import Any, NamedTuple

import pytest
import yaml

from crossrun.patterns.evaluation.adherence import adherence

LABELLED = Path(__file__).parent / "data" / "adherence"


class Labelled(NamedTuple):
    """A run that somebody has labelled, and its adherence."""

    name: str
    label: str
    value: float


def labelled(half: str) -> list[Labelled]:
    jobs: list[dict[str, Any]] = yaml.safe_load((LABELLED / f"{half}.yaml").read_text("utf-8"))
    return [
        Labelled(job["name"], label.rstrip("2"), value)
        for job in jobs
        for label, ran in job["runs"].items()
        if (value := adherence(job["steps"], ran, examples=job.get("examples"))) is not None
    ]


def values(runs: list[Labelled], label: str) -> list[float]:
    return [run.value for run in runs if run.label == label]


def share(values: list[float], *, above: float) -> float:
    return mean(value > above for value in values)


def test_the_same_job_and_other_work_are_told_apart() -> None:
    runs = labelled("tuning")

    assert min(values(runs, "same")) > 0.95
    assert min(values(runs, "tools")) > 0.5
    assert max(values(runs, "other")) < 0.2
    assert 0.4 < mean(values(runs, "partly")) < 0.6


@pytest.mark.parametrize("half", ["kept", "fresh"])
def test_they_are_mostly_told_apart_on_runs_that_the_rules_were_not_made_on(half: str) -> None:
    runs = labelled(half)

    assert share(values(runs, "tools"), above=0.5) >= 0.75
    assert share(values(runs, "other"), above=0.2) <= 0.15
    assert 0.3 < mean(values(runs, "partly")) < 0.6


STEPS = ["python3 … {source}", "python3 … > sections.json", "pytest -q", "grep {pattern} {target}"]


def test_following_every_step_is_full_adherence() -> None:
    ran = [
        "/bin/bash -lc 'python3 read.py SOP-001.docx'",
        "ls",
        "/usr/bin/python3 cut.py > sections.json",
        "cd new && pytest -q",
        'bash -lc "grep -n Scope new/SOP-001.md"',
    ]

    assert adherence(STEPS, ran) == 1


def test_steps_count_only_in_their_order() -> None:
    steps = ["make build", "make test", "git commit"]

    assert adherence(steps, ["make build", "make test", "git commit"]) == 1
    assert adherence(steps, ["git commit", "make test", "make build"]) == 0.3875
    assert adherence(["a one", "b two"], ["b two", "a one"]) == 0.5


def test_doing_something_else_is_no_adherence() -> None:
    assert adherence(["pytest -q", "git commit"], ["ls", "cat README.md"]) == 0
    assert adherence(["pytest -q"], []) == 0


def test_one_command_stands_for_one_step() -> None:
    assert adherence(["pytest -q", "pytest -q"], ["pytest -q"]) == 0.5


def test_where_no_step_names_a_command_adherence_is_unknown() -> None:
    assert adherence([], ["ls"]) is None
    assert adherence(["{command}", "…"], ["ls"]) is None


def test_more_commands_never_lower_adherence() -> None:
    rng = Random(5)  # noqa: S311  no secret is made
    words = ["make", "test", "git", "commit", "pytest", "-q", "ls"]
    for _ in range(200):
        steps = [" ".join(rng.choices(words, k=2)) for _ in range(4)]
        ran = [" ".join(rng.choices(words, k=2)) for _ in range(6)]
        fewer, more = adherence(steps, ran[:4]), adherence(steps, ran)
        assert fewer is not None
        assert more is not None
        assert 0 <= fewer <= more <= 1


PROGRAM = "cat > sums.py <<'EOF'\nfor month, amount in ledger:\n    totals[month] += amount\nEOF"


def test_a_program_that_was_written_and_not_run_counts_by_half() -> None:
    steps = [PROGRAM, "python3 sums.py {source}"]

    assert adherence(steps, [PROGRAM, "python3 sums.py may.csv"]) == 1
    assert adherence(steps, [PROGRAM]) == 0.5


def test_a_program_is_known_by_its_name_where_its_text_is_not_known() -> None:
    steps = ["write sums.py", "python3 sums.py {source}"]

    assert adherence(steps, [PROGRAM, "python3 sums.py may.csv"]) == 1
    assert adherence(steps, ["python3 report.py may.csv"]) == 0


def test_another_program_of_the_same_name_is_other_work() -> None:
    other = "cat > sums.py <<'EOF'\nprint(hashlib.sha256(open(path, 'rb').read()).hexdigest())\nEOF"

    assert adherence([PROGRAM, "python3 sums.py {source}"], [other, "python3 sums.py x.iso"]) == 0


@pytest.mark.parametrize("size", [80, 500])
def test_in_a_long_run_the_commands_that_share_words_with_the_steps_are_compared(size: int) -> None:
    steps = ["cmake -S . -B build", "cmake --build build", "ctest --test-dir build"]
    looks = [f"sed -n '1,{number}p' file{number}.txt" for number in range(size)]

    assert adherence(steps, [*looks, *steps, *looks]) == 1


def test_a_tool_that_is_no_command_is_a_step_too() -> None:
    step = "use web_search query={query}"

    assert adherence([step], ["use web_search {'query': 'soil carbon'}"]) == 1
    assert adherence([step], ["use create_page {'title': 'Soil'}"]) == 0
