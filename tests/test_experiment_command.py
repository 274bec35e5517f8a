"""`crossrun experiment`: from words to results, as a user and as a script sees it."""

import json
import re
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from conftest import CodexWorld, Crossrun, Result
from processes import wait_for
from scripted_model import Scenario, Script, ScriptedModel

SHELL = ("experiment", "grep -q good AGENTS.md", "--executor", "shell", "--verify", "true")


@pytest.fixture
def variants(crossrun: Crossrun) -> list[str]:
    """Options for variants with good and with bad instructions."""
    for name in ("good", "bad"):
        (crossrun.cwd / f"{name}.md").write_text(f"Be {name}.\n")
    return ["--variant", "good:instructions=good.md", "--variant", "bad:instructions=bad.md"]


def test_an_experiment_says_which_variant_is_better(
    crossrun: Crossrun, variants: list[str]
) -> None:
    result = crossrun(*SHELL, *variants, "--jobs", "2")
    assert result.code == 0, result.err
    assert "good better than bad by 1 to 100 points, 8 pairs" in result.err
    experiment_id = result.out.strip()
    shown = crossrun.json("experiment", "show", experiment_id)
    assert (shown["id"], shown["state"], shown["pairs"]) == (experiment_id, "succeeded", 8)
    assert [(each["name"], each["runs"], each["succeeded"]) for each in shown["variants"]] == [
        ("good", shown["variants"][0]["runs"], shown["variants"][0]["runs"]),
        ("bad", shown["variants"][1]["runs"], 0),
    ]
    assert shown["variants"][0]["settings"] == {"instructions": "good.md"}
    comparison = shown["comparisons"][0]
    assert (comparison["a"], comparison["b"], comparison["decided"]) == ("good", "bad", True)
    assert comparison["difference"] == 1.0
    assert [task["name"] for task in shown["tasks"]] == ["task"]
    assert crossrun("experiment", "show").out.count("good better than bad") == 1


def test_all_planned_runs_are_carried_out_on_request_although_it_is_decided(
    crossrun: Crossrun, variants: list[str]
) -> None:
    shown = crossrun.json(*SHELL, *variants, "-n", "10", "--jobs", "2", "--all")
    assert (shown["pairs"], shown["comparisons"][0]["decided"]) == (10, True)


def test_json_and_lists_have_the_whole_experiment(crossrun: Crossrun, variants: list[str]) -> None:
    started = crossrun.json(*SHELL, *variants, "-n", "1")
    assert started["comparisons"][0]["decided"] is False
    listed = crossrun.json("experiment", "list")
    assert listed == {"schema_version": 1, "experiments": [without_version(started)], "total": 1}
    assert "not decided" in crossrun("experiment").out
    assert crossrun.json("batch", "list")["total"] == 0


def without_version(content: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in content.items() if key != "schema_version"}


def test_reports_have_four_forms(crossrun: Crossrun, variants: list[str]) -> None:
    crossrun(*SHELL, *variants, "-n", "2")
    assert crossrun("experiment", "report").out.startswith("# Experiment ")
    assert len(crossrun("experiment", "report", "--format", "csv").out.splitlines()) == 5
    assert json.loads(crossrun("experiment", "report", "--format", "json").out)["pairs"] == 2
    result = crossrun("experiment", "report", "-o", "result.svg")
    assert result.code == 0, result.err
    root = ET.parse(crossrun.cwd / "result.svg").getroot()  # noqa: S314  our own
    assert root.tag.endswith("svg")


def test_an_experiment_in_the_background_is_followed_to_its_results(
    crossrun: Crossrun, variants: list[str]
) -> None:
    started = crossrun(*SHELL, *variants, "-n", "2", "--detach")
    assert started.code == 0, started.err
    followed = crossrun("batch", "watch", started.out.strip())
    assert followed.code == 0
    assert "good against bad: not decided" in followed.out


def test_a_dry_run_shows_tasks_and_variants_and_runs_nothing(
    crossrun: Crossrun, variants: list[str]
) -> None:
    shown = crossrun(*SHELL, *variants, "-n", "3", "--seed", "5", "--dry-run")
    assert "1 task x 2 variants x 3 repetitions = at most 6 runs, 1 job, seed 5" in shown.out
    plan = crossrun.json(*SHELL, *variants, "-n", "3", "--seed", "5", "--dry-run")
    assert (plan["id"], plan["state"], len(plan["rows"])) == (None, "planned", 6)
    assert crossrun.json("experiment", "list")["total"] == 0
    assert crossrun.json("runs")["runs"] == []


def test_variants_that_are_set_alike_and_forms_that_nothing_is_written_in_are_named(
    crossrun: Crossrun,
) -> None:
    ended = crossrun(*SHELL, "--variant", "a", "--variant", "b", "-n", "1")
    assert "a and b have the same settings and differ only by chance" in ended.err
    refused = crossrun("experiment", "report", "-o", "result.png")
    assert (refused.code, ".md, .svg, .csv, .json" in refused.err) == (2, True)
    assert not (crossrun.cwd / "result.png").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("experiment", "x", "--executor", "shell", "--variant", "a"), "VARIANTS_MISSING"),
        (("experiment", "x", "--variant", "a:agent=b", "--variant", "b"), "VARIANT_INVALID"),
        (("experiment", "x", "y", "--variant", "a", "--variant", "b"), "OPTION_INVALID"),
        (("experiment", "--variant", "a", "--variant", "b", "--executor", "shell"), "TASK_EMPTY"),
        (("experiment", "x", "--suite", "y", "--variant", "a", "--variant", "b"),
         "OPTIONS_CONFLICT"),
        (("experiment", "--suite", "y", "--variant", "a", "--variant", "b"), "SUITE_INVALID"),
        (("experiment", "--runs", "--variant", "a", "--variant", "b"), "EXPERIMENT_NO_TASKS"),
        (("experiment", "--runs", "nosuch", "--variant", "a", "--variant", "b"), "RUN_NOT_FOUND"),
        (("experiment", "--pattern", "no", "--variant", "a", "--variant", "b"),
         "PATTERN_NOT_FOUND"),
        (("experiment", "show"), "BATCH_NOT_FOUND"),
        (("experiment", "resume", "abc"), "BATCH_NOT_FOUND"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_an_error_before_anything_is_recorded(
    crossrun: Crossrun, words: tuple[str, ...], code: str
) -> None:
    result = crossrun(*words)
    assert f"error[{code}]" in result.err
    assert crossrun.json("experiment", "list")["total"] == 0


def test_tasks_whose_check_passes_already_or_is_flaky_are_left_out(crossrun: Crossrun) -> None:
    (crossrun.cwd / "suite.yaml").write_text(
        """
        tasks:
          - {name: fine, task: touch done, verify: test -e done}
          - {name: passes, task: touch done, verify: "true"}
          - {name: flaky, task: touch done, verify: "! mkdir {suite}/seen"}
          - {name: broken, task: touch done, verify: nosuchcommand}
        """
    )
    words = ("experiment", "--suite", "suite.yaml", "--executor", "shell", "-n", "1")
    result = crossrun(*words, "--variant", "a", "--variant", "b", "--check-first")
    assert result.code == 0, result.err
    tasks = {task["name"]: task for task in crossrun.json("experiment", "show")["tasks"]}
    assert tasks["fine"]["problem"] is None
    assert "already passes" in tasks["passes"]["problem"]
    assert "cannot be run" in tasks["broken"]["problem"]
    assert "flaky" in tasks["flaky"]["problem"]
    assert [task["variants"][0]["runs"] for task in tasks.values()] == [1, 0, 0, 0]
    assert "passes is left out" in result.err


def test_an_experiment_without_a_usable_check_does_not_begin(
    crossrun: Crossrun, variants: list[str]
) -> None:
    result = crossrun(*SHELL, *variants, "--check-first")
    assert "error[CHECK_UNFIT]" in result.err
    assert crossrun.json("experiment", "list")["total"] == 0


def test_a_spent_budget_ends_an_experiment_which_can_be_resumed_with_a_larger_one(
    crossrun: Crossrun,
) -> None:
    words = ("experiment", "sleep 0.2", "--executor", "shell", "--verify", "true", "-n", "3")
    result = crossrun(*words, "--variant", "a", "--variant", "b", "--budget-time", "0.1s")
    assert result.code == 7
    shown = crossrun.json("experiment", "show")
    assert shown["state"] == "limit_reached"
    assert "budget" in shown["reason"]
    resumed = crossrun("experiment", "resume", "--budget-time", "5m")
    assert resumed.code == 0, resumed.err
    assert crossrun.json("experiment", "show")["pairs"] == 3
    again = crossrun("experiment", "resume")
    assert "error[NOTHING_LEFT]" in again.err
    more = crossrun("experiment", "resume", "-n", "4")
    assert more.code == 0, more.err
    assert crossrun.json("experiment", "show")["pairs"] == 4


def test_a_cancelled_experiment_is_continued_and_no_run_is_done_twice(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    task = f"touch {marks}/$CROSSRUN_RUN_ID; sleep 0.3"
    process = crossrun.start(
        "experiment", task, "--executor", "shell", "--verify", "true", "-n", "4", "--jobs", "2",
        "--variant", "a", "--variant", "b",
    )  # fmt: skip
    wait_for(lambda: len(list(marks.iterdir())) >= 3)
    assert crossrun("experiment", "cancel").code == 0
    process.communicate(timeout=30)
    assert process.returncode == 10
    resumed = crossrun("experiment", "resume")
    assert resumed.code == 0, resumed.err
    shown = crossrun.json("experiment", "show")
    assert (shown["pairs"], [each["runs"] for each in shown["variants"]]) == (4, [4, 4])
    ended = [run for run in crossrun.json("runs", "--limit", "50")["runs"]
             if run["status"] == "succeeded"]  # fmt: skip
    assert len(ended) == 8


def seeded(tasks: int, successes: Callable[[int, bool], bool]) -> Script:
    """A model that does a task if the seed says so, which depends on whether it has the skill."""
    scenarios = []
    for number in range(tasks):
        for has_skill in (True, False):
            command = "echo done > result" if successes(number, has_skill) else "echo no > other"
            scenarios.append(
                Scenario(
                    [{"shell": command}, "Done."],
                    match=rf"Make result {number}\.",
                    anywhere="reference_workflow" if has_skill else "",
                )
            )
    return scenarios


def skill(folder: Path) -> Path:
    """A skill for the task of `seeded`."""
    made = folder / "results"
    made.mkdir()
    text = "---\nname: results\ndescription: Makes results.\n---\n\nWrite done into result.\n"
    (made / "SKILL.md").write_text(text)
    return made


def _has_asked(model: ScriptedModel, times: int) -> bool:
    return len(model.requests) > times


@pytest.mark.codex
def test_a_skill_is_tried_with_the_real_codex_although_crossrun_is_killed_twice(
    codex: CodexWorld, tmp_path: Path
) -> None:
    with_codex = codex(seeded(6, lambda number, has_skill: has_skill or number == 2))
    crossrun = with_codex.crossrun
    tasks = [{"task": f"Make result {number}.", "verify": "test -e result"} for number in range(6)]
    (crossrun.cwd / "suite.yaml").write_text(json.dumps({"tasks": tasks}))
    process = crossrun.start(
        "experiment", "--suite", "suite.yaml", "-n", "1", "--jobs", "2", "--planner", "direct",
        "--variant", "quagga:pattern=off", "--variant", f"zebra:skill={skill(tmp_path)}",
    )  # fmt: skip
    for requests in (4, 12):
        wait_for(partial(_has_asked, with_codex.model, requests))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        assert crossrun.json("experiment", "show")["state"] == "interrupted"
        process = crossrun.start("experiment", "resume", "--jobs", "2")
    out, err = process.communicate(timeout=60)
    resumed = Result(process.returncode, out.decode(), err.decode())
    assert resumed.code == 0, resumed.err
    shown = crossrun.json("experiment", "show")
    assert [(each["runs"], each["succeeded"]) for each in shown["variants"]] == [(6, 1), (6, 6)]
    assert shown["comparisons"][0]["difference"] == pytest.approx(-5 / 6)
    runs = crossrun.json("runs", "--limit", "50")["runs"]
    assert len([run for run in runs if run["status"] in ("succeeded", "failed")]) == 12
    for request in with_codex.model.requests:
        assert not re.search("zebra|quagga", json.dumps(request.body))
    decided = [run["pattern"] for run in runs if run["pattern"]]
    assert {pattern["decision"] for pattern in decided} == {"disabled", "forced"}
    assert {run["learned_pattern_id"] for run in runs} == {None}
    pattern_id = next(pattern["pattern_id"] for pattern in decided if pattern["pattern_id"])
    stats = crossrun.json("patterns", "stats", pattern_id)
    assert stats["state"] == "disabled"
    credit = stats["credit"]
    assert (credit["runs_with"], credit["runs_without"], credit["experiment_runs"]) == (6, 6, 12)
    assert f"crossrun patterns enable {pattern_id}" not in resumed.err, "it is not decided"


@pytest.mark.codex
def test_a_pattern_is_proved_on_the_tasks_that_it_was_eligible_for(codex: CodexWorld) -> None:
    work = {"shell": "sort names.txt > sorted.txt && uniq sorted.txt > unique.txt"}
    script = [Scenario([work, "Done."], match="Sort the list of names and remove doubles")]
    crossrun = codex(script).crossrun
    source = crossrun.cwd / "source"
    source.mkdir()
    (source / "names.txt").write_text("b\na\nb\n")
    task = "Sort the list of names and remove doubles in names.txt"
    words = ("--source", "source", "--verify", "test -e unique.txt", "--planner", "direct")
    for number in range(3):
        (source / "names.txt").write_text(f"b\na\n{number}\n")
        assert crossrun("run", task, *words).code == 0
    pattern = crossrun.json("patterns", "show")
    (source / "names.txt").unlink()
    plan = crossrun.json("patterns", "prove", pattern["id"], "-n", "1", "--dry-run")
    assert [each["name"] for each in plan["variants"]] == ["with", "without"]
    tasks = {each["from_run_id"] for each in plan["tasks"]}
    assert tasks == {run["id"] for run in crossrun.json("runs")["runs"][:2]}
    proved = crossrun("patterns", "prove", pattern["id"], "-n", "1", "--jobs", "2")
    assert proved.code == 0, proved.err
    assert "with against without: not decided" in proved.err
    assert "4 runs of experiments" in proved.err
    shown = crossrun.json("experiment", "show")
    assert [(each["runs"], each["succeeded"]) for each in shown["variants"]] == [(2, 2), (2, 2)]
    assert shown["pattern_id"] == pattern["id"]
    assert crossrun.json("patterns", "stats", pattern["id"])["credit"]["experiment_runs"] == 4
