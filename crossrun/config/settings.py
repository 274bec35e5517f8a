"""All settings as one typed value. `config.sources` reads them.

The tables of names, variables and parsers and the page docs/reference/settings.md are made from
the fields of `Settings`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from crossrun.config.values import (
    amount,
    count,
    duration,
    one_of,
    positive,
    price_table,
    share,
    size,
    switch,
    web_address,
)
from crossrun.errors import ConfigurationError
from crossrun.model.choices import (
    BLOCK_FORMS,
    COMPILED_USES,
    DEFAULT_SOURCES,
    NOTIFY_WHEN,
    PLANNERS,
    REQUIRED_PROOFS,
    REVIEW_POLICIES,
    SANDBOXES,
    SCOPES,
    BlockForm,
    CompiledUse,
    DefaultSource,
    NotifyWhen,
    PlannerChoice,
    RequiredProof,
    ReviewPolicy,
    Sandbox,
    Scope,
)
from crossrun.model.executors import DEFAULT_EXECUTOR, EXECUTORS


class Setting(NamedTuple):
    """What describes one setting besides its type and default.

    Attributes:
        parse: from its text to its value; raises ValueError.
        help: what it does, in one sentence; also the help of the option with the same name.
        details: further sentences for the reference.
        in_project_file: whether a file that came with somebody's repository may set it.
        other_variables: environment variables that also set it.
        is_secret: whether its value is never shown, only that it is set.
    """

    parse: Callable[[str], Any]
    help: str
    details: str = ""
    in_project_file: bool = False
    other_variables: tuple[str, ...] = ()
    is_secret: bool = False


class RunSettings(NamedTuple):
    """Settings of new runs."""

    source: Annotated[
        DefaultSource,
        Setting(
            one_of(*DEFAULT_SOURCES),
            "What a run starts from if no source is given:",
            "a copy of the git repository that you are in (`auto`), or an empty folder (`none`). "
            "Outside a repository, and for recordings, it is always an empty folder.",
            in_project_file=True,
        ),
    ] = "auto"


class UiSettings(NamedTuple):
    """How crossrun talks to people."""

    pick: Annotated[
        bool,
        Setting(
            switch,
            "On a terminal, let you pick the run from a list if RUN is left out.",
            "Otherwise, a command takes the newest run unless `--pick` is given.",
        ),
    ] = False


class RunsSettings(NamedTuple):
    """Settings for all runs together."""

    max_parallel: Annotated[
        int | None,
        Setting(
            positive, "How many runs may be active at the same time; further runs wait in a queue."
        ),
    ] = None


class PatternsSettings(NamedTuple):
    """Settings of pattern memory."""

    scope: Annotated[
        Scope,
        Setting(
            one_of(*SCOPES),
            "Whether a run may use patterns from all your projects, or only from its own.",
            in_project_file=True,
        ),
    ] = "user"
    holdout: Annotated[
        float,
        Setting(
            share,
            "The largest share of runs that go without the matching pattern, so that its effect "
            "can be measured.",
            "crossrun keeps the share as small as it can without losing more to patterns that "
            "hurt. With 0, no pattern is withheld, and no effect can be measured.",
        ),
    ] = 0.5
    learn_with: Annotated[
        str | None,
        Setting(
            str,
            "The model that writes down what is learned from the run.",
            "Without it, crossrun uses rules.",
        ),
    ] = None
    compiled: Annotated[
        CompiledUse,
        Setting(
            one_of(*COMPILED_USES),
            "Whether the script of a compiled pattern may replace the agent.",
            "A script is proven if at least three runs with a check agree on it and it has not "
            "failed since. If it does not do what is expected, the agent takes over.",
        ),
    ] = "never"

    review: Annotated[
        ReviewPolicy,
        Setting(
            one_of(*REVIEW_POLICIES),
            "Which lessons wait for your review: those from `imported` sessions, from all runs "
            "(`always`), or none (`never`).",
            "Until you accept a lesson with `crossrun patterns review`, it is not used and "
            "changes no pattern.",
        ),
    ] = "imported"
    form: Annotated[
        BlockForm,
        Setting(
            one_of(*BLOCK_FORMS),
            "How an agent gets a pattern: everything that is known (`procedure`), the same with "
            "shell variables for the parts that differ from task to task (`assignments`), its "
            "commands and what failed (`commands`), or numbered steps (`steps`).",
        ),
    ] = "procedure"
    max_steps: Annotated[
        int,
        Setting(positive, "The most commands or steps of a pattern that an agent gets."),
    ] = 12
    max_tokens: Annotated[
        int,
        Setting(
            count,
            "The longest text of a pattern that an agent gets, in tokens of four characters.",
            "Commands are dropped last and never shortened.",
        ),
    ] = 600


class CleanupSettings(NamedTuple):
    """Settings for the removal of old workspaces after each run; without any, none is removed."""

    older_than: Annotated[
        float | None,
        Setting(
            duration,
            "Remove only workspaces whose newest run ended at least this long ago.",
            "If any of the three `cleanup` settings is set, old workspaces are removed after each "
            "run.",
        ),
    ] = None
    keep_last: Annotated[
        int | None,
        Setting(positive, "Keep this many of the newest workspaces of each project."),
    ] = None
    max_size: Annotated[
        int | None,
        Setting(
            size,
            "Remove the oldest workspaces until all of them together take up no more space "
            "than this.",
        ),
    ] = None


class NotifySettings(NamedTuple):
    """How the end of a run is announced."""

    desktop: Annotated[
        bool,
        Setting(switch, "Show a notification on the desktop.", in_project_file=True),
    ] = False
    bell: Annotated[
        bool, Setting(switch, "Ring the bell of the terminal.", in_project_file=True)
    ] = False
    terminal: Annotated[
        bool,
        Setting(
            switch,
            "Have the terminal show a notification, by OSC 9 or OSC 777.",
            in_project_file=True,
        ),
    ] = False
    command: Annotated[
        str | None,
        Setting(
            str,
            "A shell command to run; it gets the run in variables, and as JSON.",
        ),
    ] = None
    webhook: Annotated[
        str | None,
        Setting(
            web_address, "The address that a signed POST request with the run as JSON is sent to."
        ),
    ] = None
    webhook_secret: Annotated[
        str | None,
        Setting(
            str,
            "The secret used to sign requests to `notify.webhook`.",
            "If it starts with `whsec_`, the rest is base64. Agents do not get it.",
            is_secret=True,
        ),
    ] = None
    when: Annotated[
        NotifyWhen,
        Setting(
            one_of(*NOTIFY_WHEN),
            "Which runs are announced: all, those that failed, or those that took `notify.after`.",
            in_project_file=True,
        ),
    ] = "always"
    after: Annotated[
        float,
        Setting(
            duration,
            "How long a run must take to be announced if `notify.when` is `long`.",
            in_project_file=True,
        ),
    ] = 300.0


class CodexSettings(NamedTuple):
    """Settings for the Codex program."""

    path: Annotated[
        str | None,
        Setting(
            str,
            "The Codex program.",
            "Without it, `codex` on the `PATH`, or else the one from the Python package's extra "
            "`codex`.",
            other_variables=("CODEX_PATH",),
        ),
    ] = None


class DatabaseSettings(NamedTuple):
    """Where the ledger is."""

    path: Annotated[
        str | None,
        Setting(str, "The file of the store.", other_variables=("CROSS_RUN_DATABASE_PATH",)),
    ] = None


class WorkspaceSettings(NamedTuple):
    """Where workspaces are."""

    root: Annotated[
        str | None,
        Setting(
            str, "The folder of all workspaces.", other_variables=("CROSS_RUN_WORKSPACE_ROOT",)
        ),
    ] = None


class ArtifactsSettings(NamedTuple):
    """Where artifacts are."""

    root: Annotated[
        str | None,
        Setting(str, "The folder of all artifacts.", other_variables=("CROSS_RUN_ARTIFACTS_ROOT",)),
    ] = None


class SettingsFiles(NamedTuple):
    """The settings files that count; `project` is None if there is none at or above the folder."""

    user: Path
    project: Path | None


class Paths(NamedTuple):
    """Where crossrun keeps things. Nothing is made until it is needed."""

    data: Path
    database: Path
    workspaces: Path
    artifacts: Path
    snapshots: Path
    config: Path
    state: Path
    cache: Path
    """What can be made again."""

    @property
    def task_types(self) -> Path:
        """The user's own task types."""
        return self.config / "task_types"

    @property
    def templates(self) -> Path:
        """The user's own templates."""
        return self.config / "templates"

    @property
    def locks(self) -> Path:
        """A lock file for each active run."""
        return self.state / "locks"

    @property
    def processes(self) -> Path:
        """For each active run, the processes that descend from it."""
        return self.state / "processes"

    @property
    def references(self) -> Path:
        """The files of patterns, for agents to read."""
        return self.state / "references"

    @property
    def logs(self) -> Path:
        """The output of runs in the background."""
        return self.state / "logs"

    @property
    def backups(self) -> Path:
        """Copies of the store, made each week and before it is migrated."""
        return self.state / "backups"


class Settings(NamedTuple):
    """The settings of one command, read once.

    Attributes:
        paths: where things are.
        environ: the environment that children inherit, with what `.env` added.
        origins: by the name of each setting, which source its value came from.
        places: by the name of each setting from the environment or a file, the variable or the path
            of the file.
        warnings: what is wrong with the settings files and does not stop the command.
    """

    paths: Paths
    environ: Mapping[str, str]
    origins: Mapping[str, str] = {}
    places: Mapping[str, str] = {}
    warnings: tuple[str, ...] = ()

    project_id: Annotated[
        str, Setting(str, "The project that the run belongs to.", in_project_file=True)
    ] = "default"
    task_type: Annotated[
        str | None,
        Setting(
            str,
            "The kind of task: code, research, writing, ... or your own.",
            "Without it, the task type of the project, then `code`.",
            in_project_file=True,
        ),
    ] = None
    executor: Annotated[
        str, Setting(one_of(*EXECUTORS), "The program that carries out the task.")
    ] = DEFAULT_EXECUTOR
    planner: Annotated[
        PlannerChoice,
        Setting(
            one_of(*PLANNERS),
            "What plans the agent's steps.",
            "`auto` is `openai` if the executor is `codex` and `OPENAI_API_KEY` is set, otherwise "
            "`direct`.",
            in_project_file=True,
        ),
    ] = "auto"
    planner_model: Annotated[str, Setting(str, "The planning model.", in_project_file=True)] = (
        "gpt-6.1-sol"
    )
    model: Annotated[
        str | None,
        Setting(
            str, "The agent's model.", "Without it, the agent's own default.", in_project_file=True
        ),
    ] = None
    sandbox: Annotated[
        Sandbox, Setting(one_of(*SANDBOXES), "The sandbox of the agent's commands.")
    ] = "workspace-write"
    network: Annotated[bool, Setting(switch, "Let the agent's commands use the network.")] = False
    profile: Annotated[str | None, Setting(str, "A configuration profile of Codex.")] = None
    timeout: Annotated[
        float | None,
        Setting(duration, "End the run after this time: 90s, 5m, 2h.", in_project_file=True),
    ] = None
    idle_timeout: Annotated[
        float | None,
        Setting(
            duration,
            "End the run when the agent has been silent for this long.",
            "Time while a command runs does not count. Also limits how long the planning model may "
            "take for one answer.",
            in_project_file=True,
        ),
    ] = 900.0
    max_turns: Annotated[
        int, Setting(positive, "The most turns that the agent may take.", in_project_file=True)
    ] = 20
    max_tokens: Annotated[
        int | None,
        Setting(
            count,
            "End the run when it has used this many tokens.",
            "The limit also applies in the middle of a turn. The tokens of the runs that it "
            "resumes count too.",
            in_project_file=True,
        ),
    ] = None
    max_cost: Annotated[
        float | None,
        Setting(
            amount,
            "End the run when its models have cost this much.",
            "The price of each model must be in `prices`. The cost of the runs that it resumes "
            "counts too.",
            in_project_file=True,
        ),
    ] = None
    wait_for_quota: Annotated[
        float | None,
        Setting(
            duration,
            "Wait up to this long in total when a provider's quota is used up.",
            "Without it, the run fails and says when the quota will be available again.",
        ),
    ] = None
    run: RunSettings = RunSettings()
    runs: RunsSettings = RunsSettings()
    prices: Annotated[
        Mapping[str, Mapping[str, float]],
        Setting(
            price_table,
            "The price of a million tokens for each model, in a currency of your choice:",
            "`{gpt-6.1-sol: {input: 1.25, cached_input: 0.13, output: 10}}`. In an environment "
            "variable, write it as JSON.",
        ),
    ] = {}
    verify: Annotated[
        str | None, Setting(str, "A command that must exit 0 for the run to succeed.")
    ] = None
    require_proof: Annotated[
        RequiredProof | None,
        Setting(
            one_of(*REQUIRED_PROOFS),
            "Fail a run without this proof:",
            "a check that the agent ran (`checked`), or `verify` (`proven`).",
            in_project_file=True,
        ),
    ] = None
    patterns: PatternsSettings = PatternsSettings()
    cleanup: CleanupSettings = CleanupSettings()
    notify: NotifySettings = NotifySettings()
    require_git_repo: Annotated[
        bool,
        Setting(
            switch,
            "Have Codex refuse a folder that is not a git repository.",
            "Runs outside a repository, and those with `--empty`, then fail.",
            other_variables=("CROSS_RUN_REQUIRE_GIT_REPO",),
        ),
    ] = False
    codex: CodexSettings = CodexSettings()
    ui: UiSettings = UiSettings()
    database: DatabaseSettings = DatabaseSettings()
    workspace: WorkspaceSettings = WorkspaceSettings()
    artifacts: ArtifactsSettings = ArtifactsSettings()

    @property
    def codex_home(self) -> Path:
        """Where Codex keeps its own files. Raises ConfigurationError if there is no home folder."""
        if self.environ.get("CODEX_HOME"):
            return Path(self.environ["CODEX_HOME"])
        with home_needed("CODEX_HOME"):
            return self._home / ".codex"

    @property
    def user_home(self) -> Path:
        """The user's home folder. Raises ConfigurationError if there is none."""
        with home_needed("HOME"):
            return self._home

    @property
    def _home(self) -> Path:
        return Path(self.environ.get("HOME") or Path.home())

    @classmethod
    def from_values(
        cls,
        values: Mapping[str, Any],
        *,
        paths: Paths,
        environ: Mapping[str, str],
        origins: Mapping[str, str],
        places: Mapping[str, str],
        warnings: tuple[str, ...],
    ) -> "Settings":
        """From the values of all settings by name, and the fields that are not settings."""
        groups: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            group, _, field = name.rpartition(".")
            groups.setdefault(group, {})[field] = value
        own = groups.pop("", {})
        nested = {name: cls.__annotations__[name](**fields) for name, fields in groups.items()}
        return cls(paths, environ, origins, places, warnings, **own, **nested)


@contextmanager
def home_needed(variable: str) -> Iterator[None]:
    """Says what to do if nothing says where the home folder is."""
    try:
        yield
    except RuntimeError as error:
        raise ConfigurationError(
            "HOME_UNKNOWN",
            f"HOME is not set, and the system has no home folder for user {os.getuid()}",
            hint=f"set HOME, or {variable} to one of your folders",
        ) from error


def _settings_in(group: type, prefix: str = "") -> Iterator[tuple[str, Setting, Any]]:
    """Name, description and default of each setting of a group, and of the groups in it."""
    defaults = group._field_defaults  # type: ignore[attr-defined]  # of a NamedTuple
    for field, annotation in group.__annotations__.items():
        if hasattr(annotation, "_field_defaults"):
            if field in defaults:
                yield from _settings_in(annotation, f"{prefix}{field}.")
        elif hasattr(annotation, "__metadata__"):
            yield f"{prefix}{field}", annotation.__metadata__[0], defaults[field]


_ALL = tuple(_settings_in(Settings))
SETTINGS: dict[str, Setting] = {name: setting for name, setting, _ in _ALL}
"""All settings by name; one in a group has the group's name and a dot before its own."""
DEFAULTS: dict[str, Any] = {name: default for name, _, default in _ALL}
"""The value of each setting that no source sets."""
