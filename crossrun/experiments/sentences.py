"""What an experiment has shown, in sentences."""

from collections.abc import Iterable, Iterator

from crossrun.experiments.comparison import Effort, VariantComparison
from crossrun.experiments.costs import CostComparison
from crossrun.experiments.results import Results
from crossrun.inference.paired import MOST_PAIRS
from crossrun.views.words import count, plural

_HOUR, _MINUTE = 3600, 60
_MEASURES = {"tokens": "tokens", "cost": "cost", "seconds": "time"}


def verdict(comparison: VariantComparison) -> str:
    """The verdict of one comparison, as a sentence without its full stop."""
    a, b = comparison.a, comparison.b
    low, high = comparison.interval
    pairs = plural(comparison.pairs, "pair")
    match comparison.verdict:
        case "a_better":
            return f"{a} better than {b} by {_from_to(low, high)}, {pairs}"
        case "b_better":
            return f"{b} better than {a} by {_from_to(-high, -low)}, {pairs}"
        case "no_difference":
            largest = points(max(-low, high))
            return f"{a} and {b}: no difference larger than {largest} points, {pairs}"
        case "undecided":
            return f"{a} against {b}: not decided: {needed(comparison)}"


def brief(comparison: VariantComparison) -> str:
    """The verdict for a list that says beside it whether the experiment is decided."""
    if comparison.verdict != "undecided":
        return verdict(comparison)
    return f"{comparison.a} or {comparison.b}: {figures(comparison)}"


def needed(comparison: VariantComparison) -> str:
    """What it would take to decide."""
    if not comparison.pairs:
        return "there is no pair of runs to compare"
    if comparison.needed is None:
        return f"more than {MOST_PAIRS:,} pairs would be needed"
    effort = comparison.needed
    pairs = f"about {plural(_rounded(effort.pairs), 'more pair')} would be needed"
    return f"{pairs}, some {' and '.join(_effort(effort))}" if any(_effort(effort)) else pairs


def figures(comparison: VariantComparison) -> str:
    """The difference with its interval: `+18 points (-4 to +31), 34 pairs of 30 tasks`."""
    low, high = comparison.interval
    return (
        f"{signed(comparison.difference)} points ({signed(low)} to {signed(high)}),"
        f" {plural(comparison.pairs, 'pair')} of {plural(comparison.tasks, 'task')}"
    )


def cost(comparison: CostComparison) -> str:
    """One measure of A against B: `tokens 0.82 times (0.75 to 0.90)`."""
    interval = comparison.interval
    if comparison.kind == "ratio":
        words = f"{_MEASURES[comparison.measure]} {comparison.value:.2f} times"
        return f"{words} ({interval[0]:.2f} to {interval[1]:.2f})" if interval else words
    words = f"failed commands {comparison.value:+.1f}"
    return f"{words} ({interval[0]:+.1f} to {interval[1]:+.1f})" if interval else words


def kinds_of_intervals(results: Results) -> str:
    """Which interval is of which kind."""
    number = len(results.comparisons)
    all_at_once = f" and for all {number} comparisons together" if number > 1 else ""
    return (
        f"Intervals of differences hold with 95% at any time{all_at_once}, for the tasks of this "
        "experiment. Those of single variants and of costs hold with 95% for a fixed number of "
        "runs."
    )


def points(difference: float) -> str:
    """A difference in points of 100, without a sign; small ones with a decimal."""
    value = abs(100 * difference)
    return f"{value:.1f}" if 0 < value < 1 else f"{value:.0f}"


def signed(difference: float) -> str:
    """A difference in points of 100 with its sign."""
    return f"{100 * difference:+.0f}"


def duration(seconds: float) -> str:
    """A rough duration: `40 s`, `25 min`, `2 h`."""
    if seconds >= _HOUR:
        hours = seconds / _HOUR
        return f"{hours:.0f} h" if hours >= 10 else f"{hours:.1f} h".replace(".0", "")  # noqa: PLR2004
    return f"{seconds / _MINUTE:.0f} min" if seconds >= _MINUTE else f"{seconds:.0f} s"


def _from_to(low: float, high: float) -> str:
    return f"{points(low)} to {points(high)} points"


def _effort(effort: Effort) -> Iterator[str]:
    if effort.seconds is not None and effort.seconds >= 1:
        yield duration(effort.seconds)
    if effort.tokens is not None:
        yield f"{count(effort.tokens)} tokens"


def _rounded(pairs: int) -> int:
    """Two significant digits: it is a guess."""
    step = int(10 ** max(len(str(pairs)) - 2, 0))
    return -(-pairs // step) * step


def verdicts(results: Results) -> Iterable[str]:
    """The verdicts of all comparisons."""
    return map(verdict, results.comparisons)
