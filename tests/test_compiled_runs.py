"""Scripts of patterns on the real Codex: compiled from its runs, and handed over to it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import CodexWorld, WithCodex
from processes import is_running, unique_sleep
from scripted_model import Scenario

pytestmark = pytest.mark.codex

NO_SANDBOX = ("--sandbox", "danger-full-access")
NAMES = ("sales", "orders", "stock")
PROGRAM = """cat > convert.py <<'EOF'
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1])))
json.dump({"title": sys.argv[3], "rows": rows}, open(sys.argv[2], "w"))
EOF
"""


def task(name: str) -> str:
    return f'Convert {name}.csv to JSON with the title "All {name}"'


def verify(name: str) -> str:
    return f"python3 -m json.tool {name}.json > /dev/null"


def converting(name: str) -> list[Any]:
    """What a model does that converts a table."""
    convert = f"python3 convert.py {name}.csv {name}.json 'All {name}'"
    return [
        {"shell": f"head -n 2 {name}.csv"},
        {"shell": PROGRAM},
        {"shell": convert},
        "Converted and valid.",
    ]


def scenarios(*others: Scenario) -> list[Scenario]:
    return [*others, *(Scenario(converting(name), match=f"{name}.csv") for name in NAMES)]


def source(made: WithCodex, name: str) -> Path:
    folder = made.crossrun.cwd / name
    folder.mkdir()
    (folder / f"{name}.csv").write_text(f"id,name\n1,{name}\n")
    return folder


def begin(made: WithCodex, name: str, *words: str, **environ: str) -> dict[str, Any]:
    """A run on its own table; its check is the one that the user gives."""
    folder = made.crossrun.cwd / name
    folder = folder if folder.is_dir() else source(made, name)
    words = (task(name), "--source", str(folder), "--verify", verify(name), *words)
    return made.run(*words, *NO_SANDBOX, **environ).json


def taught(made: WithCodex) -> str:
    """The pattern that three runs agree on."""
    first, second, third = (begin(made, name) for name in NAMES)
    pattern: str = first["learned_pattern_id"]
    assert [second["learned_pattern_id"], third["learned_pattern_id"]] == [pattern, pattern]
    return pattern


def expected(name: str) -> dict[str, Any]:
    return {"title": f"All {name}", "rows": [{"id": "1", "name": name}]}


def test_a_compiled_pattern_does_the_task_without_the_agent(codex: CodexWorld) -> None:
    made = codex(scenarios())
    pattern = taught(made)
    asked = len(made.model.requests)

    run = begin(made, "prices", "--pattern", pattern, "--compiled")
    assert (run["status"], run["exit_code"]) == ("succeeded", 0)
    assert len(made.model.requests) == asked
    assert run["tokens"] == {"input": 0, "cached_input": 0, "output": 0, "reasoning": 0}
    assert (run["pattern"]["compiled"], run["pattern"]["handed_over"]) == (True, False)
    assert f"by        script of {pattern} v" in made.crossrun("show", run["id"]).out
    assert made.crossrun.json("patterns", "rebuild", "--dry-run")["changes"] == []
    workspace = Path(run["workspace"])
    assert json.loads((workspace / "prices.json").read_text()) == expected("prices")
    events = made.crossrun.events(run["id"])
    (decided,) = [event for event in events if event["type"] == "pattern_decided"]
    assert list(decided["values"].values()) == ["prices.csv", "All prices"]
    ran = [event["command"] for event in events if event["type"] == "command_ran"]
    assert "python3 convert.py prices.csv prices.json 'All prices'" in ran
    assert run["learned_pattern_id"] is None
    stats = made.crossrun("patterns", "stats", pattern).out
    assert "1 run by its script" in stats


def test_the_script_of_a_pattern_stands_alone(codex: CodexWorld) -> None:
    made = codex(scenarios())
    pattern = taught(made)
    file = made.crossrun.cwd / "convert.sh"
    assert made.crossrun("patterns", "compile", pattern, "-o", str(file)).code == 0
    shown = made.crossrun.json("patterns", "compile", pattern)
    assert (shown["id"], shown["interpreter"]) == (pattern, "sh")
    assert shown["script"] == file.read_text()
    table, title = shown["variables"]
    assert shown["variables"][table] == {"type": "path", "example": "sales.csv"}
    words = ["sh", str(file), f"--{table}", "new.csv", f"--{title}=It's $(new)"]
    folder = source(made, "new")
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((folder / "new.json").read_text())["title"] == "It's $(new)"


def test_the_agent_takes_over_where_the_script_fails(codex: CodexWorld) -> None:
    repairing: list[Any] = [
        {"shell": "mv broken.json other; echo '{}' > broken.json"},
        "Repaired by hand.",
    ]
    made = codex(scenarios(Scenario(repairing, match="broken.csv")))
    pattern = taught(made)
    folder = source(made, "broken")
    (folder / "convert.py").mkdir()  # so the first step fails
    before = len(made.model.requests)
    run = begin(made, "broken", "--pattern", pattern, "--compiled")
    assert (run["status"], run["answer"]) == ("succeeded", "Repaired by hand.")
    assert (run["pattern"]["compiled"], run["pattern"]["handed_over"]) == (True, True)
    prompt = made.model.requests[before].user_text
    assert task("broken") in prompt
    assert "as a script" in prompt
    assert "$ write convert.py\n(exit code 2)" in prompt
    assert "Is a directory" in prompt
    (finished,) = [
        event for event in made.crossrun.events(run["id"]) if event["type"] == "script_finished"
    ]
    assert finished["handed_over"]

    # a script that failed is not proven
    again = begin(made, "broken", "--pattern", pattern, CROSSRUN_PATTERNS_COMPILED="when-proven")
    assert not again["pattern"]["compiled"]


def test_a_proven_script_is_used_without_being_asked_for(codex: CodexWorld) -> None:
    made = codex(scenarios())
    taught(made)
    environ = {"CROSSRUN_PATTERNS_COMPILED": "when-proven", "CROSSRUN_PATTERNS_HOLDOUT": "0"}
    asked = len(made.model.requests)
    run = begin(made, "prices", **environ)
    assert run["pattern"]["decision"] == "injected"
    assert run["pattern"]["compiled"], made.crossrun.events(run["id"])
    assert (run["status"], len(made.model.requests)) == ("succeeded", asked)


def test_a_value_that_is_not_certain_leaves_the_task_to_the_agent(codex: CodexWorld) -> None:
    made = codex(scenarios(Scenario(["Did both."], match="a.csv and b.csv")))
    pattern = taught(made)
    words = ('Convert a.csv and b.csv to JSON with the title "x"', "--pattern", pattern)
    run = made.run(*words, "--compiled", *NO_SANDBOX).json
    assert (run["answer"], run["pattern"]["compiled"]) == ("Did both.", False)
    (decided,) = [e for e in made.crossrun.events(run["id"]) if e["type"] == "pattern_decided"]
    assert "could be any of" in decided["not_compiled"]
    folder = str(made.crossrun.cwd / "sales")
    table, title = made.crossrun.json("patterns", "compile", pattern)["variables"]
    given = ("--var", f"{table}=sales.csv", "--var", f"{title}=x", "--source", folder)
    run = made.run(*words, "--compiled", *given, *NO_SANDBOX).json
    assert (run["status"], run["pattern"]["compiled"]) == ("succeeded", True)


def test_the_executor_script_never_asks_an_agent(codex: CodexWorld) -> None:
    made = codex(scenarios())
    pattern = taught(made)
    by_script = ("--executor", "script", "--pattern", pattern)
    folder = source(made, "prices")
    run = made.crossrun("run", task("prices"), *by_script, "--source", str(folder), "--json").json
    assert (run["status"], run["executor"]) == ("succeeded", "script")
    failed = made.crossrun("run", task("nothing"), *by_script, "--json").json
    assert (failed["status"], failed["failure"]["code"]) == ("failed", "SCRIPT_FAILED")
    refused = made.crossrun("run", "Convert it", *by_script, "--json").json
    assert (refused["status"], refused["failure"]["code"]) == ("failed", "SCRIPT_UNAVAILABLE")
    assert made.crossrun("run", "Convert it", "--executor", "script").code == 2


def test_unknown_variables_and_edited_steps_are_refused(codex: CodexWorld) -> None:
    made = codex(scenarios())
    pattern = taught(made)
    words = ("--pattern", pattern, "--compiled", "--var", "nope=1")
    refused = made.crossrun("run", task("prices"), *words)
    assert refused.code == 2
    assert f"the script of {pattern} has no variable 'nope'" in refused.err
    assert "hint: its variables: file" in refused.err
    editor = made.crossrun.cwd / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/python3 convert/python3 -B convert/' \"$1\"\n")
    editor.chmod(0o755)
    assert made.crossrun("patterns", "edit", pattern, EDITOR=str(editor)).code == 0
    assert "its steps were edited" in made.crossrun("patterns", "compile", pattern).err
    assert made.crossrun("patterns", "rm", pattern, "--yes").code == 0
    why = " ".join(made.crossrun("patterns", "why", "last").out.split())
    assert why.endswith(f"{pattern} has been removed.")


def test_a_pattern_of_one_run_says_why_it_is_not_compiled(codex: CodexWorld) -> None:
    made = codex(scenarios())
    pattern = begin(made, "sales")["learned_pattern_id"]
    result = made.crossrun("patterns", "compile", pattern, "--json")
    assert (result.code, result.json["error"]["code"]) == (6, "PATTERN_NOT_COMPILED")
    assert "3 have to agree" in result.json["error"]["message"]


def test_a_script_that_takes_too_long_leaves_no_process_behind(codex: CodexWorld) -> None:
    def running(name: str) -> list[Any]:
        return [
            {"shell": f"sh {name}.sh > {name}.log"},
            {"shell": f"sort {name}.log > {name}.sorted"},
            "Done.",
        ]

    made = codex([Scenario(running(name), match=f"{name}.sh") for name in NAMES])
    sleep = unique_sleep()

    def run(name: str, script: str, *words: str) -> dict[str, Any]:
        folder = made.crossrun.cwd / f"{name}.d"
        folder.mkdir()
        (folder / f"{name}.sh").write_text(script)
        words = (f"Run {name}.sh and keep its log", "--source", str(folder), *words)
        return made.run(*words, "--verify", f"test -f {name}.log", *NO_SANDBOX).json

    pattern, *_ = [run(name, "echo done")["learned_pattern_id"] for name in NAMES]
    stays = f"{sleep} & setsid {sleep} & wait"
    ended = run("slow", stays, "--pattern", pattern, "--compiled", "--timeout", "2s")
    assert (ended["status"], ended["pattern"]["handed_over"]) == ("timed_out", False)
    assert not is_running(sleep)
