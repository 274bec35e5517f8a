"""`crossrun patterns prove`: an experiment with and without a pattern."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.batch_options import BudgetCost, BudgetTime, BudgetTokens, Jobs, JsonLines
from crossrun.cli.commands.patterns.changes import PatternReference
from crossrun.cli.experiment_options import AllRuns, CheckFirst, DryRun, Repetitions, Seed
from crossrun.cli.globals import Globals, current
from crossrun.cli.parsing import options_from
from crossrun.services.app import App

if TYPE_CHECKING:
    from crossrun.cli.commands.experiment.work import Appendix
    from crossrun.services.experiments.planning import ExperimentPlan

_OPTIONS = ("verify", "executor", "planner", "model")


def prove(
    pattern: PatternReference = None,
    repetitions: Repetitions = None,
    all_runs: AllRuns = False,
    jobs: Jobs = None,
    seed: Seed = None,
    check_first: CheckFirst = False,
    budget_tokens: BudgetTokens = None,
    budget_cost: BudgetCost = None,
    budget_time: BudgetTime = None,
    verify: Annotated[
        str | None,
        typer.Option(metavar="CMD", help="A check for all tasks, instead of their own."),
    ] = None,
    executor: Annotated[
        str | None, typer.Option(metavar="NAME", help="The program that carries out the tasks.")
    ] = None,
    planner: Annotated[
        str | None, typer.Option(metavar="NAME", help="What plans the agent's steps.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="MODEL", help="The agent's model.")
    ] = None,
    no_watch: Annotated[bool, typer.Option("--no-watch", help="Show no live view.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background.")] = False,
    json: Json = False,
    jsonl: JsonLines = False,
    dry_run: DryRun = False,
) -> None:
    """Find out what a pattern is worth: repeat its tasks with and without it.

    The tasks are those of recorded runs that the pattern was eligible for, with their checks and
    starting states. The result counts in `patterns stats`.

    \b
    Examples:
      crossrun patterns prove 9c1xyz --jobs 4
      crossrun patterns prove 9c1xyz --budget-tokens 2000000 --dry-run
    """
    arguments = locals()
    from crossrun.cli.commands.experiment import work
    from crossrun.cli.run_options import OutputOptions

    options = current()
    app = options.app()
    if dry_run:
        app.store.open_for_reading()
        work.show_plan(_plan(pattern, arguments, app), app, options)
        return
    app.open_for_writing()
    plan = _plan(pattern, arguments, app)
    batch = work.store_experiment(plan, app, options)
    output = options_from(OutputOptions, arguments)
    work.carry_out(batch, output, app, options, _appendix(plan.pattern_id or "", app, options))


def _plan(reference: str | None, arguments: Mapping[str, Any], app: App) -> "ExperimentPlan":
    from msgspec.structs import replace

    from crossrun.cli.commands.experiment.work import make_plan
    from crossrun.experiments.variants import Variant
    from crossrun.services.experiments.tasks import tasks_for_pattern
    from crossrun.services.options import RunOptions

    pattern = app.store.patterns.pattern(reference)
    options = options_from(RunOptions, {name: arguments[name] for name in _OPTIONS})
    variants = (
        Variant("with", (("pattern", f"{pattern.id}@{pattern.version}"),)),
        Variant("without", (("pattern", "off"),)),
    )
    tasks = tasks_for_pattern(pattern.id, options, app)
    plan = make_plan(tasks, variants, arguments)
    return replace(plan, name=f"prove {pattern.id}", pattern_id=pattern.id)


def _appendix(pattern_id: str, app: App, options: Globals) -> "Appendix":
    """What `patterns stats` says now."""
    from crossrun.cli.commands.experiment.work import Appendix
    from crossrun.memory.evaluation import TrialLog
    from crossrun.projections.documents import plain_object
    from crossrun.views.credits import credit_details

    def lines() -> Iterable[str]:
        pattern = app.store.patterns.pattern(pattern_id)
        credit = TrialLog(app.store).evaluation.credit(pattern_id)
        return ["", *credit_details(pattern, credit, options.err)]

    def content() -> dict[str, Any]:
        pattern = app.store.patterns.pattern(pattern_id)
        stats = plain_object(pattern.stats)
        return {"pattern": {"id": pattern.id, "state": pattern.state, "stats": stats}}

    return Appendix(lines, content)
