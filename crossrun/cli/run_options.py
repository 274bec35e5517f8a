"""The words that `crossrun run` understands, as types of its arguments."""

from pathlib import Path
from typing import Annotated

import typer

from crossrun.model.choices import EXECUTORS, FOLLOW_LINKS, PLANNERS, SANDBOXES


def _option(*names: str, help: str, metavar: str | None = None) -> typer.models.OptionInfo:  # noqa: A002
    option: typer.models.OptionInfo = typer.Option(*names, help=help, metavar=metavar)
    return option


Task = Annotated[
    str | None, typer.Argument(metavar="[TASK]", help="What to do; - reads it from standard input.")
]
File = Annotated[
    Path | None, _option("--file", "-f", metavar="FILE", help="Read the task from a file.")
]
TaskType = Annotated[
    str | None, _option("--task-type", metavar="TYPE", help="code, research, writing, ... or own.")
]
ProjectId = Annotated[
    str | None, _option("--project-id", metavar="NAME", help="The project it belongs to.")
]
Name = Annotated[str | None, _option("--name", help="A name for the run.")]
Tags = Annotated[list[str] | None, _option("--tag", help="A tag for the run; repeatable.")]
ReferenceRun = Annotated[
    str | None,
    _option("--reference-run-id", metavar="RUN", help="Use the pattern that this run taught."),
]
PatternName = Annotated[
    str | None, _option("--pattern", metavar="PAT", help="Use this pattern, whatever it is.")
]
NoPattern = Annotated[bool, _option("--no-pattern", help="Use no pattern.")]
LearnWith = Annotated[
    str | None,
    _option("--learn-with", metavar="MODEL", help="Have this model word what the run teaches."),
]
Source = Annotated[
    str | None,
    _option("--source", metavar="DIR|URL|RUN", help="Begin with a copy of this tree."),
]
Clean = Annotated[bool, _option("--clean", help="Of a --source without its uncommitted work.")]
Include = Annotated[
    list[str] | None,
    _option("--include", metavar="GLOB", help="Ignored files of a --source that come along."),
]
FolderOnly = Annotated[
    bool, _option("--folder-only", help="Of a --source without the repository that it is in.")
]
FollowLinks = Annotated[
    str | None,
    _option(
        "--follow-links",
        metavar="|".join(FOLLOW_LINKS),
        help="Links that lead out of a --source: stay (no), or become copies of what is there.",
    ),
]
FromRun = Annotated[
    str | None, _option("--from-run-id", metavar="RUN", help="Begin with that run's workspace.")
]
InPlace = Annotated[
    Path | None, _option("--workspace", metavar="DIR", help="Work in this folder itself.")
]
ExecutorName = Annotated[
    str | None, _option("--executor", metavar="|".join(EXECUTORS), help="Who does the work.")
]
PlannerName = Annotated[
    str | None, _option("--planner", metavar="|".join(PLANNERS), help="Who decides on the steps.")
]
PlannerModel = Annotated[
    str | None, _option("--planner-model", metavar="MODEL", help="The planning model.")
]
Offline = Annotated[
    bool, _option("--offline", help="Replay a shipped recording: no model, no network.")
]
RecordingName = Annotated[
    str | None,
    _option("--recording", metavar="RUN|FILE", help="Replay an earlier run or a recorded file."),
]
Model = Annotated[str | None, _option("--model", "-m", help="The agent's model.")]
SandboxMode = Annotated[
    str | None, _option("--sandbox", metavar="MODE", help=f"Codex: {', '.join(SANDBOXES)}.")
]
Network = Annotated[bool, _option("--network", help="Codex: its commands may use the network.")]
Profile = Annotated[
    str | None, _option("--profile", metavar="NAME", help="Codex: a configuration profile.")
]
AddDirs = Annotated[
    list[Path] | None, _option("--add-dir", metavar="DIR", help="Codex: one more writable folder.")
]
Images = Annotated[
    list[Path] | None, _option("--image", metavar="FILE", help="Codex: a picture for the prompt.")
]
Config = Annotated[
    list[str] | None, _option("--config", "-c", metavar="KEY=VALUE", help="Codex: a setting.")
]
Timeout = Annotated[
    str | None, _option("--timeout", metavar="TIME", help="End it after so long: 90s, 5m, 2h.")
]
IdleTimeout = Annotated[
    str | None,
    _option(
        "--idle-timeout", metavar="TIME", help="End it when the agent is silent so long (15m)."
    ),
]
MaxTurns = Annotated[
    str | None, _option("--max-turns", metavar="N", help="At most so many turns of the agent (20).")
]
MaxTokens = Annotated[
    str | None, _option("--max-tokens", metavar="N", help="End it after so many tokens.")
]
MaxCost = Annotated[
    str | None, _option("--max-cost", metavar="N", help="End it when the model has cost so much.")
]
WaitForQuota = Annotated[
    str | None,
    _option(
        "--wait-for-quota", metavar="TIME", help="Wait so long at most when a quota is used up."
    ),
]
Verify = Annotated[
    str | None,
    _option("--verify", metavar="CMD", help="A command that must exit 0 for the run to succeed."),
]
NoWatch = Annotated[bool, _option("--no-watch", help="No live view.")]
Detach = Annotated[
    bool, _option("--detach", help="Go on in the background, also without the terminal.")
]
Json = Annotated[bool, _option("--json", help="Print the run as one JSON object at the end.")]
JsonLines = Annotated[bool, _option("--jsonl", help="Print the events as JSON lines, live.")]
DryRun = Annotated[
    bool,
    _option("--dry-run", help="Show prompt, pattern and the exact agent command; run nothing."),
]
