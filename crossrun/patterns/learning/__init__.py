"""From what agents did to a workflow that can be used again.

Pure and deterministic: the same runs in the same order always give the same workflow.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from crossrun.model.workflows import LONGEST_STEP, Preconditions, Step, Trace, Workflow
from crossrun.patterns.learning.alignment import Aligned, aligned, words_of
from crossrun.patterns.learning.budget import clamped
from crossrun.patterns.learning.clipping import clipped
from crossrun.patterns.learning.titles import summary
from crossrun.patterns.learning.variables import Names, named, substituted, text_of, values_of

MOST_RUNS = 8
"""So many different runs are compared, the newest; more say nothing new."""
_VERIFIED_WEIGHT = 2
_HALF = 0.5
_RARE_RECOVERIES = 3
"""So many repairs are kept that less than half of the runs needed."""
_RUNS_SHOWN = 2
"""Of runs that did the same, so many are named beside the first as evidence."""
_Did = tuple[tuple[str, bool, str], ...]
_PHRASE = 3
"""Words; what has more says something."""
_PHRASES: dict[str, str] = {
    "read": "Read",
    "search": "Search",
    "edit": "Edit",
    "test": "Run the tests",
    "check": "Check",
    "build": "Build",
    "run": "Run",
    "install": "Install",
    "convert": "Convert",
    "fetch": "Fetch",
    "plot": "Plot",
    "query": "Compute",
    "commit": "Commit",
    "tool": "Use",
    "plan": "Plan",
}


class Group(NamedTuple):
    """Runs that did just the same: one of them, and how much they weigh together."""

    trace: Trace
    weight: int


def workflow_of(traces: Sequence[Trace], cautions: Sequence[str] = ()) -> Workflow:
    """What the runs have in common.

    Args:
        traces: successful runs of one family, the oldest first; at least one.
        cautions: what failed in other runs of it, the newest last.
    """
    groups = grouped(traces)
    different = [group.trace for group in groups]
    names = Names()
    if len(different) == 1:
        values = named(different[0].found, names)
        steps = [_step(one, substituted(_text(one), values), values) for one in aligned(different)]
    else:
        steps = [_compared(one, names, different) for one in _common(groups)]
        values = values_of(names, 0)
    return clamped(
        Workflow(
            summary=substituted(summary(different[0].task), _short(values)),
            steps=tuple(steps),
            variables=names.variables,
            cautions=tuple(dict.fromkeys(substituted(told, values) for told in cautions)),
            preconditions=_shared([trace.preconditions for trace in traces]),
        )
    )


def grouped(traces: Iterable[Trace]) -> list[Group]:
    """The newest runs that differ, with those that did the same; the first one seen first."""
    same: dict[_Did, list[Trace]] = {}
    last: dict[_Did, int] = {}
    for number, trace in enumerate(traces):
        same.setdefault(words_of(trace), []).append(trace)
        last[words_of(trace)] = number
    newest = set(sorted(same, key=last.__getitem__)[-MOST_RUNS:])
    return [
        Group(_with_evidence(runs), sum(map(_weight, runs)))
        for did, runs in same.items()
        if did in newest
    ]


def _weight(trace: Trace) -> int:
    return _VERIFIED_WEIGHT if trace.verified else 1


def _with_evidence(runs: Sequence[Trace]) -> Trace:
    """The first of runs that did the same, with what the newest of the others show as well."""
    first, *others = runs
    shown = [first, *others[-_RUNS_SHOWN:]]
    acts = tuple(
        replace(act, occurrences=tuple(o for run in shown for o in run.acts[at].occurrences))
        for at, act in enumerate(first.acts)
    )
    return replace(first, acts=acts)


def _short(values: Mapping[str, str]) -> dict[str, str]:
    """Values that a summary can do without: whole phrases are what it is about."""
    return {value: name for value, name in values.items() if len(value.split()) <= _PHRASE}


def _common(groups: Sequence[Group]) -> list[Aligned]:
    """What more than half of the runs did, verified ones counting double, and a few repairs."""
    weights = [group.weight for group in groups]
    steps = aligned([group.trace for group in groups])
    shares = [sum(weights[run] for run in set(one.runs)) / sum(weights) for one in steps]
    rare = [at for at, one in enumerate(steps) if one.recovery and shares[at] <= _HALF]
    repairs = sorted(rare, key=lambda at: (-shares[at], at))[:_RARE_RECOVERIES]
    kept = [one for at, one in enumerate(steps) if shares[at] > _HALF or at in repairs]
    return kept or [one for one in steps if one.runs[0] == 0]


def _compared(one: Aligned, names: Names, traces: Sequence[Trace]) -> Step:
    text = text_of(one, names, traces)
    return _step(one, text, values_of(names, one.runs[0]))


def _text(one: Aligned) -> str:
    return "".join(token for token in one.tokens if isinstance(token, str))


def _step(one: Aligned, command: str, values: dict[str, str]) -> Step:
    act = one.act
    return Step(
        instruction=_instruction(one, command, values),
        intent=one.intent,
        target=clipped(substituted(act.target, values), 60),
        command=clipped(command, 2 * LONGEST_STEP),
        recovery=one.recovery,
        evidence=one.occurrences,
    )


def _instruction(one: Aligned, command: str, values: dict[str, str]) -> str:
    """What is to be done, in words where there are some, and the command that did it."""
    heading = substituted(one.act.heading, values)
    verb, _, rest = command.partition(" ")
    if verb in ("write", "delete", "use"):
        told = f"{heading}: {verb} {rest}" if heading else f"{verb.capitalize()} {rest}"
    else:
        told = f"{heading or _PHRASES.get(one.intent, one.intent)}: {command.removeprefix('… ')}"
    note = _recovery_note(one, values)
    return f"{clipped(told, LONGEST_STEP - len(note))}{note}"


def _recovery_note(one: Aligned, values: dict[str, str]) -> str:
    if not one.recovery:
        return ""
    codes = [o.exit_code for o in one.occurrences if o.exit_code not in (0, None)]
    ended = f" with exit code {codes[0]}" if codes else ""
    failed = f"`{clipped(substituted(one.act.instead_of, values), 50)}`"
    if one.act.instead_of:
        return f" (instead of {failed}, which failed{ended})"
    return f" (failed at first{ended}, then repaired)"


def _shared(needed: Sequence[Preconditions]) -> Preconditions:
    """What all of the runs needed."""
    first, *others = needed
    systems = {one.os for one in needed}
    return Preconditions(
        os=first.os if len(systems) == 1 else None,
        tools=tuple(t for t in first.tools if all(t in other.tools for other in others)),
        markers=tuple(m for m in first.markers if all(m in other.markers for other in others)),
    )
