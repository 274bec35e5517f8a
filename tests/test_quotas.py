"""When a provider's quota is there again, and waiting for it."""

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from conftest import CodexWorld, Crossrun, types
from processes import wait_for
from scripted_model import Scenario, ScriptedModel

from crossrun.model.failures import CANCELLED, Failure
from crossrun.model.quotas import QuotaBackoff, reset_time, seconds

NOW = datetime(2026, 11, 20, 15, 22, 7, tzinfo=timezone(timedelta(hours=2)))
LIMIT = "You\u2019ve hit your usage limit. Visit https://example.com to buy credits or try again"
QUOTA = Failure("QUOTA_EXCEEDED", "used up", "wait", retryable=True)


@pytest.mark.parametrize(
    ("message", "after"),
    [
        ("Rate limit reached (TPM): Limit 30000. Please try again in 11.5s.", 11.5),
        ("Please try again in 20ms.", 0.02),
        ("Please try again in 6m0s. Visit the docs.", 360),
        ("try again in 1h2m3s", 3723),
        ("Try again in 2 days 3 hours 5 minutes.", 183_900),
        ("Try again in 3 days, 1 hour and 2 seconds.", 262_802),
        (f"{LIMIT} at 3:32 PM.", 9 * 60 + 53 + 60),
        (f"{LIMIT} at 3:22 PM.", 53),
        (f"{LIMIT} at 3:20 PM.", 0),
        (f"{LIMIT} at Nov 22nd, 2026 3:32 PM.", 2 * 86_400 + 9 * 60 + 53 + 60),
        (f"{LIMIT} at Dec 1st, 2026 12:05 AM.", 10 * 86_400 + 31_373 + 60),
    ],
)
def test_a_message_tells_when(message: str, after: float) -> None:
    assert reset_time(message, now=NOW) == NOW + timedelta(seconds=after)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "exceeded retry limit, last status: 429",
        "try again later",
        f"{LIMIT} at Foo 3rd, 2026 1:00 PM",
    ],
)
def test_a_message_that_tells_nothing_is_not_guessed_at(message: str) -> None:
    assert reset_time(message, now=NOW) is None


def test_seconds_of_nothing_are_none() -> None:
    assert seconds("") == 0


def quota(after: float | None) -> Failure:
    at = None if after is None else (NOW + timedelta(seconds=after)).isoformat()
    return Failure("QUOTA_EXCEEDED", "used up", "wait", retryable=True, retry_at=at)


class TestPatience:
    def test_it_is_off_by_default(self) -> None:
        assert QuotaBackoff(None).until(quota(1), NOW) is None

    def test_it_waits_until_the_time_that_was_told(self) -> None:
        assert QuotaBackoff(100).until(quota(60), NOW) == NOW + timedelta(seconds=60)
        assert QuotaBackoff(100).until(quota(-60), NOW) == NOW + timedelta(seconds=1)

    def test_it_does_not_begin_to_wait_for_what_takes_too_long(self) -> None:
        assert QuotaBackoff(100).until(quota(101), NOW) is None

    def test_all_waits_together_are_bounded(self) -> None:
        patience = QuotaBackoff(100)
        assert patience.until(quota(60), NOW) is not None
        assert patience.until(quota(60), NOW) is None
        assert patience.until(quota(40), NOW) is not None
        assert patience.until(quota(1), NOW) is None

    def test_without_a_time_the_waits_grow(self) -> None:
        patience = QuotaBackoff(4000)
        waits = [patience.until(quota(None), NOW) for _ in range(9)]
        told = [wait and (wait - NOW).total_seconds() for wait in waits]
        assert told == [30, 60, 120, 240, 480, 900, 900, 900, 370]
        assert patience.until(quota(None), NOW) is None

    def test_other_failures_are_not_waited_for(self) -> None:
        assert QuotaBackoff(100).until(CANCELLED, NOW) is None


def used_up(seconds_from_now: float) -> dict[str, Any]:
    """What OpenAI says to somebody whose plan is used up."""
    error = {
        "type": "usage_limit_reached",
        "message": "The usage limit has been reached",
        "plan_type": "plus",
        "resets_at": int(time.time() + seconds_from_now),
    }
    return {"http_error": {"status": 429, "body": {"error": error}}}


LIMITED = {
    "failed": {"code": "rate_limit_exceeded", "message": "Limit 30000. Please try again in 2.5s."}
}


@pytest.mark.codex
class TestWithCodex:
    def test_the_failure_tells_when_the_quota_is_there_again(self, codex: CodexWorld) -> None:
        made = codex([used_up(3600)])
        result = made.run("work")
        failure = result.json["failure"]
        assert (result.code, failure["code"], failure["retryable"]) == (5, "QUOTA_EXCEEDED", True)
        wait = datetime.fromisoformat(failure["retry_at"]) - datetime.now(UTC)
        assert 3500 < wait.total_seconds() < 3720
        assert types(made.crossrun.events()).count("wait_began") == 0

    def test_it_waits_and_goes_on_in_the_same_thread(self, codex: CodexWorld) -> None:
        made = codex([Scenario(["Done."], match="You were interrupted"), Scenario([LIMITED])])
        began = time.monotonic()
        result = made.run("work", "--wait-for-quota", "1m", "--max-turns", "1")
        assert (result.code, result.json["answer"]) == (0, "Done.")
        assert time.monotonic() - began > 2
        events = made.crossrun.events()
        (waited,) = [e for e in events if e["type"] == "wait_began"]
        assert "Limit 30000" in waited["reason"]
        assert len({e["thread_id"] for e in events if e["type"] == "thread_started"}) == 1

    def test_what_takes_longer_than_allowed_is_not_waited_for(self, codex: CodexWorld) -> None:
        made = codex([used_up(3600)])
        began = time.monotonic()
        assert made.run("work", "--wait-for-quota", "10m").code == 5
        assert time.monotonic() - began < 120

    def test_waiting_is_seen_and_can_be_cancelled(self, codex: CodexWorld) -> None:
        made = codex([used_up(3600)])
        process = made.crossrun.start("run", "work", "--wait-for-quota", "2h")
        assert process.stdout is not None
        run_id = process.stdout.readline().decode().strip()
        wait_for(lambda: "wait_began" in types(made.crossrun.events(run_id)), 30)
        assert made.crossrun("cancel", run_id).code == 0
        _, err = process.communicate(timeout=30)
        assert process.returncode == 10
        assert b"waiting for the provider's quota until 20" in err


def test_a_planner_waits_too(crossrun: Crossrun) -> None:
    limited = {"http_error": {"status": 429, "headers": {"retry-after": "2"}}}
    step = {"call": "codex_exec", "arguments": {"prompt": "part"}}
    with ScriptedModel([limited, step, "All done."]) as model:
        environ = {"OPENAI_API_KEY": "sk-plan", "OPENAI_BASE_URL": model.base_url}
        words = ("run", "task", "--executor", "replay", "--planner", "openai", "--json")
        result = crossrun(*words, "--wait-for-quota", "30s", **environ)
    assert result.code == 0, result.err
    assert "wait_began" in types(crossrun.events())


def test_a_planners_failure_tells_when_to_come_again(crossrun: Crossrun) -> None:
    limited = {"http_error": {"status": 429, "headers": {"retry-after": "120"}}}
    with ScriptedModel([limited]) as model:
        environ = {"OPENAI_API_KEY": "sk-plan", "OPENAI_BASE_URL": model.base_url}
        words = ("run", "task", "--executor", "replay", "--planner", "openai", "--json")
        failure = crossrun(*words, **environ).json["failure"]
    wait = datetime.fromisoformat(failure["retry_at"]) - datetime.now(UTC)
    assert 100 < wait.total_seconds() <= 120
