"""A store with runs of every kind, for the screens, and its text made the same each time.

Ids, times, paths and versions are replaced by others of the same width, so that no column moves.
"""

import json
import re
import sqlite3
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from conftest import Crossrun, clean_environ
from session_files import codex_session, write_codex

from crossrun import __version__

HOME = "/home/ghopper"
"""What stands for a folder `/tmp/xxxxxxxx`."""
_CALC = """\
def total(prices):
    return sum(prices)


def mean(prices):
    return total(prices) / len(prices) + 1
"""
_TEST = """\
from calc import mean

assert mean([2, 4]) == 3, f"the mean of 2 and 4 is {mean([2, 4])}"
print("1 passed")
"""
_CRONTAB = """\
#!/bin/sh
touch "$HOME/.crontab"
if [ "$1" = -l ]; then cat "$HOME/.crontab"; else cat "$1" > "$HOME/.crontab"; fi
"""
_SHELL = ("run", "--executor", "shell")
_RUNS: tuple[tuple[str, ...], ...] = (
    ("quickstart",),
    (*_SHELL, "python3 test_calc.py", "--name", "failed"),
    (*_SHELL, "sed -i 's/ + 1//' calc.py && python3 test_calc.py && echo 'Fixed.' > NOTES.txt",
     "--name", "fixed", "--tag", "calc", "--verify", "python3 test_calc.py"),
    (*_SHELL, "sed -i 's/ + 1/ + 0/' calc.py", "--name", "unverified", "--verify",
     "grep -q 'return round' calc.py"),
    (*_SHELL, "echo Waiting for the server; sleep 60", "--name", "late", "--timeout", "1s"),
    ("run", "Why should programs be simple to read?", "--task-type", "research", "--offline",
     "--project-id", "thesis", "--name", "sources"),
    ("run", "Which columns does the survey have?", "--task-type", "data_analysis", "--offline",
     "--project-id", "survey", "--name", "columns"),
    ("batch", "rows.yaml", "--keep-going"),
    ("attempts", "sed -i 's/ + 1//' calc.py", "-n", "2", "--all", "--jobs", "1", "--executor",
     "shell", "--verify", "python3 test_calc.py"),
    ("experiment", "grep -q pytest AGENTS.md", "--executor", "shell", "--verify", "true", "-n", "1",
     "--variant", "plain:instructions=plain.md", "--variant", "tested:instructions=tested.md",
     "--seed", "7", "--name", "instructions"),
    ("note", "{fixed}", "The mean was one too high."),
    ("templates", "add", "fix-calc", "--from-run", "{fixed}"),
    ("schedule", "add", "0 7 * * 1-5", "--name", "nightly", "--", "run", "--template", "tests"),
    ("import", "codex", "--yes"),
)  # fmt: skip
_ROWS = """\
executor: shell
rows:
  - {name: build, task: "echo built > app.txt"}
  - {name: check, task: "cat app.txt", from: build}
  - {name: publish, task: "echo no server; exit 3", after: check}
  - {name: announce, task: "true", after: publish}
"""
_NOT_OF_A_USER = (
    "CROSSRUN_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "COLUMNS", "LINES",
    "FORCE_COLOR", "NO_COLOR", "LC_ALL", "LC_CTYPE", "PAGER", "VISUAL",
)  # fmt: skip
_FILES = {
    "calc.py": _CALC,
    "test_calc.py": _TEST,
    "rows.yaml": _ROWS,
    "plain.md": "Be brief.\n",
    "tested.md": "Run pytest.\n",
    ".gitignore": "__pycache__/\n*.yaml\n*.md\n",
}


def clean_folder(home: Path) -> Crossrun:
    """Crossrun for a user who has a small repository and nothing else.

    Its working folder is the repository.
    """
    cwd = home / "calc"
    cwd.mkdir(parents=True)
    for name, text in _FILES.items():
        (cwd / name).write_text(text)
    programs = home / "bin"
    programs.mkdir()
    (programs / "crontab").write_text(_CRONTAB)
    (programs / "crontab").chmod(0o755)
    environ = clean_environ(home)
    for name in _NOT_OF_A_USER:
        environ.pop(name, None)
    environ["PATH"] = f"{programs}:{environ['PATH']}"
    environ |= {"EDITOR": "vi", "GIT_CONFIG_GLOBAL": "/dev/null"}
    environ |= dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-01-02T03:04:05Z")
    identity = ["-c", "user.name=Grace", "-c", "user.email=grace@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "A calculator"]):
        subprocess.run(["git", *identity, *words], cwd=cwd, env=environ, check=True)
    return Crossrun(home / ".local/share/crossrun", cwd, environ)


def filled(home: Path) -> Crossrun:
    """Crossrun for a user who has used it for some days."""
    crossrun = clean_folder(home)
    write_codex(home / ".codex", codex_session(cwd=str(crossrun.cwd)))
    for words in _RUNS:
        names = names_of(crossrun)
        result = crossrun(*(word.format(**names) for word in words))
        assert result.code in (0, 1, 9, 124), (words, result.err)
    set_back(crossrun)
    return crossrun


def names_of(crossrun: Crossrun) -> dict[str, str]:
    """The ids of the runs by their names."""
    if not (crossrun.home / "crossrun.db").exists():
        return {}
    with sqlite3.connect(crossrun.home / "crossrun.db") as store:
        return dict(store.execute("SELECT name, id FROM runs WHERE name IS NOT NULL"))


def set_back(crossrun: Crossrun) -> None:
    """Lets the runs have begun some hours apart, and each event have taken a second."""
    now = datetime.now(UTC)
    with sqlite3.connect(crossrun.home / "crossrun.db") as store:
        runs = store.execute("SELECT id FROM runs ORDER BY created_at DESC, rowid DESC").fetchall()
        for number, (run_id,) in enumerate(runs):
            began = now - timedelta(hours=1 + 5 * number, minutes=30)
            _set_back(store, run_id, began)
        for table in ("artifacts", "projects", "patterns"):
            command = f"UPDATE {table} SET created_at = ?"  # noqa: S608  a name from above
            store.execute(command, (_stamp(now - timedelta(1)),))
        store.execute("UPDATE batches SET seconds = 8, ended_at = created_at")


def _set_back(store: sqlite3.Connection, run_id: str, began: datetime) -> None:
    last = began
    events = store.execute(
        "SELECT seq, body FROM events WHERE run_id = ? ORDER BY seq", (run_id,)
    ).fetchall()
    for seq, body in events:
        event = json.loads(body)
        if event.get("duration_s") is not None:
            event["duration_s"] = seq / 10
        last = began + timedelta(seconds=seq)
        store.execute(
            "UPDATE events SET at = ?, body = ? WHERE run_id = ? AND seq = ?",
            (_stamp(last), json.dumps(event), run_id, seq),
        )
    store.execute(
        "UPDATE runs SET created_at = ?, started_at = iif(started_at IS NULL, NULL, ?),"
        " ended_at = iif(ended_at IS NULL, NULL, ?), duration_s = ? WHERE id = ?",
        (_stamp(began), _stamp(began), _stamp(last), (last - began).seconds, run_id),
    )


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Steady(NamedTuple):
    """What makes a text the same each time: the folder and the ids that it may contain."""

    home: str
    ids: Mapping[str, str]

    @classmethod
    def of(cls, crossrun: Crossrun) -> "Steady":
        """With the ids that are in the store by now."""
        home = crossrun.environ["HOME"]
        if not (crossrun.home / "crossrun.db").exists():
            return cls(home, {})
        ids: dict[str, str] = {}
        with sqlite3.connect(crossrun.home / "crossrun.db") as store:
            for table in ("runs", "patterns", "batches", "artifacts", "applications"):
                order = "at" if table == "applications" else "created_at"
                query = f"SELECT id FROM {table} ORDER BY {order}, rowid"  # noqa: S608  also
                rows = store.execute(query)
                for number, (each,) in enumerate(rows, 1):
                    ids[each] = _id_like(table, number, len(each))
        return cls(home, ids)

    def __call__(self, text: str) -> str:
        """The text with its ids, times, paths and versions replaced."""
        text = text.replace(self.home, HOME)
        if self.ids:
            text = re.sub("|".join(self.ids), lambda match: self.ids[match[0]], text)
        text = text.replace(__version__, "0.0.0")
        text = re.sub(r"\b20\d\d-\d\d-\d\d\b", "2026-01-02", text)
        text = re.sub(r"(?<=2026-01-02[T ])\d\d:\d\d:\d\d", "03:04:05", text)
        text = re.sub(r" *\b\d+\.\ds\b", lambda match: "0.1s".rjust(len(match[0])), text)
        text = re.sub(r"after \d+\.\ds", "after 0:02", text)
        text = re.sub(r"\b0:\d\d\b", "0:02", text)
        text = re.sub(r"( v\d(?:\x1b\[0m)?) +-?\d\.\d\d(?=  )", r"\1   1.00", text)  # by embeddings
        return re.sub(r"(?<=  )[0-9a-f]{12}(?=  )", "0123456789ab", text)


def _id_like(table: str, number: int, length: int) -> str:
    """An id that says what it is: `r0000012`."""
    return table[0] + str(number).zfill(length - 1)
