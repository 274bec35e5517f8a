"""Makes the demo of the README, and a picture of it, from a real quickstart in a real terminal.

    python docs/demo.py

It plays `crossrun quickstart` on a pseudo-terminal of 80 columns, in a home that is removed
afterwards. Ids, paths and times differ each time, so they are replaced by those of the last demo.
A test makes both again and compares them with what is stored.
"""  # noqa: INP001  a script, no package

import os
import re
import tempfile
from pathlib import Path

from rich.text import Text
from terminal_capture import capture, picture

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
PICTURE = DOCS / "images" / "quickstart.svg"
BEGIN, END = "<!-- demo: made by docs/demo.py -->", "<!-- end of the demo -->"
_COMPARED = "<!-- not run: tests/test_demo.py compares it -->"

_COLUMNS = 80
_RUNS, _PATTERN = ("k7f3abcd", "m2q9efgh"), "9c1xyz"
_RUN_ID = r"[2-9a-hjkmnp-z]{8}"
_LEFT_OUT = (
    ("name       first", "  pattern    none"),
    ("! no model runs", "> The pilot reads well"),
    ("  SOP-014 has no", "~ convert.py"),
    ("  old/SOP-001.txt ->", "  learned "),
    ("  **For you", "  proof "),
    ("  next      ", "2 of 3"),
    ("   1  write old", "   5  cksum"),
    ("  template       path", "  cured "),
    ("name       second", "  pattern    9c1xyz"),
    ("No model ran", "Next, in"),
)
"""From a line that begins with the first to the next one that begins with the second, excluded."""


def main() -> None:
    """Writes the demo into the README and the picture beside it."""
    recorded = recording()
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture_of(recorded), encoding="utf-8")
    README.write_text(with_demo(README.read_text(encoding="utf-8"), recorded), encoding="utf-8")


def recording() -> str:
    """What the quickstart writes on a terminal, with colours; the same each time."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "CROSSRUN_HOME": f"{folder}/home",
            "TERM": "dumb",  # without a line that moves
            "FORCE_COLOR": "1",
            "LANG": "C.UTF-8",
        }
        shown = capture(["quickstart"], cwd=Path(folder), environ=environ, columns=_COLUMNS)
        if shown.exit_code != 0:
            raise SystemExit("the quickstart failed")
        return _steady(shown.raw, folder)


def with_demo(page: str, recorded: str) -> str:
    """A page with the demo between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    console = f"```console\n$ crossrun quickstart\n{abbreviated(recorded)}```"
    demo = f"{BEGIN}\n{_COMPARED}\n{console}\n{END}"
    return f"{before}{demo}{after}"


def abbreviated(recorded: str) -> str:
    """The main lines without colours; `...` where some are left out."""
    shown: list[str] = []
    until = ""
    for line in Text.from_ansi(recorded).plain.splitlines():
        if until and not line.startswith(until):
            continue
        until = next((end for begin, end in _LEFT_OUT if line.startswith(begin)), "")
        shown.append("..." if until else line.rstrip())
    return "\n".join(shown).strip("\n") + "\n"


def picture_of(recorded: str) -> str:
    """The whole quickstart as SVG."""
    return picture(f"$ crossrun quickstart\n{recorded}", columns=_COLUMNS, name="quickstart")


def _steady(text: str, folder: str) -> str:
    """The text with ids, paths and times that are always the same."""
    runs = list(dict.fromkeys(re.findall(rf"workspaces/quickstart/({_RUN_ID})", text)))
    pattern = re.search(r"patterns show (\w{6})\b", text)
    for run_id, steady in zip(runs, _RUNS, strict=True):
        text = text.replace(run_id, steady)
    if pattern is not None:
        text = text.replace(pattern[1], _PATTERN)
    text = text.replace(f"{folder}/home", "~/.local/share/crossrun")
    text = re.sub(r"\b\d+\.\ds\b", "0.1s", text)
    return re.sub(r"after (?:0\.1s|\d+:\d\d)", "after 0:02", text)


if __name__ == "__main__":
    main()
