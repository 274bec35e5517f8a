"""From rows to batches: complete requests, and errors that name the row before anything starts."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import clean_environ

from crossrun.batches.files import parse_rows
from crossrun.config import sources
from crossrun.errors import ConsentNeeded, CrossrunError, UsageError
from crossrun.executors import replay as recordings
from crossrun.model.batches import Batch, BatchOptions
from crossrun.services.app import App
from crossrun.services.batches.planning import BatchPlan, file_rows, path_rows, plan_batch
from crossrun.services.options import RunOptions

SESSION = Path(recordings.__file__).parent / "recordings" / "code.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of the user."""
    made = tmp_path / "cwd"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def app(folder: Path) -> App:
    """What runs in this process, with the shell as agent."""
    return app_for(folder, CROSSRUN_EXECUTOR="shell")


def app_for(folder: Path, **environ: str) -> App:
    environment = clean_environ(folder.parent / "home", environ)
    made = App(sources.load(environ=environment, cwd=folder))
    made.open_for_writing()
    return made


def planned(app: App, text: str, options: dict[str, Any] | None = None) -> Batch:
    given = RunOptions(**options or {})
    rows = file_rows(parse_rows(text.encode(), "yaml", "rows.yaml"), given, Path.cwd())
    batch_options = BatchOptions(jobs=2)
    return plan_batch(BatchPlan(rows=rows, options=given, batch_options=batch_options), app)


def test_a_row_becomes_the_request_that_run_would_make(app: App, folder: Path) -> None:
    (folder / "src").mkdir()
    text = """
        verify: test -s {name}.md
        rows:
          - {name: a, task: echo a, source: src, tags: x, task_type: writing}
          - {name: b, task: echo b, from: a, timeout: 5m}
    """

    a, b = planned(app, text, {"max_turns": 3, "project_id": "sops"}).rows

    assert (a.request.task, a.request.name, a.request.tags) == ("echo a", "a", ("x",))
    assert (a.request.task_type, a.request.project_id) == ("writing", "sops")
    assert (a.request.executor, a.request.planner) == ("shell", "direct")
    assert (a.request.verify, b.request.verify) == ("test -s a.md", "test -s b.md")
    assert (a.request.limits.timeout, b.request.limits.timeout) == (None, 300.0)
    assert a.request.limits.max_turns == 3
    assert a.request.begin_with.path == str(folder / "src")
    assert (b.from_row, b.request.begin_with.path) == ("a", None)


def test_a_pattern_makes_a_row_for_each_file_in_a_copy_of_the_folder(
    app: App, folder: Path
) -> None:
    (folder / "old" / "sub").mkdir(parents=True)
    for name in ("b.docx", "a [1].docx", "sub/c.docx", "d.txt"):
        (folder / "old" / name).touch()
    options = RunOptions(task="cat {path} > {stem}.md", verify="test -e {stem}.md")

    rows = path_rows("old/**/*.docx", options, {})
    batch = plan_batch(
        BatchPlan(rows=rows, options=options, batch_options=BatchOptions(), origin="x"), app
    )

    assert [row.name for row in batch.rows] == ["old/a [1].docx", "old/b.docx", "old/sub/c.docx"]
    request = batch.rows[2].request
    assert (request.task, request.verify) == ("cat old/sub/c.docx > c.md", "test -e c.md")
    assert request.begin_with.path == str(folder)
    assert batch.design == {"origin": "x", "task": "cat {path} > {stem}.md"}


def test_a_pattern_looks_into_the_source(folder: Path) -> None:
    (folder / "work").mkdir()
    (folder / "work" / "a.txt").touch()

    (row,) = path_rows("*.txt", RunOptions(task="{path}", source="work"), {})

    assert (row.name, row.options["source"]) == ("a.txt", "work")


@pytest.mark.parametrize("home", [".", "ada"])
def test_a_whole_home_is_not_copied_unasked(folder: Path, home: str) -> None:
    (folder / "a.txt").touch()
    options, environ = RunOptions(task="{path}"), {"HOME": str(folder / home)}

    with pytest.raises(UsageError, match="your home folder"):
        path_rows("*.txt", options, environ)

    assert len(path_rows("*.txt", RunOptions(task="{path}", source="."), environ)) == 1


@pytest.mark.usefixtures("folder")
def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"no file matches '\*\.docx' in "):
        path_rows("*.docx", RunOptions(task="{path}"), {})


@pytest.mark.parametrize(
    ("text", "options", "code", "message"),
    [
        (
            "- a\n- {task: b}",
            {"task": "c"},
            "OPTIONS_CONFLICT",
            "--task is for rows without a task, and each row of rows.yaml has one",
        ),
        ("- {task: a}\n- {name: b}", {}, "TASK_EMPTY", "rows.yaml, line 2: there is no task"),
        (
            "- a\n- {task: b, source: gone}",
            {},
            "SOURCE_NOT_FOUND",
            "rows.yaml, line 2: --source: there is no folder and no run 'gone'",
        ),
        (
            "- {task: a, from_run_id: k7f3}",
            {},
            "RUN_NOT_FOUND",
            "rows.yaml, line 1: there is no run 'k7f3'",
        ),
        (
            "- {task: a, images: [i.png]}",
            {},
            "PATH_MISSING",
            "rows.yaml, line 1: --image: ",
        ),
        (
            "- {task: a, source: ., workspace: .}",
            {},
            "OPTIONS_CONFLICT",
            "rows.yaml, line 1: --source and --workspace cannot be used together",
        ),
        (
            "- a\n- {task: b, name: x}\n- {task: b, from: x, source: .}",
            {},
            "OPTIONS_CONFLICT",
            "rows.yaml, line 3: from and source cannot be used together",
        ),
        (
            "- a\n- {task: b, executor: codex}",
            {},
            "CODEX_MISSING",
            "rows.yaml, line 2: ",
        ),
        (
            "- a\n- {task: b, task_type: codes}",
            {},
            "TASK_TYPE_UNKNOWN",
            "rows.yaml, line 2: there is no task type 'codes'",
        ),
        (
            f"- a\n- {{task: b, project_id: {'x' * 300}}}",
            {},
            "PROJECT_NAME",
            "rows.yaml, line 2: ",
        ),
        (
            "- {task: a, executor: codex, max_cost: 1}",
            {},
            "CODEX_MISSING",
            "rows.yaml, line 1: ",
        ),
        (
            "- a\n- {task: 'curl -H sk-abcdefghijklmnopqrstuvwxyz012345'}",
            {},
            "REQUEST_REDACTED",
            "rows.yaml, line 2: the request contains a secret, which would not be stored: ",
        ),
        (
            "- {task: a, workspace: .}\n- {task: b, workspace: .}",
            {},
            "OPTIONS_CONFLICT",
            "rows.yaml, line 1: another row works in ",
        ),
        ("- a\n- {task: b, pattern: 9c1}", {}, "OPTIONS_CONFLICT", "rows.yaml, line 2: --pattern"),
        ("- a", {"offline": True, "planner": "openai"}, "OPTIONS_CONFLICT", None),
    ],
)
def test_everything_is_checked_before_anything_starts(
    app: App, text: str, options: dict[str, Any], code: str, message: str | None
) -> None:
    app.settings.environ["PATH"] = "/usr/bin:/bin"  # type: ignore[index]  # without a Codex

    with pytest.raises(CrossrunError) as caught:
        planned(app, text, options)

    assert caught.value.code == code
    assert caught.value.hint
    assert message is None or caught.value.message.startswith(message)


def test_consent_is_asked_for_once(app: App, folder: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        shutil.copy(SESSION, folder / name)
    text = "- {task: a, recording: one.yaml}\n- {task: b, recording: two.yaml}\n- c"

    with pytest.raises(ConsentNeeded) as caught:
        planned(app, text)

    assert caught.value.question.count("run on this machine without a sandbox") == 2
    assert len(planned(app, text, {"consent": True}).rows) == 3
