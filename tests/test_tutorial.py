"""The tutorial shows what crossrun prints: its console blocks are compared with a real run."""

import re
import subprocess
from pathlib import Path

from conftest import CodexWorld, Crossrun
from fork_server import start_on_terminal
from screen_store import Steady
from scripted_model import Script
from terminal_capture import capture

PAGE = Path(__file__).parent.parent / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^```(?:text|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILES = re.compile(r"cat > test_calc.py <<'END'\n(.*?)^END$", re.MULTILINE | re.DOTALL)
_PATCH = (
    "*** Begin Patch\n*** Update File: calc.py\n"
    "-def add(a, b): return a - b\n+def add(a, b): return a + b\n*** End Patch"
)
_CHECK = "python3 -m unittest -q"
_SCRIPT: Script = [
    {"items": ["I'll run the tests, then fix `add`.", {"shell": _CHECK}]},
    {"items": ["`add` subtracts its arguments.", {"patch": _PATCH}]},
    {"shell": _CHECK},
    "`add` subtracted. It adds now, and the test passes.",
]
_IDS = {"59h528sv": "r0000001", "2gpe6r": "p00001"}
"""The run and the pattern of the page, as `Steady` calls those of the store."""
_OTHER_EACH_TIME = (
    (r"^workspace .*", ""),  # as long as the home folder is
    (r"codex \d+\.\d+\.\d+", "codex 0.0.0"),
    (r"in \d\.\d+s", "in 0.0s"),
    (r"\d+ earlier lines", "0 earlier lines"),  # as Python prints them
)


def steady(text: str, crossrun: Crossrun) -> list[str]:
    """The lines of a text without what differs from run to run."""
    of_store = Steady.of(crossrun)
    text = of_store._replace(ids={**of_store.ids, **_IDS})(text)
    for pattern, replacement in _OTHER_EACH_TIME:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def shown(crossrun: Crossrun, *words: str) -> str:
    environ = {**crossrun.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PAGER": "cat"}
    return capture(
        words, cwd=crossrun.cwd, environ=environ, columns=80, start=start_on_terminal
    ).text


def test_the_tutorial_shows_what_the_commands_print(codex: CodexWorld) -> None:
    crossrun = codex(_SCRIPT).crossrun
    crossrun.cwd = crossrun.cwd / "calc"
    crossrun.cwd.mkdir()
    (crossrun.cwd / "calc.py").write_text("def add(a, b): return a - b\n")
    tests = _FILES.search(PAGE.read_text())
    assert tests is not None
    (crossrun.cwd / "test_calc.py").write_text(tests[1])
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for words in (("init", "-qb", "main"), ("add", "."), (*author, "commit", "-qm", "Add calc")):
        subprocess.run(["git", *words], cwd=crossrun.cwd, env=crossrun.environ, check=True)
    printed = [
        shown(crossrun, "run", "Fix the failing test", "--verify", _CHECK),
        shown(crossrun, "patterns", "show"),
        shown(crossrun, "run", "Repair the failing test in calc.py", "--dry-run"),
    ]
    expected = [match[1] for match in _BLOCK.finditer(PAGE.read_text())]
    assert len(expected) == len(printed)
    for block, text in zip(expected, printed, strict=True):
        lines = steady(text, crossrun)
        promised = [line for line in steady(block, crossrun) if not line.startswith("$ crossrun")]
        missing = [line for line in promised if line not in lines]
        assert missing == [], f"docs/tutorial.md has lines that are not printed; now it is:\n{text}"
