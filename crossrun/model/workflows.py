"""What runs teach: acts of an agent, and the workflow that is made of them. Plain frozen values.

Fields with a set of values are plain text where they are read from the store: a newer version may
have stored a value that this one does not know.
"""

from typing import Literal

from msgspec import Struct, field

Intent = Literal[
    "read",
    "search",
    "edit",
    "test",
    "check",
    "build",
    "run",
    "install",
    "convert",
    "fetch",
    "plot",
    "query",
    "commit",
    "tool",
    "plan",
]
"""What an act is for. `tool`: a tool other than shell and files. `plan`: stated, not done."""

Decision = Literal["injected", "withheld", "abstained", "disabled", "forced"]
"""What pattern memory did in a run.

`injected` and `withheld`: a pattern fits, and a coin decided. `abstained`: none fits for sure.
`disabled`: the user wanted none, or the agent takes none. `forced`: the user named it.
"""

Lesson = Literal["workflow", "caution"]
"""What a run taught: what worked, or what did not."""

MOST_STEPS = 12
LONGEST_STEP = 160
"""Characters of one step, of the summary and of a caution."""
MOST_TOKENS = 600
"""Of a whole block, at four characters each."""
MOST_CAUTIONS = 2
STORED_STEPS = 30
"""Of a workflow; how many of them a block shows is a setting."""
LONGEST_COMMAND = 1_200
"""Characters of a command that a step shows; a longer one is a file of the pattern."""

FILES_FOLDER = "$PATTERN_FILES"
"""How stored texts write the folder in which a pattern's files lie when an agent gets them."""


FileKind = Literal["program", "template", "configuration", "resource"]
"""What a file of a pattern is. `resource`: a file of an imported skill. Never a result of a run."""


class PatternFile(Struct, frozen=True, kw_only=True):
    """A file that comes with a pattern. Its content is in the store, by its hash.

    `path` is relative, with `/`, as the file was named in the workspace or in the skill's folder.
    """

    path: str
    kind: str
    sha256: str
    size: int
    executable: bool = False


class Cure(Struct, frozen=True, kw_only=True):
    """A failure that a later act cured.

    `error` is the last line that the failed command printed, `cured_by` the command or the change
    that cured it, `why` what the agent wrote in between; each is one line.
    """

    failed: str
    error: str
    cured_by: str
    why: str = ""


class Check(Struct, frozen=True, kw_only=True):
    """How to tell that the work is done: a command, and what it shows then, on one line."""

    command: str
    done: str = ""


class Occurrence(Struct, frozen=True):
    """Where a step was seen: an event of a run, and the exit code if it was a command."""

    run_id: str
    seq: int
    exit_code: int | None = None


class Act(Struct, frozen=True, kw_only=True):
    """One thing that an agent did in one run, without noise, secrets and private paths.

    `command` is the whole command as the agent ran it, on as many lines as it had, or
    `write PATH`, `delete PATH`, `use TOOL ARGUMENTS`. `target` is what it was done to. `heading` is
    what the agent's plan or the planner called it, `why` what the agent said before it.
    """

    intent: str
    target: str
    command: str
    occurrences: tuple[Occurrence, ...]
    recovery: bool = False
    """It repaired an earlier failure; the failures are among its occurrences."""
    instead_of: str = ""
    """The command that had failed, if it was a different one."""
    heading: str = ""
    why: str = ""
    edited: bool = False
    """The file that was written had been there before."""
    proved: bool = True
    """Whether its exit code shows that it worked; not so behind a pipe or before `|| true`."""


class Preconditions(Struct, frozen=True):
    """What a workflow needs, checked as data before it is chosen."""

    os: str | None = None
    """As `sys.platform`; None: any."""
    tools: tuple[str, ...] = ()
    """Programs that must be on the PATH."""
    markers: tuple[str, ...] = ()
    """Files that must be at the top of the workspace when the run begins."""


class Trace(Struct, frozen=True, kw_only=True):
    """What one run did, as material to learn from.

    `found`: values that the extractors of the task type found. `files`: what the run wrote and
    later commands used. `facts`: what an agent cannot guess, one line each. `grade`: how well the
    success is proved; None: not graded. `words`: words of all texts that it wrote, by which runs
    are compared. `echoed`: features that it has from a pattern of another job that it was shown;
    they are not compared. `whole_commands`: its commands are as they were run; older versions kept
    pieces of them.
    """

    run_id: str
    task: str
    acts: tuple[Act, ...]
    verified: bool = False
    found: tuple["Finding", ...] = ()
    preconditions: Preconditions = Preconditions()
    files: tuple[PatternFile, ...] = ()
    cures: tuple[Cure, ...] = ()
    check: Check | None = None
    facts: tuple[str, ...] = ()
    grade: str | None = None
    words: tuple[str, ...] = ()
    echoed: tuple[str, ...] = ()
    whole_commands: bool = False


class Finding(Struct, frozen=True):
    """A value that a finder of the task type found; `type` is that of the variable."""

    name: str
    type: str
    value: str
    substitute: bool = True
    """Whether `{name}` replaces it where it is a separate word in a step."""


class Caution(Struct, frozen=True):
    """What a run tried, and why it failed."""

    run_id: str
    text: str


class Step(Struct, frozen=True, kw_only=True):
    """One step of a workflow.

    `instruction` is what an agent reads: a whole command that worked, with the values of an earlier
    run, or a description. `command` is the same with `{name}` for each variable, the form that
    commands of later runs are compared with; None for a step that is only described.
    """

    instruction: str
    intent: str
    target: str = ""
    command: str | None = None
    recovery: bool = False
    evidence: tuple[Occurrence, ...] = ()
    why: str = ""


class Variable(Struct, frozen=True):
    """A value that differs from run to run: its type, an example, and its values in other runs."""

    type: str
    example: str
    values: tuple[str, ...] = ()


class Workflow(Struct, frozen=True, kw_only=True):
    """What worked: the part of a pattern that is versioned, injected and edited.

    `body` is the text of an imported skill, which takes the place of the steps in the block; `name`
    is the skill's, `first_line` the line of its `SKILL.md` on which the body begins, and `outline`
    what its other texts are about: a path and headings in each line.
    """

    summary: str
    steps: tuple[Step, ...]
    variables: dict[str, Variable] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()
    preconditions: Preconditions = Preconditions()
    files: tuple[PatternFile, ...] = ()
    cures: tuple[Cure, ...] = ()
    check: Check | None = None
    facts: tuple[str, ...] = ()
    body: str = ""
    name: str = ""
    first_line: int = 1
    outline: tuple[str, ...] = ()


class KindStats(Struct, frozen=True, kw_only=True):
    """What is known about a pattern's worth on one kind of task.

    `task` is the first task of the kind. `lift` is a fraction of 1, drawn towards that on all
    tasks. `state`: `helps`, `hurts` (the pattern is not given to such tasks), `suspected` (half of
    such runs do without) or `undecided`.
    """

    task_type: str
    task: str
    runs_with: int
    runs_without: int
    lift: float
    interval: tuple[float, float]
    state: str


class Stats(Struct, frozen=True):
    """What is known about a pattern's worth, in the form that scripts read.

    `lift` is a fraction of 1; None without enough evidence. `proved`: runs with a check prove that
    it helps. `share` is the share of coming runs that are best withheld; None: not computed.
    """

    runs_with: int = 0
    runs_without: int = 0
    lift: float | None = None
    lift_interval: tuple[float, float] | None = None
    p_hurt: float | None = None
    proved: bool = False
    share: float | None = None
    experiment_runs: int = 0
    kinds: tuple[KindStats, ...] = ()


class MemoryStats(Struct, frozen=True, kw_only=True):
    """What is known about the worth of all patterns together, with a sentence that says it.

    The figures are those of `Stats`, over the runs of all patterns.
    """

    runs_with: int
    runs_without: int
    lift: float | None
    lift_interval: tuple[float, float] | None
    p_hurt: float | None
    proved: bool
    verdict: str


class Pattern(Struct, frozen=True, kw_only=True):
    """A pattern: its identity, its current workflow, and what is known about its worth.

    Patterns of one family are different ways of doing the same kind of task. `own` is false for an
    imported one. `hash` is the hash of its workflow, `reason` why it is in its state.
    """

    id: str
    family_id: str
    version: int
    hash: str
    state: str
    reason: str
    own: bool
    kept_by_user: bool
    project_id: str
    task_type: str
    task: str
    created_at: str
    updated_at: str
    workflow: Workflow
    source_run_ids: tuple[str, ...]
    stats: Stats = Stats()


class Version(Struct, frozen=True, kw_only=True):
    """One version of a pattern.

    `made_by`: `run`, `merge` (a comparison of runs), `caution`, `user` or `import`. `rules_hash` is
    the hash of what the rules made, without examples of variables, before a model reworded it.
    """

    pattern_id: str
    version: int
    hash: str
    rules_hash: str
    made_by: str
    run_id: str | None
    at: str
    workflow: Workflow
