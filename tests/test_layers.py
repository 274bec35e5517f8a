"""Imports point only downward, heavy packages stay behind their fences, reads stay light."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import crossrun

ROOT = Path(crossrun.__file__).parent
LAYERS = [
    # each may import what stands above it in this list, and from its own row only itself
    {
        "errors",
        "redaction",
        "system",
        "config.values",
        "model.choices",
        "model.executors",
        "model.status",
        "model.tokens",
        "services.notices",
    },
    {
        "model.failures",
        "model.queries",
        "model.requests",
        "model.workflows",
        "config",
    },
    {"model.quotas", "model.retention", "model.runs", "model"},
    {"events"},
    {"projections.run", "projections.documents", "config.tasktypes", "views.unseen"},
    {"planning", "patterns", "views.words"},
    {"projections", "views.terminal", "views.phrases"},
    {"executors", "planning.openai", "workspace", "store"},
    {"services.applying", "services.lineage", "services.cleanup", "memory"},
    {"engine"},
    {"services"},
    {"views"},
    {"cli", "api"},
    {"__main__"},
]
FENCES = {
    "openai": {"planning.openai"},
    "git": {"workspace.snapshots.recorder"},
    "gitdb": {"workspace.snapshots.recorder"},
    "sqlmodel": {"store.tables", "store.user_changes"},
    "sqlalchemy": {"store.user_changes"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"views", "cli"},
    "yaml": {
        "config.sources",
        "config.tasktypes",
        "executors.replay.recording",
        "patterns.forms",
        "patterns.skills",
    },
    "platformdirs": {"config.sources"},
    "psutil": {"executors.process_table"},
    "dotenv": {"config.sources"},
}
LIGHT = ("openai", "git", "sqlmodel", "sqlalchemy", "yaml", "rich", "msgspec", "psutil", "pydantic")


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "crossrun":
                found |= {f"crossrun.{alias.name}" for alias in node.names}
    return found


def within(module: str, place: str) -> bool:
    return module == place or module.startswith(f"{place}.")


def layer(module: str) -> tuple[int, str]:
    """The row of a module and the most specific entry that it belongs to."""
    fitting = [
        (len(entry), row, entry)
        for row, entries in enumerate(LAYERS)
        for entry in entries
        if within(module, entry)
    ]
    assert fitting, f"{module} stands in no layer"
    _, row, entry = max(fitting)
    return row, entry


FILES = {module_name(file): file for file in ROOT.rglob("*.py") if module_name(file)}


def test_imports_point_only_downward() -> None:
    wrong = []
    for module, file in FILES.items():
        row, entry = layer(module)
        for imported in imports(file):
            if not imported.startswith("crossrun.") or imported == "crossrun.__version__":
                continue
            target_row, target = layer(imported.removeprefix("crossrun."))
            if target_row > row or (target_row == row and target != entry):
                wrong.append(f"{module} imports {imported}")
    assert wrong == []


def test_third_party_packages_stay_behind_their_fences() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, file in FILES.items()
        for imported in imports(file)
        for package, allowed in FENCES.items()
        if within(imported, package) and not any(within(module, place) for place in allowed)
    ]
    assert wrong == []


def test_only_settings_reads_the_environment() -> None:
    readers = {
        module
        for module, file in FILES.items()
        if "os.environ" in file.read_text() or "os.getenv" in file.read_text()
    }
    assert readers == {"config.sources", "cli.globals", "system.inherited"}


def test_services_know_nothing_of_any_front_end() -> None:
    front_ends = ("typer", "click", "rich", "signal", "crossrun.views", "crossrun.cli")
    wrong = [
        f"{module} imports {imported}"
        for module, file in FILES.items()
        if within(module, "services")
        for imported in imports(file)
        if any(within(imported, front_end) for front_end in front_ends)
    ]
    streams = [
        module
        for module, file in FILES.items()
        if within(module, "services") and re.search(r"sys\.std(in|out|err)", file.read_text())
    ]
    assert (wrong, streams) == ([], [])


def loaded_by(*words: str, home: Path) -> set[str]:
    """The heavy packages that a command loads."""
    code = (
        "import os, sys\n"
        "os._exit = lambda code: None\n"
        f"sys.argv = {['crossrun', *words]!r}\n"
        "from crossrun.__main__ import main\n"
        "main()\n"
        f"sys.stderr.write('|' + ' '.join(p for p in {LIGHT!r} if p in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"CROSSRUN_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.rsplit("|", 1)[1].split())


@pytest.mark.process
def test_help_and_lists_load_nothing_heavy(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "crossrun", "run", "--executor", "shell", "true", "--quiet"],
        env={"CROSSRUN_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    assert loaded_by("--help", home=tmp_path) == set()
    assert loaded_by("runs", home=tmp_path) == set()
    assert loaded_by("paths", home=tmp_path) == set()


@pytest.mark.process
def test_reads_of_one_run_load_no_more_than_the_event_types(tmp_path: Path) -> None:
    test_help_and_lists_load_nothing_heavy(tmp_path)
    one_word = ("show", "steps", "events", "diff", "files", "artifacts", "watch")
    for words in (*((word,) for word in one_word), ("runs", "--json")):
        assert loaded_by(*words, home=tmp_path) <= {"msgspec"}, words


@pytest.mark.process
def test_runs_load_no_sqlmodel(tmp_path: Path) -> None:
    run = ("run", "--executor", "shell", "true", "--quiet")
    assert loaded_by(*run, home=tmp_path) == {"msgspec"}
    again = loaded_by(*run, home=tmp_path)  # with a pattern to choose and to credit
    assert again == {"msgspec"}
