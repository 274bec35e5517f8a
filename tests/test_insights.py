"""`insights`: what a history of runs says, and the runs behind it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun
from learned_runs import Ledger
from test_views import terminal

from crossrun.insights.families import family
from crossrun.insights.findings import (
    HistoryFinding,
    command_use,
    failing_commands,
    left_over,
    returning_tasks,
    what_patterns_brought,
    where_time_goes,
)
from crossrun.model.failures import Failure
from crossrun.model.queries import PastCommand, PastRun
from crossrun.model.status import Status
from crossrun.services.history import run_history
from crossrun.views.insights import insight_lines, sentence


def past(run_id: str, **changed: Any) -> PastRun:  # noqa: ANN401  values of its fields
    run = PastRun(
        id=run_id,
        project_id="default",
        task="Convert sales.csv to JSON",
        task_type="code",
        status=Status.SUCCEEDED,
        seconds=60.0,
        tokens=1_000,
        commands=3,
        changes=0,
        can_apply=True,
        is_applied=False,
        is_agent=True,
        is_repeat=False,
        is_continued=False,
        has_check=False,
        decision=None,
        pattern_id=None,
        learned_pattern_id=None,
    )
    return run._replace(**changed)


def said(findings: Iterable[HistoryFinding]) -> list[str]:
    return [sentence(finding) for finding in findings]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("bash -lc 'cd src && python3 -m pytest -q tests'", "pytest"),
        ("PYTHONPATH=. uv run pytest -x", "pytest"),
        ("python3 tools/convert.py a.csv", "python3 convert.py"),
        ("git commit -m 'add; remove'", "git commit"),
        ("timeout 60 npm run build", "npm run"),
        ("/usr/bin/sed -n 1,5p x", "sed"),
        ("cd src", ""),
        ("python3 - <<'E'\nprint(1)\nE", "python3 -"),
    ],
)
def test_commands_are_counted_by_family(command: str, name: str) -> None:
    assert family(command) == name


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("bash -lc 'cat a.txt | head -3; npm test'", "npm test"),
        ("ls src | pytest -q", "pytest"),
        ("git pull || npm test", "npm test"),
        ("cd src && npm test && git commit -m 'a; b'", "npm test"),
        ("set -o pipefail; npm test | tail -3", "npm test"),
        ("npm test; exit $?", "npm test"),
        ("python3 - <<'E'\nimport a; b\nE", "python3 -"),
    ],
)
def test_a_failure_counts_for_the_command_that_the_exit_code_is_of(command: str, name: str) -> None:
    [use] = command_use([PastCommand("a", command, 2, None)]).failing
    assert use == name


def test_time_and_tokens_are_told_by_project_task_type_and_command() -> None:
    runs = [past("a", seconds=3_000.0, project_id="thesis", task_type="research"), past("b")]
    use = command_use([PastCommand("a", "pytest -q", 0, 900.0), PastCommand("b", "ls", 0, 1.0)])
    assert said(where_time_goes(runs, use)) == [
        "2 runs took 51 min and 2.0k tokens; 100% succeeded.",
        "The project thesis took 98% of that time: 50 min in 1 run.",
        "Of the task types, research took the most time: 50 min, 98% of all.",
        "The most tokens went into research: 1.0k, 50% of all.",
        "`pytest` took 15 min in 1 call, 29% of the time of all runs.",
    ]


def test_a_command_counts_as_failing_again_in_two_runs() -> None:
    use = command_use(
        [
            PastCommand("a", "npm test", 1, None),
            PastCommand("a", "npm test", 0, None),
            PastCommand("b", "npm test", 1, None),
            PastCommand("b", "grep x y", 1, None),
            PastCommand("a", "grep x y", 1, None),
        ]
    )
    [failing] = failing_commands(use)
    assert (failing.family, failing.failures) == ("npm test", 2)
    assert (list(failing.run_ids), list(failing.repaired_in)) == (["a", "b"], ["a"])


def test_tasks_that_come_back_name_their_pattern_or_its_lack() -> None:
    runs = [past(name, learned_pattern_id="9c1xyz") for name in "abc"]
    runs += [past(name, task="Plot the yields of 2024", status=Status.FAILED) for name in "def"]
    runs += [past("retried", is_repeat=True)]
    kinds = {run.id: run.task for run in runs}
    findings = list(returning_tasks(runs, kinds, {"9c1xyz"}))
    assert said(findings) == [
        (
            "You asked 3 times for something like “Convert sales.csv to JSON”. 3 of these runs"
            " succeeded; pattern 9c1xyz covers them."
        ),
        (
            "You asked 3 times for something like “Plot the yields of 2024”. 0 of these runs"
            " succeeded; no pattern covers them yet."
        ),
    ]
    assert findings[0].run_ids == ("c", "b", "a")


def test_what_patterns_brought_compares_only_what_chance_decided() -> None:
    runs = [
        past("a", decision="injected"),
        past("b", decision="withheld", status=Status.FAILED),
        past("c", decision="forced"),
        past("d", decision="abstained"),
    ]
    assert said(what_patterns_brought(runs)) == [
        (
            "With a pattern that fits, 1 of 1 run succeeded; when one fitted but was withheld by"
            " chance, 0 of 1 succeeded; in 1 run you named the pattern yourself."
        )
    ]


def test_changes_that_were_never_applied_or_checked_are_named() -> None:
    runs = [
        past("waits", changes=2),
        past("applied", changes=2, is_applied=True, has_check=True),
        past("continued", changes=1, is_continued=True, has_check=True),
        past("failed", changes=1, status=Status.FAILED),
        past("elsewhere", changes=1, can_apply=False, is_agent=False),
    ]
    assert said(left_over(runs)) == [
        "The changes of 1 successful run (2 files) were never applied to your files.",
        (
            "Of 3 successful runs that changed files, 1 had no check. To make the next one safer,"
            " give a command that checks the result: --verify."
        ),
    ]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A store in which a converter failed in three runs and was repaired each time."""
    made = Ledger(tmp_path)
    for month in ("may", "june", "july"):
        made.learn(
            f"Convert {month}.csv to JSON with convert.py",
            [
                f"python3 convert.py {month}.csv\t1",
                {"write": "convert.py", "content": "print(1)"},
                f"python3 convert.py {month}.csv",
            ],
        )
    for number in range(2):
        made.learn(f"Say hello {number}", ["npm test\t1"], failure=Failure("AGENT_FAILED", "", ""))
    return made


def test_a_history_says_what_failed_and_what_repaired_it(ledger: Ledger) -> None:
    found = run_history(ledger.store)
    assert found.runs == 5
    by_kind = {(each.kind, each.subject): each for each in found.findings}
    converter = by_kind["repeated_failure", "python3 convert.py"]
    assert converter.figures["cured_by"] == "change convert.py"
    assert len(converter.run_ids) == 3
    assert sentence(by_kind["repeated_failure", "npm test"]).endswith(
        "failed 2 times in 2 runs, and never worked afterwards in the same run."
    )
    [returning] = [each for each in found.findings if each.kind == "returning_task"]
    assert returning.figures["pattern_id"] is not None


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_screen_fits_the_terminal_and_names_runs(ledger: Ledger, width: int) -> None:
    found = run_history(ledger.store)
    lines = list(insight_lines(found, terminal(width)))
    assert max(map(len, lines)) <= width
    assert any(found.findings[0].run_ids[0] in line for line in lines)


def test_a_short_history_says_so(crossrun: Crossrun) -> None:
    assert "not enough history yet: no run has ended" in crossrun("insights").err
    assert crossrun("run", "--executor", "shell", "true").code == 0
    shown = crossrun("insights")
    assert (shown.code, shown.out) == (0, "")
    assert shown.err == "not enough history yet: 1 run ended, and insights need 5\n"
    assert crossrun.json("insights", "--since", "7d") == {
        "schema_version": 1,
        "runs": 1,
        "needed": 5,
        "insights": [],
        "total": 0,
    }
