"""What follows the agent's work, and which failure a run has in the end."""

import pytest
from conftest import Crossrun

pytestmark = pytest.mark.process
SHELL = ("--executor", "shell")


def test_the_check_does_not_run_after_a_failed_agent(crossrun: Crossrun) -> None:
    result = crossrun("run", "exit 3", *SHELL, "--verify", "touch checked")
    run = crossrun.json("show")
    assert (result.code, run["failure"]["code"], run["verify"]) == (1, "SCRIPT_FAILED", None)
    assert "verified" not in [event["type"] for event in crossrun.events()]
    assert crossrun("files").out == ""


def test_the_first_failure_is_the_run_s_and_a_later_one_is_a_warning(crossrun: Crossrun) -> None:
    crossrun("run", 'rm -rf "$PWD"; exit 3', *SHELL)
    events = crossrun.events()
    warnings = [event["message"] for event in events if event["type"] == "warned"]
    assert crossrun.json("show")["failure"]["code"] == "SCRIPT_FAILED"
    assert len(warnings) == 1
    assert "No such file or directory" in warnings[0]


def test_a_failure_after_the_agent_is_the_run_s_if_nothing_failed_before(
    crossrun: Crossrun,
) -> None:
    result = crossrun("run", 'rm -rf "$PWD"', *SHELL)
    run = crossrun.json("show")
    assert (result.code, run["status"], run["failure"]["code"]) == (
        run["exit_code"],
        "failed",
        "WORKSPACE_FAILED",
    )
