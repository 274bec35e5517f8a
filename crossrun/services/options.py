"""What a front end can say about a run: the options of `run`, `resume` and `retry`.

`services.requests` checks them and completes them from the settings. An option that is None was not
given: its value comes from the setting with the same name, or from the run that is continued.
"""

from pathlib import Path

from msgspec import Struct

from crossrun.errors import UsageError
from crossrun.model.choices import (
    FOLLOW_LINKS,
    PLANNERS,
    SANDBOXES,
    FollowLinks,
    PlannerChoice,
    RequiredProof,
    Sandbox,
)
from crossrun.model.executors import EXECUTORS, OFFLINE_EXECUTOR


class CommonOptions(Struct, frozen=True, kw_only=True):
    """Options of each run, whether it is new or continues another one."""

    task: str | None = None
    """What to do."""
    timeout: float | None = None
    """Seconds after which the run ends."""
    idle_timeout: float | None = None
    """Seconds that the agent may be silent while it runs no command."""
    max_turns: int | None = None
    """The most turns of the agent."""
    max_tokens: int | None = None
    """The tokens after which the run ends."""
    max_cost: float | None = None
    """The cost after which the run ends, in the currency of the price settings."""
    wait_for_quota: float | None = None
    """Seconds that the run may wait in total when a provider's quota is used up."""
    verify: str | None = None
    """A command that must exit 0 for the run to succeed."""
    require_proof: RequiredProof | None = None
    """The proof without which the run fails: a check of the agent's own, or one from outside."""

    def __post_init__(self) -> None:
        if self.verify is not None:
            require_text(self.verify, "--verify")
        for name in ("max_turns", "max_tokens", "max_cost"):
            limit = getattr(self, name)
            if limit is not None and limit <= 0:
                flag = f"--{name.replace('_', '-')}"
                raise UsageError(
                    "OPTION_INVALID", f"{flag}: {limit} is not above zero", hint="leave it out"
                )


class ResumeOptions(CommonOptions, frozen=True, kw_only=True):
    """Options of a run that continues another one. Without a task, it finishes what was begun."""


class RetryOptions(CommonOptions, frozen=True, kw_only=True):
    """Options of a run that repeats another one. A task is needed only if it was not stored."""

    keep_workspace: bool = False
    """Work in the workspace as the earlier run left it."""


class RunOptions(CommonOptions, frozen=True, kw_only=True):
    """Options of a new run.

    Raises:
        UsageError: an option is not valid, or options contradict each other.
    """

    task_type: str | None = None
    """The kind of task: the name of a shipped task type or of one of the user's own."""
    project_id: str | None = None
    """The project that the run belongs to."""
    name: str | None = None
    """A name for the run."""
    tags: tuple[str, ...] = ()
    """Tags for the run."""
    template: str | None = None
    """A template, which gives the task and what else is not given here."""

    reference_run_id: str | None = None
    """Use the pattern that was learned from this run."""
    pattern: str | None = None
    """Use this pattern."""
    no_pattern: bool = False
    """Use no pattern."""
    compiled: bool = False
    """Run the pattern's script; the agent takes over if it does not do as expected."""
    var: tuple[str, ...] = ()
    """Values for the variables of the template, or of the script, as `NAME=VALUE`."""
    learn_with: str | None = None
    """The model that writes down what is learned from the run."""

    source: str | None = None
    """A folder, the URL of a git repository, or a run; the workspace begins with a copy of it."""
    clean: bool = False
    """Leave the uncommitted work of the source out."""
    include: tuple[str, ...] = ()
    """Globs of files to copy from the source even though git ignores them."""
    folder_only: bool = False
    """Copy the folder without the repository that it is in."""
    follow_links: FollowLinks | None = None
    """Whether links that lead out of the source stay links, or become copies of their targets."""
    from_run_id: str | None = None
    """A run whose workspace is copied."""
    workspace: Path | None = None
    """A folder of the user's in which the run works directly."""
    empty: bool = False
    """Begin with an empty folder, even inside a git repository."""
    inputs: tuple[Path, ...] = ()
    """Files and folders to copy to the folder in which the agent begins."""

    apply: bool = False
    """Apply the change to the source as soon as the run has succeeded."""
    branch: str | None = None
    """Apply it as a new branch with this name; change no files."""

    executor: str | None = None
    """The program that carries out the task."""
    planner: PlannerChoice | None = None
    """What plans the agent's steps."""
    planner_model: str | None = None
    """The planning model."""
    offline: bool = False
    """Replay a shipped recording: no model, no network."""
    recording: str | None = None
    """A run or a file to replay. Its commands run without a sandbox, so it needs `consent`."""
    consent: bool = False
    """Whether the user agrees to what needs consent. Without it, `ConsentNeeded` is raised."""

    model: str | None = None
    """The agent's model."""
    sandbox: Sandbox | None = None
    """The sandbox of the agent's commands."""
    network: bool | None = None
    """Whether the agent's commands may use the network."""
    profile: str | None = None
    """A configuration profile of Codex."""
    add_dirs: tuple[Path, ...] = ()
    """Further folders that Codex may write to."""
    images: tuple[Path, ...] = ()
    """Images for the prompt."""
    config: tuple[str, ...] = ()
    """Settings of Codex as `KEY=VALUE`; they take precedence over those that crossrun makes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_texts()
        self._require_known_choices()
        self._require_one_executor()
        require_at_most_one(
            {
                "--reference-run-id": self.reference_run_id is not None,
                "--pattern": self.pattern is not None,
                "--no-pattern": self.no_pattern,
            }
        )
        self._require_script()
        self._require_one_source()
        self._require_applicable()

    @property
    def replays(self) -> bool:
        """Whether a recording is asked for."""
        return self.offline or self.recording is not None

    def _require_texts(self) -> None:
        texts = {"--name": self.name, "--project-id": self.project_id, "--model": self.model}
        for flag, text in (*texts.items(), *(("--tag", tag) for tag in self.tags)):
            if text is not None:
                require_text(text, flag)

    def _require_known_choices(self) -> None:
        for flag, value, choices in (
            ("--executor", self.executor, EXECUTORS),
            ("--planner", self.planner, PLANNERS),
            ("--sandbox", self.sandbox, SANDBOXES),
            ("--follow-links", self.follow_links, FOLLOW_LINKS),
        ):
            if value is not None and value not in choices:
                raise UsageError(
                    "OPTION_INVALID",
                    f"{flag}: {value!r} is not one of {', '.join(choices)}",
                    hint="see: crossrun run --help",
                )

    def _require_one_executor(self) -> None:
        if self.replays and self.executor not in (None, OFFLINE_EXECUTOR):
            replays = "--offline" if self.offline else "--recording"
            raise conflict(replays, f"--executor {self.executor}")
        if self.offline and self.planner == "openai":
            raise conflict("--offline", "--planner openai")

    def _require_script(self) -> None:
        if self.compiled and self.no_pattern:
            raise conflict("--compiled", "--no-pattern")
        for pair in self.config:
            if not pair.partition("=")[0].strip() or "=" not in pair:
                raise UsageError(
                    "OPTION_INVALID",
                    f"--config: {pair!r} is not KEY=VALUE",
                    hint="for example: -c model_reasoning_effort=high",
                )
        for pair in self.var:
            require_text(pair, "--var")
            if not pair.partition("=")[0] or "=" not in pair:
                raise UsageError(
                    "OPTION_INVALID",
                    f"--var: {pair!r} is not NAME=VALUE",
                    hint="for example: --var file=notes.md",
                )

    def _require_one_source(self) -> None:
        require_at_most_one(
            {
                "--source": self.source is not None,
                "--from-run-id": self.from_run_id is not None,
                "--workspace": self.workspace is not None,
                "--empty": self.empty,
            }
        )
        if self.from_run_id is not None or self.workspace is not None or self.empty:
            self.require_no_details_of_source()
        require_at_most_one({"--clean": self.clean, "--folder-only": self.folder_only})
        if self.inputs and self.workspace is not None:
            raise conflict("--input", "--workspace, where you can put the file yourself,")

    def require_no_details_of_source(self) -> None:
        """Raises UsageError if something is said about the copy of a source that is not made."""
        details = {
            "--clean": self.clean,
            "--include": self.include,
            "--folder-only": self.folder_only,
            "--follow-links": self.follow_links,
        }
        given = [flag for flag, value in details.items() if value]
        if given:
            raise UsageError(
                "OPTION_INVALID", f"{given[0]} needs a source", hint="name it: --source DIR"
            )

    def _require_applicable(self) -> None:
        if self.branch is not None and not self.apply:
            raise UsageError(
                "OPTION_INVALID",
                "--branch needs --apply",
                hint="give both, or make the branch afterwards: crossrun apply RUN --branch NAME",
            )
        if self.apply and self.workspace is not None:
            raise conflict("--apply", "--workspace, which changes your files directly,")
        if self.apply and self.empty:
            raise conflict("--apply", "--empty")


def require_text(text: str, source: str) -> str:
    """The text without a byte order mark.

    Raises:
        UsageError: it contains a null character, or was made of bytes that are not UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        is_text = False
    else:
        is_text = "\0" not in text
    if not is_text:
        raise UsageError(
            "TASK_UNREADABLE",
            f"{source} is not UTF-8 text",
            hint="give plain text; for a task, name other files in it instead",
        )
    return text.removeprefix("\ufeff")


def require_at_most_one(given: dict[str, bool]) -> None:
    """Raises UsageError if more than one option was given."""
    flags = [flag for flag, is_given in given.items() if is_given]
    if len(flags) > 1:
        raise conflict(flags[0], flags[1])


def conflict(option: str, other: str) -> UsageError:
    """Why two options cannot be used together."""
    return UsageError(
        "OPTIONS_CONFLICT",
        f"{option} and {other} cannot be used together",
        hint="use only one of them",
    )
