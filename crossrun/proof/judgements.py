"""Claims of the agent held against what its run did."""

from collections.abc import Iterator, Sequence

from crossrun.proof.changes import FileDiff
from crossrun.proof.claims import Claims
from crossrun.proof.history import RunHistory
from crossrun.proof.judging_checks import judge_passed, judge_ran
from crossrun.proof.judging_files import judge_changed, judge_deleted, judge_only, judge_unchanged
from crossrun.proof.verdicts import Judgement


def judge_claims(
    claims: Claims, history: RunHistory, diffs: Sequence[FileDiff]
) -> Iterator[Judgement]:
    """Each claim held against the ledger; `open` if that cannot tell."""
    for claim in claims.claims:
        match claim.kind:
            case "changed":
                yield judge_changed(claim, history)
            case "deleted":
                yield judge_deleted(claim, history)
            case "unchanged":
                yield judge_unchanged(claim, history, diffs)
            case "only":
                yield judge_only(claim, history)
            case "passed":
                yield judge_passed(claim, history, reports_failure=claims.reports_failure)
            case "ran":
                yield judge_ran(claim, history)
