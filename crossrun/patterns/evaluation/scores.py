"""What each randomised run says about its pattern: an unbiased score of the effect in that run.

The score is the augmented inverse-probability-weighted difference (AIPW). Its
mean is the effect of the pattern on the outcome of its run: under drift, under changing
probabilities, and although agents may not follow the pattern (the effect is that of offering it,
intention to treat). That holds for any expected outcomes that come from earlier runs only. Good
ones make scores less noisy, so all patterns' runs inform them.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from crossrun.patterns.evaluation.expectations import Expectations


class Observation(Struct, frozen=True, kw_only=True):
    """One run in which a coin decided whether the pattern was injected.

    `block` is the kind of task: runs of about the same difficulty, of any pattern. `probability` is
    that of injecting the pattern, above 0 and below 1, whether or not it came to that. `outcome` is
    from 0 to 1, 1 for a success.
    """

    pattern: str
    block: str
    injected: bool
    probability: float
    outcome: float


class Score(NamedTuple):
    """The score of one run, in outcome with the pattern minus outcome without it.

    `expected` is the outcome that earlier runs made likely, with the pattern or without it.
    """

    observation: Observation
    expected: float
    value: float


def scores(observations: Iterable[Observation]) -> list[Score]:
    """The score of each observation, given in order of time; pass those of all patterns.

    Select the scores of a pattern, or of a pattern in some blocks, afterwards.
    """
    expectations = Expectations()
    return [score(run, expectations) for run in observations]


def score(run: Observation, expectations: Expectations) -> Score:
    """The score of one run, whose outcome the expectations learn afterwards."""
    expected = expectations.before(run.block, run.outcome)
    surprise = run.outcome - expected
    value = surprise / run.probability if run.injected else -surprise / (1 - run.probability)
    return Score(run, expected, value)
