"""What the tests share: crossrun as a user runs it, and the real Codex with a scripted model."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fork_server
import pytest
from scripted_model import Script, ScriptedModel

from crossrun.executors.codex.program import packaged

pytest.register_assert_rewrite("contracts")

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""Whoever starts the tests in the background may have them ignored, and children inherit that."""

_NOT_INHERITED = ("OPENAI_", "CODEX_", "CROSSRUN_", "CROSS_RUN_", "GIT_", "COLUMNS")
_PROVIDER = """\
model = "mock"
model_provider = "mock"
{extra}
[model_providers.mock]
name = "mock"
base_url = "{base_url}"
env_key = "MOCK_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as one JSON object."""
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed


@dataclass
class Crossrun:
    """crossrun in processes of its own, with a home and a working folder of its own.

    A call is carried out by the fork server, `start` by an interpreter of its own.
    """

    home: Path
    cwd: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str, stdin: str = "", **environ: str) -> Result:
        """Runs a command to its end."""
        environment = {**self.environ, **environ}
        done = fork_server.run(
            words, cwd=self.cwd, environ=environment, stdin=stdin.encode(), timeout=60
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *words: str, **environ: str) -> "subprocess.Popen[bytes]":
        """Starts a command and leaves it running."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.cwd,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "crossrun", *words]

    def json(self, *words: str, **environ: str) -> dict[str, Any]:
        """A command's JSON; it must succeed."""
        result = self(*words, "--json", **environ)
        assert result.code == 0, result.err
        return result.json

    def events(self, run: str = "last") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json("events", run)["events"]
        return found


CACHE = Path(tempfile.gettempdir()) / f"crossrun-tests-{os.getuid()}"
"""A cache for all tests: unpacking the encoder's weights takes seconds."""


def clean_environ(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without anything that would leak the developer's own set-up into a test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_INHERITED)}
    home.mkdir(parents=True, exist_ok=True)
    own = {"HOME": str(home), "CROSSRUN_HOME": str(home / "crossrun"), "XDG_CACHE_HOME": str(CACHE)}
    return {**kept, **own, **(extra or {})}


_START_PROCESSES = {"crossrun", "codex_path", "supervised", "command"}
"""Fixtures whose tests start commands and wait for them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-screens` stores what screens show now (tests/screens.py)."""
    parser.addoption("--update-screens", action="store_true", help="store the screens of now")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that start processes, so that `-m "not process"` takes seconds."""
    for item in items:
        if isinstance(item, pytest.Function) and _START_PROCESSES.intersection(item.fixturenames):
            item.add_marker("process")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three workers for two cores, since most tests wait for programs that they start.

    None for files that were named: those begin sooner without.
    """
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    return 0 if named else (os.cpu_count() or 1) * 3 // 2


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An empty folder for an agent to work in."""
    made = tmp_path / "workspace"
    made.mkdir()
    return made


@pytest.fixture
def crossrun(tmp_path: Path) -> Crossrun:
    """Crossrun for a user who has nothing yet."""
    home, cwd = tmp_path / "home", tmp_path / "cwd"
    cwd.mkdir()
    return Crossrun(home / "crossrun", cwd, clean_environ(home))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 800 KB: room for a new store, which needs most of it, and a short run."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=800k,mode=700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(options, check=False, capture_output=True).returncode:
        pytest.skip("making a file system takes root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(disk: Path, *, leave: int) -> Path:
    """A file that takes all of a disk's free space but so many bytes."""
    free = os.statvfs(disk)
    (disk / "filling").write_bytes(b"x" * (free.f_bavail * free.f_frsize - leave))
    return disk / "filling"


without_packaged_codex = pytest.mark.skipif(
    packaged() is not None, reason="the extra `codex` is installed, so Codex is not missing"
)


@pytest.fixture(scope="session")
def codex_path() -> str:
    """The real Codex CLI; without one, tests are skipped here and fail in CI."""
    found = os.environ.get("CODEX_PATH") or shutil.which("codex")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("CI must have a codex, or these tests prove nothing")
    if found is None:
        pytest.skip("no codex: set CODEX_PATH or put it on PATH")
    return found


@dataclass
class WithCodex:
    """crossrun with the real Codex, whose model is a script."""

    crossrun: Crossrun
    codex_home: Path
    model: ScriptedModel

    def run(self, *words: str, **environ: str) -> Result:
        """`crossrun run WORDS --json`."""
        return self.crossrun("run", *words, "--json", **environ)


class CodexWorld:
    """Makes scripted models for the real Codex, one at a time."""

    def __init__(self, crossrun: Crossrun, codex_path: str, folder: Path) -> None:
        self._crossrun = crossrun
        self._home = folder / "codex-home"
        self._home.mkdir()
        self._models: list[ScriptedModel] = []
        crossrun.environ |= {
            "CODEX_HOME": str(self._home),
            "CODEX_PATH": codex_path,
            "MOCK_KEY": "sk-mock-key-0123456789abcdef",
        }

    def __call__(self, script: Script, *, config: str = "") -> WithCodex:
        """A Codex whose model follows the script; `config` is added to its config.toml."""
        model = ScriptedModel(script)
        model.__enter__()
        self._models.append(model)
        text = _PROVIDER.format(base_url=model.base_url, extra=config)
        (self._home / "config.toml").write_text(text)
        return WithCodex(self._crossrun, self._home, model)

    def close(self) -> None:
        for model in self._models:
            model.__exit__(None, None, None)


@pytest.fixture
def codex(crossrun: Crossrun, codex_path: str, tmp_path: Path) -> Iterator[CodexWorld]:
    """The real Codex; call it with a script for its model."""
    world = CodexWorld(crossrun, codex_path, tmp_path)
    yield world
    world.close()


def types(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """The types of events in order."""
    return [event["type"] for event in events]


def send(process: "subprocess.Popen[bytes]", signum: signal.Signals) -> Result:
    """Sends a signal and waits for the end."""
    process.send_signal(signum)
    out, err = process.communicate(timeout=30)
    return Result(process.returncode, out.decode(), err.decode())
