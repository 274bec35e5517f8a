"""What is left of a batch, and how to continue it."""

from crossrun.batches.progress import reopen, startable_rows
from crossrun.model.batches import Batch
from crossrun.model.status import Status


def has_rows_left(batch: Batch, *, retry_failed: bool = False) -> bool:
    """Whether any row would run if the batch were continued."""
    return bool(startable_rows(reopen(batch, retry_failed=retry_failed)))


def resume_command(batch: Batch) -> str | None:
    """The command that continues a batch; None if all of its rows succeeded."""
    if has_rows_left(batch):
        return f"crossrun batch resume {batch.id}{_more_budget(batch)}"
    if has_rows_left(batch, retry_failed=True):
        return f"crossrun batch resume {batch.id} --retry-failed"
    return None


def _more_budget(batch: Batch) -> str:
    """Options for the budgets of a batch, if one is spent: without more, nothing starts."""
    if batch.state is not Status.LIMIT_REACHED:
        return ""
    budget = batch.options.budget
    options = {
        " --budget-tokens N": budget.tokens,
        " --budget-cost N": budget.cost,
        " --budget-time TIME": budget.seconds,
    }
    return "".join(option for option, limit in options.items() if limit is not None)
