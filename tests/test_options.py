"""Options of commands and of services are the same, and services refuse what contradicts itself."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
from msgspec import Struct, convert

from crossrun.batches.row_options import OPTIONS, typed
from crossrun.cli.commands.apply import apply
from crossrun.cli.commands.attempts.commands import start as start_attempts
from crossrun.cli.commands.batch.starting import plan, start
from crossrun.cli.commands.resume import resume
from crossrun.cli.commands.retry import retry
from crossrun.cli.commands.run import run
from crossrun.cli.parsing import options_from
from crossrun.cli.run_options import OutputOptions
from crossrun.config.settings import SETTINGS, PatternsSettings, Settings
from crossrun.config.sources import load
from crossrun.errors import ConsentNeeded, UsageError
from crossrun.services.app import App
from crossrun.services.apply import ApplyOptions
from crossrun.services.options import ResumeOptions, RetryOptions, RunOptions
from crossrun.services.requests import run_request

OUTPUT = set(OutputOptions.__struct_fields__)
NOT_ON_THE_COMMAND_LINE = {"consent"}
"""A command asks instead, or has --yes."""
OF_BATCHES = {
    "file", "glob", "rows_format", "name", "jobs", "keep_going", "budget_tokens", "budget_cost",
    "budget_time", "new", "apply", "branch",
}  # fmt: skip
"""What the commands for batches have beside the options of their runs."""
NOT_OF_ROWS = {"apply", "branch"}
"""What is said about one run only."""
OF_ATTEMPTS = {
    "file", "count", "jobs", "all_", "budget_tokens", "budget_cost", "budget_time", "check_first",
    "apply", "branch",
}  # fmt: skip


def declared(kind: type) -> dict[str, object]:
    return get_type_hints(kind)


def accepted(command: Callable[..., None]) -> dict[str, object]:
    """The arguments of a command, each with the type of its value in the options."""
    hints = get_type_hints(command, include_extras=True)
    return {name: _value_type(hints[name]) for name in inspect.signature(command).parameters}


def _value_type(hint: object) -> object:
    """The type without `Annotated`; a list that can be left out is a tuple that can be empty."""
    inner = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    lists: dict[object, object] = {
        list[str] | None: tuple[str, ...],
        list[Path] | None: tuple[Path, ...],
    }
    return lists.get(inner, inner)


@pytest.mark.parametrize(
    ("command", "kind", "others"),
    [
        (run, RunOptions, {*OUTPUT, "file", "edit", "dry_run"}),
        (start, RunOptions, {*OUTPUT, *OF_BATCHES}),
        (plan, RunOptions, {"json", *OF_BATCHES}),
        (start_attempts, RunOptions, {*OUTPUT, *OF_ATTEMPTS}),
        (resume, ResumeOptions, {*OUTPUT, "run", "pick"}),
        (retry, RetryOptions, {*OUTPUT, "run", "pick"}),
        (apply, ApplyOptions, {"run", "pick", "project_id", "patch", "interactive", "json"}),
    ],
)
def test_a_command_accepts_exactly_the_options_of_its_service(
    command: Callable[..., None], kind: type, others: set[str]
) -> None:
    options = {
        name: hint
        for name, hint in declared(kind).items()
        if name not in NOT_ON_THE_COMMAND_LINE | others
    }
    arguments = accepted(command)
    assert {name: arguments[name] for name in arguments if name not in others} == options


def example_of(hint: object) -> str:
    """A text that is valid for an option with a type."""
    (kind, *_) = [part for part in (get_args(hint) or (hint,)) if part is not type(None)]
    if get_origin(hint) is tuple:
        return "a=b"
    if get_origin(kind) is Literal:
        return str(get_args(kind)[0])
    examples: dict[object, str] = {float: "5", int: "5", bool: "yes"}
    return examples.get(kind, "x")


def test_a_row_of_a_batch_has_the_options_of_run_with_their_types() -> None:
    options = {
        name: hint
        for name, hint in declared(RunOptions).items()
        if name not in NOT_ON_THE_COMMAND_LINE | NOT_OF_ROWS
    }
    examples = {name: example_of(hint) for name, hint in options.items()} | {"executor": "shell"}

    values = {name: typed(name, example, "here") for name, example in examples.items()}

    assert set(OPTIONS) == set(options)
    convert(values, type("Row", (Struct,), {"__annotations__": options}))  # checks the types


def test_how_a_run_is_shown_is_said_in_the_same_words_by_all_commands() -> None:
    for command in (run, resume, retry, start):
        arguments = accepted(command)
        assert {name: arguments[name] for name in OUTPUT} == declared(OutputOptions)


def test_an_option_with_a_setting_has_the_type_of_the_setting() -> None:
    settings = declared(Settings) | declared(PatternsSettings)
    flat = {name for name in settings if name in SETTINGS or f"patterns.{name}" in SETTINGS}
    shared = {name: hint for name, hint in declared(RunOptions).items() if name in flat}
    shared.pop("compiled")  # the flag asks for what the setting only allows
    assert len(shared) > 15
    assert {name: settings[name] | None for name in shared} == shared  # type: ignore[operator]


def test_an_option_that_was_not_given_has_its_default() -> None:
    arguments: dict[str, Any] = {"task": "x", "tags": ["a", "b"], "include": None, "clean": True}
    given = options_from(RunOptions, {**arguments, "source": ".", "json": True})
    assert given == RunOptions(task="x", tags=("a", "b"), clean=True, source=".")


INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({"offline": True, "executor": "shell"}, "OPTIONS_CONFLICT", "--offline and --executor shell"),
    ({"recording": "r", "executor": "codex"}, "OPTIONS_CONFLICT", "--recording and --executor"),
    ({"offline": True, "planner": "openai"}, "OPTIONS_CONFLICT", "--offline and --planner"),
    ({"pattern": "a", "no_pattern": True}, "OPTIONS_CONFLICT", "--pattern and --no-pattern"),
    ({"source": ".", "from_run_id": "a"}, "OPTIONS_CONFLICT", "--source and --from-run-id"),
    ({"source": ".", "clean": True, "folder_only": True}, "OPTIONS_CONFLICT", "--clean and --fold"),
    ({"source": ".", "empty": True}, "OPTIONS_CONFLICT", "--source and --empty"),
    ({"empty": True, "include": ("*.log",)}, "OPTION_INVALID", "--include needs a source"),
    ({"from_run_id": "a", "follow_links": "no"}, "OPTION_INVALID", "--follow-links needs a source"),
    ({"name": "a\0b"}, "TASK_UNREADABLE", "--name is not UTF-8 text"),
    ({"tags": ("ok", "\udcff")}, "TASK_UNREADABLE", "--tag is not UTF-8 text"),
    ({"executor": "nosuch"}, "OPTION_INVALID", "--executor: 'nosuch' is not one of codex, "),
    ({"sandbox": "none"}, "OPTION_INVALID", "--sandbox: 'none' is not one of read-only, "),
    ({"max_turns": 0}, "OPTION_INVALID", "--max-turns: 0 is not above zero"),
    ({"max_cost": -1.0}, "OPTION_INVALID", "--max-cost: -1.0 is not above zero"),
    ({"verify": "\udcff"}, "TASK_UNREADABLE", "--verify is not UTF-8 text"),
]


@pytest.mark.parametrize(("options", "code", "message"), INVALID)
def test_options_that_are_not_valid_cannot_be_made(
    options: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(UsageError) as refused:
        RunOptions(**options)
    assert refused.value.code == code
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"branch": "b", "ignored": "*"}, "--branch and --ignored cannot be used together"),
        ({"branch": "b", "conflicts": True}, "--branch and --conflicts cannot be used together"),
        ({"commits": True, "ignored": "*"}, "--commits and --ignored cannot be used together"),
        (
            {"commits": True, "conflicts": True},
            "--commits and --conflicts cannot be used together",
        ),
    ],
)
def test_options_of_apply_that_contradict_each_other_cannot_be_made(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as refused:
        ApplyOptions(**options)
    assert (refused.value.code, refused.value.message) == ("OPTIONS_CONFLICT", message)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """A user's crossrun, outside of any repository."""
    monkeypatch.chdir(tmp_path)
    environ = {"CROSSRUN_EXECUTOR": "shell", "CROSSRUN_MAX_TURNS": "7", "CROSSRUN_NETWORK": "1"}
    settings = load(environ=environ, cwd=tmp_path, home=tmp_path / "home")
    app = App(settings)
    app.open_for_writing()
    return app


def test_options_take_precedence_over_settings(app: App) -> None:
    request = run_request(RunOptions(task="true", timeout=5.0, network=False, tags=("a",)), app)
    assert (request.executor, request.planner, request.tags) == ("shell", "direct", ("a",))
    assert (request.limits.timeout, request.limits.max_turns) == (5.0, 7)
    assert request.agent.network is False


def test_a_recording_needs_consent_and_nothing_is_asked_on_a_terminal(
    app: App, tmp_path: Path
) -> None:
    file = tmp_path / "r.yaml"
    file.write_text("task: say hello\nturns: []\n")
    with pytest.raises(ConsentNeeded) as asked:
        run_request(RunOptions(task="x", recording=str(file)), app)
    assert asked.value.question.startswith(f"The commands of {file} run on this machine")
    request = run_request(RunOptions(task="x", recording=str(file), consent=True), app)
    assert (request.executor, request.recording) == ("replay", f"file:{file}")


def test_the_structs_are_frozen() -> None:
    kinds: tuple[type[Struct], ...] = (
        RunOptions,
        ResumeOptions,
        RetryOptions,
        OutputOptions,
        ApplyOptions,
    )
    assert all(kind.__struct_config__.frozen for kind in kinds)
