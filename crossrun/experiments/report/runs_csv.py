"""The runs of an experiment as CSV, one a line."""

import csv
import io

from crossrun.experiments.results import Results

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for a formula begins with one of them."""
_FIGURES = ("run_id", "status", "succeeded", "tokens", "cost", "seconds", "failed_commands")


def runs_csv(results: Results) -> str:
    """All planned runs in their order; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "variant", "repetition", *_FIGURES])
    for outcome in results.outcomes:
        figures = [getattr(outcome, name) for name in _FIGURES]
        writer.writerow(map(_cell, [*outcome.planned, *figures]))
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULAS) else text
