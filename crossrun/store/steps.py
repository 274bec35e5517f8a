"""The store's schema: a list of steps in plain SQL that is only ever appended to."""

APPLICATION_ID = int.from_bytes(b"xrun")
"""Tells a store from every other SQLite database."""

PATTERN_INDEX = """
CREATE TABLE shelf (
    number INTEGER NOT NULL PRIMARY KEY,
    id VARCHAR NOT NULL UNIQUE,
    task_type VARCHAR NOT NULL,
    project_id VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    workflow VARCHAR NOT NULL
);
CREATE VIRTUAL TABLE shelf_words USING fts5(
    task, workflow, content='shelf', content_rowid='number', tokenize="ascii tokenchars '-'"
);
CREATE TABLE shelf_terms (
    number INTEGER NOT NULL PRIMARY KEY,
    term VARCHAR NOT NULL UNIQUE,
    anywhere INTEGER NOT NULL,
    in_task INTEGER NOT NULL,
    in_workflow INTEGER NOT NULL
);
CREATE TABLE shelf_pairs (
    word INTEGER NOT NULL,
    command INTEGER NOT NULL,
    together INTEGER NOT NULL,
    PRIMARY KEY (word, command)
) WITHOUT ROWID;
CREATE TABLE shelf_totals (
    entries INTEGER NOT NULL,
    words INTEGER NOT NULL
);
INSERT INTO shelf_totals (entries, words) VALUES (0, 0);
"""
"""The tables of the index in which patterns are searched; see `store.pattern_index`."""

SEARCH_INDEX = """
CREATE TABLE search_runs (
    number INTEGER NOT NULL PRIMARY KEY,
    run_id VARCHAR NOT NULL UNIQUE,
    seq INTEGER NOT NULL,
    complete BOOLEAN NOT NULL
);
CREATE VIRTUAL TABLE search_words USING fts5(
    task, message, command, output, content='', columnsize=0,
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co So'"
);
"""
"""The tables of the index in which runs are searched; see `store.search_index`."""

MIGRATIONS: tuple[tuple[str, str], ...] = (
    (
        "0001_runs_and_events",
        """
        CREATE TABLE runs (
            id VARCHAR NOT NULL PRIMARY KEY,
            project_id VARCHAR NOT NULL,
            name VARCHAR,
            task VARCHAR NOT NULL,
            task_type VARCHAR NOT NULL,
            tags VARCHAR NOT NULL,
            status VARCHAR NOT NULL,
            exit_code INTEGER,
            created_at VARCHAR NOT NULL,
            started_at VARCHAR,
            ended_at VARCHAR,
            workspace VARCHAR NOT NULL,
            executor VARCHAR NOT NULL,
            planner VARCHAR NOT NULL,
            model VARCHAR,
            planner_model VARCHAR,
            executor_version VARCHAR,
            crossrun_version VARCHAR NOT NULL,
            thread_id VARCHAR,
            from_run_id VARCHAR,
            reference_run_id VARCHAR,
            retry_of VARCHAR,
            resumed_from VARCHAR,
            tokens VARCHAR,
            answer VARCHAR,
            failure VARCHAR,
            branch VARCHAR,
            changes VARCHAR,
            verify VARCHAR,
            redactions INTEGER NOT NULL
        );
        CREATE INDEX ix_runs_created_at ON runs (created_at);
        CREATE INDEX ix_runs_project_id ON runs (project_id);
        CREATE INDEX ix_runs_status ON runs (status);
        CREATE TABLE events (
            run_id VARCHAR NOT NULL,
            seq INTEGER NOT NULL,
            at VARCHAR NOT NULL,
            type VARCHAR NOT NULL,
            body VARCHAR NOT NULL,
            PRIMARY KEY (run_id, seq)
        );
        CREATE TABLE artifacts (
            id VARCHAR NOT NULL PRIMARY KEY,
            run_id VARCHAR NOT NULL,
            kind VARCHAR NOT NULL,
            name VARCHAR NOT NULL,
            path VARCHAR NOT NULL,
            size INTEGER NOT NULL,
            sha256 VARCHAR NOT NULL,
            created_at VARCHAR NOT NULL
        );
        CREATE INDEX ix_artifacts_run_id ON artifacts (run_id);
        CREATE TABLE projects (
            id VARCHAR NOT NULL PRIMARY KEY,
            task_type VARCHAR,
            created_at VARCHAR NOT NULL
        );
        """,
    ),
    (
        "0002_patterns",
        """
        ALTER TABLE runs ADD COLUMN pattern VARCHAR;
        ALTER TABLE runs ADD COLUMN pattern_id VARCHAR;
        ALTER TABLE runs ADD COLUMN learned_pattern_id VARCHAR;
        ALTER TABLE runs ADD COLUMN turns INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE runs ADD COLUMN commands INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE runs ADD COLUMN failed_commands INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX ix_runs_pattern_id ON runs (pattern_id);
        CREATE TABLE patterns (
            id VARCHAR NOT NULL PRIMARY KEY,
            family_id VARCHAR NOT NULL,
            version INTEGER NOT NULL,
            state VARCHAR NOT NULL,
            reason VARCHAR NOT NULL,
            own BOOLEAN NOT NULL,
            kept_by_user BOOLEAN NOT NULL,
            project_id VARCHAR NOT NULL,
            task_type VARCHAR NOT NULL,
            task VARCHAR NOT NULL,
            created_at VARCHAR NOT NULL,
            updated_at VARCHAR NOT NULL,
            stats VARCHAR NOT NULL
        );
        CREATE INDEX ix_patterns_family_id ON patterns (family_id);
        CREATE TABLE pattern_versions (
            pattern_id VARCHAR NOT NULL,
            version INTEGER NOT NULL,
            hash VARCHAR NOT NULL,
            rules_hash VARCHAR NOT NULL,
            made_by VARCHAR NOT NULL,
            run_id VARCHAR,
            at VARCHAR NOT NULL,
            workflow VARCHAR NOT NULL,
            PRIMARY KEY (pattern_id, version)
        );
        CREATE TABLE pattern_runs (
            pattern_id VARCHAR NOT NULL,
            run_id VARCHAR NOT NULL,
            at VARCHAR NOT NULL,
            lesson VARCHAR NOT NULL,
            trace VARCHAR,
            caution VARCHAR,
            PRIMARY KEY (pattern_id, run_id)
        );
        """
        + PATTERN_INDEX,
    ),
    (
        "0003_costs",
        """
        ALTER TABLE runs ADD COLUMN cost FLOAT;
        """,
    ),
    (
        "0004_sources",
        """
        ALTER TABLE runs ADD COLUMN source VARCHAR;
        ALTER TABLE projects ADD COLUMN setup VARCHAR;
        CREATE TABLE applications (
            id VARCHAR NOT NULL PRIMARY KEY,
            run_id VARCHAR NOT NULL,
            at VARCHAR NOT NULL,
            path VARCHAR NOT NULL,
            branch VARCHAR,
            files INTEGER NOT NULL,
            before VARCHAR,
            after VARCHAR,
            finished_at VARCHAR,
            undone_at VARCHAR
        );
        CREATE INDEX ix_applications_run_id ON applications (run_id);
        """,
    ),
    (
        "0005_ignored_files",
        """
        ALTER TABLE runs ADD COLUMN ignored_files INTEGER;
        ALTER TABLE applications ADD COLUMN ignored_left INTEGER;
        """,
    ),
    (
        "0006_durations",
        """
        ALTER TABLE runs ADD COLUMN duration_s FLOAT;
        """,
    ),
    (
        "0007_compatibility",
        """
        CREATE TABLE compatibility (oldest INTEGER NOT NULL PRIMARY KEY);
        """,
    ),
    (
        "0008_undo_journal",
        """
        ALTER TABLE applications ADD COLUMN undo_before VARCHAR;
        ALTER TABLE applications ADD COLUMN undo_after VARCHAR;
        ALTER TABLE applications ADD COLUMN left_out VARCHAR;
        """,
    ),
    (
        "0009_commits",
        """
        ALTER TABLE runs ADD COLUMN commits VARCHAR;
        ALTER TABLE applications ADD COLUMN refs VARCHAR;
        """,
    ),
    ("0010_shared_states", ""),  # the tables stay; older programs would lose states, see OLDEST
    (
        "0011_pattern_contents",
        """
        CREATE TABLE pattern_contents (sha256 VARCHAR NOT NULL PRIMARY KEY, content BLOB NOT NULL);
        CREATE TABLE pattern_vectors (
            sha256 VARCHAR NOT NULL,
            encoder VARCHAR NOT NULL,
            vector BLOB NOT NULL,
            PRIMARY KEY (sha256, encoder)
        );
        CREATE TABLE pattern_placements (
            run_id VARCHAR NOT NULL PRIMARY KEY,
            pattern_id VARCHAR NOT NULL
        );
        CREATE TABLE pattern_heirs (
            pattern_id VARCHAR NOT NULL PRIMARY KEY,
            heir_id VARCHAR NOT NULL
        );
        CREATE TABLE pattern_texts (
            number INTEGER NOT NULL PRIMARY KEY,
            pattern_id VARCHAR NOT NULL,
            sha256 VARCHAR NOT NULL
        );
        CREATE INDEX ix_pattern_texts_pattern_id ON pattern_texts (pattern_id);
        CREATE INDEX ix_pattern_texts_sha256 ON pattern_texts (sha256);
        """,
    ),
    (
        "0012_batches",
        """
        ALTER TABLE runs ADD COLUMN proof VARCHAR;
        ALTER TABLE runs ADD COLUMN batch_id VARCHAR;
        ALTER TABLE runs ADD COLUMN batch_row INTEGER;
        ALTER TABLE runs ADD COLUMN batch_attempt INTEGER;
        CREATE UNIQUE INDEX ix_runs_batch ON runs (batch_id, batch_row, batch_attempt);
        CREATE TABLE batches (
            id VARCHAR NOT NULL PRIMARY KEY,
            kind VARCHAR NOT NULL,
            project_id VARCHAR NOT NULL,
            created_at VARCHAR NOT NULL,
            name VARCHAR,
            options VARCHAR NOT NULL,
            design VARCHAR NOT NULL,
            state VARCHAR,
            reason VARCHAR,
            seconds FLOAT NOT NULL,
            ended_at VARCHAR
        );
        CREATE TABLE batch_rows (
            batch_id VARCHAR NOT NULL,
            number INTEGER NOT NULL,
            name VARCHAR NOT NULL,
            request VARCHAR NOT NULL,
            after VARCHAR NOT NULL,
            from_row VARCHAR,
            labels VARCHAR NOT NULL,
            run_id VARCHAR,
            status VARCHAR,
            attempt INTEGER NOT NULL,
            is_cancelled BOOLEAN NOT NULL,
            failure VARCHAR,
            PRIMARY KEY (batch_id, number)
        );
        """,
    ),
    (
        "0013_notes",
        """
        ALTER TABLE runs ADD COLUMN template VARCHAR;
        ALTER TABLE runs ADD COLUMN imported_from VARCHAR;
        ALTER TABLE runs ADD COLUMN note VARCHAR;
        """,
    ),
    ("0014_search", SEARCH_INDEX),
    (
        "0015_parts",
        """
        ALTER TABLE applications ADD COLUMN part VARCHAR;
        """,
    ),
    (
        "0016_reviews",
        """
        CREATE TABLE pattern_reviews (
            run_id VARCHAR NOT NULL PRIMARY KEY,
            at VARCHAR NOT NULL,
            state VARCHAR NOT NULL,
            lesson VARCHAR NOT NULL,
            learned VARCHAR NOT NULL,
            decided_at VARCHAR
        );
        CREATE INDEX ix_pattern_reviews_state ON pattern_reviews (state);
        CREATE TABLE imported_files (
            program VARCHAR NOT NULL,
            path VARCHAR NOT NULL,
            size INTEGER NOT NULL,
            modified_ns INTEGER NOT NULL,
            PRIMARY KEY (program, path)
        );
        CREATE TABLE imported_runs (
            run_id VARCHAR NOT NULL PRIMARY KEY,
            session_id VARCHAR NOT NULL,
            size INTEGER NOT NULL
        );
        CREATE INDEX ix_imported_runs_session_id ON imported_runs (session_id);
        """,
    ),
    ("0017_applied", "ALTER TABLE runs ADD COLUMN applied VARCHAR;"),
    ("0018_notify", "ALTER TABLE projects ADD COLUMN notify VARCHAR;"),
)

LATEST = len(MIGRATIONS)
"""The version of a store that is up to date."""

OLDEST = 10
"""The oldest version whose programs can read and write a store that is up to date.

A migration that only adds tables, and columns that may be empty or have a default, leaves it as it
is. Any other one makes it its own number. Programs before 10 record states outside of the shared
object store, and may rely on objects in it that nothing protects from a collection.
"""
SAYS_OLDEST = 7
"""The first version of a store that says which programs can use it."""
