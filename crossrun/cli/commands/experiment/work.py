"""How the words of `crossrun experiment` become an experiment, and how it is carried out."""

import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn, TypeVar

import typer
from msgspec.structs import replace

from crossrun.batches.documents import row_object
from crossrun.cli import signals
from crossrun.cli.batch_options import batch_options
from crossrun.cli.batching import BatchCommand, BatchDocuments, carry_out_batch, view_for_people
from crossrun.cli.commands.experiment.common import experiment_of
from crossrun.cli.globals import Globals
from crossrun.cli.parsing import options_from
from crossrun.cli.run_options import OutputOptions
from crossrun.cli.tasks import read_task
from crossrun.errors import ConsentNeeded, Exit, UsageError
from crossrun.experiments.design import Design
from crossrun.experiments.variants import Variant, variants_of
from crossrun.model.batches import Batch, BatchOptions
from crossrun.model.failures import RunFailed
from crossrun.model.status import Status
from crossrun.projections.documents import document
from crossrun.services.app import App
from crossrun.services.experiments.evidence import judge_patterns
from crossrun.services.experiments.planning import (
    ExperimentPlan,
    Requests,
    check_states,
    extend,
    freeze_states,
    plan_batch,
    requests_of,
    require_states,
)
from crossrun.services.experiments.reading import (
    experiment_object,
    plan_object,
    read_experiment,
    stopping_rule,
)
from crossrun.services.experiments.tasks import (
    TaskPlan,
    task_of_options,
    tasks_for_pattern,
    tasks_of_runs,
    tasks_of_suite,
    tasks_with_tags,
)
from crossrun.services.options import RunOptions
from crossrun.system.cancellation import CancelToken
from crossrun.views.experiments import experiment_details, plan_lines

Value = TypeVar("Value")
_SEEDS = 1_000_000


def plan_of(arguments: Mapping[str, Any], app: App) -> ExperimentPlan:
    """What the arguments say.

    Raises:
        CrossrunError: they contradict each other, or name something that does not exist.
    """
    variants = variants_of(arguments["variant"] or ())
    plan = make_plan(_tasks(arguments, app), variants, arguments)
    return replace(plan, name=arguments["name"])


def make_plan(
    tasks: Sequence[TaskPlan], variants: tuple[Variant, ...], arguments: Mapping[str, Any]
) -> ExperimentPlan:
    """A comparison of variants on tasks, with what arguments say about how it is carried out."""
    return ExperimentPlan(
        tasks=tasks,
        variants=variants,
        seed=secrets.randbelow(_SEEDS) if arguments["seed"] is None else arguments["seed"],
        repetitions=arguments["repetitions"],
        batch_options=batch_options(arguments, BatchOptions(keep_going=True)),
        checks_first=arguments["check_first"],
        runs_all=arguments["all_runs"],
    )


def _tasks(arguments: Mapping[str, Any], app: App) -> list[TaskPlan]:
    not_for_runs = ("name", "pattern")
    given = {name: value for name, value in arguments.items() if name not in not_for_runs}
    options = options_from(RunOptions, given)
    words, tags = arguments["words"] or [], options.tags
    pattern, suite = arguments["pattern"], arguments["suite"]
    _require_one_origin(arguments)
    if suite is not None:
        return tasks_of_suite(suite, replace(options, tags=()), tags)
    if pattern is not None:
        return tasks_for_pattern(pattern, options, app)
    if arguments["runs"] and words:
        return tasks_of_runs(words, options, app)
    if arguments["runs"]:
        return tasks_with_tags(tags, replace(options, tags=()), app)
    if len(words) > 1:
        raise UsageError(
            "OPTION_INVALID",
            f"there are {len(words)} tasks, and an experiment takes one, or a suite",
            hint="put the task in quotes; for run ids, use --runs",
        )
    task = read_task(words[0] if words else None, arguments["file"])
    return [task_of_options(replace(options, task=task))]


def _require_one_origin(arguments: Mapping[str, Any]) -> None:
    origins = {
        "TASK": bool(arguments["words"]) and not arguments["runs"],
        "--file": arguments["file"] is not None,
        "--suite": arguments["suite"] is not None,
        "--runs": arguments["runs"],
        "--pattern": arguments["pattern"] is not None,
    }
    given = [name for name, is_given in origins.items() if is_given]
    if len(given) > 1:
        raise UsageError(
            "OPTIONS_CONFLICT",
            f"{given[0]} and {given[1]} cannot be used together",
            hint="use only one of them",
        )


def show_plan(plan: ExperimentPlan, app: App, options: Globals) -> None:
    """Shows what would be done."""
    plan, requests = _requests(plan, app, options, dry_run=True)
    if options.json:
        batch = plan_batch(plan, requests)
        options.out.emit(document(plan_object(batch)))
        return
    options.out.write(plan_lines(plan, requests, options.out))
    options.say("nothing was run")


def store_experiment(plan: ExperimentPlan, app: App, options: Globals) -> Batch:
    """Stores the experiment, with the starting states of its tasks."""
    plan, requests = _requests(plan, app, options)
    batch_id, stop = app.store.batches.new_id(), CancelToken()
    with signals.asking_to_stop(stop):
        try:
            requests = _result_of(freeze_states(plan, requests, batch_id, app, stop))
            if plan.checks_first:
                plan = _result_of(check_states(plan, requests, app, stop))
        except RunFailed as failed:
            options.say("cancelled: nothing was run")
            raise typer.Exit(signals.signal_code(stop) or Exit.CANCELLED) from failed
    return app.store.batches.add(plan_batch(plan, requests, batch_id), app.redactor)


def reopen_experiment(reference: str | None, arguments: Mapping[str, Any], app: App) -> Batch:
    """The experiment as it is to be continued, stored as such.

    Raises:
        CrossrunError: it has ended, another process carries it out, or a starting state is gone.
    """
    batch = experiment_of(app, reference).batch
    with app.store.batches.carrying_out(batch.id):
        if arguments["repetitions"] is not None:
            batch = extend(batch, arguments["repetitions"], app)
        elif batch.state is Status.SUCCEEDED and not arguments["all_runs"]:
            raise UsageError(
                "NOTHING_LEFT",
                f"the experiment {batch.id} has ended: {batch.reason or 'all runs are done'}",
                hint=f"for more repetitions: crossrun experiment resume {batch.id} -n N",
            )
        require_states(batch)
        if arguments["all_runs"]:
            design = replace(Design.of(batch.design), runs_all=True)
            batch = replace(batch, design=design.stored())
        batch = replace(batch, options=batch_options(arguments, batch.options))
        app.store.batches.update(batch, app.redactor)
    return batch


class Appendix(NamedTuple):
    """What a command says of an experiment besides its results, to people and to scripts."""

    lines: Callable[[], Iterable[str]]
    content: Callable[[], dict[str, Any]]


def carry_out(
    batch: Batch,
    output: OutputOptions,
    app: App,
    options: Globals,
    appendix: Appendix | None = None,
) -> NoReturn:
    """Carries a stored experiment out, and ends the command."""

    def closing(ended: Batch) -> Iterator[str]:
        yield ""
        yield from experiment_details(read_experiment(app, ended), options.err, is_active=False)
        yield from appendix.lines() if appendix else ()

    def content(ended: Batch) -> dict[str, Any]:
        results = experiment_object(app, read_experiment(app, ended))
        return {**results, **(appendix.content() if appendix else {})}

    carry_out_batch(
        BatchCommand(
            batch.id,
            batch.options.jobs,
            stopping_rule=stopping_rule(app),
            on_end=partial(judge_patterns, app),
        ),
        partial(view_for_people, batch, output, app, options, closing),
        BatchDocuments(content, lambda change: row_object(change.row, change.state)),
        output,
        app,
        options,
    )


def _requests(
    plan: ExperimentPlan, app: App, options: Globals, *, dry_run: bool = False
) -> tuple[ExperimentPlan, Requests]:
    """The requests; asks for consent where something needs it."""
    try:
        return plan, requests_of(plan, app, dry_run=dry_run)
    except ConsentNeeded as needed:
        options.confirm(needed.question, hint=needed.hint, declined="nothing was run")
    tasks = [replace(task, options=replace(task.options, consent=True)) for task in plan.tasks]
    plan = replace(plan, tasks=tasks)
    return plan, requests_of(plan, app, dry_run=dry_run)


def _result_of(steps: Generator[object, None, Value]) -> Value:
    """What a generator returns in the end."""
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            value: Value = ended.value
            return value
