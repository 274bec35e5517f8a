"""The Python API as its page describes it, in an interpreter of its own."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from conftest import clean_environ
from test_docs import ROOT, blocks

import crossrun

pytestmark = pytest.mark.process


def python(program: str, home: Path) -> "subprocess.CompletedProcess[str]":
    """A program that has a folder of its own."""
    folder = home / "cwd"
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        cwd=folder,
        env=clean_environ(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_examples_of_the_page_work(tmp_path: Path) -> None:
    examples = list(blocks(ROOT / "docs" / "how-to" / "python.md", "python"))
    results = [python(example, tmp_path) for example in examples]
    assert [result.stderr for result in results] == [""] * len(examples)
    first, events, several, read = (result.stdout for result in results)
    assert first.split()[1:] == ["succeeded", "0"]
    assert events.splitlines()[-1].endswith("RunFinished")
    assert several.count("succeeded") == 4
    assert several.count("cancelled") == 1
    assert read.splitlines()[0] == "True"
    assert read.count("succeeded") == 5


def test_an_exception_in_the_block_cancels_its_runs(tmp_path: Path) -> None:
    result = python(
        """
        from crossrun import Crossrun, RunOptions
        with Crossrun.open() as crossrun:
            crossrun.run(RunOptions(task="sleep 60", executor="shell"))
            raise SystemExit(7)
        """,
        tmp_path,
    )
    statuses = python(
        "from crossrun import Crossrun; print([run.status for run in Crossrun.open().runs()])",
        tmp_path,
    )
    assert (result.returncode, result.stderr) == (7, "")
    assert "cancelled" in statuses.stdout


def test_what_is_wrong_with_options_is_an_error_with_a_code(tmp_path: Path) -> None:
    result = python(
        """
        from crossrun import Crossrun, CrossrunError, RunOptions
        crossrun = Crossrun.open()
        for options in ({"task": ""}, {"task": "x", "source": "missing"}):
            try:
                crossrun.run(RunOptions(executor="shell", **options))
            except CrossrunError as error:
                print(error.code)
        print(crossrun.runs())
        """,
        tmp_path,
    )
    assert result.stdout.splitlines() == ["TASK_EMPTY", "SOURCE_NOT_FOUND", "[]"], result.stderr


def test_runs_of_other_processes_are_followed_waited_for_and_cancelled(tmp_path: Path) -> None:
    result = python(
        """
        import subprocess, sys
        from crossrun import Crossrun
        words = ["run", "sleep 60", "--executor", "shell", "--detach"]
        started = [sys.executable, "-m", "crossrun", *words]
        run_id = subprocess.run(started, capture_output=True, text=True).stdout.strip()
        crossrun = Crossrun.open()
        print(crossrun.wait(run_id, timeout=0.2)[0].status)
        print(crossrun.cancel(run_id)[0].status)
        print(type(list(crossrun.watch(run_id))[-1].event).__name__)
        print(crossrun.retry(run_id).cancel())
        """,
        tmp_path,
    )
    assert result.stdout.split() == ["running", "cancelled", "RunFinished", "None"], result.stderr


def test_importing_crossrun_loads_nothing_else_of_it(tmp_path: Path) -> None:
    program = "import crossrun, sys; print([m for m in sys.modules if m.startswith('crossrun.')])"
    assert python(program, tmp_path).stdout == "[]\n"


def test_all_that_the_package_exports_can_be_imported() -> None:
    for name in crossrun._MODULES:  # type: ignore[attr-defined]  # noqa: SLF001
        assert getattr(crossrun, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = crossrun.nothing  # type: ignore[attr-defined]
