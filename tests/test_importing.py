"""`crossrun import` and the review inbox, as users call them."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter, deque
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import CodexWorld, Crossrun
from session_files import (
    BEGAN,
    STORY,
    claude_session,
    codex_session,
    write_claude,
    write_codex,
)
from test_store import SUCCEEDED, opened, record, sql, started

from crossrun.events import Event
from crossrun.redaction import Redactor
from crossrun.store.importing import EventsOfRun, SessionFile

SOURCES = {
    "codex": (codex_session, write_codex, "CODEX_HOME"),
    "claude": (claude_session, write_claude, "CLAUDE_CONFIG_DIR"),
}
LEARNED = 2
"""So many tasks of the story teach something."""


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """The folder of an agent program."""
    return tmp_path / "history"


@pytest.fixture
def imported(crossrun: Crossrun, history: Path) -> Crossrun:
    """With the story imported from Codex."""
    write_codex(history, codex_session())
    crossrun.environ["CODEX_HOME"] = str(history)
    crossrun.json("import", "codex", "--yes")
    return crossrun


def offline_run(crossrun: Crossrun, *words: str) -> str:
    """The id of an ordinary run that succeeds and teaches something."""
    story = "printf 'a\\n' > notes.txt && python3 -c 'import json' && wc -l notes.txt > count.txt"
    result = crossrun.json("run", story, "--executor", "shell", *words)
    run_id: str = result["id"]
    return run_id


def waiting(crossrun: Crossrun) -> list[str]:
    lessons = crossrun.json("patterns", "review")["lessons"]
    return [lesson["run_id"] for lesson in lessons]


def test_it_shows_what_it_found_and_imports_nothing_without_consent(
    crossrun: Crossrun, history: Path
) -> None:
    write_codex(history, codex_session())
    crossrun.environ["CODEX_HOME"] = str(history)
    found = crossrun("import", "codex", "--dry-run")
    assert found.code == 0
    assert "calculator" in found.out
    assert "2026-03-02" in found.out
    refused = crossrun("import", "codex")
    assert refused.code == 2
    assert "error[CONSENT_NEEDED]" in refused.err
    assert "--yes" in refused.err
    assert crossrun.json("runs")["runs"] == []


@pytest.mark.parametrize("program", SOURCES)
def test_the_counts_are_those_of_the_lines(program: str, crossrun: Crossrun, history: Path) -> None:
    make, write, variable = SOURCES[program]
    crossrun.environ[variable] = str(history)
    for number in range(3):
        lines = make(session_id=f"s{number}", calls=f"c{number}")
        write(history, lines, name=str(number))
    result = crossrun.json("import", program, "--yes")
    counted = Counter(happened[0] for happened in STORY)
    assert result["files"] == result["sessions"] == 3
    assert result["event_types"]["command_ran"] == 3 * counted["$"]
    assert result["event_types"]["file_changed"] == 3 * (counted["~"] + counted["+"])
    assert result["runs"] == 9
    assert result["status"] == {"interrupted": 3, "succeeded": 6}
    assert result["learned"] == result["waiting_for_review"] == 3 * LEARNED
    assert result["events"] == sum(result["event_types"].values())
    assert result["skipped"] == []
    stored = sum(len(crossrun.events(run["id"])) for run in crossrun.json("runs")["runs"])
    assert stored == result["events"]


def test_a_run_says_where_it_comes_from(imported: Crossrun) -> None:
    runs = imported.json("runs")["runs"]
    assert [(run["task"], run["status"], run["imported_from"]) for run in runs] == [
        ("Publish the documentation on the server", "interrupted", "codex"),
        ("Add a subtract function to calc.py, and test it", "succeeded", "codex"),
        ("Fix the failing test in calc.py", "succeeded", "codex"),
    ]
    first = runs[-1]
    assert first["created_at"].startswith("2026-03-02T09:00:")
    assert first["workspace"] == "/home/ben/work/calculator"
    assert first["project_id"] == "calculator"
    assert first["executor"] == "codex"
    assert first["model"] == "gpt-test"
    assert first["thread_id"] == "019c0000-0000-7000-8000-000000000001"
    assert first["tokens"]["input"] == 300
    (read,) = [each for each in imported.events(first["id"]) if each["type"] == "session_read"]
    assert read["task"] == 1
    assert read["teaches"] is True
    assert read["reason"] == "the user continued with “thanks, that works!”"
    assert "calc.py" in imported("steps", first["id"]).out


def test_importing_again_changes_nothing(imported: Crossrun) -> None:
    before = dump(imported)
    again = imported.json("import", "codex", "--yes")
    assert (again["sessions"], again["unchanged"], again["runs"]) == (0, 1, 0)
    assert dump(imported) == before
    shown = imported("import", "codex", "--yes").err
    assert "nothing new" in shown
    assert "imported 0 runs" not in shown


def test_patterns_that_wait_are_not_passed_over_in_silence(imported: Crossrun) -> None:
    assert imported("patterns").err == (
        f"no patterns in use yet; {LEARNED} to review: crossrun patterns review\n"
    )


def dump(crossrun: Crossrun) -> list[tuple[object, ...]]:
    """All rows of the tables that an import writes."""
    tables = ("runs", "events", "pattern_reviews", "imported_files", "imported_runs", "projects")
    with sqlite3.connect(crossrun.home / "crossrun.db") as connection:
        return [
            row
            for table in tables
            for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608  of the list
        ]


def test_a_session_that_has_grown_replaces_what_was_read_of_it(
    crossrun: Crossrun, history: Path
) -> None:
    crossrun.environ["CODEX_HOME"] = str(history)
    lines = codex_session()
    half = next(at for at, line in enumerate(lines) if "still failing" in line)
    write_codex(history, lines[:half])
    crossrun.json("import", "codex", "--yes")
    early = {run["task"]: run for run in crossrun.json("runs")["runs"]}
    assert early["Add a subtract function to calc.py, and test it"]["status"] == "failed"
    write_codex(history, lines)
    grown = crossrun.json("import", "codex", "--yes")
    late = {run["task"]: run for run in crossrun.json("runs")["runs"]}
    assert late["Add a subtract function to calc.py, and test it"]["status"] == "succeeded"
    assert early.keys() < late.keys()
    assert all(late[task]["id"] == run["id"] for task, run in early.items())
    assert grown["runs"] == 3
    assert len(waiting(crossrun)) == LEARNED


def test_a_copy_of_a_session_in_another_file_makes_no_second_run(
    crossrun: Crossrun, history: Path
) -> None:
    """As after `resume`, which copies the conversation so far to a new file."""
    crossrun.environ["CLAUDE_CONFIG_DIR"] = str(history)
    write_claude(history, claude_session(), name="first")
    more = (*STORY, ">Write a changelog for the release", "+CHANGES.md", "$0 make", "<Done.", ".")
    write_claude(history, claude_session(story=more, session_id="another"), name="second")
    result = crossrun.json("import", "claude", "--yes")
    assert (result["runs"], result["copies"]) == (4, 3)


def test_a_run_that_the_user_removed_does_not_come_back(imported: Crossrun, history: Path) -> None:
    runs = imported.json("runs")["runs"]
    with sqlite3.connect(imported.home / "crossrun.db") as connection:
        connection.execute("DELETE FROM runs WHERE id = ?", [runs[0]["id"]])
        connection.execute("DELETE FROM events WHERE run_id = ?", [runs[0]["id"]])
    write_codex(history, [*codex_session(), '{"type": "compacted", "payload": {}}'])
    result = imported.json("import", "codex", "--yes")
    assert (result["runs"], result["copies"]) == (2, 1)
    assert len(imported.json("runs")["runs"]) == 2


def test_damaged_files_are_named_and_passed_over(crossrun: Crossrun, history: Path) -> None:
    crossrun.environ["CODEX_HOME"] = str(history)
    write_codex(history, codex_session(), name="good")
    bad = write_codex(history, ["{half a line", *codex_session(session_id="b", calls="b")], "bad")
    none = write_codex(history, ['{"hello": 1}'], name="none")
    agent = codex_session(session_id="c", calls="c", source={"subagent": "review"})
    sub_agent = write_codex(history, agent, name="sub")
    secret = write_codex(history, codex_session(session_id="d", calls="d"), name="secret")
    secret.chmod(0)
    result = crossrun.json("import", "codex", "--yes")
    reasons = {each["path"]: each["reason"] for each in result["skipped"]}
    expected = {
        str(bad): "line 1: not a JSON object",
        str(none): "it is not a session",
        str(sub_agent): "it is the session of a sub-agent",
    }
    if os.geteuid() != 0:
        expected[str(secret)] = "it cannot be read: Permission denied"
    assert reasons == expected
    assert result["lines_damaged"] == 1
    assert result["runs"] >= 6


def test_secrets_are_removed(crossrun: Crossrun, history: Path) -> None:
    key = "sk-proj-abcdefghij0123456789abcdefghij0123456789"
    crossrun.environ["CODEX_HOME"] = str(history)
    call = f"curl -H 'Authorization: Bearer {key}' https://example.org"
    story = (f">Call the service with {key}", f"$0 {call}", "<ok", ".")
    write_codex(history, codex_session(story=story))
    crossrun.json("import", "codex", "--yes")
    assert len(crossrun.json("runs")["runs"]) == 1
    for file in crossrun.home.rglob("*"):
        if file.is_file():
            assert key.encode() not in file.read_bytes()


def test_only_sessions_since_a_time_are_imported(crossrun: Crossrun, history: Path) -> None:
    crossrun.environ["CODEX_HOME"] = str(history)
    old = write_codex(history, codex_session(), name="old")
    os.utime(old, (BEGAN.timestamp(), BEGAN.timestamp()))
    began = BEGAN + timedelta(days=60)
    write_codex(history, codex_session(session_id="n", calls="n", began=began), name="new")
    result = crossrun.json("import", "codex", "--since", "2026-04-01", "--yes")
    assert (result["sessions"], result["runs"]) == (1, 3)


def test_a_project_and_a_path_can_be_named(crossrun: Crossrun, tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    file.write_text("\n".join(codex_session()) + "\n")
    crossrun.json("import", "codex", str(file), "--project-id", "maths", "--yes")
    assert {run["project_id"] for run in crossrun.json("runs")["runs"]} == {"maths"}
    missing = crossrun("import", "codex", str(tmp_path / "nothing"))
    assert missing.code == 6
    assert "error[HISTORY_NOT_FOUND]" in missing.err
    unknown = crossrun("import", "cursor")
    assert unknown.code == 2
    assert "codex, claude" in unknown.err


def test_ctrl_c_keeps_what_is_in_and_the_next_import_goes_on(
    crossrun: Crossrun, history: Path
) -> None:
    crossrun.environ["CODEX_HOME"] = str(history)
    story = (*STORY[:8], *STORY[10:21] * 4, *STORY[21:])
    for number in range(40):
        began = BEGAN + timedelta(days=number)
        lines = codex_session(story=story, session_id=f"s{number}", calls=f"c{number}", began=began)
        write_codex(history, lines, name=f"{number:02}")
    process = crossrun.start("import", "codex", "--yes", "--json")
    deadline = time.monotonic() + 30
    while not stored_files(crossrun) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"import again for the rest" in said
    done = stored_files(crossrun)
    assert 0 < done < 40
    runs = crossrun.json("runs", "--limit", "0")["runs"]
    assert all(run["ended_at"] for run in runs)
    rest = crossrun.json("import", "codex", "--yes")
    assert (rest["unchanged"], rest["sessions"]) == (done, 40 - done)
    assert rest["runs"] + len(runs) == 40 * 6


def stored_files(crossrun: Crossrun) -> int:
    file = crossrun.home / "crossrun.db"
    if not file.exists():
        return 0
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        try:
            row = connection.execute("SELECT count(*) FROM imported_files").fetchone()
        except sqlite3.OperationalError:
            return 0
    return int(row[0])


# imported runs beside others


def test_the_newest_run_is_one_that_crossrun_ran(imported: Crossrun) -> None:
    assert imported.json("show", "last")["imported_from"] == "codex"
    own = offline_run(imported)
    assert imported.json("show", "last")["id"] == own
    imported.environ["CODEX_HOME"] = str(imported.cwd)
    write_codex(imported.cwd, codex_session(session_id="later", calls="later"), name="later")
    imported.json("import", "codex", "--yes")
    assert imported.json("show", "last")["id"] == own
    assert imported.json("runs", "--limit", "1")["runs"][0]["id"] == own


@pytest.mark.parametrize(
    "words",
    [
        ("resume", "RUN", "go on"),
        ("retry", "RUN"),
        ("retry", "RUN", "--keep-workspace"),
        ("apply", "RUN"),
        ("apply", "RUN", "--dry-run"),
        ("apply", "RUN", "--commits"),
        ("undo", "RUN"),
        ("diff", "RUN"),
        ("files", "RUN"),
        ("get", "RUN", "calc.py"),
        ("run", "do it", "--from-run-id", "RUN", "--executor", "shell"),
    ],
)
def test_the_folder_of_a_session_is_never_touched(
    words: tuple[str, ...], crossrun: Crossrun, history: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "calc.py").write_text("mine\n")
    before = folder.stat().st_mtime_ns
    crossrun.environ["CODEX_HOME"] = str(history)
    write_codex(history, codex_session(cwd=str(folder)))
    crossrun.json("import", "codex", "--yes")
    run_id = crossrun.json("runs")["runs"][-1]["id"]
    result = crossrun(*(run_id if word == "RUN" else word for word in words))
    assert result.code == 2, result.err
    assert "error[RUN_IMPORTED]" in result.err
    assert folder.stat().st_mtime_ns == before
    assert [each.name for each in folder.iterdir()] == ["calc.py"]


def test_cleanup_and_stats_leave_imported_runs_out(
    crossrun: Crossrun, history: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    crossrun.environ["CODEX_HOME"] = str(history)
    write_codex(history, codex_session(cwd=str(folder)))
    crossrun.json("import", "codex", "--yes")
    stats = crossrun.json("stats")
    assert stats["runs"] == {} or not any(stats["runs"].values())
    cleaned = crossrun("cleanup", "--older-than", "1s", "--force", "--yes")
    assert cleaned.code == 0
    assert folder.is_dir()
    assert len(crossrun.json("runs")["runs"]) == 3


def test_what_crossrun_ran_itself_is_not_imported(codex: CodexWorld) -> None:
    world = codex([{"shell": "echo hello > a.txt && cat a.txt"}, "Done."])
    run = world.run("Write hello to a.txt").json
    assert run["status"] == "succeeded"
    found = world.crossrun.json("import", "codex", str(world.codex_home), "--dry-run")
    assert found["files"] == 1
    assert found["sessions"] == []
    assert found["skipped"][0]["reason"] == "crossrun recorded this session itself"


def test_a_session_of_the_real_codex_is_read_as_crossrun_saw_it(
    codex: CodexWorld, tmp_path: Path
) -> None:
    world = codex(
        [
            {"shell": "echo hello > a.txt"},
            {"shell": "exit 3"},
            {"write_file": "b.txt", "content": "b\n"},
            {"shell": "python3 -m unittest discover -h > help.txt && make -v > v.txt; true"},
            "All done.",
        ]
    )
    run = world.run("Write hello to a.txt").json
    seen = [
        (each["command"].split("-lc ")[-1].strip("'\""), each["exit_code"])
        for each in world.crossrun.events(run["id"])
        if each["type"] == "command_ran"
    ]
    other = Crossrun(
        tmp_path / "other" / "crossrun",
        world.crossrun.cwd,
        world.crossrun.environ | {"CROSSRUN_HOME": str(tmp_path / "other" / "crossrun")},
    )
    result = other.json("import", "codex", str(world.codex_home), "--yes")
    assert result["unknown"] == {}
    assert result["lines_damaged"] == 0
    (imported,) = other.json("runs")["runs"]
    assert imported["task"].endswith("Write hello to a.txt")
    events = other.events(imported["id"])
    read = [
        (each["command"], each["exit_code"]) for each in events if each["type"] == "command_ran"
    ]
    assert read == seen
    assert [each["path"] for each in events if each["type"] == "file_changed"] == ["b.txt"]
    assert imported["answer"] == "All done."
    assert imported["status"] == "succeeded"
    assert imported["tokens"]["input"] == run["tokens"]["input"]


# the inbox


def test_nothing_imported_is_used_before_it_was_looked_at(imported: Crossrun) -> None:
    assert imported.json("patterns")["patterns"] == []
    assert imported.json("patterns", "search", "fix the failing test")["patterns"] == []
    task = "Fix the failing test in calc.py"
    dry = imported.json("run", task, "--executor", "shell", "--dry-run")
    assert "reference_workflow" not in json.dumps(dry)
    run_id = waiting(imported)[0]
    assert imported.json("show", run_id)["learned_pattern_id"] is None
    refused = imported("run", task, "--reference-run-id", run_id, "--offline")
    assert refused.code == 6
    assert f"crossrun patterns review {run_id}" in refused.err
    rebuilt = imported.json("patterns", "rebuild", "--yes")
    assert rebuilt["after"] == 0
    assert imported.json("patterns")["patterns"] == []
    assert len(waiting(imported)) == LEARNED


def test_what_is_accepted_becomes_a_pattern(imported: Crossrun) -> None:
    lessons = imported.json("patterns", "review")["lessons"]
    lesson = lessons[0]
    assert lesson["task"] == "Fix the failing test in calc.py"
    assert lesson["why"] == "the user continued with “thanks, that works!”"
    assert lesson["pattern_id"] is None
    assert lesson["imported_from"] == "codex"
    assert [step["instruction"] for step in lesson["pattern"]["steps"]]
    accepted = imported.json("patterns", "review", lesson["run_id"], "--accept")
    (entry,) = accepted["accepted"]
    assert entry["is_new"] is True
    (pattern,) = imported.json("patterns")["patterns"]
    assert pattern["id"] == entry["pattern_id"]
    assert pattern["source_run_ids"] == [lesson["run_id"]]
    assert imported.json("show", lesson["run_id"])["learned_pattern_id"] == pattern["id"]
    assert waiting(imported) == [lessons[1]["run_id"]]
    rebuilt = imported.json("patterns", "rebuild", "--yes")
    assert rebuilt["after"] == 1
    assert imported.json("patterns")["patterns"][0]["id"] == pattern["id"]
    again = imported("patterns", "review", lesson["run_id"], "--accept")
    assert again.code == 6
    assert "error[REVIEW_NOT_FOUND]" in again.err


def test_what_is_dropped_is_never_learned(imported: Crossrun, history: Path) -> None:
    ids = waiting(imported)
    dropped = imported.json("patterns", "review", "--drop", "--all")
    assert dropped["dropped"] == ids
    write_codex(history, [*codex_session(), '{"type": "compacted", "payload": {}}'])
    imported.json("import", "codex", "--yes")
    assert waiting(imported) == []
    assert imported.json("patterns", "rebuild", "--yes")["after"] == 0
    refused = imported("run", "x", "--reference-run-id", ids[0], "--offline")
    assert "you dropped its lesson" in refused.err


def test_all_of_it_can_be_accepted_at_once(imported: Crossrun) -> None:
    accepted = imported.json("patterns", "review", "--accept", "--all")
    assert accepted["total"] == LEARNED
    assert waiting(imported) == []
    assert imported.json("patterns")["total"] >= 1


def test_a_lesson_can_be_edited_before_it_is_learned(imported: Crossrun, tmp_path: Path) -> None:
    editor = tmp_path / "edit"
    editor.write_text("#!/bin/sh\nsed -i 's/^summary: .*/summary: Mend the calculator/' \"$1\"\n")
    editor.chmod(0o755)
    run_id = waiting(imported)[0]
    edited = imported.json("patterns", "review", run_id, "--edit", EDITOR=str(editor))
    (pattern,) = imported.json("patterns")["patterns"]
    assert pattern["id"] == edited["accepted"][0]["pattern_id"]
    assert pattern["summary"] == "Mend the calculator"
    found = imported.json("patterns", "search", "mend the calculator")["patterns"]
    assert [each["id"] for each in found] == [pattern["id"]]
    assert imported.json("patterns", "rebuild", "--yes")["after"] == 1
    assert imported.json("patterns")["patterns"][0]["summary"] == "Mend the calculator"


def test_an_edited_lesson_that_is_damaged_stays_in_the_inbox(
    imported: Crossrun, tmp_path: Path
) -> None:
    editor = tmp_path / "edit"
    editor.write_text('#!/bin/sh\necho "steps: 5" > "$1"\n')
    editor.chmod(0o755)
    run_id = waiting(imported)[0]
    failed = imported("patterns", "review", run_id, "--edit", EDITOR=str(editor))
    assert failed.code == 2
    assert run_id in waiting(imported)


def test_the_setting_says_whose_lessons_wait(crossrun: Crossrun, history: Path) -> None:
    crossrun.environ["CODEX_HOME"] = str(history)
    write_codex(history, codex_session())
    never = crossrun.json("import", "codex", "--yes", CROSSRUN_PATTERNS_REVIEW="never")
    assert never["accepted"] == LEARNED
    assert never["waiting_for_review"] == 0
    assert crossrun.json("patterns")["total"] >= 1
    before = crossrun.json("patterns")["total"]
    run_id = offline_run(crossrun)
    assert crossrun.json("show", run_id)["learned_pattern_id"] is not None
    assert crossrun.json("patterns")["total"] == before + 1


def test_lessons_of_ordinary_runs_wait_if_the_user_wants_it(crossrun: Crossrun) -> None:
    crossrun.environ["CROSSRUN_PATTERNS_REVIEW"] = "always"
    story = "printf 'a\\n' > notes.txt && python3 -c 'import json' && wc -l notes.txt > count.txt"
    result = crossrun("run", story, "--executor", "shell")
    assert result.code == 0
    assert "waiting for your review" in result.err
    assert "crossrun patterns review" in result.err
    (learned,) = [each for each in crossrun.events() if each["type"] == "pattern_learned"]
    assert learned["waits"] is True
    assert crossrun.json("show", "last")["learned_pattern_id"] is None
    assert crossrun.json("patterns")["patterns"] == []
    assert crossrun.json("patterns", "rebuild", "--yes")["after"] == 0
    run_id = crossrun.json("show", "last")["id"]
    assert waiting(crossrun) == [run_id]
    crossrun.json("patterns", "review", "--accept", "--all")
    assert crossrun.json("show", "last")["learned_pattern_id"] is not None


def test_options_that_make_no_sense_are_refused(imported: Crossrun) -> None:
    run_id = waiting(imported)[0]
    for words in (
        ("--accept",),
        ("--all",),
        ("--accept", "--drop", run_id),
        ("--edit",),
        ("--edit", "--all"),
        (run_id, "--accept", "--all"),
    ):
        result = imported("patterns", "review", *words)
        assert result.code == 2, words
        assert "hint:" in result.err
    assert len(waiting(imported)) == LEARNED


@pytest.mark.process
def test_it_goes_through_what_waits_in_a_terminal(imported: Crossrun) -> None:
    first, second = waiting(imported)
    command = imported.command("patterns", "review")
    import pty

    parent, child = pty.openpty()
    process = subprocess.Popen(
        command, cwd=imported.cwd, env=imported.environ | {"COLUMNS": "80"},
        stdin=child, stdout=child, stderr=child,
    )  # fmt: skip
    os.close(child)
    os.write(parent, b"a\nd\n")
    shown = b""
    try:
        while piece := os.read(parent, 4096):
            shown += piece
    except OSError:
        pass
    assert process.wait(timeout=30) == 0
    assert b"1 of 2" in shown
    assert b"counts as success" in shown
    assert waiting(imported) == []
    assert imported.json("show", first)["learned_pattern_id"] is not None
    assert imported.json("show", second)["learned_pattern_id"] is None


def test_what_a_grown_session_said_is_found_and_what_it_says_now(
    crossrun: Crossrun, history: Path
) -> None:
    """The index of words follows."""
    crossrun.environ["CODEX_HOME"] = str(history)
    lines = codex_session(story=(*STORY[:2], "$1 zebra --run"))
    write_codex(history, lines)
    crossrun.json("import", "codex", "--yes")
    assert crossrun.json("search", "zebra")["total"] == 1
    write_codex(history, [*lines, *codex_session(story=("$0 giraffe", "<Done."), calls="d")[3:]])
    crossrun.json("import", "codex", "--yes")
    assert crossrun.json("search", "giraffe")["total"] == 1
    assert crossrun.json("search", "zebra")["total"] == 1


def test_an_imported_run_is_removed_alone_even_if_its_folder_is_the_workspace_of_another(
    crossrun: Crossrun, history: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    crossrun.environ["CODEX_HOME"] = str(history)
    shell = ("--executor", "shell", "--empty")
    own = crossrun.json("run", "echo a > a", *shell)["id"]
    in_place = crossrun.json("run", "echo b > b", *shell[:2], "--workspace", str(mine))["id"]
    workspace = Path(crossrun("path", own).out.strip())
    for number, cwd in enumerate((str(workspace), str(mine), str(tmp_path / "other"))):
        lines = codex_session(session_id=f"s{number}", cwd=cwd, calls=f"c{number}")
        write_codex(history, lines, str(number))
    crossrun.json("import", "codex", "--yes")
    imported = [run["id"] for run in crossrun.json("runs")["runs"] if run["imported_from"]]
    assert len(imported) == 9

    removed = crossrun.json("rm", *imported, "--yes")

    assert sorted(removed["runs"]) == sorted(imported)
    assert {run["id"] for run in crossrun.json("runs")["runs"]} == {own, in_place}
    assert ((workspace / "a").read_text(), (mine / "b").read_text()) == ("a\n", "b\n")
    assert waiting(crossrun) == []
    assert crossrun.json("import", "codex", "--yes")["runs"] == 0


def test_what_is_not_a_file_is_passed_over_instead_of_waited_for(
    crossrun: Crossrun, history: Path
) -> None:
    folder = write_codex(history, codex_session()).parent
    os.mkfifo(folder / "rollout-2026-03-02T09-00-00-pipe.jsonl")
    (folder / "rollout-2026-03-02T09-00-00-zero.jsonl").symlink_to("/dev/zero")
    crossrun.environ["CODEX_HOME"] = str(history)
    result = crossrun.json("import", "codex", "--yes")
    assert (result["runs"], len(result["skipped"])) == (3, 2)
    assert {each["reason"] for each in result["skipped"]} == {"it is not a file"}


def test_a_folder_that_cannot_exist_leaves_the_store_readable(
    crossrun: Crossrun, history: Path
) -> None:
    write_codex(history, codex_session(cwd="../../etc\0\n\x1b[31m"))
    crossrun.environ["CODEX_HOME"] = str(history)
    crossrun.json("import", "codex", "--yes")
    runs = crossrun.json("runs")["runs"]
    assert [(run["project_id"], run["workspace"]) for run in runs] == [("imported", "")] * 3
    assert crossrun("show", runs[0]["id"]).code == 0


# beside other processes


def test_while_a_long_task_is_read_others_write_and_see_nothing_of_it(tmp_path: Path) -> None:
    store, run_id = opened(tmp_path / "home"), "k7f3abcd"
    file = SessionFile("codex", "/s.jsonl", 10, 0)
    with store.importing("s", file, Redactor()) as session:
        gathered = session.gather(run_id, timed(started(), SUCCEEDED))
        next(gathered)
        record(store, "m2q9abcd", started(), SUCCEEDED)
        assert store.read.find(run_id) is None
        deque(gathered, maxlen=0)
        assert session.store(run_id)
    assert store.read.run(run_id).status == "succeeded"
    assert [event.seq for event in store.read.events(run_id)] == [1, 2]


def test_two_imports_at_once_write_a_run_once(tmp_path: Path) -> None:
    store, run_id = opened(tmp_path / "home"), "k7f3abcd"
    file = SessionFile("codex", "/s.jsonl", 10, 0)
    with (
        store.importing("s", file, Redactor()) as one,
        store.importing("s", file, Redactor()) as other,
    ):
        for session in (one, other):
            assert session.wants(run_id)
        for session in (one, other):
            deque(session.gather(run_id, timed(started(), SUCCEEDED)), maxlen=0)
        assert [one.store(run_id), other.store(run_id)] == [True, False]
        one.finish()
        assert other.is_done()
    assert [event.seq for event in store.read.events(run_id)] == [1, 2]


def test_tasks_of_one_moment_have_places_side_by_side(tmp_path: Path) -> None:
    store = opened(tmp_path / "home")
    for size in (1, 2):
        with store.importing("s", SessionFile("codex", "/s.jsonl", size, 0), Redactor()) as session:
            for number in range(20):
                run_id = f"k7f3{size}{number:03}"
                deque(session.gather(run_id, timed(started(), SUCCEEDED)), maxlen=0)
                assert session.store(run_id)
    with sql(tmp_path / "home" / "crossrun.db") as connection:
        rows = connection.execute("SELECT id, rowid FROM runs ORDER BY rowid").fetchall()
    assert [run_id for run_id, _ in rows] == sorted((run_id for run_id, _ in rows), reverse=True)
    assert rows[-1][1] - rows[0][1] == 39
    assert rows[-1][1] < 0


def timed(*events: Event) -> EventsOfRun:
    for event in events:
        yield "2026-03-02T09:00:00Z", event
        yield None
