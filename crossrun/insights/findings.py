"""What a history of runs says: findings, each with the runs behind it. Folds over values."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from crossrun.insights.families import failing_family, family
from crossrun.model.queries import PastCommand, PastRun
from crossrun.model.status import Status

LEAST_RUNS = 5
"""With fewer finished runs there is not enough history."""
LEAST_RETURNS = 3
"""A task comes back when it was asked for so many times."""
LEAST_FAILING_RUNS = 2
_SEARCHES = frozenset(("grep", "egrep", "rg", "ag", "ack", "diff", "cmp", "find", "which", "git"))
_MOST_OF_A_KIND = 3
_MOST_RUN_IDS = 20
_LEAST_SHARE = 0.05
"""Of all time: commands that took less are not named."""
_LEAST_PART = 1 / 3
"""Projects and task types that took less are not named."""


class HistoryFinding(Struct, frozen=True, kw_only=True):
    """One thing that the history says; `kind` tells what `figures` has.

    `run_ids` are the runs behind it, the newest first, at most 20 of `figures["runs"]`.
    """

    kind: str
    subject: str
    figures: dict[str, Any]
    run_ids: tuple[str, ...]


class FailingCommand(Struct, kw_only=True):
    """A family of commands that failed: how often, in which runs, and whether it worked later."""

    family: str
    failures: int = 0
    run_ids: dict[str, None] = {}
    repaired_in: dict[str, None] = {}


class CommandUse(Struct):
    """What the commands of a history took and how they failed, by family."""

    seconds: dict[str, float]
    calls: Counter[str]
    run_ids: dict[str, dict[str, None]]
    failing: dict[str, FailingCommand]


def command_use(commands: Iterable[PastCommand]) -> CommandUse:
    """Counts commands by family, run by run in order."""
    use = CommandUse(defaultdict(float), Counter(), defaultdict(dict), {})
    for command in commands:
        name = family(command.command)
        if not name:
            continue
        use.calls[name] += 1
        use.seconds[name] += command.seconds or 0.0
        use.run_ids[name][command.run_id] = None
        if command.exit_code == 0:
            failing = use.failing.get(name)
            if failing is not None and command.run_id in failing.run_ids:
                failing.repaired_in[command.run_id] = None
        elif command.exit_code is not None:
            _count_failure(command, use)
    return use


def _count_failure(command: PastCommand, use: CommandUse) -> None:
    name = failing_family(command.command)
    if _only_looks(name, command.exit_code):
        return
    failing = use.failing.setdefault(name, FailingCommand(family=name))
    failing.failures += 1
    failing.run_ids[command.run_id] = None
    failing.repaired_in.pop(command.run_id, None)


def _only_looks(name: str, exit_code: int | None) -> bool:
    """Whether 1 only means that nothing was found, or that files differ."""
    return exit_code == 1 and name.partition(" ")[0] in _SEARCHES


def where_time_goes(runs: Sequence[PastRun], use: CommandUse) -> Iterator[HistoryFinding]:
    """Time and tokens by project, task type and family of commands."""
    yield from _totals(runs)
    for kind, key in (("project", _project), ("task_type", _task_type)):
        yield from _largest_part(f"time_by_{kind}", runs, key, lambda run: run.seconds)
    yield from _largest_part("tokens_by_task_type", runs, _task_type, lambda run: run.tokens)
    yield from _commands(use, sum(run.seconds or 0.0 for run in runs))


def _project(run: PastRun) -> str:
    return run.project_id


def _task_type(run: PastRun) -> str:
    return run.task_type


def _totals(runs: Sequence[PastRun]) -> Iterator[HistoryFinding]:
    tokens = [run.tokens for run in runs if run.tokens is not None]
    figures = {
        "runs": len(runs),
        "succeeded": sum(run.status == Status.SUCCEEDED for run in runs),
        "seconds": sum(run.seconds or 0.0 for run in runs),
        "tokens": sum(tokens) if tokens else None,
    }
    yield _finding("total", "", runs, figures)


def _largest_part(
    kind: str,
    runs: Sequence[PastRun],
    key: Callable[[PastRun], str],
    measure: Callable[[PastRun], float | None],
) -> Iterator[HistoryFinding]:
    """The group that took most, if there are several."""
    amounts: dict[str, float] = defaultdict(float)
    for run in runs:
        amounts[key(run)] += measure(run) or 0
    whole = sum(amounts.values())
    if len(amounts) < 2 or not whole:  # noqa: PLR2004  there is nothing to tell apart
        return
    name, amount = max(amounts.items(), key=lambda item: item[1])
    if amount < _LEAST_PART * whole:
        return
    own = [run for run in runs if key(run) == name and measure(run)]
    figures = {"runs": len(own), "amount": amount, "share": amount / whole, "groups": len(amounts)}
    yield _finding(kind, name, own, figures)


def _commands(use: CommandUse, seconds: float) -> Iterator[HistoryFinding]:
    longest = sorted(use.seconds.items(), key=lambda item: -item[1])
    for name, took in longest[:_MOST_OF_A_KIND]:
        if not seconds or took < _LEAST_SHARE * seconds:
            return
        ids = list(use.run_ids[name])
        figures = {
            "runs": len(ids),
            "calls": use.calls[name],
            "seconds": took,
            "share": min(took / seconds, 1.0),
        }
        yield _of_ids("command_time", name, ids, figures)


def failing_commands(use: CommandUse) -> list[FailingCommand]:
    """The commands that failed in several runs, those that failed in most first."""
    again = [each for each in use.failing.values() if len(each.run_ids) >= LEAST_FAILING_RUNS]
    again.sort(key=lambda each: (-len(each.run_ids), -each.failures, each.family))
    return again[:_MOST_OF_A_KIND]


def failure_finding(failing: FailingCommand, *, error: str, cured_by: str) -> HistoryFinding:
    """A command that fails again and again; `error` and `cured_by` are of its newest cure."""
    ids = list(failing.run_ids)
    figures = {
        "runs": len(ids),
        "failures": failing.failures,
        "repaired_runs": len(failing.repaired_in),
        "error": error or None,
        "cured_by": cured_by or None,
    }
    return _of_ids("repeated_failure", failing.family, ids, figures)


def returning_tasks(
    runs: Sequence[PastRun], kinds: Mapping[str, str], stored: Collection[str]
) -> Iterator[HistoryFinding]:
    """Tasks that come back, and the pattern that they have or lack.

    Args:
        runs: the runs, the oldest first.
        kinds: the kind of task of each run, by its id.
        stored: the ids of all stored patterns.
    """
    groups: dict[str, list[PastRun]] = defaultdict(list)
    for run in runs:
        if not run.is_repeat:
            groups[kinds[run.id]].append(run)
    again = [group for group in groups.values() if len(group) >= LEAST_RETURNS]
    again.sort(key=len, reverse=True)
    for group in again[:_MOST_OF_A_KIND]:
        patterns = Counter(
            pattern_id
            for run in group
            for pattern_id in {run.learned_pattern_id, run.pattern_id}
            if pattern_id in stored
        )
        succeeded = sum(run.status == Status.SUCCEEDED for run in group)
        pattern_id = patterns.most_common(1)[0][0] if patterns else None
        figures = {"runs": len(group), "succeeded": succeeded, "pattern_id": pattern_id}
        yield _finding("returning_task", group[-1].task, group, figures)


def what_patterns_brought(runs: Sequence[PastRun]) -> Iterator[HistoryFinding]:
    """How runs ended that got a fitting pattern, and those from which it was withheld by chance."""
    given = [run for run in runs if run.decision == "injected"]
    withheld = [run for run in runs if run.decision == "withheld"]
    chosen = [run for run in runs if run.decision == "forced"]
    if given or withheld or chosen:
        figures = {
            "runs": len(given) + len(withheld) + len(chosen),
            "with": len(given),
            "with_succeeded": sum(run.status == Status.SUCCEEDED for run in given),
            "without": len(withheld),
            "without_succeeded": sum(run.status == Status.SUCCEEDED for run in withheld),
            "chosen": len(chosen),
        }
        ordered = [run for run in runs if run.decision in ("injected", "withheld", "forced")]
        yield _finding("patterns", "", ordered, figures)


def left_over(runs: Sequence[PastRun]) -> Iterator[HistoryFinding]:
    """Changes that were never applied, and changes that nothing checked."""
    changed = [run for run in runs if run.status == Status.SUCCEEDED and run.changes]
    waiting = [run for run in changed if run.can_apply and not _is_settled(run)]
    if waiting:
        files = sum(run.changes for run in waiting)
        yield _finding("not_applied", "", waiting, {"runs": len(waiting), "files": files})
    unchecked = [run for run in changed if run.is_agent and not run.has_check]
    if unchecked:
        agents = sum(run.is_agent for run in changed)
        yield _finding("unchecked", "", unchecked, {"runs": len(unchecked), "of": agents})


def _is_settled(run: PastRun) -> bool:
    """Whether its change was applied, is part of a later run, or one of several attempts."""
    return run.is_applied or run.is_continued or run.is_repeat


def _finding(
    kind: str, subject: str, runs: Sequence[PastRun], figures: dict[str, Any]
) -> HistoryFinding:
    return _of_ids(kind, subject, [run.id for run in runs], figures)


def _of_ids(
    kind: str, subject: str, oldest_first: Sequence[str], figures: dict[str, Any]
) -> HistoryFinding:
    ids = tuple(reversed(oldest_first[-_MOST_RUN_IDS:]))
    return HistoryFinding(kind=kind, subject=subject, figures=figures, run_ids=ids)
