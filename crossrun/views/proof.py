"""The proof sheet of a run, for people."""

from collections.abc import Iterator

from crossrun.model.proof import Proof, ProofFinding
from crossrun.views.terminal import Terminal, cell_len, wrap
from crossrun.views.unseen import visible
from crossrun.views.words import first_line, grade_style

_MOST = 4
_PLAIN = ("check_passed", "claims_confirmed", "not_understood")
"""Findings that say no more than the grade."""
_LABEL = 12
"""Columns before the text of a line."""


def proof_lines(
    proof: Proof, run_id: str, terminal: Terminal, *, whole: bool = False
) -> Iterator[str]:
    """The grade, and what it rests on.

    Args:
        proof: the sheet.
        run_id: its run.
        terminal: where it is shown.
        whole: all findings, each with the number of its event; else those that say more than the
            grade.
    """
    grade = first_line(proof.grade)
    label = terminal.style(f"{'proof':<9}", "dim")
    yield f"  {label} {terminal.style(grade, grade_style(grade))}"
    telling = [finding for finding in proof.findings if finding.kind not in _PLAIN]
    shown = proof.findings if whole else telling[:_MOST]
    for finding in shown:
        yield from _finding_lines(finding, terminal)
    if len(telling) > len(shown):
        more = f"{len(telling) - len(shown)} more: crossrun show {run_id}"
        yield f"{'':{_LABEL}}{terminal.style(more, 'dim')}"


def _finding_lines(finding: ProofFinding, terminal: Terminal) -> Iterator[str]:
    where = "" if finding.seq is None else f"event {finding.seq}"
    room = terminal.text_width - _LABEL - 2
    lines = list(wrap(visible(finding.text), room)) or [""]
    fits = cell_len(lines[-1]) + 2 + len(where) <= room
    for number, line in enumerate(lines):
        is_last = number == len(lines) - 1
        note = f"  {terminal.style(where, 'dim')}" if where and is_last and fits else ""
        yield f"{'':{_LABEL}}{'  ' if number else ''}{line}{note}"
    if where and not fits:
        yield f"{'':{_LABEL}}  {terminal.style(where, 'dim')}"
