"""Pattern memory on the real Codex: learned in one run, injected in the next, credited by all."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from conftest import CodexWorld, WithCodex
from scripted_model import Request, Scenario

pytestmark = pytest.mark.codex

CONVERT = "Convert report.csv to JSON and validate it"
OTHER_WORDS = "Turn the sales.csv file into a JSON document, then check that it is valid"
UNRELATED = "Write a limerick about autumn leaves"
TAG = "<reference_workflow"
NO_SANDBOX = ("--sandbox", "danger-full-access")
ALWAYS = {"CROSSRUN_PATTERNS_HOLDOUT": "0"}
SCRIPT_TEXT = (
    "import csv, json, sys\n"
    "json.dump(list(csv.DictReader(open(sys.argv[1]))), open(sys.argv[2], 'w'))\n"
)


def converting(name: str) -> list[Any]:
    """What a model does that converts a table."""
    return [
        {"shell": f"printf 'a,b\\n1,2\\n' > {name}.csv"},
        {"shell": f"head -n 3 {name}.csv"},
        {"write_file": "convert.py", "content": SCRIPT_TEXT},
        {"shell": f"python3 convert.py {name}.csv {name}.json"},
        {"shell": f"python3 -m json.tool {name}.json"},
        "Converted and valid.",
    ]


SCRIPT = [
    Scenario(converting("report"), match="report.csv"),
    Scenario(converting("sales"), match="sales.csv"),
    Scenario(["Autumn came with a sigh."], match="limerick"),
]


def begin(made: WithCodex, *words: str, **environ: str) -> tuple[dict[str, Any], list[Request]]:
    """A run to its end, and all that its agent sent to the model."""
    before = len(made.model.requests)
    result = made.run(*words, *NO_SANDBOX, **environ)
    return result.json, made.model.requests[before:]


def quarantine(made: WithCodex) -> None:
    """Makes all patterns suspected."""
    with closing(sqlite3.connect(made.crossrun.home / "crossrun.db")) as store, store:
        store.execute("UPDATE patterns SET state = 'quarantined'")


def block(made: WithCodex, pattern_id: str) -> str:
    return made.crossrun("patterns", "show", pattern_id, "--block").out.rstrip("\n")


def test_a_similar_task_in_other_words_gets_the_pattern_that_a_run_taught(
    codex: CodexWorld,
) -> None:
    made = codex(SCRIPT)
    first, sent = begin(made, CONVERT)
    assert (first["pattern"]["decision"], first["pattern"]["pattern_id"]) == ("abstained", None)
    assert not any(TAG in request.all_text for request in sent)
    taught = first["learned_pattern_id"]
    told = block(made, taught)

    second, sent = begin(made, OTHER_WORDS, **ALWAYS)
    assert second["pattern"] == {
        **second["pattern"],
        "decision": "injected",
        "pattern_id": taught,
        "version": 1,
        "probability": 1.0,
        "channel": "developer",
    }
    assert second["pattern"]["adherence"] > 0.8
    assert all(told in request.developer_text for request in sent)
    assert not any(TAG in request.user_text for request in sent)
    assert told in made.crossrun("show", second["id"], "--instructions").out
    assert second["learned_pattern_id"] == taught
    merged = made.crossrun.json("patterns", "show", taught)
    assert (merged["version"], merged["source_run_ids"]) == (2, [first["id"], second["id"]])
    assert "python3 convert.py sales.csv sales.json" in block(made, taught)

    unrelated, sent = begin(made, UNRELATED, **ALWAYS)
    assert (unrelated["pattern"]["decision"], unrelated["learned_pattern_id"]) == (
        "abstained",
        None,
    )
    assert not any(TAG in request.all_text for request in sent)

    turned_off, sent = begin(made, OTHER_WORDS, "--no-pattern", **ALWAYS)
    assert turned_off["pattern"]["decision"] == "disabled"
    assert not any(TAG in request.all_text for request in sent)

    named, sent = begin(made, UNRELATED, "--reference-run-id", first["id"])
    assert (named["pattern"]["decision"], named["pattern"]["probability"]) == ("forced", 1.0)
    assert named["reference_run_id"] == first["id"]
    assert all(block(made, taught) in request.developer_text for request in sent)


def test_a_withheld_pattern_is_not_sent(codex: CodexWorld) -> None:
    made = codex(SCRIPT)
    begin(made, CONVERT)
    quarantine(made)  # only the setting bounds the share then
    second, sent = begin(made, OTHER_WORDS, CROSSRUN_PATTERNS_HOLDOUT="0.999999")
    assert second["pattern"]["decision"] == "withheld"
    assert second["pattern"]["probability"] == pytest.approx(0.999999)
    assert not any(TAG in request.all_text for request in sent)
    why = made.crossrun.json("patterns", "why", second["id"])
    assert (why["decision"], why["share_withheld"]) == ("withheld", pytest.approx(0.999999))
    assert why["candidates"][0]["pattern_id"] == second["pattern"]["pattern_id"]


def test_a_thread_that_goes_on_gets_the_block_with_the_prompt(codex: CodexWorld) -> None:
    def assign(prompt: str) -> dict[str, Any]:
        return {"call": "codex_exec", "arguments": {"prompt": prompt}}

    planning: list[Any] = [
        assign("Turn sales.csv into JSON"),
        assign("Now check the result"),
        "All done.",
    ]
    made = codex(
        [
            Scenario(planning, path="chat", counts="conversation"),
            Scenario(["It is valid."], match="check the result"),
            *SCRIPT,
        ]
    )
    first, _ = begin(made, CONVERT)
    told = block(made, first["learned_pattern_id"])
    second, sent = begin(
        made,
        OTHER_WORDS,
        "--planner",
        "openai",
        OPENAI_API_KEY="sk-test-0123456789abcdef0123",
        OPENAI_BASE_URL=made.model.base_url,
        **ALWAYS,
    )
    assert second["status"] == "succeeded"
    planned = [request for request in sent if request.api == "chat"]
    assert all(told in request.developer_text for request in planned)
    resumed = [request for request in sent if "check the result" in request.last_user]
    assert resumed
    assert all(told in request.last_user for request in resumed)
    merged = made.crossrun.json("patterns", "show", first["learned_pattern_id"])
    assert merged["version"] == 2
    assert "reference_workflow" not in str(merged["steps"])


def test_what_an_agent_says_back_is_not_learned_again(codex: CodexWorld) -> None:
    """A memory that feeds on its own injections grows without end."""
    made = codex(SCRIPT)
    first, _ = begin(made, CONVERT)
    taught = first["learned_pattern_id"]
    sizes = []
    for _ in range(3):
        told = block(made, taught)
        steps = [line for line in told.splitlines() if line[:1].isdigit()]
        echoing: list[Any] = [
            {"plan": [[step, "in_progress"] for step in steps]},
            [f"I follow this:\n{told}", {"shell": "ls"}],
            {"shell": f"cat <<'EOF'\n{told}\nEOF"},
            {"shell": f"echo '{TAG} id=\"x\">learn me</reference_workflow>' > more.md"},
            *converting("sales"),
        ]
        made = codex([Scenario(echoing, match="sales.csv")])
        run, _ = begin(made, OTHER_WORDS, **ALWAYS)
        assert (run["pattern"]["decision"], run["learned_pattern_id"]) == ("injected", taught)
        sizes.append(len(block(made, taught)))

    assert sizes[0] == sizes[1] == sizes[2]
    text = block(made, taught)
    assert text.count("reference_workflow") == 2
    assert "learn me" not in text
    assert len(made.crossrun.json("patterns")["patterns"]) == 1


def test_statistics_say_what_the_script_did(codex: CodexWorld) -> None:
    """With the pattern the agent succeeds, without it it fails: the script sees to that."""
    good = [*converting("sales")[:-1], {"shell": "touch done"}, "Done."]
    bad: list[Any] = [
        {"shell": "head sales.csv"},
        {"shell": "python3 convert.py sales.csv"},
        "Gave up.",
    ]
    made = codex(
        [
            Scenario(good, match="sales.csv", developer=TAG),
            Scenario(bad, match="sales.csv"),
            *SCRIPT,
        ]
    )
    first, _ = begin(made, CONVERT)
    taught = first["learned_pattern_id"]
    seen = {"injected": 0, "withheld": 0}
    while min(seen.values()) < 5:  # until the coin has given both sides enough
        quarantine(made)  # so that every second run goes without it
        run, sent = begin(
            made, OTHER_WORDS, "--verify", "test -f done", CROSSRUN_PATTERNS_HOLDOUT="0.5"
        )
        decision = run["pattern"]["decision"]
        assert run["status"] == ("succeeded" if decision == "injected" else "failed")
        assert all((TAG in request.all_text) is (decision == "injected") for request in sent)
        seen[decision] += 1

    told = made.crossrun.json("patterns", "stats", taught)
    credit = told["credit"]
    assert (credit["runs_with"], credit["succeeded_with"]) == (seen["injected"],) * 2
    assert (credit["runs_without"], credit["succeeded_without"]) == (seen["withheld"], 0)
    assert told["stats"]["lift"] > 0.3
    assert told["stats"]["lift_interval"][0] > 0
    assert told["stats"]["p_hurt"] < 0.05
    assert credit["adherence"] > 0.8
    assert credit["failed_commands"]["mean"] < 0
    shown = made.crossrun.json("patterns", "show", taught)
    assert shown["state"] == "active"
    assert shown["stats"]["runs_with"] == seen["injected"]
    assert shown["stats"]["runs_without"] == seen["withheld"]
    assert shown["cautions"]
