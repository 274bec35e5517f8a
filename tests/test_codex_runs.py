"""Runs on the real Codex CLI with a scripted model: every end tells the truth."""

import random
import signal
import struct
import subprocess
import time
import zlib
from pathlib import Path

import psutil
import pytest
from conftest import CodexWorld, Crossrun, send, types
from processes import is_running, unique_sleep, wait_for
from scripted_model import Scenario
from trees import sh

pytestmark = pytest.mark.codex

NO_SANDBOX = ("--sandbox", "danger-full-access")


def one_pixel() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    about = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    return b"\x89PNG\r\n\x1a\n" + about + pixels + chunk(b"IEND", b"")


def test_a_run_with_commands_and_a_patch_is_recorded_whole(codex: CodexWorld) -> None:
    made = codex(
        [
            [{"reasoning": "**Looking** around"}, "I'll write it.", {"shell": "echo hi > a.txt"}],
            {"write_file": "sub/new.py", "content": "print('x')\n"},
            {"plan": [["read", "completed"], ["write", "in_progress"]]},
            "Wrote both.",
        ]
    )
    result = made.run("write two files", "--name", "two files", "--tag", "x", "--tag", "y")

    assert result.code == 0
    run = result.json
    assert run["status"] == "succeeded"
    assert (run["exit_code"], run["failure"], run["answer"]) == (0, None, "Wrote both.")
    assert (run["name"], run["tags"], run["project_id"]) == ("two files", ["x", "y"], "default")
    assert run["executor_version"].count(".") == 2
    assert run["tokens"] == {"input": 400, "cached_input": 40, "output": 80, "reasoning": 20}
    assert [(c["path"], c["status"], c["insertions"]) for c in run["changes"]] == [
        ("a.txt", "added", 1),
        ("sub/new.py", "added", 1),
    ]
    assert Path(run["workspace"], "sub/new.py").read_text() == "print('x')\n"
    events = made.crossrun.events()
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    expected = ["thread_started", "turn_started", "agent_reasoned", "agent_spoke"]
    expected += ["command_started", "command_ran", "item_started", "file_changed", "plan_updated"]
    expected += ["agent_spoke", "step_finished", "workspace_changed"]
    seen = [name for name in types(events) if name in expected]
    assert [name for i, name in enumerate(seen) if name not in seen[:i]] == list(
        dict.fromkeys(expected)
    )
    assert types(events)[-1] == "run_finished"
    assert made.crossrun.json("show")["thread_id"] == run["thread_id"]


def test_all_that_was_said_to_the_agent_is_stored_and_arrived(codex: CodexWorld) -> None:
    made = codex(["Hello."], config='developer_instructions = "The user wants brevity."')
    made.run("say hello", "--task-type", "research")

    told = made.model.requests[0]
    assert told.last_user == "say hello"
    ours = made.crossrun.events()[3]
    assert ours["type"] == "step_planned"
    assert "invent" in ours["instructions"]
    assert f"The user wants brevity.\n\n{ours['instructions']}" in told.developer_text
    shown = made.crossrun("show", "--instructions").out
    assert shown == f"{ours['instructions']}\n{ours['prompt']}\n"
    assert "codex" in made.crossrun("show", "--command").out


def test_the_turns_of_a_run_share_one_thread(codex: CodexWorld) -> None:
    made = codex(
        [
            Scenario(
                [
                    {"call": "codex_exec", "arguments": {"prompt": "first part"}},
                    {"call": "codex_exec", "arguments": {"prompt": "second part"}},
                    "Both parts are done.",
                ],
                path="chat",
            ),
            Scenario([{"shell": "echo 1 > one; exit 3"}, "One."], match="first part"),
            Scenario([{"shell": "echo 2 > two"}, "Two."], match="second part"),
        ]
    )
    key = {"OPENAI_API_KEY": "sk-plan", "OPENAI_BASE_URL": made.model.base_url}
    result = made.run("do two parts", "--planner", "auto", **key)

    run = result.json
    assert (result.code, run["status"], run["planner"]) == (0, "succeeded", "openai")
    assert {change["path"] for change in run["changes"]} == {"one", "two"}
    events = made.crossrun.events()
    assert len({e["thread_id"] for e in events if e["type"] == "thread_started"}) == 1
    assert types(events).count("thread_started") == 2
    usage = [(e["source"], e["tokens"]["input"]) for e in events if e["type"] == "usage_reported"]
    assert sum(tokens for source, tokens in usage if source == "agent") == 400
    assert [tokens for source, tokens in usage if source == "planner"] == [100, 100, 100]
    assert run["tokens"]["input"] == 700
    second = next(r for r in made.model.requests if "second part" in r.last_user)
    assert second.last_user.startswith("<instructions>\n")
    assert second.last_user.endswith("<task>\nsecond part\n</task>")
    reports = [r.tool_outputs for r in made.model.requests if r.api == "chat"]
    assert '"last_message": "One."' in reports[1][-1]
    assert '"exit_code": 3' in reports[1][-1]


def test_failing_commands_do_not_fail_the_run(codex: CodexWorld) -> None:
    made = codex([{"shell": "echo bad; exit 7"}, {"shell": "true"}, "Repaired."])
    result = made.run("try")

    ran = [e for e in made.crossrun.events() if e["type"] == "command_ran"]
    assert [event["exit_code"] for event in ran] == [7, 0]
    assert "bad" in ran[0]["output"]
    assert result.json["status"] == "succeeded"


@pytest.mark.parametrize(
    ("turn", "code", "exit_code"),
    [
        ({"http_error": 401}, "CODEX_AUTH", 4),
        ({"http_error": 429}, "RATE_LIMITED", 5),
        ({"http_error": {"status": 429, "code": "insufficient_quota"}}, "QUOTA_EXCEEDED", 5),
        ({"http_error": 500}, "PROVIDER_ERROR", 5),
        ({"items": ["half"], "cut": "before_items"}, "PROVIDER_ERROR", 5),
        ({"failed": {"code": "context_length_exceeded", "message": "long"}}, "CONTEXT_FULL", 1),
        ({"items": ["half an"], "incomplete": "max_output_tokens"}, "ANSWER_CUT", 1),
    ],
)
def test_what_the_provider_refuses_is_a_typed_failure(
    codex: CodexWorld, turn: dict[str, object], code: str, exit_code: int
) -> None:
    made = codex([{**turn, "times": 20}])
    result = made.run("say hello")

    run = result.json
    assert (run["status"], run["failure"]["code"], run["exit_code"]) == ("failed", code, exit_code)
    assert result.code == exit_code
    assert run["failure"]["hint"]
    assert types(made.crossrun.events())[-1] == "run_finished"


def test_a_server_that_never_answers_ends_by_the_idle_timeout(codex: CodexWorld) -> None:
    made = codex([{"hang": "before_headers"}])
    began = time.monotonic()
    result = made.run("wait", "--idle-timeout", "1")

    assert time.monotonic() - began < 60
    assert result.code == 124
    assert result.json["status"] == "timed_out"
    assert result.json["failure"]["code"] == "STALLED"


def test_the_idle_timeout_does_not_count_while_a_command_runs(codex: CodexWorld) -> None:
    made = codex([{"shell": "sleep 3; echo woke"}, "Slept."])
    result = made.run("sleep", "--idle-timeout", "1")

    assert result.json["answer"] == "Slept."


def test_the_timeout_ends_a_run_and_its_commands(codex: CodexWorld) -> None:
    sleep = unique_sleep()
    made = codex([{"shell": sleep}, "Slept."])
    result = made.run("sleep", "--timeout", "2", *NO_SANDBOX)

    assert (result.code, result.json["status"]) == (124, "timed_out")
    assert not is_running(sleep)


def test_a_codex_killed_from_outside_is_a_failed_run(codex: CodexWorld) -> None:
    sleep = unique_sleep()
    made = codex([{"shell": sleep}, "Slept."])
    process = made.crossrun.start("run", "sleep", "--json")
    wait_for(lambda: is_running(sleep))
    children = psutil.Process(process.pid).children()
    next(child for child in children if child.name() == "codex").kill()
    process.communicate(timeout=20)

    run = made.crossrun.json("show")
    assert (process.returncode, run["status"], run["failure"]["code"]) == (
        1,
        "failed",
        "AGENT_DIED",
    )
    assert not is_running(sleep)


@pytest.mark.parametrize(
    ("signum", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_ends_the_run_in_order(
    codex: CodexWorld, signum: signal.Signals, code: int
) -> None:
    sleep = unique_sleep()
    made = codex([{"shell": f"setsid {sleep} & {sleep}"}, "Slept."])
    process = made.crossrun.start("run", "sleep", "--json", *NO_SANDBOX)
    wait_for(lambda: is_running(sleep))
    result = send(process, signum)

    assert result.code == code
    run = result.json
    assert (run["status"], run["exit_code"]) == ("cancelled", 10)
    assert not is_running(sleep)
    assert types(made.crossrun.events())[-1] == "run_finished"


def test_an_ignored_hangup_stays_ignored(codex: CodexWorld) -> None:
    sleep = f"sleep 1.{random.randrange(10**9)}"  # noqa: S311
    made = codex([{"shell": sleep}, "Slept."])
    words = made.crossrun.command("run", "sleep", "--json")
    process = subprocess.Popen(
        ["nohup", *words],
        env=made.crossrun.environ,
        cwd=made.crossrun.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for(lambda: is_running(sleep))

    assert send(process, signal.SIGHUP).code == 0


def test_a_flood_on_stderr_does_not_block(codex: CodexWorld, tmp_path: Path) -> None:
    made = codex(["Hello."])
    noisy = tmp_path / "noisy"
    real = made.crossrun.environ["CODEX_PATH"]
    noisy.write_text(f'#!/bin/sh\nhead -c 200000 /dev/zero | tr "\\0" e >&2\nexec {real} "$@"\n')
    noisy.chmod(0o755)

    assert made.run("say hello", CODEX_PATH=str(noisy)).json["answer"] == "Hello."


def test_a_line_of_several_megabytes_is_stored_whole(codex: CodexWorld) -> None:
    text = "word " * 800_000
    made = codex([text])
    result = made.run("talk")

    assert result.json["answer"] == text


def test_git_configuration_in_the_workspace_runs_no_code(codex: CodexWorld, tmp_path: Path) -> None:
    sentinel = tmp_path / "ran"
    hostile = (
        f"git init -q . && git config core.fsmonitor 'touch {sentinel}' && "
        f"git config filter.x.clean 'touch {sentinel}; cat' && echo '* filter=x' > .gitattributes"
        " && echo text > a.txt && git checkout -q -b work"
    )
    made = codex([{"shell": hostile}, "Done."])
    run = made.run("set a trap", *NO_SANDBOX).json

    assert run["status"] == "succeeded"
    assert {change["path"] for change in run["changes"]} == {".gitattributes", "a.txt"}
    assert run["branch"] == "work"
    assert not sentinel.exists()


def test_keys_are_kept_from_the_agents_commands_and_from_the_ledger(codex: CodexWorld) -> None:
    secret, planted = "sk-" + "a1b2c3d4" * 4, "planted-" + "v4lu3" * 4
    config = '[shell_environment_policy]\nexclude = ["PRIVATE_*"]\n'
    made = codex(
        [
            {"shell": f"env | sort > env.txt; echo {secret} {planted} | tee secret.txt"},
            f"I saw {secret} and {planted}.",
        ],
        config=config.replace("[shell", "\n[shell"),
    )
    variables = {
        "DEPLOY_TOKEN": planted,
        "DB_PASSWORD": planted,
        "PRIVATE_NOTE": "private",
        "HARMLESS": "harmless",
    }
    run = made.run("look", **variables).json

    seen = Path(run["workspace"], "env.txt").read_text()
    assert "MOCK_KEY" not in seen
    assert "DEPLOY_TOKEN" not in seen
    assert "DB_PASSWORD=\n" in seen
    assert "PRIVATE_NOTE" not in seen
    assert "HARMLESS=harmless" in seen
    assert f"CROSSRUN_RUN_ID={run['id']}" in seen
    assert run["answer"] == "I saw [redacted] and [redacted]."
    assert run["redactions"] >= 4
    assert planted in Path(run["workspace"], "secret.txt").read_text()
    kept = [path for path in made.crossrun.home.rglob("*") if path.is_file()]
    outside = [p for p in kept if "workspaces" not in p.parts and "snapshots" not in p.parts]
    assert any(p.name == "transcript.jsonl.gz" for p in outside)
    for path in outside:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = subprocess.run(["gzip", "-dc", path], capture_output=True, check=True).stdout
        assert planted.encode() not in content, path
        assert secret.encode() not in content, path


def test_the_rules_of_a_trusted_project_hold(codex: CodexWorld, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / ".codex").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", project], check=True)
    (project / ".codex" / "config.toml").write_text(
        'developer_instructions = "HOUSE-RULE"\n[shell_environment_policy]\nexclude = ["INNER_*"]\n'
    )
    trusted = f'\n[projects."{project}"]\ntrust_level = "trusted"\n'
    made = codex([{"shell": "env > seen.txt"}, "Done."], config=trusted)
    made.run("look", "--workspace", str(project), INNER_HOST="db", DB_PASSWORD="p4ssw0rd")

    seen = (project / "seen.txt").read_text()
    assert ("INNER_HOST" in seen, "p4ssw0rd" in seen) == (False, False)
    asked = str(made.model.requests[0])
    assert ("HOUSE-RULE" in asked, "<instructions>" in asked) == (True, True)


@pytest.mark.parametrize(
    ("check", "status", "code"), [("test -f a", "succeeded", 0), ("exit 4", "failed", 9)]
)
def test_verify_decides(codex: CodexWorld, check: str, status: str, code: int) -> None:
    made = codex([{"shell": "touch a"}, "Done."])
    result = made.run("make a", "--verify", f"env | grep -c MOCK_KEY; {check}")

    run = result.json
    assert (result.code, run["status"], run["exit_code"]) == (code, status, code)
    assert run["verify"]["exit_code"] == (0 if code == 0 else 4)
    verified = next(e for e in made.crossrun.events() if e["type"] == "verified")
    assert verified["output"] == "0\n"


def test_a_turn_limit_is_reached_and_says_so(codex: CodexWorld) -> None:
    call = {"call": "codex_exec", "arguments": {"prompt": "more"}}
    made = codex(
        [Scenario([call], path="chat", after="loop"), Scenario(["Did more."], after="repeat")]
    )
    key = {"OPENAI_API_KEY": "sk-plan", "OPENAI_BASE_URL": made.model.base_url}
    result = made.run("never done", "--max-turns", "2", **key)

    assert (result.code, result.json["status"]) == (7, "limit_reached")
    assert types(made.crossrun.events()).count("step_finished") == 2


def test_wrong_codex_settings_are_told_in_codexs_words(codex: CodexWorld) -> None:
    made = codex(["Hello."])
    result = made.run("x", "-c", "model_provider=nosuch")

    failure = result.json["failure"]
    assert (result.code, failure["code"]) == (1, "AGENT_REFUSED")
    assert "nosuch" in failure["message"]


def test_options_for_codex_are_passed_through(codex: CodexWorld, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    picture = tmp_path / "dot.png"
    picture.write_bytes(one_pixel())
    made = codex([{"shell": f"echo x > {shared}/out.txt"}, "Done."])
    result = made.run("write", "--add-dir", str(shared), "--image", str(picture), "-m", "mock-2")

    assert result.json["model"] == "mock-2"
    assert made.model.requests[0].body["model"] == "mock-2"
    assert "data:image/png" in str(made.model.requests[0].body["input"])
    assert (shared / "out.txt").exists()


def test_in_a_folder_of_a_repository_codex_may_write_to_all_of_it(
    codex: CodexWorld, tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    (repository / "packages" / "web").mkdir(parents=True)
    sh("git init -q; touch packages/web/a; git add .; git commit -qm 1", repository)
    made = codex([{"shell": "echo x > b; echo y > ../../top; git log --format=%s"}, "Done."])
    result = made.run("write", "--source", str(repository / "packages" / "web"))

    assert {change["path"] for change in result.json["changes"]} == {"packages/web/b", "top"}
    (ran,) = [e for e in made.crossrun.events() if e["type"] == "command_ran"]
    assert (ran["exit_code"], ran["output"]) == (0, "1\n")


def test_watch_follows_a_run_from_another_terminal(codex: CodexWorld) -> None:
    made = codex([{"shell": "sleep 2; echo slept"}, {"http_error": 401}])
    process = made.crossrun.start("run", "sleep", "--json")
    wait_for(lambda: '"running"' in made.crossrun("runs", "--json").out)
    watched = made.crossrun("watch", "last")
    process.communicate(timeout=20)

    assert watched.code == process.returncode == 4
    assert "sleep 2; echo slept" in watched.out
    assert "failed" in watched.out
    again = made.crossrun("watch", "--json")
    assert again.code == 4
    assert again.json | {"applications": []} == made.crossrun.json("show")


def test_the_id_comes_alone_on_stdout_even_when_the_run_fails(codex: CodexWorld) -> None:
    made = codex([{"http_error": 401}])
    result = made.crossrun("run", "say hello")

    assert result.code == 4
    assert result.out == f"{made.crossrun.json('show')['id']}\n"


def test_no_key_means_the_direct_planner_without_a_word_about_it(codex: CodexWorld) -> None:
    made = codex(["Hello."])
    result = made.crossrun("run", "say hello")

    assert result.code == 0
    assert "OPENAI_API_KEY" not in result.err
    assert made.crossrun.json("show")["planner"] == "direct"


def test_codex_that_nobody_logged_in_to_is_refused_before_a_run_begins(
    crossrun: Crossrun, codex_path: str, tmp_path: Path
) -> None:
    home = tmp_path / "empty"
    home.mkdir()
    result = crossrun("run", "x", "--json", CODEX_PATH=codex_path, CODEX_HOME=str(home))

    assert (result.code, result.json["error"]["code"]) == (4, "CODEX_AUTH")
    assert crossrun.json("runs")["runs"] == []
