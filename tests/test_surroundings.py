"""Broken surroundings: every error is one that users can do something about."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Crossrun

from crossrun.cli.crash_reports import write_report
from crossrun.cli.error_boundary import explained

COMMANDS = (
    ("runs",),
    ("show",),
    ("cleanup", "--dry-run"),
    ("config", "set", "max_turns", "7"),
    ("run", "true", "--executor", "shell"),
    ("resume",),
)


def replaced_by_file(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("not a folder")


def replaced_by_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir(parents=True)


def replaced_by_bytes(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff\xfe\x00caf\xe9: [")


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "the store is a folder": (replaced_by_folder, "crossrun.db"),
    "the store is something else": (replaced_by_bytes, "crossrun.db"),
    "the settings are a folder": (replaced_by_folder, "config.yaml"),
    "the settings are not UTF-8": (replaced_by_bytes, "config.yaml"),
    "the state folder is a file": (replaced_by_file, "state"),
    "the locks are a file": (replaced_by_file, "state/locks"),
    "the workspaces are a file": (replaced_by_file, "workspaces"),
    "the artifacts are a file": (replaced_by_file, "artifacts"),
    "the snapshots are a file": (replaced_by_file, "snapshots"),
    "the home is a file": (replaced_by_file, "."),
}


def problems(crossrun: Crossrun, **environ: str) -> list[str]:
    """What commands say that users can do nothing about."""
    bad = []
    for words in COMMANDS:
        result = crossrun(*words, **environ)
        is_internal = "INTERNAL" in result.err or "Traceback" in result.err
        has_hint = "hint: " in result.err or "\n  next" in result.err or "crossrun " in result.err
        if is_internal or result.code == 70 or (result.code != 0 and not has_hint):
            bad.append(f"{' '.join(words)}: {result.code} {result.err}")
    return bad


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_in_the_home_is_an_error_with_a_hint(crossrun: Crossrun, name: str) -> None:
    assert crossrun("run", "true", "--executor", "shell").code == 0
    damage, path = BROKEN[name]
    if path == ".":
        shutil.rmtree(crossrun.home)
    damage(crossrun.home / path)
    assert problems(crossrun) == []


@pytest.mark.parametrize(
    "environ",
    [
        {"CROSSRUN_HOME": "/proc/nowhere"},
        {"CROSSRUN_HOME": "/dev/null/x"},
        {"CROSSRUN_HOME": "", "HOME": "", "XDG_DATA_HOME": ""},
        {"TMPDIR": "/nonexistent"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"XDG_CACHE_HOME": "/dev/null"},
    ],
    ids=lambda environ: " ".join(f"{name}={value}" for name, value in environ.items()),
)
def test_odd_variables_are_an_error_with_a_hint(
    crossrun: Crossrun, environ: dict[str, str], tmp_path: Path
) -> None:
    crossrun.environ["XDG_DATA_HOME"] = crossrun.environ["XDG_CONFIG_HOME"] = str(tmp_path / "xdg")
    crossrun.environ["XDG_STATE_HOME"] = str(tmp_path / "xdg")
    assert problems(crossrun, **environ) == []


@pytest.mark.parametrize("words", [("runs",), ("run", "true", "--executor", "shell"), ("config",)])
def test_the_current_folder_may_be_gone(
    crossrun: Crossrun, tmp_path: Path, words: tuple[str, ...]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = " ".join(crossrun.command(*words))
    script = f"cd {gone} && rmdir {gone} && exec {command}"
    done = subprocess.run(
        ["/bin/sh", "-c", script], env=crossrun.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr
    assert "INTERNAL" not in done.stderr


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EACCES, "FILE_UNUSABLE"),
        (errno.EROFS, "FILE_UNUSABLE"),
        (errno.EISDIR, "FILE_UNUSABLE"),
        (errno.ESTALE, "FILE_UNUSABLE"),
        (errno.EMFILE, "TOO_MANY_FILES"),
        (errno.ENOSPC, "DISK_FULL"),
        (errno.EDQUOT, "DISK_FULL"),
    ],
)
def test_what_the_system_refuses_is_an_error_of_the_surroundings(number: int, code: str) -> None:
    error = explained(OSError(number, os.strerror(number), "/x"))
    assert error is not None
    assert (error.code, int(error.exit_code)) == (code, 3)
    assert "/x" in error.message
    assert error.hint


def test_a_bug_is_no_error_of_the_surroundings() -> None:
    assert explained(ValueError("x")) is None
    assert explained(OSError("no number")) is None


def test_a_report_has_what_finds_the_bug_and_no_secret(tmp_path: Path) -> None:
    secret = "sk-abcdefghijklmnopqrstuvwxyz012345"
    environ = {"MY_API_KEY": "hunter2-but-longer-than-that"}
    with pytest.raises(KeyError) as raised:
        {"a": 1}[environ["MY_API_KEY"]]
    file = write_report(raised.value, ["run", secret], environ=environ, state=tmp_path / "state")
    assert file is not None
    text = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "test_surroundings.py" in text
    assert "KeyError" in text
    assert "command: crossrun run" in text
    assert secret not in text
    assert environ["MY_API_KEY"] not in text


def test_a_report_is_written_elsewhere_if_the_state_folder_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    file = write_report(ValueError("x"), [], environ={}, state=tmp_path / "state")
    assert file is not None
    file.unlink()
