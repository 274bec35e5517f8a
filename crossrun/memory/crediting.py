"""What a run that ends says about the pattern that was decided on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from msgspec.structs import replace

from crossrun.events import CommandRan, FileChanged, PatternJudged, decode
from crossrun.failures import FAILURES, Failure
from crossrun.patterns.crediting.adherence import adherence
from crossrun.patterns.crediting.evidence import (
    LEAST_WITH,
    LEAST_WITHOUT,
    Credit,
    Trial,
    credits_of,
    stats,
)
from crossrun.patterns.crediting.lifecycle import judged as standing_of
from crossrun.patterns.crediting.trials import trial_of
from crossrun.runs import Run
from crossrun.status import Status
from crossrun.store import Store
from crossrun.workflows import Pattern

_MOST_COMMANDS = 2_000
_OTHERS = 200
"""So many runs of other patterns inform the judgement; more cost time and change little."""
_MOST_TRIALS = 1_000


def judged(store: Store, run: Run, failure: Failure | None) -> Iterator[PatternJudged]:
    """The pattern's standing with this run counted, if one was decided on."""
    decided = run.pattern
    if decided is None or decided.pattern_id is None:
        return
    pattern = store.patterns.known(decided.pattern_id)
    if pattern is None:
        return
    followed = None
    if decided.decision != "withheld":
        followed = _followed(store, run, pattern, decided.version)
    ended = replace(
        run,
        status=Status.SUCCEEDED if failure is None else Status(FAILURES[failure.code][0]),
        failure=failure,
        ended_at=datetime.now(UTC).isoformat(),
        pattern=replace(decided, adherence=followed),
    )
    trials = [*_trials(store, pattern.id), *filter(None, [trial_of(ended)])]
    credit = credit_of(pattern.id, trials)
    standing = standing_of(pattern.state, credit, kept_by_user=pattern.kept_by_user)
    yield PatternJudged(
        pattern_id=pattern.id,
        state=standing.state,
        before=standing.before,
        reason=standing.reason,
        stats=pattern.stats if credit is None else stats(credit),
        adherence=followed,
    )


def credit_of(pattern_id: str, trials: list[Trial]) -> Credit | None:
    """One pattern's credit. Others inform it once there is enough of its own to judge by."""
    own = [trial for trial in trials if trial.pattern_id == pattern_id]
    if not own:
        return None
    with_it = sum(trial.injected for trial in own)
    enough = with_it >= LEAST_WITH and len(own) - with_it >= LEAST_WITHOUT
    return credits_of(trials if enough else own)[pattern_id]


def _trials(store: Store, pattern_id: str) -> list[Trial]:
    trials = list(filter(None, map(trial_of, store.read.decided(_MOST_TRIALS))))
    others = [trial for trial in trials if trial.pattern_id != pattern_id][:_OTHERS]
    return [trial for trial in trials if trial.pattern_id == pattern_id] + others


def _followed(store: Store, run: Run, pattern: Pattern, version: int | None) -> float | None:
    """How far the agent followed the version that it was shown."""
    versions = store.patterns.versions(pattern.id)
    shown = next((one for one in versions if one.version == version), None)
    if shown is None:
        return None
    steps = [step.command for step in shown.workflow.steps if step.command]
    return adherence(steps, list(islice(_done(store, run), _MOST_COMMANDS)))


def _done(store: Store, run: Run) -> Iterator[str]:
    for stored in store.read.events(run.id, types=["command_ran", "file_changed"]):
        match decode(stored.body):
            case CommandRan(command=command):
                yield command
            case FileChanged(path=path, change=change, ok=True):
                yield f"{'delete' if change == 'deleted' else 'write'} {path}"
            case _:
                pass
