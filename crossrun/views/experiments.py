"""Experiments on screens: what was compared, what it has shown, and the next commands."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from crossrun.batches.documents import state_of
from crossrun.experiments import sentences
from crossrun.experiments.comparison import VariantComparison
from crossrun.experiments.report.objects import settings_object
from crossrun.experiments.results import Results, Tally, TaskResult, VariantResult
from crossrun.model.batches import Batch
from crossrun.model.status import Status
from crossrun.services.experiments.planning import ExperimentPlan, Requests
from crossrun.services.experiments.reading import Experiment
from crossrun.views.terminal import (
    Column,
    Terminal,
    cell_len,
    command_lines,
    fit,
    joined,
    table,
    wrap,
)
from crossrun.views.words import clock, count, first_line, moment, plural

_BAR, _WIDEST_NAME, _MOST_TASKS = 41, 20, 40
_STATE_STYLES = {"decided": "good", "not decided": "bold", "running": "accent"}


class Scale(NamedTuple):
    """A scale of cells from `low` to `high`, with a mark at 0 if it is within."""

    low: float
    high: float

    def bar(self, interval: tuple[float, float], value: float, terminal: Terminal) -> str:
        """An interval with its middle value on the scale."""
        cells = ["·"] * _BAR
        first, last = (self._cell(end) for end in interval)
        cells[first : last + 1] = "─" * (last + 1 - first)
        if self.low < 0:
            zero = self._cell(0)
            cells[zero] = "│" if cells[zero] == "·" else "┼"
        cells[self._cell(value)] = "●"
        style = ""
        if self.low < 0 and (interval[0] > 0 or interval[1] < 0):
            style = "good"
        return terminal.style("".join(cells), style)

    def _cell(self, value: float) -> int:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(share * (_BAR - 1))


_SHARES, _DIFFERENCES = Scale(0, 1), Scale(-1, 1)


def experiment_details(
    experiment: Experiment, terminal: Terminal, *, is_active: bool, with_tasks: bool = True
) -> Iterator[str]:
    """All that an experiment has shown, and the next commands."""
    batch, results = experiment
    yield from _head(batch, results, terminal, is_active=is_active)
    yield ""
    yield from variant_table(results, terminal)
    yield ""
    yield from picture(results, terminal)
    yield ""
    for comparison in results.comparisons:
        yield from _comparison(comparison, terminal)
    if with_tasks and len(results.tasks) > 1:
        yield ""
        yield from _task_table(results, terminal)
    yield ""
    for line in wrap(sentences.kinds_of_intervals(results), terminal.text_width - 2):
        yield terminal.style(f"  {line}", "dim")
    yield ""
    yield from command_lines(_next_commands(experiment, is_active=is_active), terminal)


def experiment_table(
    experiments: Iterable[tuple[Experiment, bool]], terminal: Terminal
) -> Iterator[str]:
    """A list of experiments, each with whether it is carried out now."""
    columns = [
        Column("EXPERIMENT", style="bold"),
        Column("CREATED", essential=False),
        Column("STATE", style=lambda state: _STATE_STYLES.get(state, "bad")),
        Column("RUNS", align="right"),
        Column("PAIRS", align="right"),
        Column("RESULT", flexible=True),
    ]
    return table(columns, [_cells(*each) for each in experiments], terminal)


def variant_table(results: Results, terminal: Terminal) -> Iterator[str]:
    """Each variant with its successes and what its runs took on average."""
    columns = [
        Column("VARIANT", style="bold", flexible=True),
        Column("SETTINGS", flexible=True, essential=False),
        Column("SUCCEEDED", align="right"),
        Column("95%", align="right", essential=False),
        Column("TOKENS", align="right"),
        Column("COST", align="right", essential=False),
        Column("TIME", align="right"),
        Column("FAILED COMMANDS", align="right", essential=False),
    ]
    rows = list(map(_variant, results.variants))
    filled = [at for at in range(len(columns)) if any(row[at] for row in rows)]
    shown = [[row[at] for at in filled] for row in rows]
    return table([columns[at] for at in filled], shown, terminal)


def picture(results: Results, terminal: Terminal) -> Iterator[str]:
    """Success of each variant with its interval, on a scale from 0 to 100%."""
    names = [first_line(result.variant.name) for result in results.variants]
    width = min(max(map(cell_len, names)), _WIDEST_NAME)
    for name, result in zip(names, results.variants, strict=True):
        tally = result.tally
        if tally.interval is not None:
            shown = fit(name, width)
            bar = _SHARES.bar(tally.interval, tally.succeeded / tally.runs, terminal)
            yield f"  {shown}{' ' * (width - cell_len(shown))}  {bar}"
    ends = f"0%{'100%':>{_BAR - 2}}"
    yield terminal.style(f"  {' ' * width}  {ends}", "dim")


def plan_lines(plan: ExperimentPlan, requests: Requests, terminal: Terminal) -> Iterator[str]:
    """What an experiment would do."""
    columns = [
        Column("TASK", style="bold", flexible=True),
        Column("CHECK", flexible=True),
        Column("BEGINS WITH", flexible=True, essential=False),
        Column("WHAT", flexible=True, essential=False),
    ]
    rows = []
    for task in plan.tasks:
        begin = requests.by_task_and_variant[task.design.name, plan.variants[0].name].begin_with
        state = f"state of run {task.run.id}" if task.run else begin.path or begin.url
        rows.append(
            [
                first_line(task.design.name),
                first_line(task.design.verify or "none"),
                first_line(state or begin.run_id or "empty folder"),
                first_line(task.design.task),
            ]
        )
    yield from table(columns, rows, terminal)
    yield ""
    names = [first_line(variant.name) for variant in plan.variants]
    for name, variant in zip(names, plan.variants, strict=True):
        gap = " " * (max(map(cell_len, names)) - cell_len(name) + 2)
        settings = _settings_text(settings_object(variant))
        yield f"  {terminal.style(name, 'bold')}{gap}{settings}"
    yield ""
    repetitions, variants = plan.planned_repetitions, len(plan.variants)
    runs = len(plan.tasks) * variants * repetitions
    yield terminal.style(
        f"  {plural(len(plan.tasks), 'task')} x {plural(variants, 'variant')} x"
        f" {plural(repetitions, 'repetition')} = at most {plural(runs, 'run')},"
        f" {plural(plan.batch_options.jobs, 'job')}, seed {plan.seed}",
        "dim",
    )


def _head(batch: Batch, results: Results, terminal: Terminal, *, is_active: bool) -> Iterator[str]:
    state = _state(batch, results, is_active=is_active)
    yield terminal.style(batch.id, "bold") + terminal.style(
        f"  {first_line(batch.name or '')}", "dim"
    )
    ended = sum(result.tally.runs + result.tally.inconclusive for result in results.variants)
    parts = [
        f"{ended} of {plural(len(batch.rows), 'run')}",
        plural(results.pairs, "pair"),
        clock(batch.seconds),
        *_total_tokens(results),
    ]
    words = terminal.style(state, _STATE_STYLES.get(state, "bad"))
    yield words + terminal.style(f" · {' · '.join(parts)}", "dim")
    if batch.reason and batch.state is not Status.SUCCEEDED:
        yield f"  {first_line(batch.reason)}"


def _state(batch: Batch, results: Results, *, is_active: bool) -> str:
    """In words: what counts at the end is whether it is decided."""
    if batch.state is Status.SUCCEEDED:
        return "decided" if results.is_decided else "not decided"
    return state_of(batch, is_active=is_active).replace("_", " ")


def _total_tokens(results: Results) -> list[str]:
    tokens = [result.tally.tokens for result in results.variants if result.tally.tokens]
    return [f"{count(sum(tokens))} tokens"] if tokens else []


def _variant(result: VariantResult) -> list[str]:
    tally = result.tally
    return [
        first_line(result.variant.name),
        _settings_text(settings_object(result.variant)),
        _succeeded(tally),
        "" if tally.interval is None else f"{tally.interval[0]:.0%} to {tally.interval[1]:.0%}",
        "" if tally.tokens is None else count(round(tally.tokens / tally.runs)),
        "" if tally.cost is None else f"{tally.cost / tally.runs:.4g}",
        "" if tally.seconds is None else clock(tally.seconds / tally.runs),
        "" if tally.failed_commands is None else f"{tally.failed_commands / tally.runs:.1f}",
    ]


def _settings_text(settings: dict[str, str | list[str]]) -> str:
    texts = [f"{key}={value}" for key, value in settings.items()]
    return first_line(", ".join(texts)) or "as set"


def _succeeded(tally: Tally) -> str:
    share = f" {tally.succeeded / tally.runs:.0%}" if tally.runs else ""
    return f"{tally.succeeded}/{tally.runs}{share}"


def _comparison(comparison: VariantComparison, terminal: Terminal) -> Iterator[str]:
    style = "good" if comparison.is_decided else ""
    for line in wrap(sentences.verdict(comparison), terminal.text_width - 2):
        yield f"  {terminal.style(line, style or 'bold')}"
    if not comparison.pairs:
        return
    bar = _DIFFERENCES.bar(comparison.interval, comparison.difference, terminal)
    if terminal.width >= _BAR + 16:
        yield f"    -100 {bar} +100"
    details = [f"{comparison.a} - {comparison.b}: {sentences.figures(comparison)}"]
    details += map(sentences.cost, comparison.costs)
    for line in joined(details, terminal.text_width - 4):
        yield terminal.style(f"    {line}", "dim")


def _task_table(results: Results, terminal: Terminal) -> Iterator[str]:
    names = [result.variant.name for result in results.variants]
    columns = [Column("TASK", flexible=True)]
    columns += [Column(fit(first_line(name), _WIDEST_NAME), align="right") for name in names]
    columns.append(Column("", flexible=True, essential=False, style="dim"))
    shown = results.tasks[:_MOST_TASKS]
    yield from table(columns, [_task_cells(task, names) for task in shown], terminal)
    hidden = len(results.tasks) - len(shown)
    if hidden:
        yield terminal.style(f"… {hidden} more", "dim")


def _task_cells(result: TaskResult, names: Sequence[str]) -> list[str]:
    tallies = [result.tallies[name] for name in names]
    figures = [f"{tally.succeeded}/{tally.runs}" for tally in tallies]
    note = result.task.problem or result.task.task
    return [first_line(result.task.name), *figures, first_line(note)]


def _cells(experiment: Experiment, is_active: bool) -> list[str]:  # noqa: FBT001  a cell
    batch, results = experiment
    return [
        batch.id,
        moment(batch.created_at),
        _state(batch, results, is_active=is_active),
        str(sum(result.tally.runs for result in results.variants)),
        str(results.pairs),
        first_line("; ".join(map(sentences.brief, results.comparisons))),
    ]


def _next_commands(experiment: Experiment, *, is_active: bool) -> list[str]:
    batch, results = experiment
    command, id_ = "crossrun experiment", batch.id
    if is_active:
        return [f"{command} cancel {id_}"]
    commands = [f"{command} report {id_} -o {id_}.svg"]
    if batch.state is not Status.SUCCEEDED:
        return [f"{command} resume {id_}", *commands]
    more = _more_repetitions(results)
    if more is not None:
        commands.insert(0, f"{command} resume {id_} -n {more}")
    return [*commands, *_enabling(experiment)]


def _more_repetitions(results: Results) -> int | None:
    """How many repetitions would probably decide; None if it is decided or not known."""
    needed = [each.needed.pairs for each in results.comparisons if each.needed is not None]
    tasks = sum(task.task.problem is None for task in results.tasks)
    if results.is_decided or not needed or not tasks:
        return None
    return results.design.repetitions + -(-max(needed) // tasks)


def _enabling(experiment: Experiment) -> Iterator[str]:
    """How to have the skill in ordinary runs that has turned out to be better than nothing."""
    batch, results = experiment
    variants = {result.variant.name: result.variant for result in results.variants}
    patterns = {row.labels["variant"]: row.request.memory.pattern_id for row in batch.rows}
    for comparison in results.comparisons:
        better, worse = comparison.a, comparison.b
        if comparison.verdict == "b_better":
            better, worse = worse, better
        elif comparison.verdict != "a_better":
            continue
        if variants[better].get("skill") and variants[worse].gets_no_pattern:
            yield f"crossrun patterns enable {patterns[better]}"
