"""Options that several commands share, by set, and the decorator that gives a command such sets."""

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from crossrun.cli import run_options as opt
from crossrun.cli.batch_options import BudgetCost, BudgetTime, BudgetTokens, KeepGoing

OptionSet = Mapping[str, Any]
"""Options by the name of their parameter, each with its type and help."""

SOURCE: OptionSet = {
    "source": opt.Source,
    "clean": opt.Clean,
    "include": opt.Include,
    "folder_only": opt.FolderOnly,
    "follow_links": opt.FollowLinks,
    "from_run_id": opt.FromRun,
}
AGENT: OptionSet = {
    "executor": opt.ExecutorName,
    "planner": opt.PlannerName,
    "planner_model": opt.PlannerModel,
    "model": opt.Model,
    "sandbox": opt.SandboxMode,
    "network": opt.Network,
    "profile": opt.Profile,
    "add_dirs": opt.AddDirs,
    "images": opt.Images,
    "config": opt.Config,
}
LIMITS: OptionSet = {
    "timeout": opt.Timeout,
    "idle_timeout": opt.IdleTimeout,
    "max_turns": opt.MaxTurns,
    "max_tokens": opt.MaxTokens,
    "max_cost": opt.MaxCost,
    "wait_for_quota": opt.WaitForQuota,
}
CHECKS: OptionSet = {"verify": opt.Verify, "require_proof": opt.RequireProof}
RUN_OPTIONS: OptionSet = {
    "task_type": opt.TaskType,
    "project_id": opt.ProjectId,
    "tags": opt.Tags,
    "template": opt.TemplateName,
    "reference_run_id": opt.ReferenceRun,
    "pattern": opt.PatternName,
    "no_pattern": opt.NoPattern,
    "compiled": opt.Compiled,
    "var": opt.Vars,
    "learn_with": opt.LearnWith,
    **SOURCE,
    "workspace": opt.InPlace,
    "empty": opt.Empty,
    "inputs": opt.Inputs,
    **AGENT,
    "offline": opt.Offline,
    "recording": opt.RecordingName,
    **LIMITS,
    **CHECKS,
}
"""The options of `run` that also make sense for many runs."""
RUN_OUTPUT: OptionSet = {
    "no_watch": opt.NoWatch,
    "detach": opt.Detach,
    "notify": opt.Notify,
    "json": opt.Json,
    "jsonl": opt.JsonLines,
}
AGAIN: OptionSet = {**LIMITS, **CHECKS, **RUN_OUTPUT}
"""The options of the commands that begin with an earlier run."""
BUDGET: OptionSet = {
    "budget_tokens": BudgetTokens,
    "budget_cost": BudgetCost,
    "budget_time": BudgetTime,
}
ROWS: OptionSet = {"keep_going": KeepGoing, **BUDGET}


def taking(*option_sets: OptionSet) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command that takes `**keywords` the options of the sets by name."""
    annotations = {name: hint for options in option_sets for name, hint in options.items()}

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        declared = [
            parameter
            for parameter in inspect.signature(command, eval_str=True).parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        added = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=False if typing.get_args(hint)[0] is bool else None,
                annotation=hint,
            )
            for name, hint in annotations.items()
        ]
        signature = inspect.Signature([*declared, *added])
        command.__signature__ = signature  # type: ignore[attr-defined]
        command.__annotations__ = {
            name: parameter.annotation for name, parameter in signature.parameters.items()
        }
        return command

    return decorated
