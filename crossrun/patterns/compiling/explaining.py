"""Explaining differences: texts of runs, split into constant parts and values of the tasks."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from msgspec import Struct
from msgspec.structs import replace

from crossrun.patterns.compiling.rules import rules_for, type_of_values, value_by
from crossrun.patterns.compiling.transformations import TRANSFORMATIONS
from crossrun.patterns.compiling.values import Argument, Constraint, Derived, Obstacle, Rule

Part = tuple[str, bool]
"""A text, or the name of a variable (true)."""
Vector = tuple[str, ...]
"""The text at one place, by run."""

_BOUNDARIES = (
    r"[\s\"'=:,;|()<>]+",
    r"[\s\"'=:,;|()<>/]+",
    r"[\s\"'=:,;|()<>/.]+",
    r"[^A-Za-z0-9]+",
    r"",
)
"""Where values may begin and end: first whole words, then parts of paths, then any place."""
_LONGEST_NAME = 24
_WITH_A_MEANING = """
    path home pwd user shell lang tz ifs term http_proxy https_proxy ftp_proxy no_proxy all_proxy
    help check
"""
_RESERVED = frozenset(_WITH_A_MEANING.split())
_QUOTES = "\"'`"
_LONGEST_VALUE = 120
_MOST_CUTS = 6
"""So many places at which a text may be cut are tried on each side, the innermost."""
_SHORTEST_WITHIN = 2
"""Values up to this length are not looked for in the middle of words."""


class _TaskValue(Struct):
    name: str
    type: str
    vector: Vector
    rules: tuple[Rule, ...]


class Explainer:
    """Finds the variables of runs while their texts are compared.

    Args:
        tasks: of the runs.
        files: the names at the top of their workspaces.
        names: what the pattern calls the variables with these values.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        files: Sequence[Sequence[str]],
        names: Mapping[str, frozenset[str]],
    ) -> None:
        self._tasks = tasks
        self._files = files
        self._names = names
        self._arguments: dict[str, _TaskValue] = {}
        self._derived: dict[str, Derived] = {}
        self._constraints: dict[str, dict[Constraint, None]] = {}
        self._common: list[_TaskValue] | None = None

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The variables so far."""
        return tuple(
            Argument(
                name=task_value.name,
                type=task_value.type,
                examples=task_value.vector,
                rules=task_value.rules,
                constraints=tuple(self._constraints.get(task_value.name, ())),
            )
            for task_value in self._arguments.values()
        )

    @property
    def derived(self) -> tuple[Derived, ...]:
        """The values derived from them."""
        return tuple(
            replace(derived, constraints=tuple(self._constraints.get(derived.name, ())))
            for derived in self._derived.values()
        )

    def parts(self, vector: Vector) -> list[Part]:
        """The parts of a text, for all runs.

        Raises:
            Obstacle: a part differs that the tasks do not determine.
        """
        if len(set(vector)) == 1:
            return [(vector[0], False)] if vector[0] else []
        for boundary in _BOUNDARIES:
            for head, middle, tail in _cuts(vector, boundary):
                name = self._direct(middle) or self._derive(middle)
                if name is not None:
                    return _joined([(head, False), (name, True), (tail, False)])
        within = self._within(vector)
        if within is None:
            raise _unexplained(vector)
        return within

    def constrain(self, name: str, constraint: Constraint) -> None:
        """Adds a constraint on the characters of a variable."""
        if constraint != Constraint():
            self._constraints.setdefault(name, {})[constraint] = None

    def examples(self, name: str) -> Vector:
        """The values of a variable in the runs."""
        derived = self._derived.get(name)
        if derived is None:
            return self._arguments[name].vector
        transformation = TRANSFORMATIONS[derived.transformation]
        return tuple(map(transformation.apply, self._arguments[derived.argument].vector))

    def _direct(self, vector: Vector) -> str | None:
        """The variable with these values, a new one if the tasks contain them; else None."""
        for task_value in self._arguments.values():
            if task_value.vector == vector:
                return task_value.name
        for name in self._derived:
            if self.examples(name) == vector:
                return name
        if max(map(len, vector)) > _LONGEST_VALUE:
            return None
        rules = rules_for(vector, self._tasks, self._files)
        return self._add(vector, rules) if rules else None

    def _add(self, vector: Vector, rules: tuple[Rule, ...]) -> str:
        type_, base = type_of_values(vector)
        if type_ == "phrase":
            base = _context_name(rules) or base
        base = next((n for n, values in self._names.items() if values >= set(vector)), base)
        name = _free(_cleaned(base), {*self._arguments, *self._derived})
        self._arguments[name] = _TaskValue(name, type_, vector, rules)
        return name

    def _derive(self, vector: Vector) -> str | None:
        """A variable derived from another one, or from another value of the tasks."""
        for task_value in (*self._arguments.values(), *self._others()):
            for label, transformation in TRANSFORMATIONS.items():
                if tuple(map(transformation.apply, task_value.vector)) == vector:
                    argument = task_value.name or self._add(task_value.vector, task_value.rules)
                    taken = {*self._arguments, *self._derived}
                    name = _free(f"{argument}_{label}", taken)
                    self._derived[name] = Derived(name, argument, label)
                    return name
        return None

    def _others(self) -> list[_TaskValue]:
        """Values of the tasks that are not variables yet."""
        if self._common is None:
            self._common = list(self._common_values())
        vectors = {argument.vector for argument in self._arguments.values()}
        return [value for value in self._common if value.vector not in vectors]

    def _common_values(self) -> Iterator[_TaskValue]:
        vectors: set[Vector] = set()
        for rule in _COMMON_RULES:
            vector = _vector_by(rule, self._tasks, self._files)
            if vector is not None and len(set(vector)) > 1 and vector not in vectors:
                vectors.add(vector)
                rules = rules_for(vector, self._tasks, self._files)
                yield _TaskValue("", type_of_values(vector)[0], vector, rules)

    def _within(self, vector: Vector) -> list[Part] | None:
        """The parts if a value stands inside the texts, the longest value first."""
        for middle, name in self._values_within(vector):
            at = [_place(value, text) for text, value in zip(vector, middle, strict=True)]
            left = tuple(text[:start] for text, start in zip(vector, at, strict=True))
            right = tuple(
                text[start + len(value) :]
                for text, start, value in zip(vector, at, middle, strict=True)
            )
            try:
                before, behind = self.parts(left), self.parts(right)
            except Obstacle:
                continue
            return _joined(
                [
                    *before,
                    (name or self._direct(middle) or self._derive(middle) or "", True),
                    *behind,
                ]
            )
        return None

    def _values_within(self, vector: Vector) -> list[tuple[Vector, str]]:
        values = {task_value.vector: task_value.name for task_value in self._arguments.values()}
        values |= {self.examples(name): name for name in self._derived}
        for task_value in [*self._arguments.values(), *self._others()]:
            values.setdefault(task_value.vector, task_value.name)
            for transformation in TRANSFORMATIONS.values():
                values.setdefault(tuple(map(transformation.apply, task_value.vector)), "")
        fitting = [
            (value, name)
            for value, name in values.items()
            if value != vector
            and len(set(value)) > 1
            and all(
                part and _place(part, text) >= 0 for part, text in zip(value, vector, strict=True)
            )
        ]
        return sorted(fitting, key=lambda pair: -min(map(len, pair[0])))


_COMMON_RULES = tuple(
    Rule("nth", type_, at)
    for type_ in ("path", "quoted", "date", "number", "folder", "url", "version", "size")
    for at in range(6)
)


def _vector_by(rule: Rule, tasks: Sequence[str], files: Sequence[Sequence[str]]) -> Vector | None:
    values = [value_by(rule, task, names) for task, names in zip(tasks, files, strict=True)]
    return None if None in values else tuple(value for value in values if value is not None)


def _place(value: str, text: str) -> int:
    """The position of a value in a text; a short one must be a whole word."""
    if len(value) > _SHORTEST_WITHIN:
        return text.find(value)
    match = re.search(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", text)
    return -1 if match is None else match.start()


def _cuts(vector: Vector, boundary: str) -> Iterator[tuple[str, Vector, str]]:
    """Ways to strip what all texts begin and end with, at boundaries; the shortest cut first."""
    head = _common_head(vector)
    rest = tuple(text[len(head) :] for text in vector)
    tail = _common_head(tuple(text[::-1] for text in rest))[::-1]
    if boundary:
        heads = [0, *(match.end() for match in re.finditer(boundary, head))][-_MOST_CUTS:]
        tails = [0, *(len(tail) - m.start() for m in re.finditer(boundary, tail))]
        tails = sorted(tails)[-_MOST_CUTS:]
    else:
        heads, tails = [len(head)], [len(tail)]
    for start, end in sorted(product(heads, tails), key=sum):
        middle = tuple(text[start : len(text) - end] for text in vector)
        if all(middle) and not _in_quotes(middle):
            yield head[:start], middle, tail[len(tail) - end :]


def _in_quotes(vector: Vector) -> bool:
    """Whether all begin, or all end, with a quote, which is a part of what stands around them."""
    return all(text[0] in _QUOTES for text in vector) or all(text[-1] in _QUOTES for text in vector)


def _common_head(vector: Vector) -> str:
    shortest = min(vector, key=len)
    length = next(
        (at for at, char in enumerate(shortest) if any(text[at] != char for text in vector)),
        len(shortest),
    )
    return shortest[:length]


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Without empty texts, and neighbouring texts as one."""
    joined: list[Part] = []
    for text, is_name in parts:
        if joined and not is_name and not joined[-1][1]:
            joined[-1] = (joined[-1][0] + text, False)
        elif text:
            joined.append((text, is_name))
    return joined


def _unexplained(vector: Vector) -> Obstacle:
    shown = ", ".join(repr(text[:50]) for text in dict.fromkeys(vector))
    return Obstacle(
        f"the runs differ in {shown}, which cannot be told from their tasks",
        "name such values in the tasks in the same way, phrases in quotes",
    )


def _context_name(rules: Sequence[Rule]) -> str:
    words = [re.findall(r"[A-Za-z]\w+", rule.before) for rule in rules if rule.kind == "after"]
    names = [found[-1].lower() for found in words if found]
    return names[0] if names else ""


def _cleaned(name: str) -> str:
    cleaned = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()[:_LONGEST_NAME]
    if not cleaned or not cleaned[0].isalpha() or cleaned in _RESERVED:
        return f"value_{cleaned}".rstrip("_")
    return cleaned


def _free(base: str, taken: set[str]) -> str:
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name
