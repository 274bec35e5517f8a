"""The example of docs/how-to/new-agent-cli.md keeps the contracts, and carries out a run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import clean_environ
from test_docs import ROOT, blocks

DOCUMENT = ROOT / "docs" / "how-to" / "new-agent-cli.md"
AGENT = next(blocks(DOCUMENT, "sh"))
EXECUTOR, ENTRY, TESTS = blocks(DOCUMENT, "python")


def module(name: str, source: str) -> ModuleType:
    made = ModuleType(name)
    exec(compile(source, f"{DOCUMENT.name}: {name}", "exec"), made.__dict__)  # noqa: S102  our own
    return made


sys.modules["crossrun.executors.tiny"] = module("crossrun.executors.tiny", EXECUTOR)
_tests = module("test_tiny", TESTS)
TestTiny, TestTinyReader = _tests.TestTiny, _tests.TestTinyReader


@pytest.fixture(autouse=True)
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agent of the page, on the `PATH`."""
    program = tmp_path / "bin" / "tiny-agent"
    program.parent.mkdir()
    program.write_text(AGENT)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(program.parent), os.environ["PATH"])))
    return program


REGISTERED = """\
import sys
from types import ModuleType
from crossrun.model.executors import EXECUTORS, ExecutorSpec
EXECUTORS.update({%s})
tiny = sys.modules["crossrun.executors.tiny"] = ModuleType("crossrun.executors.tiny")
exec(sys.stdin.read(), tiny.__dict__)
from crossrun.__main__ import main
main()
"""
"""crossrun with the package and the entry of the page."""


@pytest.mark.process
def test_an_entry_and_a_package_are_all_that_a_new_executor_needs(
    tmp_path: Path, agent: Path
) -> None:
    environ = clean_environ(tmp_path / "user")
    words = ("run", "echo made > file", "--executor", "tiny", "--json")
    done = subprocess.run(
        [sys.executable, "-c", REGISTERED % ENTRY, *words, "--home", str(tmp_path / "home")],
        input=EXECUTOR,
        env={**environ, "PATH": os.pathsep.join((str(agent.parent), environ["PATH"]))},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert (run["executor"], run["status"], run["answer"]) == ("tiny", "succeeded", "Done.")
    assert [change["path"] for change in run["changes"]] == ["file"]
