"""How much a pattern adds to the success of runs, where tasks differ in difficulty.

The model, on the log-odds scale: a run succeeds with `difficulty of its task block`, plus
`effect of the pattern` when it was injected. Difficulties come from a distribution that is learned
from all blocks and may lie higher or lower for one pattern's tasks (a tilt); effects come from
their family's, and these from all. Everything is exact on small grids (no sampling, so the same
trials always give the same credit), apart from blocks that several patterns share: there the
patterns exchange messages about the block's difficulty (loopy belief propagation).
"""

import math
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from crossrun.patterns.evaluation import shrinkage
from crossrun.patterns.evaluation.grids import (
    Row,
    chance,
    dot,
    log,
    minus,
    mixture,
    normal,
    normalised,
    plus,
    times,
)
from crossrun.patterns.evaluation.shrinkage import EFFECTS

Pattern = str
Block = str

DIFFICULTIES = [-4.2 + 0.7 * step for step in range(13)]
VARIATIONS = {-0.5: 0.25, 0.0: 0.5, 0.5: 0.25}
"""How the effect differs from task to task, with the share of each difference. What helps on the
whole makes some tasks worse: 16 of 84 in SkillsBench (arXiv 2602.12670)."""
TILTS = [-1.4, -0.7, 0.0, 0.7, 1.4]

HARM_MARGIN = 0.02
"""A pattern hurts if it lowers the probability of success by more than this."""
SPREAD_OF_DIFFICULTY = 1.8
BLOCKS_OF_PRIOR = 4.0
"""How many blocks the distribution of difficulties weighs that is assumed before any is seen."""
UNLIKE_OTHERS = 0.2
"""The share of blocks that may be of any difficulty, however alike all blocks were so far."""
SPREAD_OF_TILT = 0.7
SPREAD_OF_EFFECT = 1.0
SWEEPS = 3
LEAST_VARIANCE = 1e-6
NEGLIGIBLE = 1e-3


class BlockCounts(NamedTuple):
    """The runs of one pattern in one block."""

    without: int
    without_succeeded: int
    with_it: int
    with_it_succeeded: int

    @property
    def runs(self) -> int:
        """All of them."""
        return self.without + self.with_it


Counts = Mapping[Pattern, Mapping[Block, BlockCounts]]


class LiftPosterior(NamedTuple):
    """The posterior of a pattern's lift: a mixture of normals, one for each effect on the grid.

    The lift is the mean change of the probability of success over the runs the pattern was
    eligible for, in points of 1.
    """

    weights: Row
    means: Row
    deviations: Row

    @property
    def mean(self) -> float:
        """The expected lift."""
        return dot(self.weights, self.means)

    @property
    def p_hurt(self) -> float:
        """The probability that the pattern lowers success, by more than `HARM_MARGIN`."""
        return self._below(-HARM_MARGIN)

    def quantile(self, share: float) -> float:
        """The lift that is not exceeded with probability `share`."""
        low, high = -1.0, 1.0
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if self._below(middle) < share else (low, middle)
        return (low + high) / 2

    def _below(self, lift: float) -> float:
        return sum(
            weight * 0.5 * math.erfc((mean - lift) / (deviation * math.sqrt(2)))
            for weight, mean, deviation in zip(
                self.weights, self.means, self.deviations, strict=True
            )
        )


def posteriors(counts: Counts, families: Mapping[Pattern, str]) -> dict[Pattern, LiftPosterior]:
    """The lift of each pattern, given all runs; `families` names the family of each."""
    priors = {pattern: normal(0, SPREAD_OF_EFFECT, EFFECTS) for pattern in counts}
    difficulty = normal(0, SPREAD_OF_DIFFICULTY, DIFFICULTIES)
    messages = _Messages(_shared(counts), {}, {})
    for _ in range(SWEEPS):
        nodes = _nodes(counts, priors, difficulty, messages)
        messages = messages.updated(nodes)
        difficulty = _learned_difficulty(messages, difficulty)
        priors = shrinkage.priors({p: node.likelihood() for p, node in nodes.items()}, families)
    nodes = _nodes(counts, priors, difficulty, messages)
    return {pattern: node.posterior() for pattern, node in nodes.items()}


class _Messages(NamedTuple):
    """What patterns know of blocks: log-likelihoods over `DIFFICULTIES`, up to a constant."""

    shared: frozenset[Block]
    """The blocks that more than one pattern met."""
    by_pattern: Mapping[tuple[Pattern, Block], Row]
    together: Mapping[Block, Row]

    def to(self, pattern: Pattern, block: Block) -> Row | None:
        """The likelihood from all other patterns of the block; None where there are none."""
        if not self.together or block not in self.shared:
            return None
        return _likelihood(minus(self.together[block], self.by_pattern[pattern, block]))

    def updated(self, nodes: Mapping[Pattern, "_PatternNode"]) -> "_Messages":
        """The messages that the nodes send after one more sweep."""
        by_pattern = {
            (pattern, block): message
            for pattern, node in nodes.items()
            for block, message in node.messages().items()
        }
        together: dict[Block, Row] = {}
        for (_, block), message in by_pattern.items():
            before = together.get(block)
            together[block] = message if before is None else plus(before, message)
        return _Messages(self.shared, by_pattern, together)


def _nodes(
    counts: Counts, priors: Mapping[Pattern, Row], difficulty: Row, messages: _Messages
) -> dict[Pattern, "_PatternNode"]:
    tilted = _tilted(difficulty)
    return {
        pattern: _PatternNode(
            counts[pattern],
            priors[pattern],
            tilted,
            {block: messages.to(pattern, block) for block in counts[pattern]},
        )
        for pattern in sorted(counts)
    }


class _Cell(NamedTuple):
    """One block as a pattern sees it: `prior` over difficulties for each tilt.

    `logs` is its evidence for each effect and, within, each tilt. Blocks with equal counts and
    priors share one cell, and `times` is their number.
    """

    counts: BlockCounts
    times: int
    blocks: list[Block]
    prior: list[Row]
    logs: Row


class _PatternNode:
    """A pattern's node in the graph of patterns and blocks, with the messages that it received."""

    def __init__(
        self,
        blocks: Mapping[Block, BlockCounts],
        prior: Row,
        tilted: list[Row],
        others: Mapping[Block, Row | None],
    ) -> None:
        self._prior = prior
        self._cells = _cells(blocks, tilted, others)
        self._total = [0.0] * (len(EFFECTS) * len(TILTS))
        for cell in self._cells:
            self._total = [
                t + cell.times * log for t, log in zip(self._total, cell.logs, strict=True)
            ]

    def likelihood(self) -> Row:
        """Of each effect, the pattern's own prior aside."""
        return self._over_tilts(self._total)

    def messages(self) -> dict[Block, Row]:
        """The log-likelihood of each block's difficulty, from this pattern's runs alone."""
        messages: dict[Block, Row] = {}
        for cell in self._cells:
            without = minus(self._total, cell.logs)
            weights = times(self._over_tilts(without), self._prior)
            by_difficulty = zip(*_block_likelihood(cell.counts).likelihood, strict=True)
            message = [log(dot(weights, column)) for column in by_difficulty]
            messages |= dict.fromkeys(cell.blocks, message)
        return messages

    def posterior(self) -> LiftPosterior:
        """The lift, averaged over the pattern's runs, for each effect that is likely at all."""
        runs = sum(cell.times * cell.counts.runs for cell in self._cells)
        weights = normalised(times(self._prior, self.likelihood()))
        likely = [place for place, weight in enumerate(weights) if weight > NEGLIGIBLE]
        places = range(likely[0], likely[-1] + 1)
        moments = [self._moments(place, runs) for place in places]
        return LiftPosterior(
            normalised([weights[place] for place in places]),
            [mean for mean, _ in moments],
            _deviations(*map(list, zip(*moments, strict=True))),
        )

    def _moments(self, effect: int, runs: int) -> tuple[float, float]:
        """Mean and variance of the lift, were the effect known."""
        logs = self._total[effect * len(TILTS) : (effect + 1) * len(TILTS)]
        top = max(logs)
        tilts = normalised(times(_TILT_SHARES, [math.exp(log - top) for log in logs]))
        mean = square = 0.0
        for tilt, share in enumerate(tilts):
            if share > NEGLIGIBLE:
                m, v = self._lift(effect, tilt, runs)
                mean += share * m
                square += share * (v + m * m)
        return mean, max(0.0, square - mean * mean)

    def _lift(self, effect: int, tilt: int, runs: int) -> tuple[float, float]:
        """Mean and variance of the lift, were the effect and the tilt known."""
        mean = variance = 0.0
        for cell in self._cells:
            prior = cell.prior[tilt]
            evidence = _block_likelihood(cell.counts)
            whole = dot(prior, evidence.likelihood[effect])
            gain = dot(prior, evidence.gain[effect]) / whole
            square = dot(prior, evidence.square[effect]) / whole
            share = cell.counts.runs / runs
            mean += cell.times * share * gain
            variance += cell.times * share * share * max(0.0, square - gain * gain)
        return mean, variance

    def _over_tilts(self, logs: Row) -> Row:
        top = max(logs)
        size = len(TILTS)
        return [
            sum(
                weight * math.exp(log - top)
                for weight, log in zip(_TILT_SHARES, logs[at : at + size], strict=True)
            )
            for at in range(0, len(logs), size)
        ]


def _cells(
    blocks: Mapping[Block, BlockCounts], tilted: list[Row], others: Mapping[Block, Row | None]
) -> list[_Cell]:
    groups: dict[tuple[BlockCounts, Block | None], list[Block]] = {}
    for block in sorted(blocks):
        own = block if others[block] is not None else None
        groups.setdefault((blocks[block], own), []).append(block)
    return [
        _cell(counts, together, tilted, others[together[0]])
        for (counts, _), together in groups.items()
    ]


def _cell(counts: BlockCounts, blocks: list[Block], tilted: list[Row], others: Row | None) -> _Cell:
    prior = tilted if others is None else [times(row, others) for row in tilted]
    logs = [
        log(dot(row, weights)) for row in _block_likelihood(counts).likelihood for weights in prior
    ]
    return _Cell(counts, len(blocks), blocks, prior, logs)


def _learned_difficulty(messages: _Messages, before: Row) -> Row:
    """How difficulties are distributed over blocks."""
    anything = normal(0, SPREAD_OF_DIFFICULTY, DIFFICULTIES)
    learned = [BLOCKS_OF_PRIOR * share for share in anything]
    for block in sorted(messages.together):
        learned = plus(learned, normalised(times(before, _likelihood(messages.together[block]))))
    return mixture([1 - UNLIKE_OTHERS, UNLIKE_OTHERS], [normalised(learned), anything])


def _shared(counts: Counts) -> frozenset[Block]:
    met = Counter(block for blocks in counts.values() for block in blocks)
    return frozenset(block for block, patterns in met.items() if patterns > 1)


def _likelihood(logs: Row) -> Row:
    top = max(logs)
    return [max(1e-12, math.exp(value - top)) for value in logs]


def _tilted(shares: Row) -> list[Row]:
    return [
        normalised([s * math.exp(tilt * d) for s, d in zip(shares, DIFFICULTIES, strict=True)])
        for tilt in TILTS
    ]


class _BlockLikelihood(NamedTuple):
    """Rows for each effect; within a row, one value for each difficulty."""

    likelihood: list[Row]
    gain: list[Row]
    """The likelihood times the gain in success that goes with it."""
    square: list[Row]


@lru_cache(maxsize=16384)
def _block_likelihood(counts: BlockCounts) -> _BlockLikelihood:
    """The likelihood, up to a factor, averaged over how the effect may vary in this block."""
    alone = _log_likelihoods(counts.without, counts.without_succeeded, _ALONE)
    ways = [
        [
            (
                response,
                plus(alone, _log_likelihoods(counts.with_it, counts.with_it_succeeded, response)),
            )
            for response in responses
        ]
        for responses in _RESPONSES
    ]
    top = max(max(logs) for row in ways for _, logs in row)
    result = _BlockLikelihood([], [], [])
    for row in ways:
        weights = [[response.share * math.exp(log - top) for log in logs] for response, logs in row]
        gains = [times(w, response.gain) for w, (response, _) in zip(weights, row, strict=True)]
        squares = [times(g, response.gain) for g, (response, _) in zip(gains, row, strict=True)]
        result.likelihood.append(plus(*weights))
        result.gain.append(plus(*gains))
        result.square.append(plus(*squares))
    return result


class _Response(NamedTuple):
    """How runs turn out at each difficulty under one effect; `share` is its weight."""

    share: float
    log_success: Row
    log_failure: Row
    gain: Row


def _response(share: float, effect: float) -> _Response:
    chances = [chance(difficulty + effect) for difficulty in DIFFICULTIES]
    return _Response(
        share,
        [math.log(p) for p in chances],
        [math.log(1 - p) for p in chances],
        [p - chance(difficulty) for p, difficulty in zip(chances, DIFFICULTIES, strict=True)],
    )


def _log_likelihoods(runs: int, succeeded: int, response: _Response) -> Row:
    failed = runs - succeeded
    return [
        succeeded * success + failed * failure
        for success, failure in zip(response.log_success, response.log_failure, strict=True)
    ]


def _deviations(means: Row, variances: Row) -> Row:
    """Standard deviations, the width of a step of the grid included."""
    last = len(means) - 1
    return [
        math.sqrt(
            variance
            + ((means[min(last, at + 1)] - means[max(0, at - 1)]) / 2) ** 2 / 12
            + LEAST_VARIANCE
        )
        for at, variance in enumerate(variances)
    ]


_ALONE = _response(1.0, 0.0)
_RESPONSES = [
    [_response(share, effect + variation) for variation, share in VARIATIONS.items()]
    for effect in EFFECTS
]
_TILT_SHARES = normal(0, SPREAD_OF_TILT, TILTS)
