"""The results of an experiment as Markdown."""

import re
from collections.abc import Iterable, Iterator, Sequence

from crossrun.experiments import sentences
from crossrun.experiments.report.objects import settings_object
from crossrun.experiments.results import Results, Tally, TaskResult, VariantResult
from crossrun.views.unseen import clean
from crossrun.views.words import count

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~$&])")


def markdown(results: Results, title: str) -> str:
    """The verdicts, then tables of variants, differences and tasks."""
    return "\n".join(_lines(results, title)) + "\n"


def _lines(results: Results, title: str) -> Iterator[str]:
    yield f"# {_text(title)}"
    yield ""
    yield from (f"- **{_text(verdict)}**" for verdict in sentences.verdicts(results))
    yield ""
    yield from _without_empty_columns(
        ["variant", "settings", "succeeded", "95%", "tokens a run", "cost a run", "seconds a run",
         "failed commands a run"],
        list(map(_variant, results.variants)),
    )  # fmt: skip
    yield ""
    yield from _table(["comparison", "difference", "costs"], _comparisons(results))
    yield ""
    names = [result.variant.name for result in results.variants]
    yield from _table(["task", *names], (_task(task, names) for task in results.tasks))
    yield ""
    design = results.design
    yield (
        f"{sentences.kinds_of_intervals(results)} Pairs and their order were drawn with seed"
        f" {design.seed}."
    )


def _variant(result: VariantResult) -> list[str]:
    tally = result.tally
    settings = ", ".join(f"{key}={value}" for key, value in settings_object(result.variant).items())
    return [
        result.variant.name,
        settings or "as set",
        _succeeded(tally),
        "" if tally.interval is None else f"{tally.interval[0]:.0%} to {tally.interval[1]:.0%}",
        "" if tally.tokens is None else count(round(tally.tokens / tally.runs)),
        "" if tally.cost is None else f"{tally.cost / tally.runs:.4g}",
        "" if tally.seconds is None else f"{tally.seconds / tally.runs:.1f}",
        "" if tally.failed_commands is None else f"{tally.failed_commands / tally.runs:.1f}",
    ]


def _comparisons(results: Results) -> Iterator[list[str]]:
    for comparison in results.comparisons:
        costs = "; ".join(map(sentences.cost, comparison.costs))
        pair = f"{comparison.a} - {comparison.b}"
        yield [pair, sentences.figures(comparison), costs]


def _task(result: TaskResult, names: Sequence[str]) -> list[str]:
    problem = f" ({result.task.problem})" if result.task.problem else ""
    return [result.task.name + problem, *(_succeeded(result.tallies[name]) for name in names)]


def _succeeded(tally: Tally) -> str:
    return f"{tally.succeeded}/{tally.runs}"


def _without_empty_columns(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    filled = [at for at in range(len(titles)) if any(row[at] for row in rows)]
    return _table([titles[at] for at in filled], ([row[at] for at in filled] for row in rows))


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(titles)
    yield _row(["---"] * len(titles), plain=True)
    yield from map(_row, rows)


def _row(cells: Sequence[str], *, plain: bool = False) -> str:
    return f"| {' | '.join(cells if plain else map(_text, cells))} |"


def _text(text: str) -> str:
    """Text of others, which must not become markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(clean(text).split()))
