"""Pattern memory as a user meets it, on replays: commands, choices, and what must never happen."""

import fcntl
import json
import os
import sqlite3
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Crossrun, Result
from scripted_model import Scenario, ScriptedModel

from crossrun.config.sources import load
from crossrun.config.tasktypes import load as load_task_type
from crossrun.events import CommandRan, Event, RunFinished, RunStarted
from crossrun.memory import StoredMemory
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.patterns import Person
from crossrun.patterns.formats.block_text import parsed
from crossrun.redaction import Redactor
from crossrun.store import Store
from crossrun.system.cancellation import CancelToken

CONVERT = "Convert report.csv to JSON and validate it"
SALES = "Turn the sales.csv file into a JSON document, then check that it is valid"
ALWAYS = {"CROSSRUN_PATTERNS_HOLDOUT": "0"}
Done = str | Mapping[str, Any]


def ran(command: str, exit_code: int = 0) -> dict[str, Any]:
    return {"type": "command_ran", "command": command, "exit_code": exit_code}


def replay(
    crossrun: Crossrun, task: str, done: Sequence[Done], *words: str, **environ: str
) -> Result:
    """A run whose agent does this: commands that end well, or any events."""
    events = [ran(one) if isinstance(one, str) else one for one in done]
    recording = {"recording": 1, "title": "x", "task_type": "code", "task": task, "events": events}
    file = crossrun.cwd / "recording.yaml"
    file.write_text(yaml.safe_dump(recording))
    said = ["--recording", str(file), "--yes", "--json", *words]
    return crossrun("run", task, *said, **environ)


def converting(name: str) -> list[Done]:
    script = (
        "import csv, json, sys\n"
        "json.dump(list(csv.DictReader(open(sys.argv[1]))), open(sys.argv[2], 'w'))\n"
    )
    return [
        f"printf 'a,b\\n1,2\\n' > {name}.csv",
        f"head -n 3 {name}.csv",
        {"type": "file_changed", "path": "convert.py", "change": "added", "content": script},
        f"python3 convert.py {name}.csv {name}.json",
        f"python3 -m json.tool {name}.json",
    ]


def taught(crossrun: Crossrun, task: str = CONVERT, name: str = "report") -> str:
    """The pattern that a run like this teaches."""
    learned: str = replay(crossrun, task, converting(name)).json["learned_pattern_id"]
    assert learned
    return learned


def listed(crossrun: Crossrun, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = crossrun.json("patterns", "list", *words)["patterns"]
    return found


# ------------------------------------------------------------------ what breaks the peers


@pytest.mark.parametrize("done", [["ls"], ["ls -la", "pwd", "git status || true"], ["echo hello"]])
def test_a_trivial_run_teaches_nothing(crossrun: Crossrun, done: list[str]) -> None:
    run = replay(crossrun, "See what is there", done).json
    assert (run["status"], run["learned_pattern_id"]) == ("succeeded", None)
    assert listed(crossrun) == []


def test_twenty_runs_of_one_task_leave_one_pattern_of_one_version(crossrun: Crossrun) -> None:
    for _ in range(20):
        taught(crossrun)
    (pattern,) = listed(crossrun)
    assert (pattern["version"], len(pattern["source_run_ids"])) == (1, 20)


def test_secrets_homes_and_names_of_one_project_reach_no_other(crossrun: Crossrun) -> None:
    secret, token = "hunter2-correct-horse", "ghp_" + "Zx9" * 12
    done = [
        *converting("report"),
        f"test -n 'postgres://anna:{secret}@db.example/x' && touch {crossrun.home.parent}/a.txt",
        f"python3 -c 'pass' --token {token} --password {secret} && touch b.txt",
        "python3 -c 'pass' /home/somebody/private.csv && cp report.json c.txt",
    ]
    environ = {"USER": "annabell", "DEPLOY_KEY": secret}
    named = [*done, "cp report.json annabell.json"]
    run = replay(crossrun, f"{CONVERT} for annabell", named, "--project-id", "a", **environ).json
    block = crossrun("patterns", "show", run["learned_pattern_id"], "--block").out
    second = replay(crossrun, SALES, converting("sales"), "--project-id", "b", **ALWAYS).json
    assert second["pattern"]["decision"] == "injected"
    told = crossrun("show", second["id"], "--instructions").out
    rows = crossrun("patterns", "export", run["learned_pattern_id"]).out
    references = str(crossrun.home / "state" / "references")
    for text in (block, told, rows):
        rest = text.replace(references, "")  # where the agent reads the pattern's files
        for private in (secret, token, "somebody", "annabell", str(crossrun.home.parent)):
            assert private not in rest
    stored = b"".join(file.read_bytes() for file in crossrun.home.glob("crossrun.db*"))
    assert secret.encode() not in stored
    assert token.encode() not in stored


# ------------------------------------------------------------------ choosing


def test_runs_of_one_family_make_versions_with_variables(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    assert taught(crossrun, SALES, "sales") == pattern
    told = crossrun.json("patterns", "show", pattern)
    assert told["version"] == 2
    assert {
        "type": "path",
        "example": "sales.json",
        "values": ["report.json"],
    } in told["variables"].values()
    diff = crossrun.json("patterns", "diff", pattern)
    assert (diff["from"], diff["to"], diff["made_by"]) == (1, 2, "merge")
    assert "+python3 convert.py sales.csv sales.json" in diff["diff"]


def test_a_pattern_is_chosen_only_where_its_tools_are(crossrun: Crossrun) -> None:
    tools = crossrun.cwd / "tools"
    tools.mkdir()
    tool = tools / "csv2json"
    tool.write_text("#!/bin/sh\necho '[]' > \"$2\"\n")
    tool.chmod(0o755)
    path = {"PATH": f"{tools}:{os.environ['PATH']}"}
    done = [
        "touch report.csv",
        "csv2json report.csv report.json",
        "python3 -m json.tool report.json",
    ]
    pattern = replay(crossrun, CONVERT, done, **path).json["learned_pattern_id"]
    assert crossrun.json("patterns", "show", pattern)["preconditions"] == {
        "os": sys.platform,
        "tools": ["csv2json", "python3"],
        "markers": [],
    }
    there = replay(crossrun, SALES, ["true"], **path, **ALWAYS).json
    assert there["pattern"]["decision"] == "injected"
    gone = replay(crossrun, SALES, ["true"], **ALWAYS).json
    assert gone["pattern"]["decision"] == "abstained"
    why = crossrun.json("patterns", "why", gone["id"])
    assert why["candidates"][0]["excluded"] == "csv2json is not on the PATH"
    named = replay(crossrun, SALES, ["true"], "--pattern", pattern[:4], **ALWAYS).json
    assert named["pattern"]["decision"] == "forced"


def test_the_scope_bounds_where_patterns_come_from(crossrun: Crossrun) -> None:
    replay(crossrun, CONVERT, converting("report"), "--project-id", "a")
    words = ("--project-id", "b")
    bounded = {"CROSSRUN_PATTERNS_SCOPE": "project", **ALWAYS}
    assert (
        replay(crossrun, SALES, ["true"], *words, **bounded).json["pattern"]["pattern_id"] is None
    )
    everywhere = replay(crossrun, SALES, ["true"], *words, **ALWAYS).json
    assert everywhere["pattern"]["decision"] == "injected"


def test_of_several_ways_to_do_a_task_one_is_chosen(crossrun: Crossrun) -> None:
    """Ways of one family are no rivals: all of them are right."""
    task = "Plot rain.csv as a line chart"
    ways = [
        [
            "touch rain.csv rain.svg",
            "python3 -c 'pass' rain.csv",
            "test -f rain.svg && sort rain.csv",
        ],
        ["cp /dev/null a.dat", "sort a.dat > b.dat", "cut -c1 b.dat"],
        ["seq 3 > c.txt", "paste c.txt > d.txt", "gzip c.txt"],
    ]
    learned = [replay(crossrun, task, way, "--no-pattern").json for way in ways]
    families = {one["family_id"] for one in listed(crossrun)}
    assert len(families) == 1
    assert len({run["learned_pattern_id"] for run in learned}) > 1
    chosen = replay(crossrun, task, ["true"], **ALWAYS).json["pattern"]
    assert chosen["decision"] == "injected"
    why = crossrun.json("patterns", "why")
    assert any("of the same family" in (one["excluded"] or "") for one in why["candidates"])


def test_a_damaged_memory_keeps_no_run_from_working(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    with closing(sqlite3.connect(crossrun.home / "crossrun.db")) as store:
        store.execute("UPDATE pattern_versions SET workflow = '{\"summary\": 7}'")
        store.commit()
    run = replay(crossrun, SALES, converting("sales"), **ALWAYS).json
    assert (run["status"], run["failure"]) == ("succeeded", None)
    warned = [event["message"] for event in crossrun.events() if event["type"] == "warned"]
    assert any(message.startswith("pattern memory: ") for message in warned)
    named = replay(crossrun, SALES, ["true"], "--pattern", pattern)
    assert named.code != 0


def test_a_run_does_not_wait_for_ever_for_others_that_learn(crossrun: Crossrun) -> None:
    taught(crossrun)
    lock = os.open(crossrun.home / "state" / "learn.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    began = time.monotonic()
    run = replay(crossrun, SALES, converting("sales"), **ALWAYS).json
    os.close(lock)
    assert (run["status"], time.monotonic() - began < 30) == ("succeeded", True)
    assert run["learned_pattern_id"]


def test_the_coin_is_recorded_and_can_be_tossed_again(crossrun: Crossrun) -> None:
    from crossrun.patterns.evaluation.holdout import draw

    taught(crossrun)
    seen: set[str] = set()
    while seen != {"injected", "withheld"}:
        run = replay(crossrun, SALES, ["true"]).json
        why = crossrun.json("patterns", "why", run["id"])
        again = draw(run["id"], why["pattern_id"], withheld=why["share_withheld"])
        assert (again.decision, again.probability) == (why["decision"], why["probability"])
        seen.add(why["decision"])


def test_a_dry_run_shows_the_pattern_and_begins_nothing(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    told = crossrun.json("run", SALES, "--executor", "replay", "--dry-run", **ALWAYS)
    assert (told["pattern"]["decision"], told["pattern"]["pattern_id"]) == ("injected", pattern)
    assert told["instructions"].rstrip().endswith("</reference_workflow>")
    shown = crossrun("run", SALES, "--executor", "replay", "--dry-run", **ALWAYS).out
    assert pattern in shown
    assert len(crossrun.json("runs")["runs"]) == 1


@pytest.mark.parametrize("begin", ["--source", "--workspace", "--from-run-id", "nothing"])
def test_a_dry_run_decides_by_the_files_that_the_run_would_find(
    crossrun: Crossrun, begin: str
) -> None:
    """The pattern needs the Makefile that its first run began with."""
    project = crossrun.cwd / "project"
    project.mkdir()
    (project / "Makefile").write_text("report:\n\ttouch report.txt\n")
    did = ["make report", "sort report.txt > sorted.txt"]
    task = "Build the report and sort it"
    first = replay(crossrun, task, did, "--source", str(project)).json
    value = first["id"] if begin == "--from-run-id" else str(project)
    words = [] if begin == "nothing" else [begin, value]
    planned = crossrun.json("run", task, "--executor", "replay", "--dry-run", *words, **ALWAYS)[
        "pattern"
    ]
    carried_out = replay(crossrun, task, ["true"], *words, **ALWAYS).json["pattern"]
    expected = "abstained" if begin == "nothing" else "injected"
    assert (planned["decision"], carried_out["decision"]) == (expected, expected)


def test_an_executor_that_takes_no_instructions_gets_no_pattern(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    run = crossrun("run", "--executor", "shell", "true # convert report.csv to JSON", "--json").json
    assert run["pattern"]["decision"] == "disabled"
    refused = crossrun("run", "--executor", "shell", "true", "--pattern", pattern)
    assert (refused.code, "OPTIONS_CONFLICT" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["--pattern", "nope"], 6, "PATTERN_NOT_FOUND"),
        (["--pattern", "nope@1"], 6, "PATTERN_NOT_FOUND"),
        (["--reference-run-id", "nope"], 6, "RUN_NOT_FOUND"),
        (["--reference-run-id", "last"], 6, "PATTERN_NOT_LEARNED"),
        (["--pattern", ""], 2, "OPTION_INVALID"),
        (["--reference-run-id", ""], 2, "OPTION_INVALID"),
        (["--pattern", "x", "--no-pattern"], 2, "OPTIONS_CONFLICT"),
        (["--pattern", "x", "--reference-run-id", "y"], 2, "OPTIONS_CONFLICT"),
    ],
)
def test_a_pattern_that_cannot_be_had_is_told_before_the_run_begins(
    crossrun: Crossrun, words: list[str], code: int, error: str
) -> None:
    replay(crossrun, "Look", ["ls"])
    result = crossrun("run", "do it", "--executor", "replay", *words)
    assert (result.code, error in result.err) == (code, True)
    assert len(crossrun.json("runs")["runs"]) == 1


# ------------------------------------------------------------------ failures


def failing(crossrun: Crossrun) -> dict[str, Any]:
    done: list[Done] = [
        "printf 'a\\n' > sales.csv",
        {"type": "command_ran", "command": "jsonify sales.csv", "exit_code": 127},
    ]
    return replay(crossrun, SALES, done, "--verify", "test -f sales.json").json


def test_a_failed_run_leaves_a_caution_on_the_pattern_of_its_task(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    run = failing(crossrun)
    assert (run["status"], run["learned_pattern_id"]) == ("failed", None)
    told = crossrun.json("patterns", "show", pattern)
    assert told["version"] == 2
    (caution,) = told["cautions"]
    assert caution.startswith("`jsonify sales.csv` ended with exit code 127: ")
    assert "Cautions:\n- `jsonify sales.csv`" in crossrun("patterns", "show", "--block").out


def test_failures_before_the_first_success_are_remembered(crossrun: Crossrun) -> None:
    failing(crossrun)
    assert listed(crossrun) == []
    pattern = taught(crossrun, SALES, "sales")
    told = crossrun.json("patterns", "show", pattern)
    assert (told["version"], len(told["cautions"])) == (1, 1)


# ------------------------------------------------------------------ wording


def worded(crossrun: Crossrun, model: ScriptedModel) -> dict[str, Any]:
    told: dict[str, Any] = replay(
        crossrun,
        CONVERT,
        converting("report"),
        "--learn-with",
        "wordsmith",
        OPENAI_API_KEY="sk-test-0123456789abcdef0123",
        OPENAI_BASE_URL=model.base_url,
    ).json
    return told


def test_a_model_words_what_was_learned_and_rules_keep_the_rest(crossrun: Crossrun) -> None:
    steps = ["Make {file}", "Look at {file}", "Write it", "Convert {file}", "Validate it"]
    said = {"summary": "Turn a table into JSON", "steps": steps}
    with ScriptedModel([Scenario([json.dumps(said)], path="chat", after="loop")]) as model:
        first = worded(crossrun, model)
        pattern = crossrun.json("patterns", "show", first["learned_pattern_id"])
        assert pattern["summary"] == "Turn a table into JSON"
        commands = [step["instruction"] for step in pattern["steps"]]
        assert commands[3] == "python3 convert.py report.csv report.json"
        assert pattern["steps"][3]["command"] == "python3 convert.py {file} {file_2}"
        assert pattern["steps"][3]["evidence"][0]["run_id"] == first["id"]
        assert first["tokens"]["input"] > 0
        assert model.requests[0].body["model"] == "wordsmith"
        worded(crossrun, model)
        assert len(model.requests) == 1  # nothing is new, so nobody is asked
    again = crossrun.json("patterns", "show")
    assert (again["version"], again["summary"]) == (1, "Turn a table into JSON")
    assert len(again["source_run_ids"]) == 2


def test_a_model_that_talks_nonsense_twice_changes_nothing(crossrun: Crossrun) -> None:
    with ScriptedModel([Scenario(["Sure, here you go!"], path="chat", after="loop")]) as model:
        run = worded(crossrun, model)
        assert len(model.requests) == 2
    assert run["status"] == "succeeded"
    assert crossrun.json("patterns", "show")["summary"] == "Convert {file} to JSON and validate it"
    warned = [event["message"] for event in crossrun.events() if event["type"] == "warned"]
    assert any("the pattern keeps its own words" in message for message in warned)


# ------------------------------------------------------------------ commands


def test_the_block_is_what_is_injected(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    told = crossrun("patterns", "show", "--block").out
    assert parsed(told.rstrip("\n")).pattern_id == pattern
    run = replay(crossrun, SALES, ["true"], **ALWAYS).json
    assert told.rstrip("\n") in crossrun("show", run["id"], "--instructions").out


def editor(crossrun: Crossrun, script: str) -> dict[str, str]:
    file = crossrun.cwd / "editor.py"
    file.write_text(f"import sys; p = sys.argv[1]; t = open(p).read(); {script}")
    return {"EDITOR": f"{sys.executable} {file}"}


def test_an_edited_pattern_is_a_new_version_that_keeps_its_evidence(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    before = crossrun.json("patterns", "show", pattern)
    change = "open(p, 'w').write(t.replace('instruction: head', 'instruction: tail'))"
    edited = crossrun("patterns", "edit", pattern, "--json", **editor(crossrun, change)).json
    assert edited["version"] == 2
    assert edited["steps"][1]["instruction"].startswith("tail")
    assert [s["evidence"] for s in edited["steps"]] == [s["evidence"] for s in before["steps"]]
    assert crossrun.json("patterns", "diff", pattern)["made_by"] == "user"
    taught(crossrun, SALES, "sales")
    after = crossrun.json("patterns", "show", pattern)
    assert (after["version"], len(after["source_run_ids"])) == (2, 2)
    assert after["steps"] == edited["steps"]


def test_a_run_can_have_an_earlier_version_of_a_pattern(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    first = crossrun.json("patterns", "show", pattern)
    change = "open(p, 'w').write(t.replace('instruction: head', 'instruction: tail'))"
    second = crossrun("patterns", "edit", pattern, "--json", **editor(crossrun, change)).json
    run = replay(crossrun, SALES, ["true"], "--pattern", f"{pattern[:4]}@1").json
    assert run["pattern"]["version"] == 1
    assert run["pattern"]["hash"] == first["hash"] != second["hash"]
    block = crossrun("patterns", "show", f"{pattern}@1", "--block").out
    assert block.rstrip() in crossrun("show", run["id"], "--instructions").out
    assert block != crossrun("patterns", "show", pattern, "--block").out
    script = crossrun("run", "x", "--pattern", f"{pattern}@1", "--compiled", "--offline")
    assert (script.code, "error[OPTIONS_CONFLICT]" in script.err) == (2, True)


def test_without_a_terminal_an_editor_has_to_be_named(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    result = crossrun("patterns", "edit", pattern, EDITOR="", VISUAL="")
    assert (result.code, "error[EDITOR_FAILED]" in result.err) == (2, True)


def test_an_editor_that_changes_nothing_makes_no_version(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    result = crossrun("patterns", "edit", pattern, **editor(crossrun, "pass"))
    assert (result.code, "nothing was changed" in result.err) == (0, True)
    assert crossrun.json("patterns", "show", pattern)["version"] == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("t + '\\n  - broken: ['", "line"),
        ("t.replace('intent: read', 'intent: dance')", "Invalid enum value 'dance'"),
        ("t.replace('summary: ', 'sumary: ')", "sumary"),
        (
            "t.replace('instruction: head', 'instruction: ' + 'x' * 2000)",
            "are allowed for a command",
        ),
        ("t.replace('pattern: 1', 'pattern: 9')", "line 1: format 9 is not known"),
    ],
)
def test_an_edit_that_cannot_be_used_is_refused_with_its_line_and_kept(
    crossrun: Crossrun, change: str, why: str
) -> None:
    pattern = taught(crossrun)
    words = editor(crossrun, f"open(p, 'w').write({change})")
    result = crossrun("patterns", "edit", pattern, **words)
    assert result.code == 2
    assert "error[PATTERN_INVALID]" in result.err
    assert why in result.err
    assert ", line " in result.err
    kept = Path(result.err.split("error[PATTERN_INVALID]: ")[1].split(", line ")[0])
    assert kept.is_file()
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert crossrun.json("patterns", "show", pattern)["version"] == 1
    kept.unlink()
    kept.parent.rmdir()


def test_a_disabled_pattern_is_used_only_when_it_is_named(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    assert crossrun.json("patterns", "disable", pattern)["state"] == "disabled"
    assert replay(crossrun, SALES, ["true"], **ALWAYS).json["pattern"]["decision"] == "abstained"
    named = replay(crossrun, SALES, ["true"], "--pattern", pattern).json
    assert named["pattern"]["decision"] == "forced"
    assert [one["id"] for one in listed(crossrun, "--state", "disabled")] == [pattern]
    assert crossrun.json("patterns", "enable", pattern)["state"] == "active"
    assert replay(crossrun, SALES, ["true"], **ALWAYS).json["pattern"]["decision"] == "injected"


def test_a_removed_pattern_is_gone_and_runs_tell_of_it(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    assert crossrun("patterns", "rm", "", "--yes").code == 6
    refused = crossrun("patterns", "rm", pattern)
    assert (refused.code, "CONSENT_NEEDED" in refused.err) == (2, True)
    assert crossrun("patterns", "rm", pattern, "--yes").code == 0
    assert listed(crossrun) == []
    assert crossrun("patterns", "show", pattern).code == 6
    assert crossrun.json("show")["learned_pattern_id"] == pattern
    result = crossrun("run", "x", "--executor", "replay", "--reference-run-id", "last")
    assert (result.code, "it was removed" in result.err) == (6, True)
    assert replay(crossrun, SALES, ["true"], **ALWAYS).json["pattern"]["decision"] == "abstained"


@pytest.mark.parametrize("form", ["yaml", "skill"])
def test_a_pattern_that_is_handed_on_is_a_candidate_that_is_chosen_and_held_out(
    crossrun: Crossrun, tmp_path: Path, form: str
) -> None:
    pattern = taught(crossrun)
    before = crossrun.json("patterns", "show", pattern)
    if form == "yaml":
        source = crossrun.cwd / "handed.yaml"
        source.write_text(crossrun("patterns", "export", pattern).out)
    else:
        assert crossrun("patterns", "export", pattern, "--skill", "skills").code == 0
        (source,) = (crossrun.cwd / "skills").iterdir()
        skill = (source / "SKILL.md").read_text()
        assert skill.startswith(f"---\nname: {source.name}\ndescription: ")
        assert "python3 convert.py report.csv" in skill
    assert (
        crossrun.json("patterns", "import", str(source), "--yes")["id"] == pattern
    )  # here already

    other = Crossrun(tmp_path / "other", crossrun.cwd, {**crossrun.environ})
    other.environ["CROSSRUN_HOME"] = str(tmp_path / "other")
    imported = other.json("patterns", "import", str(source), "--yes")
    assert imported["id"] != pattern
    assert (imported["state"], imported["own"], imported["version"]) == ("candidate", False, 1)
    for name in ("summary", "steps", "variables", "cautions", "preconditions", "hash"):
        assert imported[name] == before[name]
    assert replay(other, SALES, ["true"], **ALWAYS).json["pattern"]["decision"] == "abstained"
    why = other.json("patterns", "why")
    reason = "it was imported, and without a holdout its effect could not be measured"
    assert why["candidates"][0]["excluded"] == reason
    chosen = replay(other, SALES, ["true"]).json["pattern"]
    assert (chosen["pattern_id"], chosen["decision"]) in {
        (imported["id"], "injected"),
        (imported["id"], "withheld"),
    }
    named = replay(other, SALES, converting("sales"), "--pattern", imported["id"]).json
    assert named["pattern"]["decision"] == "forced"
    assert named["learned_pattern_id"] == imported["id"]
    assert other.json("patterns", "import", str(source), "--yes")["id"] == imported["id"]
    assert len(listed(other)) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expected `object`, got `null`"),
        ("- a", "Expected `object`, got `array`"),
        ("pattern: 1", "missing required field"),
        ("a: [", "line"),
        ("a: &x [*x]", "PATTERN_INVALID"),
        ("\0", "PATTERN_INVALID"),
    ],
)
def test_what_is_no_pattern_is_refused(crossrun: Crossrun, text: str, why: str) -> None:
    file = crossrun.cwd / "x.yaml"
    file.write_text(text)
    result = crossrun("patterns", "import", str(file))
    assert (result.code, "error[PATTERN_INVALID]" in result.err) == (2, True)
    assert why in result.err
    assert listed(crossrun) == []


def test_an_export_overwrites_nothing(crossrun: Crossrun) -> None:
    taught(crossrun)
    mine = crossrun.cwd / "mine.yaml"
    mine.write_text("mine")
    result = crossrun("patterns", "export", "-o", str(mine))
    assert (result.code, mine.read_text()) == (2, "mine")


def test_a_foreign_pattern_is_cleaned_when_it_comes_in(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    text = crossrun("patterns", "export", pattern).out.replace(
        "instruction: head -n 3 report.csv", "instruction: ls /home/mallory/ ghp_" + "Ab1" * 12
    )
    file = crossrun.cwd / "x.yaml"
    file.write_text(text)
    steps = crossrun.json("patterns", "import", str(file), "--yes")["steps"]
    assert steps[1]["instruction"] == "ls ~/ …"


def test_the_quickstart_shows_the_loop_and_its_patterns_stay_its_own(crossrun: Crossrun) -> None:
    told = crossrun.json("quickstart")
    first, second = told["runs"]
    assert first["learned_pattern_id"] == told["pattern"]["id"]
    assert told["decision"]["decision"] == "forced"
    assert second["pattern"]["pattern_id"] == told["pattern"]["id"]
    assert (second["learned_pattern_id"], second["project_id"]) == (
        told["pattern"]["id"],
        "quickstart",
    )
    assert "<reference_workflow" in crossrun("show", second["id"], "--instructions").out
    same = ("--task-type", "document_processing")
    elsewhere = replay(crossrun, first["task"], ["true"], *same, **ALWAYS).json
    assert elsewhere["pattern"]["decision"] == "abstained"
    inside = replay(
        crossrun, first["task"], ["true"], *same, "--project-id", "quickstart", **ALWAYS
    ).json
    assert inside["pattern"]["decision"] == "injected"


def test_lists_name_the_pattern_that_was_used_and_the_one_that_was_taught(
    crossrun: Crossrun,
) -> None:
    pattern = taught(crossrun)
    replay(crossrun, SALES, ["true"], **ALWAYS)
    used, learned = crossrun("runs").out.splitlines()[1:]
    assert f" {pattern} " in used
    assert f">{pattern} " in learned
    assert f"injected {pattern} v1" in crossrun("show").out


def test_search_finds_as_a_run_would(crossrun: Crossrun) -> None:
    pattern = taught(crossrun)
    found = crossrun.json("patterns", "search", SALES)["patterns"]
    assert [one["id"] for one in found] == [pattern]
    assert found[0]["score"] > 0
    assert crossrun.json("patterns", "search", "zzz")["patterns"] == []


def test_of_a_very_long_run_the_beginning_and_the_end_are_learned(crossrun: Crossrun) -> None:
    """And a run that goes on for long does not end late for it."""
    settings = load(flags={}, environ=crossrun.environ, cwd=crossrun.cwd)
    store = Store(settings.paths)
    store.open_for_writing()
    task_type = load_task_type("code", crossrun.cwd)
    memory = StoredMemory(
        store,
        task_type,
        person=Person(),
        path=os.defpath,
        redactor=Redactor(),
        references=settings.paths.references,
    )
    request = RunRequest(task="Work through the whole list")

    def facts(run_id: str) -> Iterator[Event | None]:
        yield RunStarted(request=request, workspace="/w", crossrun_version="0")
        yield CommandRan(command="make first", exit_code=0)
        for number in range(12_000):
            yield CommandRan(command=f"cat {number}.txt", exit_code=0)
        yield CommandRan(command="make last", exit_code=0)
        yield from memory.remember(run_id, request, None, CancelToken())
        yield RunFinished(status=Status.SUCCEEDED)

    with store.owning() as run_id:
        for _ in store.recording(run_id, (fact for fact in facts(run_id)), Redactor()):
            pass
    steps = crossrun.json("patterns", "show")["steps"]
    assert [step["command"] for step in steps if step["intent"] == "build"] == [
        "make first",
        "make last",
    ]
