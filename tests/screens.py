"""The screens of crossrun: each as it is on terminals of several widths, in `tests/screens`.

    pytest tests/test_screens.py --update-screens [-k NAME]

writes them anew, and the pictures in `docs/images`. Look at the difference before you commit it.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import screen_store
from conftest import Crossrun
from fork_server import start_on_terminal
from screen_store import Steady, clean_folder, names_of
from terminal_capture import Capture, capture, picture

STORED = Path(__file__).parent / "screens"
PICTURES = Path(__file__).parent.parent / "docs" / "images"


class Variant(NamedTuple):
    """A kind of terminal."""

    name: str
    columns: int
    environ: Mapping[str, str] = {}
    options: tuple[str, ...] = ()


VARIANTS = (
    Variant("60 columns", 60),
    Variant("80 columns", 80),
    Variant("120 columns", 120),
    Variant("200 columns", 200),
    Variant("NO_COLOR", 80, {"NO_COLOR": "1"}),
    Variant("TERM=dumb", 80, {"TERM": "dumb"}),
    Variant("LANG=C", 80, {"LANG": "C", "LC_ALL": ""}),
)
_EVERYWHERE = tuple(variant.name for variant in VARIANTS)
COLOURLESS = ("NO_COLOR", "TERM=dumb")


class Screen(NamedTuple):
    """A command whose output people read.

    Args:
        name: its file in `tests/screens`.
        words: its arguments; `{fixed}` is the id of the run with that name.
        exit_code: how it ends.
        on: `filled`, a store with runs that the command leaves as it is; `new`, a user with only a
            repository, made for each variant.
        first: commands that go before it, each time.
        terminals: the names of the variants in which it is captured.
        is_compared: whether it shows the same each time; otherwise only the rules are asserted.
        is_verbatim: whether it has text of files or commands, which is never wrapped.
        picture: whether `docs/images` has a picture of it.
    """

    name: str
    words: tuple[str, ...]
    exit_code: int = 0
    on: str = "filled"
    first: tuple[tuple[str, ...], ...] = ()
    terminals: tuple[str, ...] = _EVERYWHERE
    is_compared: bool = True
    is_verbatim: bool = False
    picture: bool = False


def _of(line: str, **more: object) -> Screen:
    words = tuple(line.split())
    name = "-".join(word.strip("-{}") for word in words) or "crossrun"
    return Screen(name, words)._replace(**more)  # type: ignore[arg-type]  # as they are named


def _of_run(name: str, *words: str, **more: object) -> Screen:
    terminals = ("60 columns", "80 columns", "200 columns", "TERM=dumb", "LANG=C")
    options = {"on": "new", "terminals": terminals, **more}
    return Screen(name, words)._replace(**options)  # type: ignore[arg-type]  # as they are named


_SHELL = ("run", "--executor", "shell")
_SCHEDULE = (
    "schedule",
    "add",
    "0 7 * * 1-5",
    "--name",
    "nightly",
    "--",
    "run",
    "--template",
    "tests",
)
_FIX = (*_SHELL, "sed -i 's/ + 1//' calc.py", "--verify", "python3 test_calc.py")

SCREENS: tuple[Screen, ...] = (
    _of("", picture=True),
    _of("", name="crossrun-first-time", on="new"),
    _of("--help"),
    _of("--version"),
    _of("run --help"),
    _of("run --help-all"),
    _of("quickstart", on="new", terminals=("60 columns", "80 columns")),
    _of_run("run-in-repository", *_FIX, picture=True),
    _of_run("run-apply", *_FIX, "--apply", terminals=("60 columns", "80 columns")),
    _of_run("run-failed", *_SHELL, "python3 test_calc.py", exit_code=1),
    _of_run("run-unverified", *_SHELL, "true", "--verify", "python3 test_calc.py", exit_code=9),
    _of_run("resume", "resume", exit_code=2, first=((*_SHELL, "echo Hello"),)),
    _of_run("retry", "retry", first=((*_SHELL, "echo Hello"),)),
    _of_run("batch-start", "batch", "start", "rows.yaml", "--keep-going", exit_code=1),
    _of_run(
        "attempts-start",
        "attempts",
        "start",
        *_FIX[3:],
        "--executor",
        "shell",
        "-n",
        "2",
        "--all",
        "--jobs",
        "1",
        terminals=("60 columns", "80 columns"),
    ),
    _of("templates list"),
    _of("templates show tests"),
    _of("templates check fix-calc"),
    _of("watch {fixed}"),
    _of("wait {fixed}"),
    _of("cancel {fixed}"),
    _of("runs", picture=True),
    _of("runs --project-id nosuch"),
    _of("search passed"),
    _of("search nosuchword", exit_code=0),
    _of("show {fixed}", picture=True),
    _of("show {failed}"),
    _of("show {late}"),
    _of("show {unverified}"),
    _of("show {sources}"),
    _of("steps {fixed}", is_verbatim=True),
    _of("steps {sources}", is_verbatim=True),
    _of("compare {failed} {fixed}"),
    _of("insights", picture=True),
    _of("why {fixed}"),
    _of("why {second}"),
    _of("diff {fixed}", is_verbatim=True),
    _of("diff {fixed} --stat"),
    _of("apply {fixed} --dry-run"),
    Screen("undo-nothing", ("undo", "{fixed}"), 6),
    _of("files {fixed}"),
    _of("path {fixed}", is_verbatim=True),
    _of("artifacts list {fixed}"),
    _of("artifacts show {fixed}-1", is_verbatim=True),
    _of("batch list"),
    _of("batch show"),
    _of("batch plan rows.yaml"),
    _of("batch results", is_verbatim=True),
    _of("attempts list"),
    _of("attempts show"),
    _of("experiment list"),
    _of("experiment show"),
    _of("schedule list"),
    _of("schedule list", name="schedule-none", on="new"),
    Screen("schedule-add", _SCHEDULE, on="new"),
    _of("schedule pause nightly", on="new", first=(_SCHEDULE,)),
    _of("schedule resume nightly", on="new", first=(_SCHEDULE,)),
    _of("schedule rm nightly", on="new", first=(_SCHEDULE,)),
    _of("patterns list", picture=True),
    _of("patterns show", picture=True),
    _of("patterns search procedures"),
    _of("patterns why {second}"),
    _of("patterns stats"),
    _of("patterns diff"),
    _of("patterns review"),
    _of("import codex --dry-run"),
    _of("tag {fixed}"),
    _of("note {fixed}"),
    _of("projects list"),
    _of("projects show default"),
    _of("stats", is_compared=False),
    _of("cleanup --dry-run"),
    _of("rm {late} --dry-run"),
    _of("help", name="help-topics"),
    _of("help RUN_NOT_FOUND"),
    _of("config show"),
    _of("config show --origin"),
    _of("config path"),
    _of("config get executor"),
    _of("config set timeout 5m", on="new"),
    _of("config set timeout soon", on="new", exit_code=2),
    _of("config unset timeout", on="new", first=(("config", "set", "timeout", "5m"),)),
    _of("projects set default task_type code", on="new"),
    _of("rename {fixed} fixed"),
    _of("doctor", exit_code=3, is_compared=False),
    _of("runs", name="runs-none", on="new"),
    _of("show", name="show-none", on="new", exit_code=6),
    _of("patterns list", name="patterns-none", on="new"),
    _of("experiment report", is_verbatim=True),
    _of("paths"),
    _of("migrate"),
    _of("show nosuchrun", exit_code=6),
    _of("rnu", exit_code=2),
    _of("run --nosuch", exit_code=2),
    _of("patterns", name="patterns-group"),
)


class Stage:
    """Where commands are captured: a filled store, and new users as they are needed."""

    def __init__(self, crossrun: Crossrun) -> None:
        self._filled = crossrun
        self.names = names_of(crossrun)

    def shows(self, screen: Screen, variant: Variant) -> Capture:
        """What a screen shows in a variant, the same each time."""
        if screen.on == "filled":
            return self._captured(self._filled, screen, variant)
        home = new_home()
        try:
            return self._captured(clean_folder(home), screen, variant)
        finally:
            shutil.rmtree(home)

    def _captured(self, crossrun: Crossrun, screen: Screen, variant: Variant) -> Capture:
        for words in screen.first:
            crossrun(*words)
        captured = capture(
            [*(word.format(**self.names) for word in screen.words), *variant.options],
            cwd=crossrun.cwd,
            environ={
                **crossrun.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **variant.environ
            },
            columns=variant.columns,
            start=start_on_terminal,
        )  # fmt: skip
        return captured._replace(raw=Steady.of(crossrun)(captured.raw))


def new_home() -> Path:
    """A folder whose path is as long as `screen_store.HOME`."""
    home = Path(tempfile.mkdtemp(prefix="", dir="/tmp"))
    assert len(str(home)) == len(screen_store.HOME)
    return home


def page(screen: Screen, captured: Mapping[str, Capture]) -> str:
    """The text of a screen in all variants; those that show the same stand together."""
    shown: dict[str, list[str]] = {}
    for name, each in captured.items():
        if name in COLOURLESS and each.text == captured["80 columns"].text:
            continue
        if name == "LANG=C" and each.text == in_ascii(captured["80 columns"].text):
            continue
        shown.setdefault(each.text, []).append(name)
    parts = [f"$ crossrun {' '.join(map(_quoted, screen.words))}".rstrip() + "\n"]
    parts += [f"\n=== {_joined(names)}\n{text}" for text, names in shown.items()]
    return "".join(parts)


def _joined(names: Sequence[str]) -> str:
    widths = [name.removesuffix(" columns") for name in names if name.endswith(" columns")]
    others = [name for name in names if not name.endswith(" columns")]
    return ", ".join([f"{', '.join(widths)} columns"] * bool(widths) + others)


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word else word


_TWINS = str.maketrans({"·": "-", "…": "~", "›": ">", "×": "x", "─": "-", "│": "|", "●": "o"})


def in_ascii(text: str) -> str:
    """A text as it is where there is no Unicode."""
    return text.translate(_TWINS).encode("ascii", "replace").decode()


def captured_of(stage: Stage, screen: Screen) -> dict[str, Capture]:
    """A screen in all variants, by their names."""
    return {
        variant.name: stage.shows(screen, variant)
        for variant in VARIANTS
        if variant.name in screen.terminals
    }


def picture_of(screen: Screen, captured: Mapping[str, Capture]) -> str:
    """A screen of 80 columns as SVG."""
    command = f"$ crossrun {' '.join(map(_quoted, screen.words))}".rstrip()
    return picture(f"{command}\n{captured['80 columns'].coloured}", columns=80, name=screen.name)
