"""What reads of the store ask for and return when a whole `Run` is not needed."""

from typing import Literal, NamedTuple, get_args

from crossrun.model.status import Status
from crossrun.system.clock import seconds_between


class StoredEvent(NamedTuple):
    """An event as it is stored: `body` is JSON text, its type included."""

    run_id: str
    seq: int
    at: str
    type: str
    body: str


class RunLine(NamedTuple):
    """What a list shows of a run; `tokens` is their sum, None if none were reported.

    `pattern_id` is the pattern that the decision was about, with any outcome.
    """

    id: str
    project_id: str
    name: str | None
    task: str
    status: Status
    exit_code: int | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    tokens: int | None
    pattern_id: str | None = None
    decision: str | None = None
    learned_pattern_id: str | None = None
    duration_s: float | None = None
    grade: str | None = None
    """That of its proof."""
    has_note: int = 0
    failure_code: str | None = None

    @property
    def seconds(self) -> float | None:
        """See `Run.seconds`."""
        measured = self.duration_s
        return seconds_between(self.started_at, self.ended_at) if measured is None else measured


class FinishedTask(NamedTuple):
    """By what runs that ended by themselves are compared; of a long task the beginning."""

    id: str
    task: str
    model: str | None
    pattern_id: str | None
    learned_pattern_id: str | None


class FinishedRun(NamedTuple):
    """What a run took; `tokens` is their sum, None if none were reported."""

    id: str
    succeeded: bool
    seconds: float | None
    tokens: int | None
    cost: float | None


class PastRun(NamedTuple):
    """What a history tells of a run. `task` is its beginning, `tokens` their sum.

    `changes` counts changed files. `can_apply`: its files came from a folder of the user's.
    `is_repeat`: it continues or repeats another run, or belongs to a batch.
    """

    id: str
    project_id: str
    task: str
    task_type: str
    status: Status
    seconds: float | None
    tokens: int | None
    commands: int
    changes: int
    can_apply: bool
    is_applied: bool
    is_agent: bool
    is_repeat: bool
    is_continued: bool
    has_check: bool
    decision: str | None
    pattern_id: str | None
    learned_pattern_id: str | None


class PastCommand(NamedTuple):
    """A command of a run, and whether it failed; `seconds` is None if it was not measured."""

    run_id: str
    command: str
    exit_code: int | None
    seconds: float | None


class RunFilter(NamedTuple):
    """Which runs to list; None: any. `since` is ISO-8601 in UTC; a `limit` of 0 is none."""

    project_id: str | None = None
    status: str | None = None
    task_type: str | None = None
    tag: str | None = None
    since: str | None = None
    search: str | None = None
    limit: int = 20
    batch_id: str | None = None
    ids: tuple[str, ...] | None = None
    """Only these runs; with `search`, also these."""


SearchField = Literal["tasks", "messages", "commands", "output"]
SEARCH_FIELDS: tuple[SearchField, ...] = get_args(SearchField)


class SearchQuery(NamedTuple):
    """Words to search for: all of `words`, none of `excluded`, in these fields.

    A word with spaces is a phrase, and one that ends with `*` the beginning of a word.
    """

    words: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    fields: tuple[SearchField, ...] = SEARCH_FIELDS


class StepMatch(NamedTuple):
    """An event with the words of a search.

    `excerpt` is the line of the first match in `field`; `highlights` are the matches in it, as
    positions of their first character and of the one after their last.
    """

    run_id: str
    seq: int
    at: str
    kind: str
    field: SearchField
    excerpt: str
    highlights: tuple[tuple[int, int], ...]


class RunMatches(NamedTuple):
    """The first steps of a run that match; `more`: there are others."""

    run: RunLine
    steps: tuple[StepMatch, ...]
    more: bool


class PatternLine(NamedTuple):
    """What a list shows of a pattern; `lift` is a fraction of 1, None without enough evidence.

    `used` counts all runs that got it, including those that cannot be compared.
    """

    id: str
    version: int
    state: str
    own: bool
    project_id: str
    task_type: str
    summary: str
    steps: int
    variables: int
    used: int
    lift: float | None
    low: float | None
    high: float | None


class PatternFilter(NamedTuple):
    """Which patterns to list; None: any."""

    project_id: str | None = None
    task_type: str | None = None
    state: str | None = None
    ids: tuple[str, ...] | None = None
    limit: int = 50
