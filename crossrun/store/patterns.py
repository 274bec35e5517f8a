"""Reading patterns: as they stand, their versions, what runs added to them, and candidates."""

import json
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from crossrun.errors import NotFoundError
from crossrun.model.queries import PatternFilter, PatternLine
from crossrun.store.access import ReadAccess, fitting

if TYPE_CHECKING:
    from crossrun.model.workflows import Pattern, Preconditions, Stats, Trace, Version
    from crossrun.patterns.retrieval.ranking import CandidateSet
    from crossrun.store.pattern_regrouping import StoredLesson
    from crossrun.store.pattern_vectors import EncodedTask

_WITH_WORKFLOW = (
    "SELECT p.*, v.hash, v.workflow,"
    " (SELECT json_group_array(run_id) FROM (SELECT run_id FROM pattern_runs"
    "  WHERE pattern_id = p.id AND lesson = 'workflow' ORDER BY at, run_id)) AS sources"
    " FROM patterns p JOIN pattern_versions v ON v.pattern_id = p.id AND v.version = p.version"
)


_LINE = (
    "SELECT p.id, p.version, p.state, p.own, p.project_id, p.task_type,"
    " json_extract(v.workflow, '$.summary'), json_array_length(v.workflow, '$.steps'),"
    " (SELECT count(*) FROM json_each(v.workflow, '$.variables')),"
    " (SELECT count(*) FROM runs r WHERE r.pattern_id IN"
    "  (SELECT p.id UNION SELECT h.pattern_id FROM pattern_heirs h WHERE h.heir_id = p.id)"
    "  AND json_extract(r.pattern, '$.decision') IN ('injected', 'forced')),"
    " json_extract(p.stats, '$.lift'),"
    " json_extract(p.stats, '$.lift_interval[0]'), json_extract(p.stats, '$.lift_interval[1]')"
    " FROM patterns p JOIN pattern_versions v ON v.pattern_id = p.id AND v.version = p.version"
)


class Eligibility(NamedTuple):
    """What decides whether a candidate may be chosen, and how often it is withheld."""

    version: int
    hash: str
    family_id: str
    project_id: str
    state: str
    own: bool
    preconditions: "Preconditions"
    kept_by_user: bool
    stats: "Stats"
    updated_at: str


class PatternReader:
    """Reads the patterns of a store."""

    def __init__(self, access: ReadAccess) -> None:
        self._access = access
        self._rows = access.rows

    def pattern(self, reference: str | None = None) -> "Pattern":
        """The pattern with an id, or with an id that begins like this; by default the last changed.

        Raises:
            NotFoundError: no pattern matches, or more than one.
        """
        if reference is None:
            patterns = self._patterns("ORDER BY p.updated_at DESC, p.rowid DESC LIMIT 1", [])
            if not patterns:
                raise NotFoundError(
                    "NO_PATTERNS",
                    "no pattern is stored yet",
                    hint="they are learned from runs that succeed; see how: crossrun quickstart",
                )
            return patterns[0]
        if not reference:
            raise self._not_found(reference, [])
        exact = self._patterns("WHERE p.id = ?", [reference])
        matches = exact or self._patterns(
            "WHERE p.id >= ? AND p.id < ? || char(0x10ffff) LIMIT 6", [reference, reference]
        )
        if len(matches) == 1:
            return matches[0]
        raise self._not_found(reference, [pattern.id for pattern in matches])

    def exactly(self, pattern_id: str, version: int | None = None) -> "Pattern":
        """The pattern of an id, as it is, or as it was in a version.

        Raises:
            NotFoundError: there is none.
        """
        pattern = self.find(pattern_id)
        if pattern is None:
            raise self._not_found(pattern_id, [])
        return pattern if version is None else self._in_version(pattern, version)

    def named(self, reference: str) -> "tuple[Pattern, int | None]":
        """The pattern of a reference `PAT` or `PAT@VERSION`, and the version if it is given.

        Raises:
            NotFoundError: no pattern matches, or more than one; or it has no such version.
        """
        name, _, number = reference.rpartition("@")
        if not name or not number.isdecimal():
            return self.pattern(reference), None
        version = int(number)
        return self._in_version(self.pattern(name), version), version

    def find(self, pattern_id: str) -> "Pattern | None":
        """The pattern of an id, or None if there is none."""
        return next(iter(self._patterns("WHERE p.id = ?", [pattern_id])), None)

    def are_none(self) -> bool:
        """Whether nothing is stored yet: then there is nothing to choose from."""
        return not self._rows("SELECT 1 FROM patterns LIMIT 1")

    def patterns(self, wanted: PatternFilter) -> "list[Pattern]":
        """Whole patterns, those that changed last first."""
        return self._patterns(*_chosen(wanted))

    def lines(self, wanted: PatternFilter) -> list[PatternLine]:
        """What a list needs of patterns."""
        clause, values = _chosen(wanted)
        return self._access.made(_line, f"{_LINE} {clause}", values)

    def versions(self, pattern_id: str) -> "list[Version]":
        """All versions of a pattern, the first one first."""
        from crossrun.store.rows import version_of

        sql = "SELECT * FROM pattern_versions WHERE pattern_id = ? ORDER BY version"
        return self._access.made(version_of, sql, [pattern_id])

    def traces(self, pattern_id: str, *, newest: int) -> "list[Trace]":
        """What so many successful runs added to a pattern, the oldest of them first."""
        import msgspec

        from crossrun.model.workflows import Trace

        rows = self._rows(
            "SELECT trace FROM pattern_runs WHERE pattern_id = ? AND trace IS NOT NULL"
            " ORDER BY at DESC, run_id DESC LIMIT ?",
            [pattern_id, newest],
        )
        with self._access.making_sense(repr(pattern_id)):
            return [msgspec.json.decode(row["trace"], type=Trace) for row in reversed(rows)]

    def cautions(self, pattern_id: str) -> list[str]:
        """What failed runs added to a pattern lately, the newest last."""
        rows = self._rows(
            "SELECT caution FROM pattern_runs WHERE pattern_id = ? AND caution IS NOT NULL"
            " ORDER BY at DESC, run_id DESC LIMIT 10",
            [pattern_id],
        )
        return [str(row["caution"]) for row in reversed(rows)]

    def lessons(self) -> "list[StoredLesson]":
        """All that runs added to patterns, in the order of the runs."""
        from crossrun.store.pattern_regrouping import lessons_of

        with self._access.connection() as connection:
            return [] if connection is None else lessons_of(connection)

    def placements(self) -> dict[str, str]:
        """The runs that the user put somewhere: the pattern by the run."""
        return {
            row["run_id"]: row["pattern_id"]
            for row in self._rows("SELECT run_id, pattern_id FROM pattern_placements")
        }

    def heir(self, pattern_id: str) -> str | None:
        """The pattern that one became a part of."""
        rows = self._rows("SELECT heir_id FROM pattern_heirs WHERE pattern_id = ?", [pattern_id])
        return rows[0]["heir_id"] if rows else None

    def learned_from(self, run_id: str) -> str | None:
        """The id of the pattern that a successful run taught."""
        rows = self._rows(
            "SELECT pattern_id FROM pattern_runs WHERE run_id = ? AND lesson = 'workflow'", [run_id]
        )
        return rows[0]["pattern_id"] if rows else None

    def candidates(
        self,
        task: str,
        *,
        task_type: str | None,
        project_id: str | None,
        encoded: "EncodedTask | None" = None,
    ) -> "CandidateSet":
        """What there is to choose from for a task.

        Args:
            task: what the user asks for.
            task_type: of the candidates that come first.
            project_id: bounds where they come from.
            encoded: the task as an encoder sees it, if one is there.
        """
        from crossrun.patterns.retrieval.ranking import CandidateSet
        from crossrun.store import pattern_index

        with self._access.connection() as connection:
            if connection is None:
                return CandidateSet((), (), 0, 0, {}, {})
            connection.row_factory = None
            with self._access.making_sense("the words of patterns"):
                near = _nearest(connection, encoded, project_id=project_id)
                candidates = pattern_index.candidates(
                    connection, task, task_type=task_type, project_id=project_id, also=near
                )
                return candidates._replace(semantic=_semantic(connection, encoded, candidates))

    def lacking_vectors(self, encoder: str, *, limit: int) -> dict[str, list[str]]:
        """The texts of patterns that lack vectors of an encoder, by pattern."""
        from crossrun.store.pattern_encoding import lacking

        with self._access.connection() as connection:
            if connection is None:
                return {}
            with self._access.making_sense("the texts of patterns"):
                return lacking(connection, encoder, limit=limit)

    def eligibility(self, ids: Iterable[str]) -> dict[str, Eligibility]:
        """What decides whether patterns may be chosen, by id."""
        rows = self._rows(
            "SELECT p.id, p.version, v.hash, p.family_id, p.project_id, p.state, p.own,"
            " p.kept_by_user, p.updated_at, p.stats,"
            " json_extract(v.workflow, '$.preconditions') AS preconditions"
            " FROM json_each(?) CROSS JOIN patterns p ON p.id = value"
            " JOIN pattern_versions v ON v.pattern_id = p.id AND v.version = p.version",
            [json.dumps(list(ids))],
        )
        pairs = ((row["id"], _eligibility(row)) for row in rows)
        return {pattern_id: value for pattern_id, value in pairs if value is not None}

    def memory(self) -> "dict[str, Any] | None":
        """What all patterns together were worth when the newest run was judged, as plain JSON."""
        rows = self._rows(
            "SELECT json_extract(body, '$.memory') FROM runs JOIN events ON run_id = id"
            " WHERE pattern_id IS NOT NULL AND type = 'pattern_judged'"
            " ORDER BY runs.rowid DESC LIMIT 1"
        )
        with self._access.making_sense("the worth of memory"):
            memory = json.loads(rows[0][0] or "null") if rows else None
            return dict(memory) if memory else None

    def successes(self, ids: Iterable[str]) -> dict[str, int]:
        """How often each pattern worked: runs that taught it, verified ones twice, and its uses."""
        rows = self._rows(
            "SELECT value AS id,"
            " (SELECT total(1 + coalesce(json_extract(trace, '$.verified'), 0)) FROM pattern_runs"
            "  WHERE pattern_id = value AND trace IS NOT NULL)"
            " + (SELECT count(*) FROM runs WHERE status = 'succeeded' AND pattern_id IN"
            "  (SELECT value UNION SELECT h.pattern_id FROM pattern_heirs h"
            "   WHERE h.heir_id = value)"
            "  AND json_extract(pattern, '$.decision') IN ('injected', 'forced')) AS successes"
            " FROM json_each(?)",
            [json.dumps(list(ids))],
        )
        return {row["id"]: int(row["successes"]) for row in rows}

    def contents(self, hashes: Iterable[str]) -> dict[str, bytes]:
        """The contents of patterns' files, by hash; those that are not stored are missing."""
        rows = self._rows(
            "SELECT sha256, content FROM pattern_contents"
            " WHERE sha256 IN (SELECT value FROM json_each(?))",
            [json.dumps(list(hashes))],
        )
        return {row["sha256"]: bytes(row["content"]) for row in rows}

    def family_of_skill(self, name: str) -> str | None:
        """The family of the imported skills with this name."""
        rows = self._rows(
            "SELECT p.family_id FROM patterns p"
            " JOIN pattern_versions v ON v.pattern_id = p.id AND v.version = p.version"
            " WHERE NOT p.own AND json_extract(v.workflow, '$.name') = ?"
            " ORDER BY p.created_at, p.id LIMIT 1",
            [name],
        )
        return rows[0]["family_id"] if rows else None

    def _in_version(self, pattern: "Pattern", version: int) -> "Pattern":
        from msgspec.structs import replace

        stored = next((v for v in self.versions(pattern.id) if v.version == version), None)
        if stored is None:
            raise no_such_version(pattern, version)
        return replace(pattern, version=version, hash=stored.hash, workflow=stored.workflow)

    def _patterns(self, clause: str, values: "list[str | int]") -> "list[Pattern]":
        from crossrun.store.rows import pattern_of

        return self._access.made(pattern_of, f"{_WITH_WORKFLOW} {clause}", values)

    def _not_found(self, reference: str, matching: list[str]) -> NotFoundError:
        if matching:
            return NotFoundError(
                "PATTERN_AMBIGUOUS",
                f"{reference!r} fits more than one pattern: {', '.join(matching)}",
                hint="give more characters of the id",
            )
        from crossrun.suggestions import ids_like

        rows = self._rows("SELECT id FROM patterns ORDER BY updated_at DESC LIMIT 1000")
        ids = [str(row["id"]) for row in rows]
        similar = ids_like(reference, ids)
        return NotFoundError(
            "PATTERN_NOT_FOUND",
            f"there is no pattern {reference!r}",
            hint=f"{similar}list them: crossrun patterns",
        )


def no_such_version(pattern: "Pattern", version: int) -> NotFoundError:
    """The error for a version that a pattern does not have."""
    return NotFoundError(
        "VERSION_NOT_FOUND",
        f"the pattern {pattern.id} has no version {version}",
        hint=f"it has 1 to {pattern.version}",
    )


def _nearest(
    connection: sqlite3.Connection, encoded: "EncodedTask | None", *, project_id: str | None
) -> list[str]:
    from crossrun.store import pattern_vectors

    if encoded is None:
        return []
    return pattern_vectors.nearest(connection, encoded, project_id=project_id)


def _semantic(
    connection: sqlite3.Connection, encoded: "EncodedTask | None", candidates: "CandidateSet"
) -> dict[str, float]:
    from crossrun.store import pattern_vectors

    if encoded is None:
        return {}
    ids = [candidate.id for candidate in candidates.candidates]
    return pattern_vectors.similarities(connection, encoded, ids)


def _chosen(wanted: PatternFilter) -> "tuple[str, list[str | int]]":
    pairs = [
        ("p.project_id = ?", wanted.project_id),
        ("p.task_type = ?", wanted.task_type),
        ("p.state = ?", wanted.state),
        (
            "p.id IN (SELECT value FROM json_each(?))",
            None if wanted.ids is None else json.dumps(wanted.ids),
        ),
    ]
    conditions = [condition for condition, value in pairs if value is not None]
    values: list[str | int] = [value for _, value in pairs if value is not None]
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    return f"{where}ORDER BY p.updated_at DESC, p.rowid DESC LIMIT ?", [*values, wanted.limit]


def _line(row: sqlite3.Row) -> PatternLine:
    return fitting(PatternLine(*row)._replace(own=bool(row["own"])))


def _eligibility(row: sqlite3.Row) -> Eligibility | None:
    """None for a row that makes no sense: its pattern is not chosen."""
    import msgspec

    from crossrun.model.workflows import Preconditions, Stats

    try:
        stats = msgspec.json.decode(row["stats"], type=Stats)
        preconditions = msgspec.json.decode(row["preconditions"] or "{}", type=Preconditions)
    except (ValueError, TypeError):
        return None
    return Eligibility(
        version=row["version"],
        hash=row["hash"],
        family_id=row["family_id"],
        project_id=row["project_id"],
        state=row["state"],
        own=bool(row["own"]),
        preconditions=preconditions,
        kept_by_user=bool(row["kept_by_user"]),
        stats=stats,
        updated_at=row["updated_at"],
    )
