"""What the user asks for: everything it takes to do the same run again."""

from msgspec import Struct

from crossrun.model.choices import FollowLinks, Sandbox, Scope
from crossrun.model.executors import DEFAULT_EXECUTOR


class AgentOptions(Struct, frozen=True):
    """Options that every agent understands. `images` go with the first prompt."""

    sandbox: Sandbox = "workspace-write"
    network: bool = False
    add_dirs: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


class CodexOptions(Struct, frozen=True):
    """Options of Codex itself, passed on unchanged."""

    profile: str | None = None
    config: tuple[str, ...] = ()
    """`KEY=VALUE` pairs as given with `-c`; they win over what crossrun sets."""
    require_git_repo: bool = False


class Limits(Struct, frozen=True):
    """Limits that end a run. Durations are in seconds; None: no limit.

    `max_cost` is in the currency of the price settings. `wait_for_quota` is how long the run may
    wait in total for a provider's quota; None: it does not wait.
    """

    timeout: float | None = None
    idle_timeout: float | None = 900.0
    max_turns: int = 20
    max_tokens: int | None = None
    max_cost: float | None = None
    wait_for_quota: float | None = None


class MemoryOptions(Struct, frozen=True, kw_only=True):
    """What the user wants from pattern memory in a run.

    `pattern_id` is the pattern that the user named, either itself or by `reference_run_id`, the run
    that it was learned from; `pattern_version` is the version of it, None: the current one.
    `holdout` is the largest share of runs from which a fitting pattern is withheld. `learn_with` is
    a model that words what is learned. `form`, `max_steps` and `max_tokens` say what of a pattern
    the agent gets. `carried_on_from` is the run that this one resumes: its decision stands.
    `compiled` says when a pattern's script takes the place of the agent: `never`, `when-proven`, or
    `always`, which the user asked for. `values` are those of its variables that the user gave, as
    `NAME=VALUE`.
    """

    off: bool = False
    pattern_id: str | None = None
    pattern_version: int | None = None
    reference_run_id: str | None = None
    scope: Scope = "user"
    holdout: float = 0.5
    learn_with: str | None = None
    form: str = "procedure"
    max_steps: int = 12
    max_tokens: int = 600
    carried_on_from: str | None = None
    compiled: str = "never"
    values: tuple[str, ...] = ()
    in_experiment: bool = False
    """The run belongs to an experiment: what fits is injected without a coin, it teaches nothing,
    and the state of no pattern depends on it until the experiment has ended."""


class BeginWith(Struct, frozen=True, kw_only=True):
    """What a workspace begins with; an empty folder if nothing is set.

    At most one of `path` (a folder to copy), `url` (a repository to clone), `run_id` (a run whose
    workspace is cloned) and `in_place` (a folder to work in) is set. `clean` leaves uncommitted
    work out; `include` are patterns of ignored files to copy nonetheless. `folder_only` leaves out
    the repository that the folder lies in. `follow_links` says what happens to links that lead out
    of the folder: they stay links, or their targets are copied. `setup` is the user's command that
    prepares workspaces of the project; it runs before the agent.

    `frozen` is a folder with a copy of that source which was made once for several runs: the
    workspace begins with it, and the source is still where the change is applied. `instructions`
    are put in the agent's folder as `AGENTS.md`, and do not count as a change. `by_default`: the
    user named no source, and `path` is the folder in whose repository they were. `inputs` are files
    and folders that are copied to the agent's folder besides, and do not count as a change either.
    """

    path: str | None = None
    url: str | None = None
    run_id: str | None = None
    in_place: str | None = None
    clean: bool = False
    include: tuple[str, ...] = ()
    setup: str | None = None
    folder_only: bool = False
    follow_links: FollowLinks = "no"
    frozen: str | None = None
    instructions: str | None = None
    by_default: bool = False
    inputs: tuple[str, ...] = ()


class RunRequest(Struct, frozen=True, kw_only=True):
    """Everything that the user asked for: enough to repeat the run."""

    task: str
    task_type: str = "code"
    project_id: str = "default"
    name: str | None = None
    tags: tuple[str, ...] = ()
    executor: str = DEFAULT_EXECUTOR
    planner: str = "direct"
    model: str | None = None
    planner_model: str | None = None
    agent: AgentOptions = AgentOptions()
    codex: CodexOptions = CodexOptions()
    limits: Limits = Limits()
    verify: str | None = None
    require_proof: str | None = None
    """The least grade of its proof with which the run succeeds: `checked` or `proven`."""
    recording: str | None = None
    """What the executor `replay` plays: `shipped:NAME`, `run:ID` or `file:PATH`."""
    memory: MemoryOptions = MemoryOptions()
    begin_with: BeginWith = BeginWith()
    template: str | None = None
    """The name of the template that filled in what the user left out."""
    origins: dict[str, str] | None = None
    """Where values came from, by the name of the setting or option: `flag`, `environment`,
    `project file`, `user file`, `project` (its set-up) or `template`. What is not named is a
    default. None: not recorded."""
    apply: bool = False
    """The change is applied to the user's files as soon as the run has succeeded."""
    branch: str | None = None
    """The branch that `apply` makes instead of changing files."""
