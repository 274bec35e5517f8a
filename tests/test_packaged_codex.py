"""The Codex of the extra `codex`: one `pip install` is enough. Skipped without the package."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import CodexWorld, Crossrun

from crossrun.executors.codex.program import find, packaged

pytestmark = pytest.mark.skipif(packaged() is None, reason="the extra `codex` is not installed")


@pytest.fixture
def without_codex(tmp_path: Path) -> Mapping[str, str]:
    """An environment whose PATH has git and a shell but no codex."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("git", "sh", "bash", "env", "python3", "cat"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return {"PATH": str(folder), "CODEX_PATH": ""}


def test_it_is_used_if_no_other_is_named_or_on_the_path(
    tmp_path: Path, without_codex: Mapping[str, str]
) -> None:
    on_path = tmp_path / "bin" / "codex"
    on_path.parent.mkdir()
    on_path.write_text("#!/bin/sh\necho codex-cli 1.2.3\n")
    on_path.chmod(0o755)
    both = {"PATH": f"{on_path.parent}{os.pathsep}{without_codex['PATH']}"}

    assert str(find(None, without_codex, tmp_path / "version.json").path) == packaged()
    assert find(None, both, tmp_path / "other.json").path == on_path


def test_a_run_works_with_it(codex: CodexWorld, without_codex: Mapping[str, str]) -> None:
    made = codex([[{"shell": "echo hi > a.txt"}], "Done."])
    run = made.run("write a file", "--sandbox", "danger-full-access", **without_codex).json

    assert run["status"] == "succeeded"
    assert [change["path"] for change in run["changes"]] == ["a.txt"]
    command = made.crossrun("show", "--command").out
    assert command.startswith(str(packaged()))


def test_a_run_is_continued_by_hand_with_it(
    codex: CodexWorld, without_codex: Mapping[str, str]
) -> None:
    made = codex(["Done."])
    assert made.run("say done", **without_codex).code == 0
    opened = made.crossrun("open", "--agent", **without_codex)
    assert "cannot be started" not in opened.err


def test_an_error_without_it_names_the_extra(crossrun: Crossrun) -> None:
    result = crossrun("run", "x", CODEX_PATH="/nonexistent/codex")
    assert result.code == 3
    assert "pip install 'crossrun[codex]'" in result.err
