"""Limits that end a run in the middle of a turn, what is used, and what it costs."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import CodexWorld, Crossrun, WithCodex
from scripted_model import Scenario

from crossrun.executors.codex.session import Session
from crossrun.model.tokens import Price, Tokens

THREAD = "01a1f98c-c721-7e81-95f5-cb08940d9c7d"
PRICES = json.dumps({"mock": {"input": 10, "cached_input": 1, "output": 100}})
PER_REQUEST = (90 * 10 + 10 * 1 + 20 * 100) / 1_000_000
"""What one answer of the scripted model costs: 100 tokens in, 10 of them cached, 20 out."""


def usage(tokens: int) -> dict[str, int]:
    return {"input_tokens": tokens, "cached_input_tokens": 1, "output_tokens": 2}


def record(tokens: int) -> bytes:
    payload = {"thread_id": THREAD, "thread_token_usage": usage(tokens)}
    return json.dumps({"type": "token_usage_record", "payload": payload}).encode() + b"\n"


def limits(**windows: Any) -> bytes:  # noqa: ANN401  JSON
    payload = {"type": "token_count", "info": None, "rate_limits": windows}
    return json.dumps({"type": "event_msg", "payload": payload}).encode() + b"\n"


class TestSession:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        folder = tmp_path / "2026" / "11" / "20"
        folder.mkdir(parents=True)
        return folder / f"rollout-2026-11-20T15-21-55-{THREAD}.jsonl"

    def test_the_newest_total_counts_as_the_file_grows(self, file: Path, tmp_path: Path) -> None:
        session = Session(tmp_path, THREAD)
        assert session.tokens() is None
        file.write_bytes(b'{"type":"session_meta","payload":{}}\n' + record(100)[:-20])
        assert session.tokens() is None
        with file.open("ab") as more:
            more.write(record(100)[-20:] + record(250) + b'{"type":"token_half')
        assert session.tokens() == Tokens(250, 1, 2, 0)
        with file.open("ab") as more:
            more.write(b'"}\n{"type":"token_usage_record","payload":{"thread_token_usage":7}}\n')
            more.write(record(300))
        assert session.tokens() == Tokens(300, 1, 2, 0)

    def test_a_missing_file_is_not_looked_for_for_ever(self, file: Path, tmp_path: Path) -> None:
        session = Session(tmp_path, THREAD)
        assert [session.tokens() for _ in range(20)] == [None] * 20
        file.write_bytes(record(100))
        assert session.tokens() is None

    def test_a_quota_is_there_again_when_the_last_full_window_is_over(
        self, file: Path, tmp_path: Path
    ) -> None:
        session = Session(tmp_path, THREAD)
        full, half = {"used_percent": 100.0, "resets_at": 1_795_188_727}, {"used_percent": 50.0}
        file.write_bytes(limits(primary=full, secondary=half))
        session.tokens()
        assert session.quota_resets_at is not None
        assert session.quota_resets_at.timestamp() == 1_795_188_727
        with file.open("ab") as more:
            more.write(limits(primary=half, secondary=None))
        session.tokens()
        assert session.quota_resets_at is None


def test_a_price_counts_cached_input_once() -> None:
    price = Price(input=10, cached_input=1, output=100)
    assert price.cost(Tokens(100, 10, 20, 5)) == pytest.approx(PER_REQUEST)


def worker(codex: CodexWorld, *, requests: int) -> WithCodex:
    """An agent that asks the model again and again within one turn."""
    steps = [{"shell": f"sleep 1; echo {n} >> steps.txt"} for n in range(requests)]
    again = Scenario(["Went on."], match="You were interrupted")
    return codex([again, Scenario([*steps, "Done."], after="error")])


@pytest.mark.codex
class TestWithCodex:
    def test_tokens_are_counted_within_a_turn_and_end_it(self, codex: CodexWorld) -> None:
        made = worker(codex, requests=9)
        result = made.run("count", "--max-tokens", "300")
        run = result.json
        assert (result.code, run["status"]) == (7, "limit_reached")
        assert run["failure"]["code"] == "TOKEN_LIMIT"
        assert 300 <= run["tokens"]["input"] + run["tokens"]["output"] <= 500
        assert len((Path(run["workspace"]) / "steps.txt").read_text().split()) <= 4
        assert made.crossrun("resume").code == 2
        again = made.crossrun("resume", "--max-tokens", "5000", "--json").json
        assert (again["status"], again["answer"]) == ("succeeded", "Went on.")

    def test_cost_is_counted_by_the_price_settings_and_ends_a_turn(self, codex: CodexWorld) -> None:
        made = worker(codex, requests=9)
        limit = 2.5 * PER_REQUEST
        result = made.run("count", "--max-cost", f"{limit:.6f}", CROSSRUN_PRICES=PRICES)
        run = result.json
        assert (result.code, run["failure"]["code"]) == (7, "COST_LIMIT")
        assert limit <= run["cost"] <= 2 * limit

    def test_a_run_that_is_killed_in_a_turn_has_told_what_it_used(self, codex: CodexWorld) -> None:
        made = worker(codex, requests=9)
        run = made.run("count", "--timeout", "4s").json
        assert run["status"] == "timed_out"
        assert run["tokens"]["input"] >= 200

    def test_what_is_reported_within_a_turn_is_not_counted_twice(self, codex: CodexWorld) -> None:
        made = worker(codex, requests=3)
        run = made.run("count", CROSSRUN_PRICES=PRICES).json
        assert (run["tokens"]["input"], run["tokens"]["output"]) == (400, 80)
        assert run["cost"] == pytest.approx(4 * PER_REQUEST)
        reports = [e for e in made.crossrun.events() if e["type"] == "usage_reported"]
        assert len(reports) >= 2

    def test_a_cost_that_is_not_known_is_null(self, codex: CodexWorld) -> None:
        run = worker(codex, requests=0).run("count").json
        assert run["cost"] is None

    def test_a_limit_that_cannot_be_kept_is_refused(self, codex: CodexWorld) -> None:
        made = worker(codex, requests=0)
        refused = made.run("count", "--max-cost", "1")
        assert (refused.code, refused.json["error"]["code"]) == (3, "PRICE_UNKNOWN")
        other = json.dumps({"other": {"input": 1, "output": 1}})
        assert made.run("count", "--max-cost", "1", CROSSRUN_PRICES=other).code == 3


@pytest.mark.parametrize(
    "prices", ["1", "[]", '{"m": 1}', '{"m": {"input": 1}}', '{"m": {"in": 1, "output": 2}}', "{"]
)
def test_prices_that_are_none_are_refused(crossrun: Crossrun, prices: str) -> None:
    refused = crossrun("run", "--executor", "shell", "true", CROSSRUN_PRICES=prices)
    assert (refused.code, "error[SETTING_INVALID]" in refused.err) == (3, True)


def test_prices_are_a_mapping_in_the_settings_file(crossrun: Crossrun) -> None:
    crossrun.home.mkdir(parents=True)
    text = "prices:\n  gpt-6.1-sol: {input: 1.25, output: 10}\n"
    (crossrun.home / "config.yaml").write_text(text)
    done = crossrun("run", "--executor", "shell", "true", "--max-cost", "1")
    assert (done.code, "warning" in done.err) == (0, False)
