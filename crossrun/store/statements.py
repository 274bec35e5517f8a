"""The tables that runs write to, as plain SQL needs them; a test compares them with `store.tables`.

Runs do without SQLModel, whose import alone takes longer than everything that they store.
"""

from typing import NamedTuple

from crossrun.model.batches import Batch, BatchRow
from crossrun.model.runs import Application, Artifact, Run
from crossrun.model.workflows import Version


class Table(NamedTuple):
    """A table with its columns and the columns of its primary key.

    `kept` are columns that belong to the user as soon as there is a row: an upsert leaves them.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    kept: tuple[str, ...] = ()

    @property
    def insert(self) -> str:
        """The statement that adds a row, given as a mapping of its columns."""
        names = ", ".join(self.columns)
        values = ", ".join(f":{column}" for column in self.columns)
        return f"INSERT INTO {self.name} ({names}) VALUES ({values})"  # noqa: S608  our own names

    @property
    def insert_missing(self) -> str:
        """The statement that adds a row unless there is one with the same key."""
        return f"{self.insert} ON CONFLICT ({', '.join(self.key)}) DO NOTHING"

    @property
    def upsert(self) -> str:
        """The statement that adds a row, or replaces the one with the same key."""
        others = [column for column in self.columns if column not in (*self.key, *self.kept)]
        values = ", ".join(f"{column} = excluded.{column}" for column in others)
        return f"{self.insert} ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {values}"


RUNS = Table("runs", ("id",), (*Run.__struct_fields__, "pattern_id"), kept=("name", "tags", "note"))
EVENTS = Table("events", ("run_id", "seq"), ("run_id", "seq", "at", "type", "body"))
ARTIFACTS = Table("artifacts", ("id",), Artifact.__struct_fields__)
APPLICATIONS = Table("applications", ("id",), Application.__struct_fields__)
PROJECTS = Table("projects", ("id",), ("id", "task_type", "created_at", "setup", "notify"))
PATTERNS = Table(
    "patterns",
    ("id",),
    (
        "id",
        "family_id",
        "version",
        "state",
        "reason",
        "own",
        "kept_by_user",
        "project_id",
        "task_type",
        "task",
        "created_at",
        "updated_at",
        "stats",
    ),
)
PATTERN_VERSIONS = Table("pattern_versions", ("pattern_id", "version"), Version.__struct_fields__)
PATTERN_RUNS = Table(
    "pattern_runs",
    ("pattern_id", "run_id"),
    ("pattern_id", "run_id", "at", "lesson", "trace", "caution"),
)
PATTERN_CONTENTS = Table("pattern_contents", ("sha256",), ("sha256", "content"))
PATTERN_VECTORS = Table("pattern_vectors", ("sha256", "encoder"), ("sha256", "encoder", "vector"))
PATTERN_PLACEMENTS = Table("pattern_placements", ("run_id",), ("run_id", "pattern_id"))
PATTERN_HEIRS = Table("pattern_heirs", ("pattern_id",), ("pattern_id", "heir_id"))
PATTERN_TEXTS = Table("pattern_texts", ("number",), ("number", "pattern_id", "sha256"))
PATTERN_REVIEWS = Table(
    "pattern_reviews", ("run_id",), ("run_id", "at", "state", "lesson", "learned", "decided_at")
)
IMPORTED_FILES = Table(
    "imported_files", ("program", "path"), ("program", "path", "size", "modified_ns")
)
IMPORTED_RUNS = Table("imported_runs", ("run_id",), ("run_id", "session_id", "size"))
BATCHES = Table(
    "batches", ("id",), tuple(name for name in Batch.__struct_fields__ if name != "rows")
)
SEARCH_RUNS = Table("search_runs", ("number",), ("number", "run_id", "seq", "complete"))
BATCH_ROWS = Table("batch_rows", ("batch_id", "number"), ("batch_id", *BatchRow.__struct_fields__))
TABLES = (
    RUNS,
    EVENTS,
    ARTIFACTS,
    APPLICATIONS,
    PROJECTS,
    PATTERNS,
    PATTERN_VERSIONS,
    PATTERN_RUNS,
    PATTERN_CONTENTS,
    PATTERN_VECTORS,
    PATTERN_PLACEMENTS,
    PATTERN_HEIRS,
    PATTERN_TEXTS,
    PATTERN_REVIEWS,
    IMPORTED_FILES,
    IMPORTED_RUNS,
    BATCHES,
    BATCH_ROWS,
    SEARCH_RUNS,
)
