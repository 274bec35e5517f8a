"""What an experiment means for the patterns in it, once it has ended or was stopped."""

from crossrun.memory.regrouping import judge_again
from crossrun.model.batches import Batch
from crossrun.services.app import App
from crossrun.system.clock import now


def judge_patterns(app: App, batch: Batch) -> None:
    """Gives the patterns that runs of an experiment had the state that the evidence says now."""
    runs = app.store.read.decided_in_batches(batch.kind)
    ids = {run.pattern.pattern_id for run in runs if run.batch_id == batch.id and run.pattern}
    patterns = sorted(pattern_id for pattern_id in ids if pattern_id is not None)
    if patterns:
        judge_again(app.store, patterns, at=now())
