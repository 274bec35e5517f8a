"""Resuming a run that ended for any reason, and retrying one."""

import json
import os
import pty
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import CodexWorld, Crossrun, WithCodex, types
from processes import is_running, unique_sleep, until_there, wait_for
from scripted_model import Scenario, Script

from crossrun.events import (
    AgentSpoke,
    Event,
    PlannerReplied,
    StepFinished,
    StepPlanned,
    ThreadStarted,
    TurnStarted,
    UsageReported,
    Verified,
)
from crossrun.model.failures import CANCELLED, Failure
from crossrun.model.requests import Limits
from crossrun.model.tokens import Spent, Tokens
from crossrun.planning import StepReport
from crossrun.planning.prompt import to_go_on
from crossrun.projections.resume import ResumeState

QUOTA = Failure("QUOTA_EXCEEDED", "the quota is used up", "wait")


def folded(*events: Event) -> ResumeState:
    found = ResumeState()
    for event in events:
        found.apply(event)
    return found


def prompts(crossrun: Crossrun, run: str = "last") -> list[str]:
    return [e["prompt"] for e in crossrun.events(run) if e["type"] == "step_planned"]


class TestResumeState:
    def test_a_finished_step_is_reported_and_nothing_is_left_of_it(self) -> None:
        found = folded(
            StepPlanned(prompt="do it"), TurnStarted(), AgentSpoke(text="done"), StepFinished()
        )
        assert found.next_prompt() is None
        assert found.reports == (StepReport("done", (), ()),)
        assert found.steps == 1

    def test_a_step_that_was_begun_is_gone_on_with_in_its_thread(self) -> None:
        planned = StepPlanned(prompt="do it")
        begun = (planned, ThreadStarted(thread_id="t1"), TurnStarted())
        assert folded(*begun).next_prompt() == to_go_on("do it")
        assert folded(*begun, StepFinished(failure=CANCELLED)).next_prompt() == to_go_on("do it")
        assert folded(planned, TurnStarted()).next_prompt() == "do it"
        assert folded(ThreadStarted(thread_id="t1"), planned).next_prompt() == "do it"

    def test_a_thread_in_which_no_turn_began_cannot_be_found_again(self) -> None:
        assert folded(ThreadStarted(thread_id="t1")).thread_id is None
        assert folded(ThreadStarted(thread_id="t1"), TurnStarted()).thread_id == "t1"

    def test_going_on_twice_is_said_once(self) -> None:
        assert to_go_on(to_go_on("do it")) == to_go_on("do it")

    def test_a_check_that_failed_becomes_the_next_step(self) -> None:
        found = folded(
            StepPlanned(prompt="do it"),
            ThreadStarted(thread_id="t1"),
            TurnStarted(),
            StepFinished(),
            Verified(command="pytest -q", exit_code=1, output="1 failed"),
        )
        told = found.next_prompt()
        assert told is not None
        assert "$ pytest -q\n1 failed\n(exit code 1)" in told

    def test_a_call_that_became_no_step_is_thought_of_again(self) -> None:
        call = {"role": "assistant", "tool_calls": [{"id": "1"}]}
        asked = PlannerReplied(sent=({"role": "user", "content": "task"},), reply=call)
        assert folded(asked).settled().messages == ()
        planned = folded(asked, StepPlanned(prompt="do it")).settled()
        assert planned.messages == ({"role": "user", "content": "task"}, call)
        done = PlannerReplied(sent=(), reply={"role": "assistant", "content": "done"})
        assert folded(done).settled().messages == ({"role": "assistant", "content": "done"},)

    def test_a_new_task_keeps_the_conversations_and_counts_anew(self) -> None:
        found = folded(
            ThreadStarted(thread_id="t1"),
            TurnStarted(),
            UsageReported(source="agent", tokens=Tokens(5), thread_total=Tokens(9), cost=1.0),
            StepPlanned(prompt="do it"),
        ).with_new_task()
        assert found == ResumeState(thread_id="t1", thread_tokens=Tokens(9))

    def test_a_refused_request_is_no_turn(self) -> None:
        assert folded(StepPlanned(prompt="x"), StepFinished(failure=QUOTA)).steps == 0
        assert folded(StepPlanned(prompt="x"), StepFinished(failure=CANCELLED)).steps == 1

    @pytest.mark.parametrize(
        ("limits", "code"),
        [
            (Limits(), None),
            (Limits(max_turns=2), "TURN_LIMIT"),
            (Limits(max_tokens=30), "TOKEN_LIMIT"),
            (Limits(max_tokens=31), None),
            (Limits(max_cost=0.5), "COST_LIMIT"),
            (Limits(max_cost=0.6), None),
        ],
    )
    def test_limits_are_reached_at_their_value(self, limits: Limits, code: str | None) -> None:
        used = ResumeState(steps=2, spent=Spent(Tokens(20, 5, 10), 0.5))
        reached = used.limit_reached(limits)
        assert (reached and reached.code) == code

    def test_a_cost_that_is_not_known_is_no_cost_of_zero(self) -> None:
        used = folded(UsageReported(source="agent", tokens=Tokens(5)))
        assert used.spent.cost is None
        assert used.limit_reached(Limits(max_cost=0.000001)) is None


class TestWithoutAnAgent:
    def test_a_failed_script_runs_again_in_the_workspace_that_it_left(
        self, crossrun: Crossrun
    ) -> None:
        first = crossrun("run", "--executor", "shell", "echo x >> a.txt; test -f go", "--json").json
        (Path(first["workspace"]) / "go").touch()
        again = crossrun("resume", "--json").json
        assert (again["status"], again["resumed_from"], again["retry_of"]) == (
            "succeeded",
            first["id"],
            None,
        )
        assert again["workspace"] == first["workspace"]
        assert again["id"] != first["id"]
        (change,) = again["changes"]
        assert (change["path"], change["insertions"]) == ("a.txt", 1)
        assert (Path(first["workspace"]) / "a.txt").read_text() == "x\nx\n"

    def test_a_change_within_the_same_second_and_of_the_same_size_is_seen(
        self, crossrun: Crossrun
    ) -> None:
        first = crossrun("run", "--executor", "shell", "printf one > a; false", "--json").json
        file = Path(first["workspace"]) / "a"
        at = file.stat().st_mtime_ns
        file.write_text("two")
        os.utime(file, ns=(at, at))
        crossrun("resume", "last", "printf six > a")
        patch = crossrun("diff").out
        assert ("-two" in patch, "+six" in patch) == (True, True)

    def test_another_task_is_done_in_the_same_workspace(self, crossrun: Crossrun) -> None:
        first = crossrun("run", "--executor", "shell", "echo a > a.txt", "--json").json
        second = crossrun("resume", "last", "cat a.txt > b.txt", "--json").json
        assert second["task"] == "cat a.txt > b.txt"
        assert second["workspace"] == first["workspace"]
        assert [change["path"] for change in second["changes"]] == ["b.txt"]

    def test_a_success_wants_to_know_what_is_next(self, crossrun: Crossrun) -> None:
        crossrun("run", "--executor", "shell", "true")
        refused = crossrun("resume")
        assert (refused.code, "error[NOTHING_LEFT]" in refused.err) == (2, True)

    def test_only_the_newest_run_of_a_workspace_is_gone_on_with(self, crossrun: Crossrun) -> None:
        first = crossrun("run", "--executor", "shell", "exit 1", "--json").json["id"]
        second = crossrun("resume", "--json").json["id"]
        for words in (("resume", first), ("retry", first, "--keep-workspace")):
            refused = crossrun(*words)
            assert refused.code == 2
            assert f"crossrun resume {second}" in refused.err
        assert crossrun("retry", first).code == 1

    def test_of_two_that_go_on_with_one_run_one_is_told_no(self, crossrun: Crossrun) -> None:
        crossrun("run", "--executor", "shell", "false")
        first = crossrun.start("resume", "last", until_there(crossrun.cwd / "go"))
        assert first.stdout is not None
        first.stdout.readline()
        earlier = crossrun.json("runs")["runs"][1]["id"]
        refused = crossrun("resume", earlier, "true")
        assert (refused.code, "error[TAKEN_UP]" in refused.err) == (8, True)
        (crossrun.cwd / "go").touch()
        first.communicate(timeout=30)
        assert first.returncode == 0
        assert [run["status"] for run in crossrun.json("runs")["runs"]] == ["succeeded", "failed"]

    def test_at_the_same_moment_only_one_of_many_goes_on(self, crossrun: Crossrun) -> None:
        earlier = crossrun("run", "--executor", "shell", "exit 1", "--json").json["id"]
        many = [crossrun.start("resume", earlier, "sleep 1") for _ in range(4)]
        for process in many:
            process.communicate(timeout=60)
        codes = sorted(process.returncode for process in many)
        assert codes[0] == 0
        assert set(codes[1:]) <= {2, 8}
        assert len(crossrun.json("runs")["runs"]) == 2

    def test_a_run_that_goes_on_is_left_alone(self, crossrun: Crossrun) -> None:
        script = until_there(crossrun.cwd / "go")
        process = crossrun.start("run", "--executor", "shell", script)
        assert process.stdout is not None
        process.stdout.readline()
        for words in (("resume",), ("retry",), ("resume", "last", "true")):
            refused = crossrun(*words)
            assert (refused.code, "error[STILL_RUNNING]" in refused.err) == (8, True)
        (crossrun.cwd / "go").touch()
        process.communicate(timeout=30)
        assert len(crossrun.json("runs")["runs"]) == 1

    def test_a_workspace_that_is_gone_is_told(self, crossrun: Crossrun) -> None:
        run = crossrun("run", "--executor", "shell", "exit 1", "--json").json
        shutil.rmtree(run["workspace"])
        refused = crossrun("resume")
        assert (refused.code, "error[WORKSPACE_GONE]" in refused.err) == (6, True)
        assert crossrun("retry").code == 1

    def test_a_retry_repeats_the_request_in_a_fresh_workspace(self, crossrun: Crossrun) -> None:
        words = ("--executor", "shell", "--name", "n", "--tag", "t", "--timeout", "50")
        first = crossrun("run", *words, "echo x >> a", "--json").json
        again = crossrun("retry", "--json").json
        assert (again["retry_of"], again["resumed_from"]) == (first["id"], None)
        assert again["workspace"] != first["workspace"]
        same = ("task", "name", "tags", "executor", "project_id", "task_type", "status", "changes")
        assert {key: again[key] for key in same} == {key: first[key] for key in same}
        request = crossrun.events()[0]["request"]
        assert request["limits"]["timeout"] == 50

    def test_a_retry_can_have_the_workspace_as_it_was_left(self, crossrun: Crossrun) -> None:
        first = crossrun("run", "--executor", "shell", "echo x >> a", "--json").json
        again = crossrun("retry", "--keep-workspace", "--timeout", "9m", "--json").json
        assert again["workspace"] == first["workspace"]
        assert (Path(first["workspace"]) / "a").read_text() == "x\nx\n"
        assert crossrun.events()[0]["request"]["limits"]["timeout"] == 540

    def test_what_had_a_secret_in_it_cannot_be_repeated(self, crossrun: Crossrun) -> None:
        key = "sk-proj-" + "a1B2" * 12
        run = crossrun("run", "--executor", "shell", f"echo {key}", "--json").json
        refused = crossrun("retry", "--json")
        error = refused.json["error"]
        assert (refused.code, error["code"]) == (2, "REQUEST_REDACTED")
        assert error["message"].endswith(
            "task contained a secret, which was not stored: echo [redacted]"
        )
        assert f'crossrun retry {run["id"]} "your task"' in error["hint"]

    def test_a_task_that_was_not_stored_whole_can_be_given_anew(self, crossrun: Crossrun) -> None:
        key = "sk-proj-" + "a1B2" * 12
        first = crossrun("run", "--executor", "shell", f"echo {key}", "--name", key, "--json").json
        again = crossrun.json("retry", first["id"], "echo anew")
        assert (again["task"], again["retry_of"]) == ("echo anew", first["id"])
        assert crossrun.json("retry")["task"] == "echo anew"

    def test_a_check_that_was_not_stored_whole_can_be_given_anew(self, crossrun: Crossrun) -> None:
        check = "test sk-proj-" + "a1B2" * 12
        crossrun("run", "--executor", "shell", "true", "--verify", check)
        refused = crossrun("retry")
        assert "the check contained a secret, which was not stored: test [redacted]" in refused.err
        assert crossrun.json("retry", "--verify", "true")["status"] == "succeeded"

    def test_on_a_terminal_the_task_is_asked_for(self, crossrun: Crossrun) -> None:
        crossrun("run", "--executor", "shell", "echo sk-proj-" + "a1B2" * 12)
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            crossrun.command("retry", "--json"),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=crossrun.environ,
            cwd=crossrun.cwd,
        ) as process:
            os.write(ours, b"echo anew\n")
            out, err = process.communicate(timeout=30)
        os.close(ours)
        os.close(theirs)
        assert b"which was not stored: echo [redacted]" in err
        assert json.loads(out)["task"] == "echo anew"

    def test_the_same_words_may_be_another_task(self, crossrun: Crossrun) -> None:
        script = "echo x >> log"
        first = crossrun("run", "--executor", "shell", script, "--json").json
        crossrun("resume", "last", script)
        crossrun("resume", "last", script)
        assert (Path(first["workspace"]) / "log").read_text() == "x\nx\nx\n"

    def test_what_never_had_a_workspace_is_repeated_and_not_gone_on_with(
        self, crossrun: Crossrun
    ) -> None:
        crossrun("projects", "set", "shop", "workspace.setup", "false")
        crossrun("run", "--executor", "shell", "--project-id", "shop", "touch a")
        refused = crossrun("resume")
        assert (refused.code, "error[NEVER_BEGUN]" in refused.err) == (2, True)
        crossrun("projects", "set", "shop", "workspace.setup", "")

    def test_a_retry_of_a_run_that_went_on_decides_on_patterns_anew(
        self, crossrun: Crossrun
    ) -> None:
        crossrun("run", "--offline", "--yes")
        crossrun("resume", "last", "more")
        crossrun("retry")
        (decided,) = [e for e in crossrun.events() if e["type"] == "pattern_decided"]
        assert "it continues" not in decided["reason"]

    def test_lineage_is_shown(self, crossrun: Crossrun) -> None:
        first = crossrun("run", "--executor", "shell", "exit 1", "--json").json["id"]
        crossrun("retry")
        assert f"repeats {first}" in crossrun("show").out
        second = crossrun.json("show")["id"]
        crossrun("resume")
        assert f"continues {second}" in crossrun("show").out


def with_planner(codex: CodexWorld, *agent: Any, steps: int) -> WithCodex:  # noqa: ANN401
    """A planner that asks for numbered steps, and an agent that does what `agent` says."""
    plan = [
        {"call": "codex_exec", "arguments": {"prompt": f"part {number}"}}
        for number in range(1, steps + 1)
    ]
    script: Script = [Scenario([*plan, "All done."], path="chat", counts="server"), *agent]
    made = codex(script)
    made.crossrun.environ |= {
        "OPENAI_API_KEY": "sk-plan-" + "x" * 24,
        "OPENAI_BASE_URL": made.model.base_url,
    }
    return made


SLEEP = unique_sleep()
SLEEPS = {"shell": f"echo begun > begun.txt; {SLEEP}", "yield_time_ms": 60_000}
GOES_ON = Scenario([{"shell": "echo more > more.txt"}, "Finished."], match="You were interrupted")


@pytest.mark.codex
class TestWithCodex:
    @pytest.mark.parametrize("end", ["cancelled", "timed_out", "interrupted"])
    def test_the_agent_goes_on_where_it_was_cut_short(self, codex: CodexWorld, end: str) -> None:
        made = codex([GOES_ON, Scenario([SLEEPS, "Slept."])])
        words = ("--timeout", "4") if end == "timed_out" else ()
        process = made.crossrun.start("run", "sleep for long", "--no-watch", *words)
        assert process.stdout is not None
        first = process.stdout.readline().decode().strip()
        workspace = made.crossrun.home / "workspaces" / "default" / first
        wait_for((workspace / "begun.txt").exists)
        wait_for(lambda: "command_started" in types(made.crossrun.events(first)))
        if end == "cancelled":
            process.send_signal(signal.SIGINT)
        elif end == "interrupted":
            process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        assert made.crossrun.json("show", first)["status"] == end
        again = made.crossrun("resume", "--json").json
        assert (again["status"], again["resumed_from"]) == ("succeeded", first)
        assert again["thread_id"] == made.crossrun.json("show", first)["thread_id"]
        assert again["workspace"] == str(workspace)
        assert [change["path"] for change in again["changes"]] == ["more.txt"]
        assert "sleep for long" in made.model.requests[-1].all_text

    def test_a_failed_run_goes_on_in_its_thread(self, codex: CodexWorld) -> None:
        made = codex([GOES_ON, Scenario([{"shell": "echo one > one.txt"}, {"http_error": 500}])])
        first = made.run("write one.txt").json
        assert first["failure"]["code"] == "PROVIDER_ERROR"
        again = made.crossrun("resume", "--json").json
        assert (again["status"], again["answer"]) == ("succeeded", "Finished.")
        assert again["thread_id"] == first["thread_id"]

    def test_finished_steps_of_the_planner_are_not_repeated(self, codex: CodexWorld) -> None:
        agent = Scenario(["Did it."], match="part", counts="conversation", after="repeat")
        made = with_planner(codex, agent, steps=3)
        first = made.run("three parts", "--planner", "openai", "--max-turns", "2").json
        assert (first["status"], first["exit_code"]) == ("limit_reached", 7)
        assert prompts(made.crossrun) == ["part 1", "part 2", "part 3"]
        refused = made.crossrun("resume")
        assert (refused.code, "error[LIMIT_USED_UP]" in refused.err) == (2, True)
        again = made.crossrun("resume", "--max-turns", "5", "--json").json
        assert again["status"] == "succeeded"
        assert prompts(made.crossrun) == ["part 3"]
        last = [r for r in made.model.requests if r.api == "chat"][-1]
        assert [entry.role for entry in last.transcript].count("tool") == 3

    def test_a_step_that_was_cut_short_is_finished_before_the_planner_goes_on(
        self, codex: CodexWorld
    ) -> None:
        agent = (
            GOES_ON,
            Scenario(["Did one."], match="part 1"),
            Scenario([{"http_error": 500}], match="part 2"),
        )
        made = with_planner(codex, *agent, steps=2)
        first = made.run("two parts", "--planner", "openai").json
        assert first["status"] == "failed"
        again = made.crossrun("resume", "--json").json
        assert again["status"] == "succeeded"
        assert prompts(made.crossrun) == [to_go_on("part 2")]

    def test_the_planner_gets_another_task_in_the_same_conversation(
        self, codex: CodexWorld
    ) -> None:
        agent = Scenario(["Did it."], counts="conversation", after="repeat")
        made = with_planner(codex, agent, steps=1)
        made.run("one part", "--planner", "openai")
        assert made.crossrun("resume", "last", "Now the rest", "--json").json["status"] == "failed"
        last = [r for r in made.model.requests if r.api == "chat"][-1]
        assert [entry.role for entry in last.transcript][-1] == "user"
        assert last.last_user == "Now the rest"

    def test_a_failed_check_is_corrected(self, codex: CodexWorld) -> None:
        made = codex(
            [
                Scenario([{"shell": "echo right > a"}, "Corrected."], match="the check failed"),
                Scenario([{"shell": "echo wrong > a"}, "Wrote it."]),
            ]
        )
        first = made.run("write a", "--verify", "grep right a").json
        assert first["failure"]["code"] == "VERIFY_FAILED"
        again = made.crossrun("resume", "--json").json
        assert (again["status"], again["verify"]["exit_code"]) == ("succeeded", 0)
        assert "$ grep right a" in made.model.requests[-1].last_user

    def test_a_missing_proof_is_made_up_for(self, codex: CodexWorld) -> None:
        check = "python3 -m unittest -q test_a"
        test = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"
        made = codex(
            [
                Scenario([{"shell": check}, "It passes."], match="nothing shows that it is right"),
                Scenario([{"write_file": "test_a.py", "content": test}, "All tests pass."]),
            ]
        )
        words = ("--require-proof", "checked", "--sandbox", "danger-full-access")
        first = made.run("write a test", *words).json
        assert first["failure"]["code"] == "PROOF_MISSING"
        assert first["proof"]["grade"] == "contradicted"
        again = made.crossrun("resume", "--json").json
        assert (again["status"], again["proof"]["grade"]) == ("succeeded", "checked")
        assert "- “All tests pass.”, but no command" in made.model.requests[-1].last_user

    def test_another_task_goes_to_the_same_thread(self, codex: CodexWorld) -> None:
        made = codex([Scenario(["Second."], match="and now"), Scenario(["First."])])
        first = made.run("do this").json
        second = made.crossrun("resume", "last", "and now that", "--json").json
        assert (second["answer"], second["thread_id"]) == ("Second.", first["thread_id"])
        assert second["tokens"]["input"] == first["tokens"]["input"]
        assert prompts(made.crossrun) == ["and now that"]
        assert "do this" in made.model.requests[-1].all_text

    def test_nobody_of_an_interrupted_run_disturbs_the_next_one(self, codex: CodexWorld) -> None:
        made = codex([GOES_ON, Scenario([SLEEPS, "Slept."])])
        process = made.crossrun.start(
            "run", "sleep for long", "--sandbox", "danger-full-access", "--no-watch"
        )
        assert process.stdout is not None
        first = process.stdout.readline().decode().strip()
        begun = made.crossrun.home / "workspaces" / "default" / first / "begun.txt"
        wait_for(begun.exists)
        process.kill()
        process.communicate()
        assert made.crossrun("resume").code == 0
        assert not is_running(SLEEP)
