"""The values that compiling takes and returns."""

from msgspec import Struct

from crossrun.model.workflows import Trace

LEAST_RUNS = 3
"""So many runs have to agree before their pattern is compiled."""


class TeachingRun(Struct, frozen=True, kw_only=True):
    """One run, as it is compared.

    `top_files` are the names at the top of its workspace when it began. `edited` are files that
    were there before and that the agent changed by hand. `check` passed at the end.
    """

    trace: Trace
    top_files: tuple[str, ...] = ()
    edited: frozenset[str] = frozenset()
    check: str = ""


class Rule(Struct, frozen=True):
    """How to find a value in a task.

    `kind` is `nth` (number `at` of the task's values of a type, negative: from the end; those in
    `without`, which all tasks have in common, do not count), `after` (what stands behind the words
    `before`, up to `until`), `word` (the word behind `before`, or the one in front of `until`) or
    `only` (the workspace's only file with the ending `type`).
    """

    kind: str
    type: str = ""
    at: int = 0
    before: str = ""
    until: str = ""
    without: tuple[str, ...] = ()


class Constraint(Struct, frozen=True):
    """Which characters a value may have at its place, so that it stays a single value.

    `allowed` has all characters that may occur; "": all but the `forbidden` ones. `number`: only a
    number may stand there.
    """

    forbidden: str = ""
    allowed: str = ""
    number: bool = False


class Argument(Struct, frozen=True, kw_only=True):
    """A variable of a compiled pattern: its values in earlier runs, and rules for new ones."""

    name: str
    type: str
    examples: tuple[str, ...]
    rules: tuple[Rule, ...]
    constraints: tuple[Constraint, ...] = ()


class Derived(Struct, frozen=True):
    """A value derived from an argument, such as a file name without its extension."""

    name: str
    argument: str
    transformation: str
    constraints: tuple[Constraint, ...] = ()


class ScriptStep(Struct, frozen=True, kw_only=True):
    """One step: shell code in which variables stand as `"$name"`, never their values.

    `shown` is the command as the first of the runs ran it, with `{name}` for each variable. `path`
    is the file that the step writes, if it is not a command, in the same form.
    """

    code: str
    shown: str
    path: str = ""
    executable: bool = False


class Compiled(Struct, frozen=True, kw_only=True):
    """A pattern as a program.

    `tasks` are those of the runs, by which a new task is compared; `tools` are the programs that it
    needs. `needs_bash`: the agent's commands say what only bash understands.
    """

    pattern_id: str
    version: int
    summary: str
    arguments: tuple[Argument, ...]
    derived: tuple[Derived, ...]
    steps: tuple[ScriptStep, ...]
    check: ScriptStep
    run_ids: tuple[str, ...]
    tasks: tuple[str, ...]
    tools: tuple[str, ...] = ()
    needs_bash: bool = False


class BoundScript(Struct, frozen=True, kw_only=True):
    """A compiled pattern with the values of one task.

    `verify` is the user's own check of the run, which comes after that of the pattern.
    """

    compiled: Compiled
    values: dict[str, str]
    verify: str | None = None

    @property
    def length(self) -> int:
        """The number of steps, checks included."""
        return len(self.compiled.steps) + 1 + (self.verify is not None)


class ScriptCounts(Struct, frozen=True):
    """In how many runs a script started the work, and in how many an agent finished it."""

    runs: int
    handed_over: int


class NotCompiled(Struct, frozen=True):
    """Why a pattern cannot be compiled, and what would help."""

    reason: str
    remedy: str


class Obstacle(Exception):  # noqa: N818  it stops a comparison and becomes a value at once
    """Raised where runs cannot be compiled."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
