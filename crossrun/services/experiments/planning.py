"""From variants and tasks to a batch whose requests are complete."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from crossrun.config.settings import Settings
from crossrun.errors import NotFoundError, UsageError
from crossrun.experiments.design import Design
from crossrun.experiments.order import PlannedRun, run_order
from crossrun.experiments.variants import Variant, values_of
from crossrun.model.batches import Batch, BatchOptions, BatchRow
from crossrun.model.requests import RunRequest
from crossrun.services.app import App
from crossrun.services.assembly import gather_dependencies
from crossrun.services.batches.bases import freeze, freeze_state_before
from crossrun.services.batches.checking import BaseCheck, check_base, require_fit
from crossrun.services.batches.planning import require_no_secret
from crossrun.services.experiments.skills import import_skill
from crossrun.services.experiments.tasks import TaskPlan
from crossrun.services.notices import Notice, once
from crossrun.services.options import RunOptions, require_text
from crossrun.services.requests import run_request
from crossrun.system.cancellation import CancelToken
from crossrun.system.clock import now
from crossrun.workspace.copying.trees import Progress

KIND = "experiment"
PAIRS = 20
"""How many pairs are planned if the user does not say how often each task is repeated."""
_LARGEST_INSTRUCTIONS = 1024 * 1024


class ExperimentPlan(Struct, frozen=True, kw_only=True):
    """What is to be compared, as the user says it. `repetitions` None: as many as `PAIRS` take."""

    tasks: Sequence[TaskPlan]
    variants: tuple[Variant, ...]
    seed: int
    batch_options: BatchOptions
    repetitions: int | None = None
    checks_first: bool = False
    runs_all: bool = False
    name: str | None = None
    pattern_id: str | None = None

    @property
    def planned_repetitions(self) -> int:
        """How many times each variant runs each task."""
        return self.repetitions or -(-PAIRS // len(self.tasks))


class Requests(NamedTuple):
    """The request of each task in each variant, by their names."""

    by_task_and_variant: Mapping[tuple[str, str], RunRequest]

    def of(self, planned: PlannedRun) -> RunRequest:
        """The request for a planned run."""
        return self.by_task_and_variant[planned.task, planned.variant]


def requests_of(plan: ExperimentPlan, app: App, *, dry_run: bool = False) -> Requests:
    """The requests, complete and checked, before any starting state is frozen.

    Args:
        plan: what to compare.
        app: opened for writing, since skills are imported; for a dry run, for reading.
        dry_run: whether to leave skills alone, so that their runs look like ordinary ones.

    Raises:
        ConsentNeeded: the user has to agree first.
        CrossrunError: something is missing or not valid.
    """
    notify = once(app.notify)
    requests = {}
    for variant in plan.variants:
        varied = App(_settings(variant, app.settings), notify)
        pattern = None if dry_run else _skill(variant, plan, app)
        for task in plan.tasks:
            requests[task.design.name, variant.name] = _request(task, variant, pattern, varied)
        gather_dependencies(requests[plan.tasks[0].design.name, variant.name], varied)
    _require_one_check(plan, requests)
    for first, second in combinations(plan.variants, 2):
        if sorted(first.settings) == sorted(second.settings):
            names = f"{first.name} and {second.name}"
            message = f"{names} have the same settings and differ only by chance"
            app.notify(Notice(message, warning=True))
    if any(task.design.verify is None for task in plan.tasks):
        message = "without --verify, a run succeeds if its agent ends without an error"
        app.notify(Notice(f"{message}, which says little about its work", warning=True))
    return Requests(requests)


def _require_one_check(
    plan: ExperimentPlan, requests: Mapping[tuple[str, str], RunRequest]
) -> None:
    """Makes sure that no template brings a check that other variants are not judged by."""
    for task in plan.tasks:
        checks = {requests[task.design.name, variant.name].verify for variant in plan.variants}
        if len(checks) > 1:
            raise UsageError(
                "VARIANT_INVALID",
                "the templates of the variants have different checks, but one check must judge "
                "all of them",
                hint="give it with --verify CMD",
            )


def freeze_states(
    plan: ExperimentPlan, requests: Requests, batch_id: str, app: App, stop: CancelToken
) -> Generator[Progress, None, Requests]:
    """The requests with the state that all variants of a task begin with, copied once.

    Raises:
        RunFailed: it was cancelled.
        CrossrunError: a source cannot be copied, or a state is no longer recorded.
    """
    by_task_and_variant = dict(requests.by_task_and_variant)
    for number, task in enumerate(plan.tasks, start=1):
        names = [(task.design.name, variant.name) for variant in plan.variants]
        first = by_task_and_variant[names[0]]
        if task.run is None:
            begin = (yield from freeze(app, first, batch_id, number, stop)).begin_with
        else:
            begin = yield from freeze_state_before(app, task.run, batch_id, number)
            begin = replace(begin, setup=first.begin_with.setup)
        for name in names:
            request = by_task_and_variant[name]
            own = replace(begin, instructions=request.begin_with.instructions)
            by_task_and_variant[name] = replace(request, begin_with=own)
    return Requests(by_task_and_variant)


def check_states(
    plan: ExperimentPlan, requests: Requests, app: App, stop: CancelToken
) -> Generator[None, None, ExperimentPlan]:
    """The plan, in which tasks with an unfit check have a `problem` and are left out.

    A check must fail, twice, on the state that runs begin with; otherwise it cannot tell whether a
    run has done its task.

    Raises:
        RunFailed: it was cancelled.
        UsageError: no task is left, or a state cannot be prepared.
    """
    tasks: list[TaskPlan] = []
    unfit: BaseCheck | None = None
    for task in plan.tasks:
        if task.design.verify is None:
            tasks.append(task)
            continue
        request = requests.by_task_and_variant[task.design.name, plan.variants[0].name]
        check = yield from check_base(app, request, stop)
        problem = _PROBLEMS.get(check.verdict)
        tasks.append(replace(task, design=replace(task.design, problem=problem)))
        if problem is not None:
            unfit = check
            app.notify(Notice(f"{task.design.name} is left out: {problem}", warning=True))
    if unfit is not None and all(task.design.problem for task in tasks):
        require_fit(unfit)
    return replace(plan, tasks=tasks)


_PROBLEMS = {
    "passes": "its check already passes on the starting state",
    "flaky": "its check is flaky: it passed once and failed once on the same state",
    "impossible": "its check cannot be run",
}


def plan_batch(plan: ExperimentPlan, requests: Requests, batch_id: str = "") -> Batch:
    """The batch, in the order that the seed draws."""
    design = Design(
        variants=plan.variants,
        tasks=tuple(task.design for task in plan.tasks),
        seed=plan.seed,
        repetitions=plan.planned_repetitions,
        checked_first=plan.checks_first,
        runs_all=plan.runs_all,
        pattern_id=plan.pattern_id,
    )
    order = _order(design, range(1, design.repetitions + 1))
    first = next(iter(requests.by_task_and_variant.values()))
    return Batch(
        id=batch_id,
        kind=KIND,
        project_id=first.project_id,
        created_at=now(),
        name=plan.name or " or ".join(variant.name for variant in plan.variants),
        options=plan.batch_options,
        design=design.stored(),
        rows=tuple(
            _row(number, planned, requests.of(planned)) for number, planned in enumerate(order, 1)
        ),
    )


def extend(batch: Batch, repetitions: int, app: App) -> Batch:
    """Stores more repetitions of an experiment, drawn from the same seed; returns it with them.

    Raises:
        UsageError: it has at least as many.
    """
    design = Design.of(batch.design)
    if repetitions <= design.repetitions:
        raise UsageError(
            "OPTION_INVALID",
            f"-n: the experiment {batch.id} already has {design.repetitions} repetitions",
            hint="give a larger number, or leave it out",
        )
    by_task_and_variant = {
        (row.labels["task"], row.labels["variant"]): row.request for row in batch.rows
    }
    more = range(design.repetitions + 1, repetitions + 1)
    requests = Requests(by_task_and_variant)
    rows = [
        _row(number, planned, requests.of(planned))
        for number, planned in enumerate(_order(design, more), start=len(batch.rows) + 1)
    ]
    longer = replace(design, repetitions=repetitions)
    app.store.batches.add_rows(batch.id, rows, longer.stored(), app.redactor)
    return app.store.batches.batch(batch.id)


def require_states(batch: Batch) -> None:
    """Makes sure that the starting states of an experiment are still there.

    Raises:
        NotFoundError: FROZEN_GONE, one is not.
    """
    folders = {row.request.begin_with.frozen for row in batch.rows}
    missing = next((folder for folder in folders if folder and not Path(folder).is_dir()), None)
    if missing is not None:
        raise NotFoundError(
            "FROZEN_GONE",
            f"a starting state of the experiment {batch.id} was removed: {missing}",
            hint="start a new experiment, with the source as it is now",
        )


def _order(design: Design, repetitions: range) -> Iterator[PlannedRun]:
    tasks = [task.name for task in design.tasks if task.problem is None]
    names = [variant.name for variant in design.variants]
    return run_order(tasks, names, repetitions, seed=design.seed)


def _row(number: int, planned: PlannedRun, request: RunRequest) -> BatchRow:
    return BatchRow(
        number=number,
        name=f"{planned.task} / {planned.variant} / {planned.repetition}",
        request=request,
        labels={
            "task": planned.task,
            "variant": planned.variant,
            "repetition": str(planned.repetition),
        },
    )


def _request(task: TaskPlan, variant: Variant, pattern: str | None, app: App) -> RunRequest:
    """The request of a run; nothing in it names the variant."""
    request = run_request(_varied(task.options, variant, pattern), app)
    varied = replace(
        request,
        memory=replace(request.memory, in_experiment=True),
        begin_with=replace(request.begin_with, instructions=_instructions(variant)),
    )
    require_no_secret(varied, app, task.design.name, variant.name)
    return varied


def _varied(options: RunOptions, variant: Variant, pattern: str | None) -> RunOptions:
    """The options of a task, in which those of the variant take precedence."""
    own: dict[str, Any] = {
        name: value
        for name, value in _setting_values(variant).items()
        if name in RunOptions.__struct_fields__
    }
    named = pattern or variant.get("pattern")
    if variant.gets_no_pattern:
        own |= {"no_pattern": True, "pattern": None}
    elif named == "auto":
        own |= {"no_pattern": False, "pattern": None}
    elif named is not None:
        own |= {"no_pattern": False, "pattern": named}
    if variant.get("template") is not None:
        own["template"] = variant.get("template")
    for name in ("config", "var"):
        if variant.all(name):
            own[name] = (*getattr(options, name), *variant.all(name))
    return replace(options, **own)


def _settings(variant: Variant, settings: Settings) -> Settings:
    """The settings with those of the variant."""
    for name, value in _setting_values(variant).items():
        group, _, field = name.rpartition(".")
        if group:
            nested = getattr(settings, group)._replace(**{field: value})
            settings = settings._replace(**{group: nested})
        else:
            settings = settings._replace(**{field: value})
    return settings


def _setting_values(variant: Variant) -> dict[str, Any]:
    others = ("pattern", "skill", "instructions", "config", "template", "var")
    return values_of({name: text for name, text in variant.settings if name not in others})


def _skill(variant: Variant, plan: ExperimentPlan, app: App) -> str | None:
    path = variant.get("skill")
    if path is None:
        return None
    options = plan.tasks[0].options
    return import_skill(
        Path(path),
        app,
        project_id=options.project_id or app.settings.project_id,
        consent=options.consent,
    )


def _instructions(variant: Variant) -> str | None:
    name = variant.get("instructions")
    if name is None:
        return None
    try:
        content = Path(name).read_bytes()
    except OSError as error:
        raise UsageError(
            "VARIANT_INVALID",
            f"--variant {variant.name}: the instructions {name} cannot be read: {error.strerror}",
            hint="check the path's spelling",
        ) from error
    if len(content) > _LARGEST_INSTRUCTIONS:
        raise UsageError(
            "VARIANT_INVALID",
            f"--variant {variant.name}: {name} is larger than {_LARGEST_INSTRUCTIONS // 1024} KB",
            hint="give the file with the instructions for agents",
        )
    return require_text(content.decode("utf-8", "surrogateescape"), name)
