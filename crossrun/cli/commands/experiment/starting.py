"""`crossrun experiment TASK` and `experiment resume`: experiments that run, or would."""

from pathlib import Path
from typing import Annotated, Any

import typer

from crossrun.cli import run_options as opt
from crossrun.cli.arguments import Json
from crossrun.cli.batch_options import Jobs, JsonLines
from crossrun.cli.commands.experiment.common import ExperimentReference
from crossrun.cli.experiment_options import (
    MOST_REPETITIONS,
    AllRuns,
    CheckFirst,
    DryRun,
    Repetitions,
    Seed,
)
from crossrun.cli.globals import current
from crossrun.cli.option_sets import AGENT, BUDGET, LIMITS, SOURCE, taking
from crossrun.cli.parsing import Parsed, options_from
from crossrun.cli.run_options import OutputOptions
from crossrun.config.values import up_to

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TASK | RUN...]", help="The task; with --runs, recorded runs."),
]
SuiteFile = Annotated[
    Path | None,
    typer.Option("--suite", metavar="FILE", help="Tasks from a YAML file."),
]
OfRuns = Annotated[
    bool,
    typer.Option("--runs", help="Tasks of recorded runs: the named ones, or all with --tag."),
]
OfPattern = Annotated[
    str | None,
    typer.Option("--pattern", metavar="PAT", help="Tasks of runs that PAT was eligible for."),
]
Variants = Annotated[
    list[str] | None,
    typer.Option(
        "--variant",
        metavar="NAME:KEY=VALUE,...",
        help="What to compare: pattern, skill, instructions, config, or any setting; repeatable.",
    ),
]
MoreRepetitions = Annotated[
    int | None,
    typer.Option(
        "-n",
        metavar="N",
        click_type=Parsed(up_to(MOST_REPETITIONS)),
        help="How many times each variant runs each task, in total.",
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", help="A tag for the runs; with --suite or --runs, only tasks with it; repeatable."
    ),
]
Name = Annotated[str | None, typer.Option(help="A name for the experiment.")]


@taking(SOURCE, AGENT, LIMITS, BUDGET)
def start(
    words: Words = None,
    file: opt.File = None,
    suite: SuiteFile = None,
    runs: OfRuns = False,
    pattern: OfPattern = None,
    variant: Variants = None,
    repetitions: Repetitions = None,
    all_runs: AllRuns = False,
    jobs: Jobs = None,
    seed: Seed = None,
    check_first: CheckFirst = False,
    name: Name = None,
    tags: Tags = None,
    verify: opt.Verify = None,
    task_type: opt.TaskType = None,
    project_id: opt.ProjectId = None,
    no_watch: opt.NoWatch = False,
    detach: opt.Detach = False,
    json: Json = False,
    jsonl: JsonLines = False,
    dry_run: DryRun = False,
    **options_given: Any,  # noqa: ANN401  see `taking`
) -> None:
    """Compare variants on the same tasks.

    Each task starts from the same state in all variants; the order of the runs is random.

    A variant is NAME:KEY=VALUE[,KEY=VALUE]. Its keys: pattern=off, auto or PAT[@VERSION];
    skill=FOLDER; instructions=FILE, which agents see as AGENTS.md; config=KEY=VALUE, as with
    `run -c`; model, executor, planner, or any other setting. Without keys it is what `run` does.

    The experiment ends as soon as it is decided, or when a budget is used up. Pattern memory learns
    nothing from its runs, but what they show about patterns counts in `patterns stats`.

    \b
    Examples:
      crossrun experiment "Fix the failing test" --source . --verify "pytest -q" \\
        --variant without:pattern=off --variant with:skill=./skills/tdd --jobs 4
      crossrun experiment --suite tasks.yaml --variant now --variant new:model=gpt-7
      crossrun experiment --runs --tag release --variant plain --variant ours:instructions=AGENTS.md
    """
    arguments = {**locals(), **options_given}
    from crossrun.cli.commands.experiment import work

    options = current()
    app = options.app()
    if dry_run:
        app.store.open_for_reading()
        work.show_plan(work.plan_of(arguments, app), app, options)
        return
    app.open_for_writing()
    batch = work.store_experiment(work.plan_of(arguments, app), app, options)
    work.carry_out(batch, options_from(OutputOptions, arguments), app, options)


@taking(BUDGET)
def resume(
    experiment: ExperimentReference = None,
    repetitions: MoreRepetitions = None,
    all_runs: AllRuns = False,
    jobs: Jobs = None,
    no_watch: opt.NoWatch = False,
    detach: opt.Detach = False,
    json: Json = False,
    jsonl: JsonLines = False,
    **budget: Any,  # noqa: ANN401  see `taking`
) -> None:
    """Continue an experiment.

    It continues where it was stopped, or with more repetitions. Runs that have ended count; those
    that were interrupted run again. Budgets count from the start of the experiment; those given
    here replace earlier ones.

    \b
    Examples:
      crossrun experiment resume
      crossrun experiment resume k7f3 -n 40
      crossrun experiment resume k7f3 --budget-tokens 5000000
    """
    arguments = {**locals(), **budget}
    from crossrun.cli.commands.experiment import work

    options = current()
    app = options.app()
    app.open_for_writing()
    batch = work.reopen_experiment(experiment, arguments, app)
    work.carry_out(batch, options_from(OutputOptions, arguments), app, options)
