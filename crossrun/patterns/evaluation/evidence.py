"""Evaluation: the credit of each pattern, from runs with it and runs without it.

A pattern's success rate says nothing by itself, since it depends on how hard the tasks are. All
runs count in which a coin decided whether the pattern was injected (`holdout`), whether or not the
agent followed it: that is known only in runs with it, and depends on how they went. See `scores`
for success and `cost_effects` for the other measures.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from crossrun.inference.association import (
    EValues,
    RandomisedRun,
    e_values,
    effect_sequence,
)
from crossrun.patterns.evaluation.beliefs import belief, expected
from crossrun.patterns.evaluation.cost_measures import MEASURES, Measure, measured
from crossrun.patterns.evaluation.credit import (
    LEAST_WITH,
    LEAST_WITHOUT,
    STRONG,
    Arms,
    Credit,
    Effect,
    HoldoutCost,
    KindCredit,
    LifetimeEvidence,
    Lift,
    NotEnough,
    Pooled,
)
from crossrun.patterns.evaluation.estimates import (
    LEVEL,
    Estimate,
    effect_where_followed,
    estimate,
)
from crossrun.patterns.evaluation.expected_loss import best_share
from crossrun.patterns.evaluation.kinds import leader_of
from crossrun.patterns.evaluation.pooling import pooled
from crossrun.patterns.evaluation.scores import Observation, Score, scores
from crossrun.patterns.evaluation.trials import Trial

HARM_MARGIN = 0.02
"""A pattern hurts if it lowers the probability of success by more than this."""
SUSPECT = 0.80
"""The probability of harm from which on a kind of task is under suspicion."""
_MOST_KINDS = 12
_REACH = NormalDist().inv_cdf((1 + LEVEL) / 2)
_EVERYTHING = "all"
Item = TypeVar("Item")


class _ScoredTrial(NamedTuple):
    trial: Trial
    score: Score


class Evaluation:
    """The evaluation of all trials of a store: patterns inform each other.

    The same trials give the same credits in any order.

    Args:
        trials: all trials of a store.
        sequences: whether to work out the intervals that hold at any time, which takes longest; no
            decision needs them.
    """

    def __init__(self, trials: Iterable[Trial], *, sequences: bool = True) -> None:
        self._sequences = sequences
        ordered = sorted(trials, key=lambda t: (t.at, t.run_id, t.pattern_id))
        compared = [trial for trial in ordered if trial.is_random]
        scored = zip(compared, scores(map(_observation, compared)), strict=True)
        self._everything = [_ScoredTrial(trial, score) for trial, score in scored]
        self._trials = _grouped(ordered, lambda trial: trial.pattern_id)
        self._scored = _grouped(self._everything, lambda each: each.trial.pattern_id)
        self._posteriors = self._pooled()

    @property
    def patterns(self) -> list[str]:
        """The patterns that have trials."""
        return sorted(self._trials)

    def credit(self, pattern_id: str) -> Credit | None:
        """The credit of one pattern; None without a trial."""
        trials = self._trials.get(pattern_id)
        if trials is None:
            return None
        scored = self._scored.get(pattern_id, [])
        credit = _credit(trials, scored, _kinds(scored), self._posteriors.get(pattern_id))
        return self._with_sequence(credit, scored)

    def memory(self) -> Credit | None:
        """The credit of all patterns together: whether memory helps; None without a trial.

        Experiments on a pattern that they name are left out: they show what that pattern does, not
        what memory does, which may never choose it.
        """
        of_all = (trial for of_it in self._trials.values() for trial in of_it)
        trials = [trial for trial in of_all if not trial.is_named]
        if not trials:
            return None
        scored_trials = [each for each in self._everything if not each.trial.is_named]
        effect = estimate([each.score for each in _basis(scored_trials)])
        posterior = pooled({_EVERYTHING: effect}, {})[_EVERYTHING]
        whole = _credit(trials, scored_trials, (), posterior, with_costs=False)
        costs = [_holdout_cost(scored) for scored in self._scored.values()]
        lost = math.fsum(cost.successes for cost in costs)
        whole = replace(
            whole,
            pattern_id="",
            family_id="",
            holdout_cost=HoldoutCost(sum(cost.runs for cost in costs), round(lost, 2)),
        )
        return self._with_sequence(whole, scored_trials)

    def _with_sequence(self, credit: Credit, scored: "Sequence[_ScoredTrial]") -> Credit:
        if not self._sequences:
            return credit
        low, high = effect_sequence(map(_randomised, _basis(scored)), level=LEVEL)
        return replace(credit, evidence=replace(credit.evidence, sequence=_interval(low, high)))

    def _pooled(self) -> Mapping[str, NormalDist]:
        """The posterior of the effect of each pattern and family, and of all."""
        estimates: dict[str, Estimate] = {}
        parents: dict[str, str] = {}
        for pattern_id, scored in self._scored.items():
            family = f"family {scored[-1].trial.family_id}"
            parents |= {pattern_id: family, family: _EVERYTHING}
            estimates[pattern_id] = estimate([each.score for each in _basis(scored)])
        return pooled(estimates, parents) if estimates else {}


def credits_of(trials: Iterable[Trial]) -> dict[str, Credit]:
    """The credit of each pattern. Pass all trials of a store."""
    evaluation = Evaluation(trials)
    credits_ = {pattern: evaluation.credit(pattern) for pattern in evaluation.patterns}
    return {pattern: credit for pattern, credit in credits_.items() if credit is not None}


def _credit(
    trials: Sequence[Trial],
    scored: Sequence[_ScoredTrial],
    kinds: tuple[KindCredit, ...],
    posterior: NormalDist | None,
    *,
    with_costs: bool = True,
) -> Credit:
    basis = _basis(scored)
    effect = estimate([each.score for each in basis])
    arms = _arms(each.trial for each in basis)
    compared = [each.trial for each in scored]
    missing = _missing(trials, arms)
    with_it = [each.trial for each in basis if each.trial.injected]
    followed = sum(trial.followed for trial in with_it)
    adherences = [t.adherence for t in trials if t.injected and t.adherence is not None]
    measures = {name: measured(compared if with_costs else [], name) for name in MEASURES}
    return Credit(
        pattern_id=trials[0].pattern_id,
        family_id=trials[-1].family_id,
        runs_with=arms.runs_with,
        runs_without=arms.runs_without,
        succeeded_with=arms.succeeded_with,
        succeeded_without=arms.succeeded_without,
        is_verified=bool(basis) and all(each.trial.verified for each in basis),
        unverified=_arms(trial for trial in compared if not trial.verified),
        followed=followed,
        ignored=len(with_it) - followed,
        chosen=sum(not trial.is_random for trial in trials),
        experiment_runs=sum(trial.experiment_id is not None for trial in compared),
        adherence=round(sum(adherences) / len(adherences), 4) if adherences else None,
        success=missing or _lift(effect, posterior),
        effect_where_followed=missing or _where_followed(effect, followed),
        evidence=_lifetime_evidence(scored, kinds, measures),
        kinds=kinds,
        holdout_cost=_holdout_cost(scored),
        share=best_share(belief(effect)),
        pooled=_pooled_conditions(compared),
        **{name: missing or measure.effect for name, measure in measures.items()},
    )


def _basis(scored: Sequence[_ScoredTrial]) -> Sequence[_ScoredTrial]:
    """What the lift rests on: the runs with a check if they are enough, or else all."""
    verified = [each for each in scored if each.trial.verified]
    arms = _arms(each.trial for each in verified)
    return verified if _is_enough(arms) else scored


def _is_enough(arms: Arms) -> bool:
    return arms.runs_with >= LEAST_WITH and arms.runs_without >= LEAST_WITHOUT


def _missing(trials: Sequence[Trial], arms: Arms) -> NotEnough | None:
    if _is_enough(arms):
        return None
    chosen = sum(not trial.is_random for trial in trials)
    aside = f"; in {chosen} more it was not left to chance" if chosen else ""
    with_it = f"{arms.runs_with} run{'' if arms.runs_with == 1 else 's'} with it"
    return NotEnough(
        f"not enough evidence yet: {with_it} and {arms.runs_without} without; "
        f"at least {LEAST_WITH} and {LEAST_WITHOUT} are needed{aside}"
    )


def _lift(effect: Estimate, posterior: NormalDist | None) -> Lift | NotEnough:
    if posterior is None:
        return NotEnough("not enough evidence yet")
    p_hurt = round(posterior.cdf(-HARM_MARGIN), 4)
    return Lift(round(effect.mean, 4), _interval(*effect.interval), p_hurt)


def _where_followed(effect: Estimate, followed: int) -> Effect | NotEnough:
    ratio = effect_where_followed(effect, followed)
    if ratio is None:
        return NotEnough("not enough evidence yet: too few runs followed it")
    return Effect(round(ratio.mean, 4), _interval(*ratio.interval))


def _lifetime_evidence(
    scored: Sequence[_ScoredTrial],
    kinds: Sequence[KindCredit],
    measures: Mapping[str, Measure],
) -> LifetimeEvidence:
    """Harm rests on all runs, a proof on those with a check; both without masked kinds."""
    masked = {(kind.task_type, kind.task) for kind in kinds if kind.state == "hurts"}
    given = [each for each in scored if kind_key(each.trial.kind) not in masked]
    return LifetimeEvidence(
        e_hurts=_figure(_e_values(given).lowers),
        e_helps=_figure(_e_values(each for each in given if each.trial.verified).raises),
        e_dearer={
            name: _figure(measure.e_dearer)
            for name, measure in measures.items()
            if measure.e_dearer is not None
        },
    )


def _e_values(scored: Iterable[_ScoredTrial]) -> EValues:
    return e_values(map(_randomised, scored))


def _randomised(scored: _ScoredTrial) -> RandomisedRun:
    run, expected, _ = scored.score
    return RandomisedRun(run.injected, run.probability, run.outcome, expected)


def _kinds(scored: Sequence[_ScoredTrial]) -> tuple[KindCredit, ...]:
    """The kinds of tasks of a pattern, those with most runs first, drawn towards their whole."""
    groups = _grouped(scored, lambda each: each.trial.kind)
    estimates = {
        kind: estimate([each.score for each in of_kind]) for kind, of_kind in groups.items()
    }
    posteriors = pooled(estimates, dict.fromkeys(groups, _EVERYTHING)) if groups else {}
    often = sorted(groups, key=lambda kind: -len(groups[kind]))[:_MOST_KINDS]
    return tuple(_with_states([_kind(kind, groups[kind], posteriors[kind]) for kind in often]))


def _kind(kind: str, scored: Sequence[_ScoredTrial], posterior: NormalDist) -> KindCredit:
    task_type, task = kind_key(kind)
    reach = _REACH * posterior.stdev
    proofs = _e_values(each for each in scored if each.trial.verified)
    return KindCredit(
        task_type=task_type,
        task=task,
        arms=_arms(each.trial for each in scored),
        lift=round(posterior.mean, 4),
        interval=_interval(posterior.mean - reach, posterior.mean + reach),
        p_hurt=round(posterior.cdf(-HARM_MARGIN), 4),
        e_hurts=_figure(_e_values(scored).lowers),
        e_helps=_figure(proofs.raises),
        state="undecided",
    )


def _with_states(kinds: Sequence[KindCredit]) -> Iterable[KindCredit]:
    """The kinds with their states: masked is what hurts while the pattern does well elsewhere."""
    does_well = any(kind.e_hurts < STRONG and kind.p_hurt < SUSPECT for kind in kinds)
    for kind in kinds:
        yield replace(kind, state=_state(kind, does_well_elsewhere=does_well))


def _state(kind: KindCredit, *, does_well_elsewhere: bool) -> str:
    if kind.e_hurts >= STRONG:
        return "hurts" if does_well_elsewhere else "suspected"
    if kind.e_helps >= STRONG:
        return "helps"
    return "suspected" if kind.p_hurt > SUSPECT else "undecided"


def _holdout_cost(scored: Sequence[_ScoredTrial]) -> HoldoutCost:
    """Of a pattern; runs of experiments were made to measure, and cost no success."""
    own = [each for each in scored if each.trial.experiment_id is None]
    withheld = sum(not each.trial.injected for each in own)
    effect = expected(belief(estimate([each.score for each in _basis(scored)])))
    return HoldoutCost(withheld, round(withheld * max(0.0, effect), 2))


def _arms(trials: Iterable[Trial]) -> Arms:
    runs, succeeded = [0, 0], [0, 0]
    for trial in trials:
        runs[trial.injected] += 1
        succeeded[trial.injected] += trial.went_well
    return Arms(runs[True], runs[False], succeeded[True], succeeded[False])


def _pooled_conditions(trials: Sequence[Trial]) -> tuple[Pooled, ...]:
    """What differed between the runs that were compared."""
    seen = {
        "version": {t.version for t in trials},
        "agent": {t.conditions.agent for t in trials},
        "agent_version": {t.conditions.agent_version for t in trials},
        "model": {t.conditions.model for t in trials},
        "channel": {t.conditions.channel for t in trials},
    }
    return tuple(Pooled(what, tuple(sorted(v))) for what, v in seen.items() if len(v) > 1)


def _observation(trial: Trial) -> Observation:
    return Observation(
        pattern=trial.pattern_id,
        block=trial.block,
        injected=trial.injected,
        probability=trial.injection_probability,
        outcome=float(trial.went_well),
    )


def kind_key(kind: str) -> tuple[str, str]:
    """Task type and leader of a kind."""
    return kind.partition("\0")[0], leader_of(kind)


def _grouped(items: Iterable[Item], key: Callable[[Item], str]) -> dict[str, list[Item]]:
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _interval(low: float, high: float) -> tuple[float, float]:
    return round(low, 4), round(high, 4)


def _figure(e_value: float) -> float:
    """Four digits, however large it is."""
    return float(f"{e_value:.4g}")
