"""Counts over all runs, for `stats`."""

from typing import NamedTuple

from crossrun.store.access import ReadAccess

_FIGURES = (
    "input", "cached_input", "output", "cost", "unpriced", "with_pattern", "patterns_used",
)  # fmt: skip


class Totals(NamedTuple):
    """What runs did and used. `cost` is of those runs whose cost is known.

    `by_day` has a count by status for each day (in the user's own time zone) with runs.
    `unpriced` counts runs that used tokens whose cost is not known. `with_pattern` counts runs
    whose agent got a pattern, `patterns_used` those patterns; `patterns` all stored ones by state.
    """

    by_day: dict[str, dict[str, int]]
    input: int
    cached_input: int
    output: int
    cost: float | None
    unpriced: int
    with_pattern: int
    patterns_used: int
    patterns: dict[str, int]


def read_totals(access: ReadAccess, *, project_id: str | None, since: str | None) -> Totals:
    """Counts over the runs of a project, or all, that began at a time or later (UTC).

    Imported runs do not count: crossrun did not carry them out.
    """
    conditions = {"project_id = ?": project_id, "created_at >= ?": since}
    where = " AND ".join(
        ["imported_from IS NULL", *(text for text, value in conditions.items() if value)]
    )
    values = [value for value in conditions.values() if value]
    by_day: dict[str, dict[str, int]] = {}
    for day, status, count in access.rows(
        "SELECT date(created_at, 'localtime') AS day, status, count(*) FROM runs"  # noqa: S608
        f" WHERE {where} GROUP BY day, status ORDER BY day, status",
        values,
    ):
        by_day.setdefault(day, {})[status] = count
    used = access.rows(
        "SELECT coalesce(sum(json_extract(tokens, '$.input')), 0) AS input,"  # noqa: S608
        " coalesce(sum(json_extract(tokens, '$.cached_input')), 0) AS cached_input,"
        " coalesce(sum(json_extract(tokens, '$.output')), 0) AS output,"
        " sum(cost) AS cost,"
        " coalesce(sum(tokens IS NOT NULL AND cost IS NULL), 0) AS unpriced,"
        " coalesce(sum(json_extract(pattern, '$.decision') IN ('injected', 'forced')), 0)"
        " AS with_pattern,"
        " count(DISTINCT CASE WHEN json_extract(pattern, '$.decision') IN ('injected', 'forced')"
        f" THEN pattern_id END) AS patterns_used FROM runs WHERE {where}",
        values,
    )
    states = access.rows(
        "SELECT state, count(*) FROM patterns WHERE ? IS NULL OR project_id = ?"
        " GROUP BY state ORDER BY state",
        [project_id, project_id],
    )
    figures = dict(used[0]) if used else dict.fromkeys(_FIGURES, 0) | {"cost": None}
    return Totals(by_day=by_day, patterns=dict(map(tuple, states)), **figures)
