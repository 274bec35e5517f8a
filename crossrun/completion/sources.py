"""Candidates that depend on the store and on the user's files, read as cheaply as possible."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path

from crossrun.completion.offers import Offer
from crossrun.config.settings import Paths
from crossrun.views.unseen import clean

_MOST = 60
_LONGEST = 60
"""Characters of a description."""
_RUNS = """
SELECT id, status || '  ' || substr(coalesce(name, task), 1, 200) FROM runs
WHERE id >= :prefix AND id < :prefix || char(1114111)
    AND (:project IS NULL OR project_id = :project)
ORDER BY created_at DESC LIMIT :most"""
_PATTERNS = """
SELECT id, state || '  ' || substr(task, 1, 200) FROM patterns
WHERE id >= :prefix AND id < :prefix || char(1114111)
    AND (:project IS NULL OR project_id = :project)
ORDER BY updated_at DESC LIMIT :most"""
_PROJECTS = "SELECT DISTINCT project_id, '' FROM runs ORDER BY 1 LIMIT :most"
_BATCHES = """
SELECT id, kind || '  ' || substr(coalesce(name, ''), 1, 200) FROM batches
ORDER BY created_at DESC LIMIT :most"""
_ARTIFACTS = "SELECT id, substr(name, 1, 200) FROM artifacts ORDER BY rowid DESC LIMIT :most"
_QUERIES = {
    "@runs": _RUNS,
    "@patterns": _PATTERNS,
    "@projects": _PROJECTS,
    "@batches": _BATCHES,
    "@artifacts": _ARTIFACTS,
}


class Sources:
    """Where candidates come from.

    `prefix`: what they begin with. `given`: the options to the left, such as `--home`.
    """

    def __init__(self, prefix: str, given: Mapping[str, str]) -> None:
        self._prefix = prefix
        self._given = given

    def of(self, names: Iterable[str]) -> Iterator[Offer]:
        """The candidates of several sources, in turn."""
        for name in names:
            if name in _QUERIES:
                yield from self._stored(name)
            elif name == "@types":
                yield from self._named_files("tasktypes", "task_types")
            elif name == "@templates":
                yield from self._named_files("templates", "templates")
            elif name == "@topics":
                yield from _topics(self._prefix)

    @cached_property
    def _paths(self) -> Paths:
        from crossrun.config import sources

        home = self._given.get("--home")
        return sources.load(home=Path(home).expanduser() if home else None).paths

    def _stored(self, name: str) -> Iterator[Offer]:
        if name == "@runs" and "last".startswith(self._prefix):
            yield Offer("last", "the newest run")
        values = {
            "prefix": self._prefix,
            "project": self._given.get("--project-id"),
            "most": _MOST,
        }
        for word, description in _rows(self._paths.database, _QUERIES[name], values):
            yield Offer(clean(word), _short(description))

    def _named_files(self, shipped: str, own: str) -> Iterator[Offer]:
        """The names of YAML files: those of crossrun, of the user and of the project."""
        from crossrun.config import sources

        folders = [
            Path(sources.__file__).parent / shipped,
            self._paths.config / own,
            Path(".crossrun") / own,
        ]
        names = {file.stem for folder in folders for file in folder.glob("*.yaml")}
        yield from (Offer(clean(name)) for name in sorted(names))


def _rows(database: Path, query: str, values: Mapping[str, object]) -> Sequence[tuple[str, str]]:
    """The rows of a query; none if there is no store that can be read at once."""
    if not database.is_file():
        return []
    try:
        address = f"{database.as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=0.05)) as connection:
            return connection.execute(query, values).fetchall()
    except sqlite3.Error:
        return []


def _short(text: str) -> str:
    line = " ".join(clean(text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _topics(prefix: str) -> Iterator[Offer]:
    """The pages of the documentation, and with a capital letter the error codes."""
    pages = Path(__file__).parent.parent / "pages"
    pages = pages if pages.is_dir() else pages.parent.parent / "docs"
    folders = ("how-to", "explanation", "reference")
    yield Offer("tutorial")
    for folder in folders:
        yield from (Offer(file.stem) for file in sorted((pages / folder).glob("*.md")))
    if prefix[:1].isupper():
        lines = (pages / "reference" / "errors.md").read_text(encoding="utf-8").splitlines()
        yield from (Offer(line[4:]) for line in lines if line.startswith("### "))
