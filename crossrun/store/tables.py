"""The store's tables as SQLModel defines them.

Importing this module takes a third of a second, so no run may do so. What runs write goes through
the statements of `store.statements`, which a test compares with these definitions.
"""

from typing import ClassVar

from sqlmodel import Field, Index, SQLModel


class RunRow(SQLModel, table=True):
    """A run; a projection of its events. What is nested is JSON text, see `store.rows`."""

    __tablename__: ClassVar[str] = "runs"
    __table_args__ = (
        Index("ix_runs_batch", "batch_id", "batch_row", "batch_attempt", unique=True),
    )

    id: str = Field(primary_key=True)
    project_id: str = Field(index=True)
    name: str | None
    task: str
    task_type: str
    tags: str
    status: str = Field(index=True)
    exit_code: int | None
    created_at: str = Field(index=True)
    started_at: str | None
    ended_at: str | None
    workspace: str
    executor: str
    planner: str
    model: str | None
    planner_model: str | None
    executor_version: str | None
    crossrun_version: str
    thread_id: str | None
    from_run_id: str | None
    reference_run_id: str | None
    retry_of: str | None
    resumed_from: str | None
    tokens: str | None
    answer: str | None
    failure: str | None
    branch: str | None
    changes: str | None
    verify: str | None
    redactions: int
    pattern: str | None
    pattern_id: str | None = Field(index=True)
    learned_pattern_id: str | None
    turns: int
    commands: int
    failed_commands: int
    cost: float | None
    source: str | None
    ignored_files: int | None
    duration_s: float | None
    commits: str | None
    proof: str | None
    batch_id: str | None
    batch_row: int | None
    batch_attempt: int | None
    template: str | None
    imported_from: str | None
    note: str | None
    applied: str | None


class EventRow(SQLModel, table=True):
    """An event, never edited. `body` is its JSON text, its type included."""

    __tablename__: ClassVar[str] = "events"

    run_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    at: str
    type: str
    body: str


class ArtifactRow(SQLModel, table=True):
    """An artifact; a projection of its event."""

    __tablename__: ClassVar[str] = "artifacts"

    id: str = Field(primary_key=True)
    run_id: str = Field(index=True)
    kind: str
    name: str
    path: str
    size: int
    sha256: str
    created_at: str


class ApplicationRow(SQLModel, table=True):
    """An application of a run's changes to the user's files.

    `left_out` and `refs` are JSON text; NULL where they are empty.
    """

    __tablename__: ClassVar[str] = "applications"

    id: str = Field(primary_key=True)
    run_id: str = Field(index=True)
    at: str
    path: str
    branch: str | None
    files: int
    before: str | None
    after: str | None
    finished_at: str | None
    undone_at: str | None
    ignored_left: int | None
    undo_before: str | None
    undo_after: str | None
    left_out: str | None
    refs: str | None
    part: str | None


class ProjectRow(SQLModel, table=True):
    """A project with the defaults that the user set. It begins with its first run."""

    __tablename__: ClassVar[str] = "projects"

    id: str = Field(primary_key=True)
    task_type: str | None = None
    created_at: str
    setup: str | None = None
    notify: str | None = None


class CompatibilityRow(SQLModel, table=True):
    """The oldest version of crossrun that can use the store; one row, see `store.versions`."""

    __tablename__: ClassVar[str] = "compatibility"

    oldest: int = Field(primary_key=True)


class PatternRow(SQLModel, table=True):
    """A pattern; a projection of what runs learned and judged, and of the user's changes."""

    __tablename__: ClassVar[str] = "patterns"

    id: str = Field(primary_key=True)
    family_id: str = Field(index=True)
    version: int
    state: str
    reason: str
    own: bool
    kept_by_user: bool
    project_id: str
    task_type: str
    task: str
    created_at: str
    updated_at: str
    stats: str


class VersionRow(SQLModel, table=True):
    """One version of a pattern, never edited. `workflow` is JSON text."""

    __tablename__: ClassVar[str] = "pattern_versions"

    pattern_id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    hash: str
    rules_hash: str
    made_by: str
    run_id: str | None
    at: str
    workflow: str


class SourceRow(SQLModel, table=True):
    """What one run adds to a pattern: its trace if it succeeded, a caution if it failed."""

    __tablename__: ClassVar[str] = "pattern_runs"

    pattern_id: str = Field(primary_key=True)
    run_id: str = Field(primary_key=True)
    at: str
    lesson: str
    trace: str | None
    caution: str | None


class ContentRow(SQLModel, table=True):
    """The content of a file that comes with patterns, by its hash."""

    __tablename__: ClassVar[str] = "pattern_contents"

    sha256: str = Field(primary_key=True)
    content: bytes


class VectorRow(SQLModel, table=True):
    """The vector of a text by one encoder; `sha256` is the hash of the text."""

    __tablename__: ClassVar[str] = "pattern_vectors"

    sha256: str = Field(primary_key=True)
    encoder: str = Field(primary_key=True)
    vector: bytes


class PlacementRow(SQLModel, table=True):
    """The pattern that a run belongs to because the user said so."""

    __tablename__: ClassVar[str] = "pattern_placements"

    run_id: str = Field(primary_key=True)
    pattern_id: str


class HeirRow(SQLModel, table=True):
    """The pattern that another one became a part of: what was decided on it counts for the heir."""

    __tablename__: ClassVar[str] = "pattern_heirs"

    pattern_id: str = Field(primary_key=True)
    heir_id: str


class PatternTextRow(SQLModel, table=True):
    """A text by which a pattern is searched; one without a pattern only keeps a number."""

    __tablename__: ClassVar[str] = "pattern_texts"

    number: int = Field(primary_key=True)
    pattern_id: str = Field(index=True)
    sha256: str = Field(index=True)


class ReviewRow(SQLModel, table=True):
    """What a run taught, for the user to look at. `learned` is the event, as JSON text.

    `state`: `waiting`, `accepted` or `dropped`.
    """

    __tablename__: ClassVar[str] = "pattern_reviews"

    run_id: str = Field(primary_key=True)
    at: str
    state: str = Field(index=True)
    lesson: str
    learned: str
    decided_at: str | None


class ImportedFileRow(SQLModel, table=True):
    """A session's file as it was when it was imported last."""

    __tablename__: ClassVar[str] = "imported_files"

    program: str = Field(primary_key=True)
    path: str = Field(primary_key=True)
    size: int
    modified_ns: int


class ImportedRunRow(SQLModel, table=True):
    """A run that was made from a session, also if the user has removed it since.

    `size` is that of the file: a longer one knows the session better.
    """

    __tablename__: ClassVar[str] = "imported_runs"

    run_id: str = Field(primary_key=True)
    session_id: str = Field(index=True)
    size: int


class BatchTableRow(SQLModel, table=True):
    """A batch; `options` and `design` are JSON text. `state` is NULL until it has ended."""

    __tablename__: ClassVar[str] = "batches"

    id: str = Field(primary_key=True)
    kind: str
    project_id: str
    created_at: str
    name: str | None
    options: str
    design: str
    state: str | None
    reason: str | None
    seconds: float
    ended_at: str | None


class PlannedRunRow(SQLModel, table=True):
    """One planned run of a batch. `request`, `after`, `labels` and `failure` are JSON text.

    `run_id`, `status` and `attempt` keep what became of it after its runs are forgotten. With a
    `failure`, a run after that attempt could not be recorded.
    """

    __tablename__: ClassVar[str] = "batch_rows"

    batch_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    name: str
    request: str
    after: str
    from_row: str | None
    labels: str
    run_id: str | None
    status: str | None
    attempt: int
    is_cancelled: bool
    failure: str | None


class SearchRunRow(SQLModel, table=True):
    """How far a run is in the index of words: up to the event `seq`.

    `complete`: the run has ended, and all of it is in the index.
    """

    __tablename__: ClassVar[str] = "search_runs"

    number: int = Field(primary_key=True)
    run_id: str = Field(unique=True)
    seq: int
    complete: bool
