"""`crossrun doctor`: whether runs can work here, and what to do if not."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import CodexWorld, Crossrun, without_packaged_codex

from crossrun.services.doctor import file_systems


def examined(crossrun: Crossrun, *words: str, **environ: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the findings by their ids."""
    result = crossrun("doctor", "--json", *words, **environ)
    return result.code, {each["id"]: each for each in result.json["findings"]}


def levels(findings: dict[str, Any], level: str) -> set[str]:
    return {name for name, each in findings.items() if each["level"] == level}


def test_a_machine_where_everything_is_fine(codex: CodexWorld) -> None:
    crossrun = codex([["Hi."]]).crossrun
    assert crossrun("run", "true", "--executor", "shell").code == 0
    code, findings = examined(crossrun)

    assert (code, levels(findings, "error")) == (0, set())
    assert "exec --json" in findings["codex.exec"]["message"]
    assert findings["codex.program"]["message"].endswith("from CODEX_PATH")
    assert findings["store.integrity"]["message"].startswith("sound")
    assert findings["git.version"]["level"] == findings["sqlite.features"]["level"] == "ok"


def test_nothing_is_created(crossrun: Crossrun) -> None:
    code, findings = examined(crossrun, CODEX_PATH="/nonexistent/codex")
    assert (code, levels(findings, "error")) == (3, {"codex.program"})
    assert "pip install 'crossrun[codex]'" in findings["codex.program"]["remedy"]
    assert not crossrun.home.exists()
    crossrun("doctor", "--fix")
    assert not (crossrun.home / "crossrun.db").exists()


def test_another_executor_makes_a_missing_codex_a_warning(crossrun: Crossrun) -> None:
    words = {"CODEX_PATH": "/nonexistent/codex", "CROSSRUN_EXECUTOR": "shell"}
    code, findings = examined(crossrun, **words)
    assert (code, findings["codex.program"]["level"]) == (0, "warning")


def test_people_get_a_line_for_each_finding_and_its_remedy(crossrun: Crossrun) -> None:
    result = crossrun("doctor", CODEX_PATH="/nonexistent/codex")
    lines = result.out.splitlines()
    assert lines[0].split()[:2] == ["Codex", "error"]
    assert lines[0].endswith("the Codex CLI is not at /nonexistent/codex")
    assert lines[1].strip().startswith("do: npm install -g @openai/codex")
    assert result.err.strip().startswith("1 error")


@without_packaged_codex
def test_programs_that_are_missing_or_too_old_are_errors(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    code, findings = examined(crossrun, PATH=str(programs))
    assert code == 3
    assert {"codex.program", "git.version"} <= levels(findings, "error")

    git = programs / "git"
    git.write_text("#!/bin/sh\necho git version 1.8.3.1\n")
    git.chmod(0o755)
    _, findings = examined(crossrun, PATH=f"{programs}:/bin")
    message = findings["git.version"]["message"]
    assert message == f"git 1.8.3.1 at {git} is too old; crossrun needs 2.28 or later"
    run = crossrun("run", "true", "--executor", "shell", "--json", PATH=f"{programs}:/bin")
    assert (run.code, run.json["error"]["code"]) == (3, "GIT_TOO_OLD")
    assert crossrun.json("runs")["runs"] == []


def test_a_program_that_hangs_is_given_up(crossrun: Crossrun, tmp_path: Path) -> None:
    fake = tmp_path / "codex"
    fake.write_text(
        '#!/bin/sh\ncase "$1" in --version) echo codex-cli 1.2.3;; login) exit 0;;\n'
        'exec) echo "--json --sandbox --skip-git-repo-check resume";; *) exec sleep 60;; esac\n'
    )
    fake.chmod(0o755)
    started = time.monotonic()
    code, findings = examined(crossrun, CODEX_PATH=str(fake))
    assert time.monotonic() - started < 40
    assert (code, findings["codex.sandbox"]["level"]) == (0, "warning")
    assert "no answer" in findings["codex.sandbox"]["message"]


def test_a_sandbox_that_does_not_work_is_named(crossrun: Crossrun, tmp_path: Path) -> None:
    fake = tmp_path / "codex"
    fake.write_text(
        '#!/bin/sh\ncase "$1" in --version) echo codex-cli 1.2.3;;\n'
        "login) exit 0;; sandbox) echo no user namespaces >&2; exit 1;; esac\n"
    )
    fake.chmod(0o755)
    _, findings = examined(crossrun, CODEX_PATH=str(fake))
    assert "no user namespaces" in findings["codex.sandbox"]["message"]
    assert findings["codex.exec"]["level"] == "error"


def test_a_damaged_store_names_the_way_back(crossrun: Crossrun) -> None:
    crossrun("run", "true", "--executor", "shell")
    database = crossrun.home / "crossrun.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(database.read_bytes())
    content[8192:40960] = os.urandom(32768)
    database.write_bytes(content)
    code, findings = examined(crossrun)
    assert (code, findings["store.integrity"]["level"]) == (3, "error")
    assert "migrate --restore" in findings["store.integrity"]["remedy"]


@pytest.mark.parametrize("kind", ["folder", "text"])
def test_what_is_no_store_is_an_error(crossrun: Crossrun, kind: str) -> None:
    database = crossrun.home / "crossrun.db"
    database.parent.mkdir(parents=True)
    if kind == "folder":
        database.mkdir()
    else:
        database.write_text("not a database, but long enough to have a header" * 10)
    code, findings = examined(crossrun)
    assert (code, findings["store.integrity"]["level"]) == (3, "error")
    assert findings["store.integrity"]["remedy"]


def test_fix_closes_what_others_may_read(crossrun: Crossrun) -> None:
    crossrun("run", "true", "--executor", "shell")
    crossrun.home.chmod(0o755)
    database = crossrun.home / "crossrun.db"
    database.chmod(0o644)
    assert "folders.private" in levels(examined(crossrun)[1], "warning")
    _, findings = examined(crossrun, "--fix")
    assert findings["folders.private"]["fixed"]
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (crossrun.home, database)]
    assert modes == [0o700, 0o600]
    assert "folders" in levels(examined(crossrun)[1], "ok")


def test_fix_settles_dead_runs_and_removes_their_locks(crossrun: Crossrun) -> None:
    running = crossrun.start("run", "sleep 60", "--executor", "shell")
    deadline = time.monotonic() + 20
    while not crossrun.json("runs")["runs"] and time.monotonic() < deadline:
        time.sleep(0.1)
    running.kill()
    running.communicate()
    locks = crossrun.home / "state" / "locks"
    (locks / "abcd2345.lock").touch()
    _, findings = examined(crossrun)
    assert findings["leftovers.runs"]["level"] == findings["leftovers.locks"]["level"] == "note"
    _, findings = examined(crossrun, "--fix")
    assert findings["leftovers.runs"]["fixed"]
    assert findings["leftovers.locks"]["fixed"]
    assert list(locks.iterdir()) == []
    assert crossrun.json("runs")["runs"][0]["status"] == "interrupted"


def test_fix_completes_the_index_for_search(crossrun: Crossrun) -> None:
    crossrun("run", "true", "--executor", "shell")
    with sqlite3.connect(crossrun.home / "crossrun.db") as connection:
        connection.execute("UPDATE search_runs SET complete = 0, seq = 0")
    assert examined(crossrun)[1]["store.index"]["level"] == "note"
    assert examined(crossrun, "--fix")[1]["store.index"]["fixed"]
    assert examined(crossrun)[1]["store.index"]["level"] == "ok"


def test_broken_settings_do_not_hide_the_rest(crossrun: Crossrun) -> None:
    (crossrun.cwd / ".crossrun.yaml").write_text("max_turns: [1\n")
    code, findings = examined(crossrun)
    assert code == 3
    assert findings["settings.files"]["message"].endswith("line 1: there is a [ that is not closed")
    assert findings["git.version"]["level"] == "ok"


def test_misspelt_names_in_settings_and_task_types_are_warnings(crossrun: Crossrun) -> None:
    (crossrun.cwd / ".crossrun.yaml").write_text("max_turn: 1\n")
    folder = crossrun.home / "task_types"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("agnet: x\n")
    _, findings = examined(crossrun)
    assert {"settings.names", "settings.task_types"} <= levels(findings, "warning")


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null/x", "relative"])
def test_a_home_that_cannot_be_used_is_no_internal_error(crossrun: Crossrun, home: str) -> None:
    result = crossrun("--home", home, "doctor", "--json")
    assert result.code in (0, 3)
    assert "INTERNAL" not in result.out + result.err
    assert result.json["findings"]


def test_the_current_folder_may_be_gone(crossrun: Crossrun, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {' '.join(crossrun.command('doctor', '--json'))}"
    shell = shutil.which("sh")
    assert shell is not None

    done = subprocess.run(
        [shell, "-c", script], env=crossrun.environ, capture_output=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr
    assert json.loads(done.stdout)["findings"]


def test_the_file_system_of_a_folder_is_that_of_its_mount() -> None:
    assert file_systems.kind_of(Path("/proc")) == "proc"
    assert file_systems.kind_of(Path("/proc/self")) == "proc"
    assert file_systems.kind_of(Path("/")) not in (None, "proc")


def test_a_webhook_without_a_secret_is_named(crossrun: Crossrun) -> None:
    _, findings = examined(crossrun, CROSSRUN_NOTIFY_WEBHOOK="https://example.org/hook")
    assert findings["settings.webhook"]["level"] == "warning"
    assert findings["settings.webhook"]["remedy"].startswith("crossrun config set notify.webhook_")
