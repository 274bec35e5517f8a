"""The command blocks of the documents are run, page by page, as a reader would run them.

Each page has a home folder with a repository in `~/code/calc`. Its `sh` and `console` blocks are
run in order by bash, with crossrun on the PATH. The executor is `shell`, so a task is a command:
its first word is a small program that changes a file (`VERBS`). A block that cannot be run has a
reason in a comment before it: `<!-- not run: needs a Mac -->`. If commands in it fail on purpose,
their exit codes are there: `<!-- exits with 9 -->`.
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
PAGES = (
    "README.md",
    "docs/how-to/apply-changes.md",
    "docs/how-to/attempts.md",
    "docs/how-to/batches.md",
    "docs/how-to/compile-patterns.md",
    "docs/how-to/disk-space.md",
    "docs/how-to/doctor.md",
    "docs/how-to/experiments.md",
    "docs/how-to/import-history.md",
    "docs/how-to/insights.md",
    "docs/how-to/install.md",
    "docs/how-to/local-models.md",
    "docs/how-to/look-at-changes.md",
    "docs/how-to/notifications.md",
    "docs/how-to/own-files.md",
    "docs/how-to/own-task-types.md",
    "docs/how-to/pattern-memory.md",
    "docs/how-to/replay.md",
    "docs/how-to/reports.md",
    "docs/how-to/run-control.md",
    "docs/how-to/schedules.md",
    "docs/how-to/scripts.md",
    "docs/how-to/search.md",
    "docs/how-to/secrets.md",
    "docs/how-to/settings.md",
    "docs/how-to/shell.md",
    "docs/how-to/skills.md",
    "docs/how-to/templates.md",
    "docs/tutorial.md",
)
"""Pages of which every block is run. The others are only parsed, by `test_docs`."""
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>not run|exits with):? (?P<note>.+?) -->\n)?"
    r"^ *```(?P<language>sh|console)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
VERBS = ("Collect", "Compare", "Fix", "Plot", "Summarise", "Update", "Write")
"""The first words of the tasks in the pages; a task that starts a run has one of them."""
_AGENT = """\
#!/bin/sh
sed -i 's/a - b/a + b/' calc.py 2>/dev/null
echo "# $*" | tee -a calc.py
"""
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
mkdir -p ~/code && cd ~/code && git init -q -b main calc && cd calc
git config --global user.name reader && git config --global user.email reader@example.com
echo 'def add(a, b): return a - b' >calc.py
cat >test_calc.py <<END
import unittest, calc
class AddTest(unittest.TestCase):
    def test_it_adds(self): self.assertEqual(calc.add(2, 3), 5)
END
echo 'Update the documentation' >task.md && echo 'week,yield' >data.csv
mkdir -p .venv/bin && touch .venv/bin/activate
git add calc.py test_calc.py task.md && git commit -qm first
mkdir ~/data && echo region,yield | tee ~/data/{yields,march,april}.csv >/dev/null
crossrun run 'Write a comment' --quiet >/dev/null
"""
_PATTERN = "352b23"
"""The id of a pattern in the documents; on a page that names it, the reader has a pattern."""
_PATTERN_SET_UP = """\
cat >pattern.yaml <<END
pattern: 1
summary: Convert {file} to JSON
task: Convert sales.csv to JSON
task_type: code
steps:
- {instruction: Convert the table, command: 'python3 convert.py {file}'}
variables:
  file: {type: path, example: sales.csv}
END
pattern=$(crossrun patterns import pattern.yaml --yes --json | jq -r .id)
export EDITOR='sed -i s/Convert/Turn/'
"""
_RUN_IDS = re.compile(r"\b(?:k7f3|m2q9|m9d2|a81c)\b")
"""Ids of runs in the documents; the reader's is that of the newest run."""
_SECONDS = 600


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
            commands = _RUN_IDS.sub("last", text).replace(_PATTERN, "$pattern")
            yield Block(line, commands, match["note"] or "")


def script_of(name: str) -> str:
    """A script that runs all blocks of a page in one shell and ends with the number that failed."""
    names_pattern = _PATTERN in (ROOT / name).read_text()
    parts = [_SET_UP, _PATTERN_SET_UP if names_pattern else ""]
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
    crossrun = f'#!/bin/sh\nexec "{sys.executable}" -P -m crossrun "$@"\n'
    programs = tmp_path / "bin"
    programs.mkdir()
    for program, text in {"crossrun": crossrun, **dict.fromkeys(VERBS, _AGENT)}.items():
        (programs / program).write_text(text)
        (programs / program).chmod(0o755)
    (tmp_path / "reader").mkdir()
    environ = clean_environ(tmp_path / "home")
    environ |= {
        "HOME": str(tmp_path / "reader"),
        "PATH": f"{programs}:{environ['PATH']}",
        "CROSSRUN_EXECUTOR": "shell",
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


def test_every_page_with_commands_is_in_the_list() -> None:
    with_commands = {name_of(document) for document in DOCUMENTS if list(blocks(document))}
    assert with_commands - set(PAGES) - {"README.md"} == set()


def test_every_mark_has_a_block_and_a_reason() -> None:
    wrong = []
    for document in DOCUMENTS:
        page = document.read_text()
        marks = len(re.findall(r"^<!-- (?:not run|exits with)", page, re.MULTILINE))
        used = sum(1 for match in _BLOCK.finditer(page) if match["mark"])
        if marks != used:
            wrong.append(name_of(document))
    assert wrong == []
