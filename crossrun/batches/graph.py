"""The order of the rows of a batch, checked before anything starts."""

from collections import Counter
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from crossrun.batches.rows import RowPlan
from crossrun.errors import UsageError
from crossrun.suggestions import did_you_mean


def require_order(rows: Sequence[RowPlan]) -> None:
    """Refuses rows that have one name, that need a row that is not there, or wait in a circle.

    Raises:
        UsageError: they do; the message names the rows.
    """
    _require_names(rows)
    _require_needed_rows(rows)
    try:
        TopologicalSorter({row.name: _needs(row) for row in rows}).prepare()
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise UsageError(
            "ROW_ORDER_INVALID",
            f"these rows wait for each other: {circle}",
            hint="remove `after` or `from` from one of them",
        ) from error


def _needs(row: RowPlan) -> tuple[str, ...]:
    return row.after if row.from_row is None else (*row.after, row.from_row)


def _require_names(rows: Sequence[RowPlan]) -> None:
    for row in rows:
        if not row.name.strip():
            raise UsageError("ROW_INVALID", f"{row.place}: the name is empty", hint="leave it out")
    name, times = Counter(row.name for row in rows).most_common(1)[0]
    if times > 1:
        places = ", ".join(row.place for row in rows if row.name == name)
        raise UsageError(
            "ROW_ORDER_INVALID",
            f"{times} rows have the name {name!r}: {places}",
            hint="give each a different name; without one, the name is the number of the row",
        )


def _require_needed_rows(rows: Sequence[RowPlan]) -> None:
    names = {row.name for row in rows}
    for row in rows:
        for needed in _needs(row):
            if needed not in names:
                suggestion = did_you_mean(needed, names, shown=repr)
                raise UsageError(
                    "ROW_ORDER_INVALID",
                    f"{row.place}: {row.name!r} needs {needed!r}, but there is no such row"
                    f"{suggestion}",
                    hint="`after` and `from` must name other rows",
                )
