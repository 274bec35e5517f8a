"""The tasks of an experiment: one from the command, those of a suite, those of recorded runs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from crossrun.errors import CrossrunError, UsageError
from crossrun.events import RunStarted
from crossrun.experiments.design import TaskDesign
from crossrun.experiments.suites import SuiteTask, read_suite
from crossrun.model.queries import RunFilter
from crossrun.model.runs import Run
from crossrun.redaction import MASK
from crossrun.services.app import App
from crossrun.services.batches.bases import recorded_state
from crossrun.services.notices import Notice
from crossrun.services.options import RunOptions

_MOST_RUNS = 1_000
_NO_CHECK = "no check"
_NO_STATE = "a state that is no longer recorded"
_SECRET = "a secret in the request, which was not stored"  # noqa: S105  a reason
_SAME = "the same task and state as another one"


class TaskPlan(Struct, frozen=True, kw_only=True):
    """A task, with the options of its runs besides those of variants.

    `run` is the recorded run whose task it is, and with whose state its runs begin.
    """

    design: TaskDesign
    options: RunOptions
    run: Run | None = None


def task_of_options(options: RunOptions) -> TaskPlan:
    """The one task that is given with the command."""
    design = TaskDesign(
        name="task", task=options.task or "", verify=options.verify, tags=options.tags
    )
    return TaskPlan(design=design, options=options)


def tasks_of_suite(path: Path, options: RunOptions, tags: Sequence[str] = ()) -> list[TaskPlan]:
    """The tasks of a suite, or those with all of the tags; options are for all of them.

    Raises:
        UsageError: the suite is not valid, or no task has the tags.
    """
    tasks = [task for task in read_suite(path).tasks if set(tags) <= set(task.tags)]
    if not tasks:
        raise _no_tasks(f"no task of {path} has the tags {', '.join(tags)}")
    return [_task_of_suite(task, _options(task, options)) for task in tasks]


def _task_of_suite(task: SuiteTask, options: RunOptions) -> TaskPlan:
    design = TaskDesign(name=task.name, task=task.task, verify=options.verify, tags=task.tags)
    return TaskPlan(design=design, options=options)


def _options(task: SuiteTask, options: RunOptions) -> RunOptions:
    own = {
        name: value
        for name in ("source", "verify", "task_type", "timeout")
        if (value := getattr(task, name)) is not None
    }
    return replace(options, **{"task": task.task, "tags": (*options.tags, *task.tags), **own})


def tasks_of_runs(references: Sequence[str], options: RunOptions, app: App) -> list[TaskPlan]:
    """The tasks of recorded runs, each with its check and the state that the run began with.

    Raises:
        CrossrunError: a run does not exist, or cannot be repeated.
    """
    runs = [app.store.read.run(reference) for reference in references]
    tasks = []
    for run in runs:
        task = _task_of(run, options, app)
        if isinstance(task, str):
            raise UsageError(
                "EXPERIMENT_NO_TASKS",
                f"the run {run.id} cannot be repeated: it has {task}",
                hint="give a check with --verify, or choose another run: crossrun runs",
            )
        tasks.append(task)
    return tasks


def tasks_with_tags(tags: Sequence[str], options: RunOptions, app: App) -> list[TaskPlan]:
    """The tasks of all recorded runs that have all of the tags and can be repeated.

    Raises:
        UsageError: there are none.
    """
    first = tags[0] if tags else None
    wanted = RunFilter(project_id=options.project_id, tag=first, limit=_MOST_RUNS)
    runs = [run for run in app.store.read.runs(wanted) if set(tags) <= set(run.tags)]
    what = f"recorded runs with the tag {' and '.join(tags)}" if tags else "recorded runs"
    return _repeatable(runs, what, options, app)


def tasks_for_pattern(pattern_id: str, options: RunOptions, app: App) -> list[TaskPlan]:
    """The tasks of the runs in which the choice fell on a pattern, whether they got it or not.

    The run that it was first learned from is not among them. It may have learned from others since.

    Raises:
        UsageError: none of them can be repeated.
    """
    pattern = app.store.patterns.pattern(pattern_id)
    ids = [run.id for run in app.store.read.decided(of=pattern.id, limit=_MOST_RUNS)]
    runs = [run for run_id in ids if (run := app.store.read.find(run_id)) is not None]
    return _repeatable(runs, f"runs that {pattern.id} was eligible for", options, app)


def _repeatable(runs: Iterable[Run], what: str, options: RunOptions, app: App) -> list[TaskPlan]:
    """The tasks that can be repeated; what is left out is said, with the reason."""
    tasks: list[TaskPlan] = []
    left_out: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for run in runs:
        if not run.ended or _is_of_experiment(run, app):
            continue
        task = _task_of(run, options, app)
        if isinstance(task, str):
            left_out[task] += 1
            continue
        identity = (task.design.task, recorded_state(app, run).baseline)
        if identity in seen:
            left_out[_SAME] += 1
            continue
        seen.add(identity)
        tasks.append(task)
    reasons = ", ".join(f"{count} for {reason}" for reason, count in left_out.items())
    if not tasks:
        raise _no_tasks(
            f"there are no {what} to repeat" + (f"; left out: {reasons}" * bool(reasons))
        )
    if reasons:
        app.notify(Notice(f"tasks from {what}: {len(tasks)}; left out: {reasons}"))
    return tasks


def _task_of(run: Run, options: RunOptions, app: App) -> TaskPlan | str:
    """The task of a run, or why it cannot be repeated."""
    started = app.store.read.first_event(run.id, RunStarted)
    verify = options.verify or (started.request.verify if started else None)
    if started is None or verify is None:
        return _NO_CHECK
    request = started.request
    if MASK in request.task or MASK in verify:
        return _SECRET
    try:
        recorded_state(app, run)
    except CrossrunError:
        return _NO_STATE
    design = TaskDesign(
        name=run.id, task=request.task, verify=verify, tags=run.tags, from_run_id=run.id
    )
    own = replace(
        options,
        task=request.task,
        verify=verify,
        task_type=options.task_type or request.task_type,
        project_id=options.project_id or request.project_id,
        empty=True,  # the recorded state takes its place
    )
    return TaskPlan(design=design, options=own, run=run)


def _is_of_experiment(run: Run, app: App) -> bool:
    return run.batch_id is not None and app.store.batches.kind_of(run.batch_id) == "experiment"


def _no_tasks(message: str) -> UsageError:
    return UsageError(
        "EXPERIMENT_NO_TASKS",
        message,
        hint="a task needs a check and its starting state: crossrun experiment TASK --verify CMD"
        " --variant without:pattern=off --variant with:pattern=auto",
    )
