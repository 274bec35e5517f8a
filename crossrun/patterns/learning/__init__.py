"""Learning: from what agents did to a reusable workflow.

A workflow is the sequence of the best run: commands that worked in this order. Other runs of the
family show which of its steps matter, and which of its values differ from task to task.

Pure and deterministic: the same runs in the same order always give the same workflow.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from crossrun.model.workflows import (
    FILES_FOLDER,
    Act,
    Cure,
    Preconditions,
    Step,
    Trace,
    Variable,
    Workflow,
)
from crossrun.patterns.formats.block import copy_line
from crossrun.patterns.learning.alignment import Aligned, aligned, words_of
from crossrun.patterns.learning.budget import within_budget
from crossrun.patterns.learning.clipping import clipped
from crossrun.patterns.learning.files import asked_for, is_edit, with_files, writes
from crossrun.patterns.learning.titles import summary
from crossrun.patterns.learning.variables import Names, named, substituted, text_of, values_of
from crossrun.patterns.learning.weights import weight_of
from crossrun.system.commandlines import one_line

MOST_RUNS = 8
"""So many different runs are compared, the newest; more say nothing new."""
_HALF = 0.5
_RUNS_SHOWN = 2
"""Of runs that did the same, so many are named beside the first as evidence."""
_Did = tuple[tuple[str, bool, str], ...]
_PHRASE = 3
"""Words; what has more says something."""
_SHORT_EDIT = 140
"""Characters of a change by hand that is shown where nothing says what it was for."""
_LOOKS = ("read", "search", "plan")
_PREPARING = ("install", "fetch", "build")
_BRACES = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"(?<![\w.@~+%-])[\w.@~+%-]*\w[\w./@~+%-]*")


class Group(NamedTuple):
    """Runs with identical acts: one of them, and their total weight."""

    trace: Trace
    weight: int


def workflow_of(traces: Sequence[Trace], cautions: Sequence[str] = ()) -> Workflow:
    """The workflow of the best run, as far as the others confirm it.

    Args:
        traces: successful runs of one family, the oldest first; at least one. Those that an older
            version cut to pieces count only where there are no others.
        cautions: what failed in other runs of the family, the newest last.
    """
    traces = [trace for trace in traces if trace.whole_commands] or traces
    groups = grouped(traces)
    different = [group.trace for group in groups]
    best = _best(different)
    names = Names(reserved=_in_braces(different))
    sequence = _sequence(groups, best)
    if len(different) == 1:
        values = named(different[0].found, names)
        templates = [substituted(act.command, values) for act in different[0].acts]
        templates = templates or [""]
    else:
        templates = [text_of(step, names, different, of=best) for step in sequence]
        values = values_of(names, best)
    trace = different[best]
    steps = [
        _step(step, best, trace, template, values)
        for step, template in zip(sequence, templates, strict=False)
    ]
    return within_budget(
        Workflow(
            summary=substituted(summary(trace.task), _short(values)),
            steps=tuple(_once(steps)),
            variables=_variables(names, best),
            cautions=tuple(dict.fromkeys(cautions)),
            preconditions=_shared([trace.preconditions for trace in traces]),
            files=trace.files,
            cures=_cures(different, best),
            check=trace.check,
            facts=_facts(different, best),
        )
    )


def grouped(traces: Iterable[Trace]) -> list[Group]:
    """The newest distinct runs, each with its duplicates, in the order of first appearance."""
    same: dict[_Did, list[Trace]] = {}
    last: dict[_Did, int] = {}
    for number, trace in enumerate(traces):
        same.setdefault(words_of(trace), []).append(trace)
        last[words_of(trace)] = number
    newest = set(sorted(same, key=last.__getitem__)[-MOST_RUNS:])
    return [
        Group(_with_evidence(runs), sum(map(weight_of, runs)))
        for did, runs in same.items()
        if did in newest
    ]


def _with_evidence(runs: Sequence[Trace]) -> Trace:
    """The newest of runs with identical acts, with further evidence of the others."""
    *others, newest = runs
    shown = [newest, *others[-_RUNS_SHOWN:]]
    acts = tuple(
        replace(act, occurrences=tuple(o for run in shown for o in run.acts[at].occurrences))
        for at, act in enumerate(newest.acts)
    )
    return replace(newest, acts=acts)


def _best(traces: Sequence[Trace]) -> int:
    """The run to show: no command masked or cut, then the best proved, then the newest."""

    def worth(at: int) -> tuple[bool, int, int]:
        whole = not any("…" in act.command for act in traces[at].acts)
        return whole, weight_of(traces[at]), at

    return max(range(len(traces)), key=worth)


def _in_braces(traces: Iterable[Trace]) -> frozenset[str]:
    texts = (text for t in traces for text in (t.task, *(act.command for act in t.acts)))
    return frozenset(name for text in texts for name in _BRACES.findall(text))


def _short(values: Mapping[str, str]) -> dict[str, str]:
    """Values to generalise in a summary: not phrases, since those are what it is about."""
    return {value: name for value, name in values.items() if len(value.split()) <= _PHRASE}


# ---------------------------------------------------------------- which steps


def _sequence(groups: Sequence[Group], best: int) -> list[Aligned]:
    """The steps of the best run in order, without those that only it had and nothing needed.

    Steps of more than half of the runs stay, by their weight; so do repairs, and steps that a later
    one builds on.
    """
    weights = [group.weight for group in groups]
    steps = [s for s in aligned([group.trace for group in groups]) if best in s.runs]
    chosen: list[Aligned] = []
    needed: set[str] = set()
    for step in reversed(steps):
        act = step.act_of(best)
        share = sum(weights[run] for run in set(step.runs)) / sum(weights)
        if share > _HALF or step.recovery or _is_needed(act, needed):
            chosen.append(step)
            needed |= _words(act.command)
    return chosen[::-1] or steps


def _is_needed(act: Act, needed: set[str]) -> bool:
    if act.intent in _LOOKS:
        return False
    return act.intent in _PREPARING or not _words(act.command).isdisjoint(needed)


def _words(command: str) -> set[str]:
    """The words of a command that may name its inputs and outputs."""
    first, *others = _WORD.findall(command) or [""]
    words = {word for word in others if len(word) > 2 and not word.startswith("-")}  # noqa: PLR2004
    programs = {first} if "/" in first else set()
    return words | {path.rpartition("/")[2] for path in words} | programs


def _once(steps: Iterable[Step]) -> list[Step]:
    """The steps with each copy of a file once, at its first use, and no step twice in a row."""
    result: list[Step] = []
    for step in steps:
        if (
            result
            and _is_copy(result[-1])
            and step.instruction.startswith(f"{result[-1].instruction}\n")
        ):
            result.pop()
        copied = any(step.instruction == other.instruction for other in result)
        is_again = copied and FILES_FOLDER in step.instruction
        if not is_again and not (result and _ends_with(result[-1].instruction, step.instruction)):
            result.append(step)
    return result


def _is_copy(step: Step) -> bool:
    return FILES_FOLDER in step.instruction and "\n" not in step.instruction


def _ends_with(instruction: str, last: str) -> bool:
    return instruction == last or instruction.endswith(f"\n{last}")


# ---------------------------------------------------------------- one step


def _step(
    place: Aligned, best: int, trace: Trace, template: str, values: Mapping[str, str]
) -> Step:
    act = place.act_of(best)
    described = _description(act, trace, is_shared=len(place.runs) > 1)
    instruction = described or _runnable(act, trace)
    if described and act.command.partition(" ")[0] not in ("write", "delete", "use"):
        template = f"write {substituted(act.target or '.', values)}"
    elif not described and instruction != act.command:
        template = substituted(instruction, values)
    return Step(
        instruction=instruction,
        intent=act.intent,
        target=clipped(substituted(act.target, values), 60),
        command=template,
        recovery=place.recovery,
        evidence=place.evidence(best),
        why=clipped(act.why),
    )


def _runnable(act: Act, trace: Trace) -> str:
    verb, _, rest = act.command.partition(" ")
    return copy_line(rest) if verb == "write" else with_files(act.command, trace.files)


def _description(act: Act, trace: Trace, *, is_shared: bool) -> str:
    """A description of an act without a reusable command; "" if it has one.

    A change that was made by hand, and a result that was written word by word, belong to the task
    of that run: an agent that repeats them gets the earlier bug's cure or the earlier record.
    """
    verb, _, rest = act.command.partition(" ")
    paths = {file.path for file in trace.files}
    if verb == "write" and rest in paths:
        return ""
    if verb in ("write", "delete", "use"):
        what = f"edit {rest}" if verb == "write" and act.edited else f"{verb} {rest}"
    elif _only_writes(act, trace):
        what = f"write {', '.join(writes(act.command))}"
    elif is_edit(act.command) and not is_shared and not asked_for(act.command, trace.task):
        what = f"edit {act.target}"
    else:
        return ""
    reason = act.why or act.heading
    if not reason and is_edit(act.command) and len(what) + len(act.command) < _SHORT_EDIT:
        reason = one_line(act.command)
    return clipped(f"{what}: {reason}" if reason else what)


def _only_writes(act: Act, trace: Trace) -> bool:
    """Whether a command only writes literal results."""
    lines = with_files(act.command, trace.files).splitlines()
    left = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return bool(writes(act.command)) and not left


def _variables(names: Names, best: int) -> dict[str, Variable]:
    """The variables: the value in the best run as the example, and those of other runs."""
    result: dict[str, Variable] = {}
    for name, variable in names.variables.items():
        values = names.values.get(name, {})
        example = values.get(best, variable.example)
        others = (value for run, value in sorted(values.items(), reverse=True) if run != best)
        result[name] = Variable(variable.type, example, tuple(dict.fromkeys(others)))
    return result


def _cures(traces: Sequence[Trace], best: int) -> tuple[Cure, ...]:
    """The cures of all runs, those of the best run last."""
    ordered = [*(trace for at, trace in enumerate(traces) if at != best), traces[best]]
    by_failure = {
        (cure.failed.partition(" ")[0], cure.error): cure
        for trace in ordered
        for cure in trace.cures
    }
    return tuple(by_failure.values())


def _facts(traces: Sequence[Trace], best: int) -> tuple[str, ...]:
    """The facts of the best run, then those of at least half of the others."""
    counts = Counter(fact for trace in traces for fact in set(trace.facts))
    shared = [fact for fact, count in counts.items() if 2 * count > len(traces)]
    return tuple(dict.fromkeys([*traces[best].facts, *sorted(shared)]))


def _shared(needed: Sequence[Preconditions]) -> Preconditions:
    """The preconditions of all runs."""
    first, *others = needed
    systems = {each.os for each in needed}
    return Preconditions(
        os=first.os if len(systems) == 1 else None,
        tools=tuple(t for t in first.tools if all(t in other.tools for other in others)),
        markers=tuple(m for m in first.markers if all(m in other.markers for other in others)),
    )
