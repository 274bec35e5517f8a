"""From what agents did to a workflow that can be used again.

Pure and deterministic: the same runs in the same order always give the same workflow.
"""

from collections.abc import Mapping, Sequence

from crossrun.commandlines import one_line
from crossrun.patterns.learning.alignment import Aligned, aligned, same
from crossrun.patterns.learning.clamping import clamped, clipped
from crossrun.patterns.learning.naming import Names, named, substituted, text_of, values_of
from crossrun.workflows import LONGEST_STEP, Intent, Preconditions, Step, Trace, Workflow

MOST_RUNS = 8
"""So many different runs are compared, the newest; more say nothing new."""
_VERIFIED_WEIGHT = 2
_PHRASE = 3
"""Words; what has more says something."""
_PHRASES: dict[Intent, str] = {
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
_ENDS = (". ", "! ", "? ", "; ")


def workflow_of(traces: Sequence[Trace], cautions: Sequence[str] = ()) -> Workflow:
    """What the runs have in common.

    Args:
        traces: successful runs of one family, the oldest first; at least one.
        cautions: what failed in other runs of it, the newest last.
    """
    different = distinct(traces)
    names = Names()
    if len(different) == 1:
        values = named(different[0].found, names)
        steps = [_step(one, substituted(_text(one), values), values) for one in aligned(different)]
    else:
        steps = [_compared(one, names, different) for one in _common(different)]
        values = values_of(names, 0)
    return clamped(
        Workflow(
            summary=substituted(summary(different[0].task), _short(values)),
            steps=tuple(steps),
            variables=names.variables,
            cautions=tuple(dict.fromkeys(substituted(told, values) for told in cautions)),
            preconditions=_shared([trace.preconditions for trace in different]),
        )
    )


def distinct(traces: Sequence[Trace]) -> list[Trace]:
    """The newest runs of which none did just the same as another; the oldest first."""
    kept: list[Trace] = []
    for trace in traces:
        if not any(same(trace, other) for other in kept):
            kept.append(trace)
    return kept[-MOST_RUNS:]


def summary(task: str) -> str:
    """The first sentence of a task."""
    paragraphs = (one_line(text).lstrip("#-* ") for text in task.split("\n\n"))
    line = next((text for text in paragraphs if text), "")
    cut = min((at for end in _ENDS if (at := line.find(end)) > 0), default=len(line))
    return clipped(line[:cut].rstrip("."), LONGEST_STEP)


def _short(values: Mapping[str, str]) -> dict[str, str]:
    """Values that a summary can do without: whole phrases are what it is about."""
    return {value: name for value, name in values.items() if len(value.split()) <= _PHRASE}


def _common(traces: Sequence[Trace]) -> list[Aligned]:
    """What more than half of the runs did, verified ones counting double, and what repaired."""
    weights = [_VERIFIED_WEIGHT if trace.verified else 1 for trace in traces]
    steps = aligned(traces)
    kept = [one for one in steps if one.recovery or _share(one, weights) > 0.5]  # noqa: PLR2004
    return kept or [one for one in steps if one.runs[0] == 0]


def _share(step: Aligned, weights: Sequence[int]) -> float:
    return sum(weights[run] for run in set(step.runs)) / sum(weights)


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
        told = f"{heading or _PHRASES[one.intent]}: {command.removeprefix('… ')}"
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
