"""Which pattern a run belongs to: the same job again, another way to do it, or something new.

Two runs belong together when they wanted the same *and* did the same. These are compared, each part
weighed by how rare it is among the stored patterns:

- *tasks*: what their words mean, by the thesaurus, and whether their acts are opposed;
- *commands*: programs, options and kinds of files (`features`), without names and values;
- *code*: the words of the programs that the runs wrote;
- *aim*: the words of the task that are found in the work as well. They are what a run was about, so
  the other run should have them, too;
- *meaning*, if there is an encoder: of the tasks, and of the words of commands and code.

What any job has in common (writing a script, running it, looking at files, running tests) weighs
nothing. Neither does what an agent was shown by pattern memory: what it has from there is left out
when it is compared with other patterns, and does not prove that the shown one fits.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from crossrun.model.workflows import Act, Pattern, Trace
from crossrun.patterns.learning.alignment import likeness
from crossrun.patterns.learning.features import all_features, code_of, code_words, extension_of
from crossrun.patterns.learning.rarity import Rarity, is_telling
from crossrun.patterns.retrieval.lexical import lexical_similarity
from crossrun.patterns.retrieval.ranking import LEXICAL
from crossrun.patterns.retrieval.thesaurus import ACTS, KINDS
from crossrun.patterns.retrieval.values import Candidate, LogisticModel
from crossrun.patterns.retrieval.words import content_words, stem, task_words

COMPARED = 8
"""So many of a pattern's runs are compared, the newest."""


Cosine = Callable[[str, str], float]
"""How near two texts are in meaning."""


class Similarity(NamedTuple):
    """How much two runs have in common; from 0 to 1, `tasks` from -2 to 3."""

    tasks: float
    """The logarithm of the odds that the tasks are the same job, by the thesaurus."""
    commands: float
    code: float
    aim: float
    opposed: float
    """1: both tasks name acts, and none is in both."""
    meant: float | None = None
    """The cosine of the tasks; None without an encoder."""
    done: float | None = None
    """The cosine of the words of commands and code."""


class JobModels(NamedTuple):
    """A model for similarities without cosines, and one for those that have them."""

    plain: LogisticModel
    semantic: LogisticModel

    def odds(self, similarity: Similarity) -> float:
        """The logarithm of the odds that both are the same job."""
        if similarity.meant is None or similarity.done is None:
            return self.plain.odds(similarity[:-2])
        return self.semantic.odds((*similarity[:-2], similarity.meant, similarity.done))


SAME_JOB = JobModels(
    LogisticModel(-5.53, (0.6, 6.08, 11.77, 11.69, -0.42)),
    LogisticModel(-10.78, (0.39, 1.81, 7.72, 10.23, -0.61, 7.94, 6.86)),
)
"""Logistic regression with a ridge, by the `--fit` of `benchmarks/job_families.py`."""
LEAST_ODDS = 1.2
"""A wrong merge costs more than a missed one, which the user can fix by a merge."""
LEAST_WORK, _WORK_BY_WORDS, _WORK_ALONE = 0.04, 0.08, 0.2
"""Of commands or code, however alike the tasks are: with an encoder, without one, and without one
if the tasks share no word."""
_BEGINNING = 5
"""Letters that two words have in common if they are forms of one: `valid`, `validate`."""
_NO_COMMON_WORD = 0.5
"""What tasks can say at most that share no word, even if the thesaurus relates theirs."""
_UNRELATED = 0.3
"""The cosine of the work of runs that have nothing in common."""
_UNKNOWN_WORK = 1.5
"""What commands and code can say at most where the run was told what to do."""
_SAME_CODE, _MOST_NAMES, _LEAST_SAME = 0.7, 0.4, 2
"""If only names differ: the share of the words of code that are the same, and of the words of the
tasks, without names of files, that may differ; and how many must not."""
_EXTENSION = re.compile(r"\.[a-z]\w{0,5}\W*$")
_SAME_TASK = 0.9
_REPEATED_WORK = 0.3
"""With the same task, so much of the acts makes it the same way again, boilerplate included."""
_LOWEST_TASKS, _HIGHEST_TASKS = -2.0, 3.0
"""Other words can hide the same job, and the same words another one: neither is believed more."""
_ENOUGH_COMMANDS, _ENOUGH_CODE, _ENOUGH_AIM = 2.0, 8.0, 3.0
"""The weight of what is shared at which it counts by half; of the aim, what it is believed to have
beside."""
_UNKNOWN_AIM = 0.4
_ASKED = 0.7
"""What a word of code weighs, however common, if both tasks ask for it, of what it weighs there."""
_A_PROGRAM, _PROGRAM_WEIGHT = 10.0, 8.0
"""The weight of code that is a program, and what it weighs that only one of two runs wrote one."""
_MOST_DONE = 100
"""So many words of commands and code are encoded."""
_DEGREES: Mapping[str, frozenset[str]] = {
    word: frozenset(f"{sure} {possible}".split())
    for sure, possible in (
        ("smaller slimmer lighter shrink slim", "small reduce resize compress size big large huge"),
        ("larger bigger enlarge upscale", "resize small size"),
        ("faster quicker accelerate", "fast slow speed optimise optimize performance"),
        ("louder quieter", "loud quiet volume loudness level normalise normalize"),
        ("shorter shorten", "short long length trim cut"),
        ("brighter darker brighten darken", "bright dark contrast exposure"),
    )
    for word in sure.split()
}
"""Words that say how something is to become, and those that another task for it may use instead."""
_OPPOSITES: Sequence[tuple[frozenset[str], frozenset[str]]] = tuple(
    (frozenset(act.split()), frozenset(opposite.split()))
    for act, opposite in (
        (
            "check validate verify audit inspect lint",
            "create generate build make add write convert translate",
        ),
        ("back backup dump archive", "restore recover"),
        ("compress zip pack", "decompress unzip unpack extract"),
        ("encrypt encode", "decrypt decode"),
        ("merge join combine concatenate", "split separate divide"),
        ("add insert install enable start", "remove delete uninstall disable stop drop"),
        ("import load", "export"),
        ("download fetch", "upload publish"),
    )
)
"""Acts of which one task begins with the one and another with the other: they are not one job."""
_WORD = re.compile(r"[a-z0-9]{3,}")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_NAME = re.compile(r"(?<![\w-])[\w-]*[./][\w./*-]*\w|\b\w+_\w+\b")
"""Names of files and folders, and of what is in programs."""
_FOLDER = re.compile(r"(?<![a-z0-9])([a-z0-9]{3,})/")
"""Names of folders are those of one run, though its task has them, too."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Relative(NamedTuple):
    """A pattern that the run may belong to, with runs of it."""

    pattern_id: str
    family_id: str
    traces: Sequence[Trace]
    shown: bool = False
    """Whether the agent was shown this pattern: doing what it says then proves nothing."""


class Belonging(NamedTuple):
    """Where a run belongs among the stored patterns; both None: it is something new."""

    pattern_id: str | None = None
    """It is one more run of this pattern."""
    family_id: str | None = None
    """It is of this family."""


class Profile(NamedTuple):
    """What of a run is compared."""

    task: tuple[str, ...]
    """Stemmed words."""
    topic: frozenset[str]
    """Its content words, without numbers, kinds of files and what stands in names only."""
    commands: frozenset[str]
    code: frozenset[str]
    work: frozenset[str]
    """The stemmed words of commands, names of files and code."""
    aim: frozenset[str]
    """The words of the task that the work has as well."""
    wanted: str
    """The task."""
    done: str
    """The words of commands and code that are not found in any job."""


def belonging(
    trace: Trace,
    relatives: Iterable[Relative],
    rarity: Rarity | None = None,
    cosine: Cosine | None = None,
) -> Belonging:
    """The pattern whose runs wanted and did the same as this one, if there is one.

    Args:
        trace: the run.
        relatives: patterns that it may belong to.
        rarity: what the store knows about how common words are.
        cosine: compares meanings, if there is an encoder.
    """
    rarity = rarity or Rarity()
    compared = sorted(
        (
            (_odds(trace, other, rarity, cosine, shown=relative.shown), relative, other)
            for relative in relatives
            for other in relative.traces[-COMPARED:]
        ),
        key=lambda item: (-item[0], item[1].pattern_id),
    )
    for odds, relative, other in compared:
        is_again = not relative.shown and _is_repetition(trace, other)
        if odds >= LEAST_ODDS or is_again or is_same_but_for_names(trace, other):
            return Belonging(relative.pattern_id, relative.family_id)
    for _, relative, other in compared:
        if is_same_task(trace.task, other.task):
            return Belonging(None, relative.family_id)
    return Belonging()


def is_same_task(one: str, other: str) -> bool:
    """Whether two tasks say the same, apart from small words."""
    left, right = set(content_words(task_words(one))), set(content_words(task_words(other)))
    return len(left & right) >= _SAME_TASK * max(len(left | right), 1)


def is_same_but_for_names(trace: Trace, other: Trace) -> bool:
    """Whether two runs were asked for and did the same, but for names and values.

    However common all of it is in the store: it is the same job on something else.
    """
    left, right = profile(trace), profile(other)
    return (
        left.commands == right.commands
        and len(left.code & right.code) >= _SAME_CODE * len(left.code | right.code)
        and _is_same_wording(trace.task, other.task)
        and [_shape(act.command) for act in trace.acts]
        == [_shape(act.command) for act in other.acts]
    )


def _is_same_wording(task: str, stored: str) -> bool:
    """Whether the words of two tasks are the same but for a few names, in the same places."""
    left, right = task.lower().split(), stored.lower().split()
    if len(left) != len(right):
        return False
    same = [a for a, b in zip(left, right, strict=True) if a == b]
    differing = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
    plain = [pair for pair in differing if not _EXTENSION.search(pair[0])]
    return (
        len(same) >= _LEAST_SAME
        and len(plain) <= _MOST_NAMES * (len(same) + len(plain))
        and all(_may_be_names(*pair) for pair in differing)
    )


def _may_be_names(task: str, stored: str) -> bool:
    """Whether two words may be names of the same kind: no acts, no kinds of files."""
    extension = extension_of(task)
    if extension or extension_of(stored):
        return extension == extension_of(stored)
    words = (*task_words(task), *task_words(stored))
    return not any(word in ACTS or word in KINDS for word in words)


def _shape(command: str) -> tuple[str, ...]:
    """The program, or the act, that a command line begins with."""
    return tuple(command.split()[:1])


def tasks_odds(one: str, other: str) -> float:
    """The logarithm of the odds that two tasks are the same job, by their words alone."""
    return _both_odds(task_words(one), task_words(other))


def compare(
    left: Profile, right: Profile, rarity: Rarity, cosine: Cosine | None = None
) -> Similarity:
    """How much two runs have in common; meanings only of those whose work has something."""
    programs = [math.fsum(map(rarity.of_code, run.code)) >= _A_PROGRAM for run in (left, right)]
    beside = _PROGRAM_WEIGHT if programs[0] != programs[1] else 0.0
    commands, shared_commands = _dice(left.commands, right.commands, rarity.of_command, beside)
    asked = left.aim & right.aim
    code, shared_code = _dice(
        left.code,
        right.code,
        lambda word: (
            max(rarity.of_code(word), _ASKED * rarity.of_word(stem(word)))
            if stem(word) in asked
            else rarity.of_code(word)
        ),
    )
    tasks = _both_odds(left.task, right.task)
    in_common = _share_a_word(left.topic, right.topic)
    similarity = Similarity(
        tasks=tasks if in_common else min(tasks, _NO_COMMON_WORD),
        commands=commands * shared_commands / (shared_commands + _ENOUGH_COMMANDS),
        code=code * shared_code / (shared_code + _ENOUGH_CODE),
        aim=min(_covered(left, right, rarity), _covered(right, left, rarity)),
        opposed=float(_are_opposed(left.task, right.task)),
    )
    work = max(similarity.commands, similarity.code)
    if cosine is None and not in_common and work < _WORK_ALONE:
        return similarity._replace(commands=0.0, code=0.0)
    if cosine is None or work < LEAST_WORK:
        return similarity
    return similarity._replace(
        meant=cosine(left.wanted, right.wanted), done=cosine(left.done, right.done)
    )


def _share_a_word(left: AbstractSet[str], right: AbstractSet[str]) -> bool:
    """Whether two texts have a word, or the long beginning of a word, in common."""
    beginnings = [
        {word[:_BEGINNING] for word in side if len(word) >= _BEGINNING} for side in (left, right)
    ]
    return not left.isdisjoint(right) or not beginnings[0].isdisjoint(beginnings[1])


def has_work(similarity: Similarity) -> bool:
    """Whether two runs did anything alike, without which they are never one job."""
    least = LEAST_WORK if similarity.meant is not None else _WORK_BY_WORDS
    return max(similarity.commands, similarity.code) >= least


@lru_cache(maxsize=512)
def profile(trace: Trace) -> Profile:
    """What of a run is compared."""
    code = "\n".join(filter(None, (code_of(act.command) for act in trace.acts)))
    echoed = frozenset(trace.echoed)
    written = (code_words(code) | frozenset(trace.words)) - echoed
    texts = " ".join(act.command for act in trace.acts)
    work = frozenset(map(stem, _WORD.findall(_CAMEL.sub(" ", texts).replace("_", " ").lower())))
    work = (work | frozenset(map(stem, written))) - frozenset(map(stem, echoed))
    names = frozenset(map(stem, _FOLDER.findall(texts.lower())))
    words = task_words(trace.task)
    content = content_words(words)
    return Profile(
        task=words,
        topic=frozenset(
            word
            for word in content_words(task_words(_NAME.sub(" ", trace.task)))
            if word not in KINDS and not word.isdigit()
        ),
        commands=all_features(trace.acts) - echoed,
        code=written,
        work=work,
        aim=frozenset(
            word
            for word in content
            if len(word) > 2 and word in work and word not in names  # noqa: PLR2004
        ),
        wanted=trace.task,
        done=_telling_words(texts, trace.words, echoed),
    )


def _telling_words(texts: str, words: Sequence[str], echoed: AbstractSet[str]) -> str:
    """The words of commands, in their order, and of code, without those of any job."""
    plain = _CAMEL.sub(" ", texts.replace("_", " ")).lower()
    every = dict.fromkeys((*_LETTERS.findall(plain), *words))
    return " ".join(
        islice((word for word in every if is_telling(word) and word not in echoed), _MOST_DONE)
    )


def as_trace(pattern: Pattern) -> Trace:
    """A pattern that no run here taught, as if one had done what it says."""
    return Trace(
        run_id="",
        task=pattern.task,
        acts=tuple(
            Act(
                intent=step.intent,
                target=step.target,
                command=_filled(step.command or step.instruction, pattern),
                occurrences=step.evidence,
                recovery=step.recovery,
            )
            for step in pattern.workflow.steps
        ),
    )


def _filled(text: str, pattern: Pattern) -> str:
    for name, variable in pattern.workflow.variables.items():
        text = text.replace(f"{{{name}}}", variable.example)
    return text


def _odds(
    trace: Trace, other: Trace, rarity: Rarity, cosine: Cosine | None, *, shown: bool
) -> float:
    """The logarithm of the odds that two runs did the same job.

    If the run was shown the other one, only its task may speak for it: doing as told proves
    nothing, doing something else speaks against it as ever.
    """
    if _differ_in_degree(trace.task, other.task) or _are_opposites(trace.task, other.task):
        return -math.inf
    left, right = profile(replace(trace, echoed=()) if shown else trace), profile(other)
    similarity = compare(left, right, rarity, cosine)
    if not shown:
        return SAME_JOB.odds(similarity) if has_work(similarity) else -math.inf
    asked = left._replace(work=frozenset[str]())
    unrelated = None if similarity.done is None else _UNRELATED
    nothing = similarity._replace(commands=0.0, code=0.0, done=unrelated)
    wanted = nothing._replace(aim=_covered(right, asked, rarity))
    done = SAME_JOB.odds(similarity) - SAME_JOB.odds(nothing)
    return SAME_JOB.odds(wanted) + min(done, _UNKNOWN_WORK)


def _are_opposites(task: str, stored: str) -> bool:
    """Whether the tasks begin with acts of which one undoes the stored, or only looks at it."""
    left, right = (_LETTERS.findall(text.lower())[:1] for text in (task, stored))
    return any(
        (first.issuperset(left) and second.issuperset(right))
        or (second.issuperset(left) and first.issuperset(right))
        for first, second in (_OPPOSITES if left and right else ())
    )


def _are_opposed(task: Sequence[str], stored: Sequence[str]) -> bool:
    left, right = _acts(task), _acts(stored)
    return bool(left) and bool(right) and left.isdisjoint(right)


def _acts(words: Iterable[str]) -> frozenset[str]:
    """What is to be done, by the thesaurus."""
    return frozenset[str]().union(*(ACTS.get(word, ()) for word in words))


def _differ_in_degree(task: str, stored: str) -> bool:
    """Whether one wants something smaller, faster or the like, and the other has no word of it."""
    left, right = (frozenset(_WORD.findall(text.lower())) for text in (task, stored))
    return any(
        not other_words & _DEGREES[word]
        for words, other_words in ((left, right), (right, left))
        for word in words & _DEGREES.keys()
    )


def _is_repetition(trace: Trace, other: Trace) -> bool:
    return is_same_task(trace.task, other.task) and likeness(trace, other) >= _REPEATED_WORK


def _both_odds(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    both = (_lexical_odds(one, other) + _lexical_odds(other, one)) / 2
    return max(_LOWEST_TASKS, min(_HIGHEST_TASKS, both))


@lru_cache(maxsize=4_096)
def _lexical_odds(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    return LEXICAL.odds(lexical_similarity(one, Candidate("", other, (), "", "")))


Weight = Callable[[str], float]


def _dice(
    left: AbstractSet[str], right: AbstractSet[str], weight: Weight, beside: float = 0.0
) -> tuple[float, float]:
    """The share of the weight of both, and of what one has beside, that is shared, and its size."""
    shared = math.fsum(map(weight, left & right))
    whole = math.fsum(map(weight, left)) + math.fsum(map(weight, right)) + beside
    return (2 * shared / whole if whole else 0.0), shared


def _covered(run: Profile, other: Profile, rarity: Rarity) -> float:
    """How much of what one run was about the other has; little is known of a run without words."""
    present = other.work.union(other.task)
    whole = math.fsum(map(rarity.of_word, run.aim))
    shared = math.fsum(map(rarity.of_word, run.aim & present))
    return (shared + _UNKNOWN_AIM * _ENOUGH_AIM) / (whole + _ENOUGH_AIM)
