"""Adherence: how much of the steps that it was shown an agent carried out.

Compared is what was done, not which programs were named. The same job with other tools counts,
though less than with the same ones; other work counts for nothing, even if it was done in Python.
"""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

from crossrun.patterns.evaluation.operations import (
    Operation,
    as_one,
    nearest,
    operations_of,
)
from crossrun.patterns.learning.rarity import Rarity

LEAST_SIMILARITY = 0.5
"""From this similarity on, a command with the program of a step counts as the step."""
_LEAST_EVIDENCE = 0.4
"""From this evidence on, a command with other tools counts as the step."""
_BY_FILES, _BY_TOPIC, _BY_PURPOSE = 0.7, 0.8, 0.6
"""How far each kind of evidence goes by itself."""
_TELLING, _OF_FILES = ("test", "check", "build", "install"), ("convert", "fetch", "plot")
"""Purposes that say something by themselves, and those that do with what they are about."""
_OTHER_FILES = 0.5
"""What the same program counts that made other kinds of files."""
_NOT_RUN = 0.5
"""What a program counts that was written and not run."""
_AS_A_WHOLE = 0.85
"""The most that the whole job can count with other tools, of which no step shows."""
_SAME_TOPIC, _ALIKE_TOPIC, _MOST_ALIKE = 0.85, 0.6, 0.94
_MISSING, _BESIDE = 0.8, 0.12
"""What words of a step count that are missing, and those that a run has beside."""
_ENOUGH_SHARED = 1.7
"""The weight of shared words at which they are believed by half."""
_TWO_WORDS = 5.0
"""The weight of shared words from which on a topic can be the same."""
_EQUIVALENT = 2.5
"""The weight of a word that stands for tools."""
_UNKNOWN_SOURCE = 0.5
_COMMON_KINDS = frozenset((".csv", ".html", ".json", ".log", ".md", ".py", ".sh", ".txt"))
_COMMON_KIND = 0.6
"""What a kind of file says that most jobs have."""
_MOST_COMMANDS = 80
"""So many commands of a longer run are compared, those that share most words with the steps."""
_RARITY = Rarity()


def adherence(
    steps: Sequence[str], ran: Sequence[str], *, examples: Mapping[str, str] | None = None
) -> float | None:
    """The share of the steps, from 0 to 1, that a run carried out in order.

    Commands may come in between; steps done in another order count only as far as both orders
    agree. None if no step is left to compare.

    Args:
        steps: commands, with `{variables}` or `…` where runs differ; `write PATH` for a file that
            is written, or a here-document if its content is known.
        ran: the commands of the run, in the same form.
        examples: of the variables; their endings say what kinds of files they stand for.
    """
    wanted = operations_of(steps, examples or {})
    done = operations_of(nearest(ran, steps, most=_MOST_COMMANDS))
    if not wanted or not done:
        return 0.0 if wanted else None
    return round(max(_step_by_step(wanted, done), _as_a_whole(wanted, done)), 4)


def _step_by_step(wanted: Sequence[Operation], done: Sequence[Operation]) -> float:
    """The best alignment in order; one command may do several steps with another tool."""
    best = [0.0] * (len(done) + 1)
    for step in wanted:
        row = [0.0]
        for at, operation in enumerate(done):
            value = step.weight * _similarity(step, operation)
            several = bool(step.program) and step.program.split()[0] != operation.line[0]
            before = best[at + 1] if several else best[at]
            row.append(max(row[at], best[at + 1], best[at] + value, before + value))
        best = row
    return best[-1] / sum(step.weight for step in wanted)


def _as_a_whole(wanted: Sequence[Operation], done: Sequence[Operation]) -> float:
    """Whether the run made the same of the same, in other steps."""
    job, run = as_one(wanted), as_one(done)
    if not job.makes:
        return 0.0
    made = len(job.makes & run.makes) / len(job.makes)
    return _AS_A_WHOLE * made * _with_other_tools(job, run) if made else 0.0


@lru_cache(maxsize=16_384)
def _similarity(step: Operation, operation: Operation) -> float:
    similarity = max(_with_same_tool(step, operation), _with_other_tools(step, operation))
    return similarity * (_NOT_RUN if operation.only_written and not step.only_written else 1)


def _with_same_tool(step: Operation, operation: Operation) -> float:
    """The share of the step's words that the command has, the program's twice."""
    if not _has_same_tool(step, operation):
        return 0.0
    present = set(operation.line)
    weights = [2 if place == 0 else 1 for place in range(len(step.line))]
    matched = sum(w for w, word in zip(weights, step.line, strict=True) if word in present)
    share = matched / sum(weights)
    if _makes_something_else(step, operation):
        share *= _OTHER_FILES
    return share if share >= LEAST_SIMILARITY else 0.0


def _has_same_tool(step: Operation, operation: Operation) -> bool:
    if step.program or operation.program:
        return step.program == operation.program
    if step.has_code and operation.has_code:
        return False  # what the code is about decides
    return step.script in ("", operation.script) and step.line[:1] == operation.line[:1]


def _with_other_tools(step: Operation, operation: Operation) -> float:
    """What files, words and purpose together say for the same thing done otherwise."""
    topic = _topic(step.topic, operation.topic)
    if topic == 1:
        return 1.0
    files = _files(step, operation)
    against = (
        (1 - _BY_FILES * files)
        * (1 - _BY_TOPIC * topic)
        * (1 - _BY_PURPOSE * _has_same_purpose(step, operation, alike=max(files, topic)))
    )
    return 1 - against if 1 - against >= _LEAST_EVIDENCE else 0.0


def _has_same_purpose(step: Operation, operation: Operation, *, alike: float) -> bool:
    """Whether the purpose speaks for the same thing: not if other things are made."""
    if step.purpose != operation.purpose:
        return False
    if step.purpose in _OF_FILES:
        makes_the_same = step.makes == operation.makes or not step.makes.isdisjoint(operation.makes)
        return makes_the_same and alike > 0
    return step.purpose in _TELLING and not _lacks_files(step, operation)


def _lacks_files(step: Operation, operation: Operation) -> bool:
    return bool(step.makes) and step.makes.isdisjoint(operation.makes)


def _makes_something_else(step: Operation, operation: Operation) -> bool:
    return bool(step.makes and operation.makes) and step.makes.isdisjoint(operation.makes)


def _files(step: Operation, operation: Operation) -> float:
    """How far the same kinds of files are made of the same kinds."""
    if not step.makes:
        return 0.0
    taken = _covered(step.takes, operation.takes) if step.takes else _UNKNOWN_SOURCE
    return _covered(step.makes, operation.makes) * (0.4 + 0.6 * taken)


def _covered(wanted: AbstractSet[str], present: AbstractSet[str]) -> float:
    shared = (_COMMON_KIND if kind in _COMMON_KINDS else 1.0 for kind in wanted & present)
    return sum(shared) / len(wanted)


def _topic(wanted: AbstractSet[str], present: AbstractSet[str]) -> float:
    """How far two operations are about the same; 1: they are."""
    common = wanted & present
    if not common:
        return 0.0
    shared, missing, beside = map(_weight, (common, wanted - present, present - wanted))
    if not shared:
        return 0.0
    alike = shared / (shared + _MISSING * missing + _BESIDE * beside)
    if alike > _SAME_TOPIC and shared >= _TWO_WORDS:
        return 1.0
    return min(_MOST_ALIKE, alike / _ALIKE_TOPIC * shared / (shared + _ENOUGH_SHARED))


def _weight(words: AbstractSet[str]) -> float:
    return math.fsum(map(_weight_of_word, words))


@lru_cache(maxsize=4_096)
def _weight_of_word(word: str) -> float:
    return _EQUIVALENT if word.startswith("=") else _RARITY.of_code(word)
