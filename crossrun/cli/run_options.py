"""Options of the commands that carry a run out, with the types of the fields of `RunOptions`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import Struct

from crossrun.cli.help_layout import OptionGroup, Panel
from crossrun.cli.parsing import Parsed
from crossrun.config.settings import DEFAULTS, SETTINGS
from crossrun.config.values import duration, one_of, positive, some_of
from crossrun.model.choices import (
    FOLLOW_LINKS,
    NOTIFY_CHANNELS,
    PLANNERS,
    REQUIRED_PROOFS,
    SANDBOXES,
    PlannerChoice,
    RequiredProof,
    Sandbox,
)
from crossrun.model.choices import FollowLinks as FollowLinksChoice
from crossrun.model.executors import EXECUTORS


class OutputOptions(Struct, frozen=True, kw_only=True):
    """How a run is shown and its end announced, and whether the command waits for it."""

    no_watch: bool = False
    detach: bool = False
    json: bool = False
    jsonl: bool = False
    notify: tuple[str, ...] = ()


def _option(
    group: OptionGroup,
    *names: str,
    help: str,  # noqa: A002  click's word
    metavar: str | None = None,
    parse: Callable[[str], Any] | None = None,
    short: bool = False,
) -> typer.models.OptionInfo:
    """An option in a group of the help. `short`: it is one of the few that --help shows."""
    option: typer.models.OptionInfo = typer.Option(
        *names,
        help=help,
        metavar=metavar,
        click_type=parse and Parsed(parse),
        rich_help_panel=Panel(group, short=short),
    )
    return option


def _setting(
    group: OptionGroup,
    name: str,
    *names: str,
    metavar: str | None = None,
    help: str | None = None,  # noqa: A002
    short: bool = False,
) -> typer.models.OptionInfo:
    """The option that takes precedence over a setting."""
    setting = SETTINGS[name]
    flag = f"--{name.rpartition('.')[2].replace('_', '-')}"
    parse = None if setting.parse is str else setting.parse
    text = help or f"{setting.help.removesuffix('.')}{_shown_default(name)}."
    return _option(group, flag, *names, help=text, metavar=metavar, parse=parse, short=short)


def _shown_default(name: str) -> str:
    """The default of a limit; other defaults are shown elsewhere."""
    default = DEFAULTS[name]
    if default is None or SETTINGS[name].parse not in (duration, positive):
        return ""
    return f" ({default / 60:g}m)" if SETTINGS[name].parse is duration else f" ({default})"


Task = Annotated[
    str | None, typer.Argument(metavar="[TASK]", help="What to do; - reads it from standard input.")
]
File = Annotated[
    Path | None,
    _option(
        OptionGroup.WHAT,
        "--file",
        "-f",
        metavar="FILE",
        help="Read the task from a file.",
        short=True,
    ),
]
Edit = Annotated[
    bool,
    _option(
        OptionGroup.WHAT,
        "--edit",
        "-e",
        help="Write the task in your editor, starting from the last one that failed.",
    ),
]
TaskType = Annotated[
    str | None, _setting(OptionGroup.WHAT, "task_type", metavar="TYPE", short=True)
]
ProjectId = Annotated[
    str | None, _setting(OptionGroup.WHAT, "project_id", "-p", metavar="NAME", short=True)
]
Name = Annotated[str | None, _option(OptionGroup.WHAT, "--name", help="A name for the run.")]
Tags = Annotated[
    list[str] | None, _option(OptionGroup.WHAT, "--tag", help="A tag for the run; repeatable.")
]
TemplateName = Annotated[
    str | None,
    _option(
        OptionGroup.WHAT,
        "--template",
        metavar="NAME",
        help="Take the task from a template; TASK adds to it.",
        short=True,
    ),
]
ReferenceRun = Annotated[
    str | None,
    _option(
        OptionGroup.MEMORY,
        "--reference-run-id",
        metavar="RUN",
        help="Use the pattern learned from this run.",
    ),
]
PatternName = Annotated[
    str | None,
    _option(
        OptionGroup.MEMORY,
        "--pattern",
        metavar="PAT[@VERSION]",
        help="Use this pattern, even if disabled.",
    ),
]
NoPattern = Annotated[bool, _option(OptionGroup.MEMORY, "--no-pattern", help="Use no pattern.")]
Compiled = Annotated[
    bool,
    _option(
        OptionGroup.MEMORY,
        "--compiled",
        help="Run the pattern's script; the agent takes over if it does not work.",
    ),
]
Vars = Annotated[
    list[str] | None,
    _option(
        OptionGroup.MEMORY,
        "--var",
        metavar="NAME=VALUE",
        help="A value for --template or --compiled; repeatable.",
    ),
]
LearnWith = Annotated[
    str | None, _setting(OptionGroup.MEMORY, "patterns.learn_with", metavar="MODEL")
]
Source = Annotated[
    str | None,
    _option(
        OptionGroup.WHERE,
        "--source",
        metavar="DIR|URL|RUN",
        help="Start from a copy of this folder, repository or run. (the repository you are in)",
        short=True,
    ),
]
Clean = Annotated[
    bool, _option(OptionGroup.WHERE, "--clean", help="Leave out uncommitted work in the source.")
]
Include = Annotated[
    list[str] | None,
    _option(
        OptionGroup.WHERE,
        "--include",
        metavar="GLOB",
        help="Also copy these ignored files of the source.",
    ),
]
FolderOnly = Annotated[
    bool,
    _option(
        OptionGroup.WHERE,
        "--folder-only",
        help="Copy the source without the repository around it.",
    ),
]
FollowLinks = Annotated[
    FollowLinksChoice | None,
    _option(
        OptionGroup.WHERE,
        "--follow-links",
        metavar="|".join(FOLLOW_LINKS),
        parse=one_of(*FOLLOW_LINKS),
        help="Keep links that lead out of the source (no), or copy what they lead to.",
    ),
]
FromRun = Annotated[
    str | None,
    _option(
        OptionGroup.WHERE,
        "--from-run-id",
        metavar="RUN",
        help="Start from a copy of that run's workspace.",
    ),
]
InPlace = Annotated[
    Path | None,
    _option(OptionGroup.WHERE, "--workspace", metavar="DIR", help="Work directly in this folder."),
]
Empty = Annotated[
    bool,
    _option(
        OptionGroup.WHERE, "--empty", help="Start in an empty folder, even inside a repository."
    ),
]
Inputs = Annotated[
    list[Path] | None,
    _option(
        OptionGroup.WHERE,
        "--input",
        metavar="FILE",
        help="Also copy this file or folder to where the agent starts; repeatable.",
    ),
]
ExecutorName = Annotated[
    str | None, _setting(OptionGroup.WHO, "executor", metavar="|".join(EXECUTORS))
]
PlannerName = Annotated[
    PlannerChoice | None, _setting(OptionGroup.WHO, "planner", metavar="|".join(PLANNERS))
]
PlannerModel = Annotated[str | None, _setting(OptionGroup.WHO, "planner_model", metavar="MODEL")]
Offline = Annotated[
    bool,
    _option(
        OptionGroup.WHO,
        "--offline",
        help="Replay a shipped recording: no model, no network.",
        short=True,
    ),
]
RecordingName = Annotated[
    str | None,
    _option(
        OptionGroup.WHO,
        "--recording",
        metavar="RUN|FILE",
        help="Replay an earlier run or a recorded file.",
    ),
]
Model = Annotated[str | None, _setting(OptionGroup.WHO, "model", "-m", short=True)]
SandboxMode = Annotated[
    Sandbox | None,
    _setting(OptionGroup.WHO, "sandbox", metavar="MODE", help=f"Codex: {', '.join(SANDBOXES)}."),
]
Network = Annotated[
    bool | None, _option(OptionGroup.WHO, "--network", help=SETTINGS["network"].help)
]
Profile = Annotated[str | None, _setting(OptionGroup.WHO, "profile", metavar="NAME")]
AddDirs = Annotated[
    list[Path] | None,
    _option(
        OptionGroup.WHO,
        "--add-dir",
        metavar="DIR",
        help="Codex: another writable folder; repeatable.",
    ),
]
Images = Annotated[
    list[Path] | None,
    _option(
        OptionGroup.WHO,
        "--image",
        metavar="FILE",
        help="Codex: an image for the prompt; repeatable.",
    ),
]
Config = Annotated[
    list[str] | None,
    _option(
        OptionGroup.WHO,
        "--config",
        "-c",
        metavar="KEY=VALUE",
        help="Codex: override one of its settings; repeatable.",
    ),
]
Timeout = Annotated[
    float | None, _setting(OptionGroup.LIMITS, "timeout", metavar="TIME", short=True)
]
IdleTimeout = Annotated[float | None, _setting(OptionGroup.LIMITS, "idle_timeout", metavar="TIME")]
MaxTurns = Annotated[int | None, _setting(OptionGroup.LIMITS, "max_turns", metavar="N")]
MaxTokens = Annotated[int | None, _setting(OptionGroup.LIMITS, "max_tokens", metavar="N")]
MaxCost = Annotated[float | None, _setting(OptionGroup.LIMITS, "max_cost", metavar="N")]
WaitForQuota = Annotated[
    float | None, _setting(OptionGroup.LIMITS, "wait_for_quota", metavar="TIME")
]
Verify = Annotated[str | None, _setting(OptionGroup.LIMITS, "verify", metavar="CMD", short=True)]
RequireProof = Annotated[
    RequiredProof | None,
    _setting(
        OptionGroup.LIMITS,
        "require_proof",
        metavar="|".join(REQUIRED_PROOFS),
        help="Fail unless a check passed after the last change: the agent's own (checked), or "
        "--verify (proven).",
    ),
]
Apply = Annotated[
    bool,
    _option(
        OptionGroup.BACK,
        "--apply",
        help="Apply the change to your files as soon as the run has succeeded.",
        short=True,
    ),
]
Branch = Annotated[
    str | None,
    _option(
        OptionGroup.BACK,
        "--branch",
        metavar="NAME",
        help="With --apply: commit the change to a new branch; change no files.",
    ),
]
NoWatch = Annotated[bool, _option(OptionGroup.OUTPUT, "--no-watch", help="Show no live view.")]
Detach = Annotated[
    bool,
    _option(
        OptionGroup.OUTPUT,
        "--detach",
        help="Run in the background, even after the terminal is closed.",
    ),
]
Notify = Annotated[
    list[str] | None,
    _option(
        OptionGroup.OUTPUT,
        "--notify",
        metavar="CHANNEL",
        parse=some_of(*NOTIFY_CHANNELS, "none"),
        help=f"Announce the end: {', '.join(NOTIFY_CHANNELS)}, none; repeatable.",
    ),
]
Json = Annotated[
    bool,
    _option(
        OptionGroup.OUTPUT,
        "--json",
        help="Print the run as one JSON object at the end.",
        short=True,
    ),
]
JsonLines = Annotated[
    bool, _option(OptionGroup.OUTPUT, "--jsonl", help="Print the events as JSON lines, live.")
]
DryRun = Annotated[
    bool,
    _option(
        OptionGroup.OUTPUT,
        "--dry-run",
        help="Show the prompt, the pattern and the exact command; run nothing.",
        short=True,
    ),
]
