"""The command blocks of the documents are run, page by page, as a reader would run them.

Each page has its own home and repository. Its `sh` and `console` blocks are run in order by bash,
with crossrun on the PATH and recordings in place of an agent. A block that cannot be run has a
reason in a comment before it: `<!-- not run: needs a Mac -->`. If a command in it fails on purpose,
that is said, too: `<!-- exits with 9 -->`.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import clean_environ
from test_docs import DOCUMENTS, ROOT, name_of

pytestmark = pytest.mark.process
PAGES = ("docs/how-to/shell.md", "docs/how-to/settings.md", "docs/how-to/search.md")
"""Pages of which every block is run. The others are only parsed, by `test_docs`."""
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>not run|exits with):? (?P<note>.+?) -->\n)?"
    r"^ *```(?P<language>sh|console)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_SET_UP = """\
exec 3>&1 4>&2
errors=$PWD/errors; failures=0
trap 'codes="$codes${codes:+ }$?"' ERR
check() {
    [ "$codes" = "$2" ] && return
    failures=$((failures + 1))
    echo "$1: exit codes '$codes', expected '$2'"
    tail -n 3 "$errors"
}
git init -q calc && cd calc
git config user.name reader && git config user.email reader@example.com
echo 'def add(a, b): return a - b' >calc.py && mkdir -p .venv/bin && touch .venv/bin/activate
git add calc.py && git commit -qm first
crossrun run 'echo "# checked" >>calc.py' --executor shell --source . --quiet >/dev/null
"""
_RUN_IDS = re.compile(r"\b(?:k7f3|m2q9|m9d2|a81c)\b")
"""Ids of runs in the documents; the reader's is that of the newest run."""
_SECONDS = 120


class Block(NamedTuple):
    """A block of commands; `codes` are those of the commands that fail as the page promises."""

    line: int
    text: str
    codes: str


def blocks(document: Path) -> Iterator[Block]:
    """The blocks of a page that can be run."""
    page = document.read_text()
    for match in _BLOCK.finditer(page):
        line = page.count("\n", 0, match.start("text")) + 1
        text = match["text"]
        if match["language"] == "console":
            typed = [each[2:] for each in text.splitlines() if each.startswith("$ ")]
            text = "\n".join(typed)
        if match["mark"] != "not run":
            yield Block(line, _RUN_IDS.sub("last", text), match["note"] or "")


def script_of(name: str) -> str:
    """A script that runs all blocks of a page in one shell and ends with the number that failed."""
    parts = [_SET_UP]
    for block in blocks(ROOT / name):
        parts += [
            "codes=''; exec 2>$errors >/dev/null",
            block.text,
            "exec >&3 2>&4",
            f'check {name}:{block.line} "{block.codes}"',
        ]
    return "\n".join([*parts, "exit $failures"])


@pytest.mark.parametrize("name", PAGES)
def test_every_command_block_of_a_page_runs(name: str, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "crossrun"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m crossrun "$@"\n')
    program.chmod(0o755)
    environ = clean_environ(tmp_path / "home")
    environ |= {
        "PATH": f"{program.parent}:{environ['PATH']}",
        "CROSSRUN_EXECUTOR": "replay",
        "CROSSRUN_PLANNER": "direct",
        "PAGER": "cat",
        "EDITOR": "true",
    }
    done = subprocess.run(
        ["bash", "-c", script_of(name)],
        stdin=subprocess.DEVNULL,
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, (
        f"\n{done.stdout}{done.stderr[-1000:]}\n"
        "Correct these blocks, or mark them: <!-- not run: REASON --> or <!-- exits with CODE -->"
    )


def test_every_mark_has_a_block_and_a_reason() -> None:
    wrong = []
    for document in DOCUMENTS:
        page = document.read_text()
        marks = len(re.findall(r"^<!-- (?:not run|exits with)", page, re.MULTILINE))
        used = sum(1 for match in _BLOCK.finditer(page) if match["mark"])
        if marks != used:
            wrong.append(name_of(document))
    assert wrong == []
