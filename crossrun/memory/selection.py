"""Choosing a pattern for a run that begins: the user's choice, else the best fit and a coin."""

import shutil
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from crossrun.events import Channel, PatternCandidate, PatternDecided
from crossrun.model.executors import EXECUTORS
from crossrun.model.requests import MemoryOptions, RunRequest
from crossrun.model.workflows import Decision, Pattern, Preconditions
from crossrun.patterns import Injection
from crossrun.patterns.evaluation.holdout import draw, eligible, share_withheld
from crossrun.store.patterns import Eligibility, PatternReader

if TYPE_CHECKING:
    from crossrun.memory.blocks import BlockWriter
    from crossrun.patterns.retrieval.decision import Choice
    from crossrun.patterns.retrieval.ranking import CandidateSet
    from crossrun.patterns.retrieval.values import Scored
    from crossrun.store.pattern_vectors import EncodedTask

QUICKSTART = "quickstart"
"""A project whose patterns are of use nowhere else."""
_CANDIDATES_SHOWN = 10
_EXCLUDED_SHOWN = 5


class _Drawn(Struct, frozen=True):
    """A decision on a pattern, with the figures behind it."""

    decision: Decision
    probability: float
    reason: str
    share_withheld: float | None = None


class Chooser:
    """Chooses for one run.

    Args:
        patterns: what is stored.
        writer: makes what writes the block of the pattern that is chosen.
        path: the directories in which programs are looked for, as in `PATH`.
        top_files: names of the files at the top of the workspace.
        encode: the task for a search by meaning, or None without the extra.
    """

    def __init__(
        self,
        patterns: PatternReader,
        writer: "Callable[[], BlockWriter]",
        *,
        path: str | None,
        top_files: Sequence[str],
        encode: "Callable[[str], EncodedTask | None] | None" = None,
    ) -> None:
        self._patterns = patterns
        self._writer = writer
        self._encode = encode
        self._path = path
        self._top_files = frozenset(top_files)
        self._tools: dict[str, bool] = {}

    def decide(self, run_id: str | None, request: RunRequest, *, channel: Channel) -> Injection:
        """The decision, and the block if one is injected."""
        memory = request.memory
        if memory.off:
            return _none("disabled", _why_off(memory), channel)
        if channel == "none" and not _runs_patterns(request):
            return _none(
                "disabled", f"the executor {request.executor} takes no instructions", channel
            )
        if memory.pattern_id is not None:
            pattern = self._patterns.exactly(memory.pattern_id, memory.pattern_version)
            return self._forced(run_id, pattern, request, channel)
        return self._chosen(run_id, request, channel)

    def _forced(
        self, run_id: str | None, pattern: Pattern, request: RunRequest, channel: Channel
    ) -> Injection:
        drawn = _Drawn("forced", 1.0, _why_forced(request.memory))
        return self._about(run_id, pattern, drawn, channel, request, [])

    def _chosen(self, run_id: str | None, request: RunRequest, channel: Channel) -> Injection:
        if self._patterns.are_none():
            return _none("abstained", "no pattern is stored yet", channel)
        from crossrun.patterns.retrieval.decision import choose

        project = request.project_id
        bounded = project == QUICKSTART or request.memory.scope == "project"
        candidate_set = self._patterns.candidates(
            request.task,
            task_type=request.task_type,
            project_id=project if bounded else None,
            encoded=self._encode(request.task) if self._encode else None,
        )
        eligibility = self._patterns.eligibility(item.id for item in candidate_set.candidates)
        excluded = {
            item.id: self._excluded(eligibility.get(item.id), request)
            for item in candidate_set.candidates
        }
        fitting = tuple(item for item in candidate_set.candidates if excluded[item.id] is None)
        excluded |= self._inferior_ways(eligibility, candidate_set._replace(candidates=fitting))
        fitting = tuple(item for item in fitting if excluded[item.id] is None)
        choice = choose(candidate_set._replace(candidates=fitting), task_type=request.task_type)
        reasons = {pattern_id: why for pattern_id, why in excluded.items() if why}
        considered = _considered(choice, eligibility, reasons)
        chosen = choice.chosen and self._patterns.find(choice.chosen.candidate.id)
        if chosen is None:
            none = _none("abstained", choice.reason, channel)
            return none._replace(decided=_with_choice(none.decided, choice, considered))
        drawn = _drawn(run_id, chosen.id, eligibility[chosen.id], request, choice.reason)
        near = [scored.candidate.id for scored in choice.ranking.scored]
        injection = self._about(run_id, chosen, drawn, channel, request, near)
        return injection._replace(decided=_with_choice(injection.decided, choice, considered))

    def _about(
        self,
        run_id: str | None,
        pattern: Pattern,
        drawn: _Drawn,
        channel: Channel,
        request: RunRequest,
        near: Sequence[str],
    ) -> Injection:
        """The decision on a pattern, and its block with the files in place."""
        decided = PatternDecided(
            decision=drawn.decision,
            reason=drawn.reason,
            probability=drawn.probability,
            channel=channel,
            pattern_id=pattern.id,
            version=pattern.version,
            summary=pattern.workflow.summary,
            hash=pattern.hash,
            family_id=pattern.family_id,
            share_withheld=drawn.share_withheld,
            form=request.memory.form,
            with_check=request.verify is not None,
        )
        if drawn.decision == "withheld":
            return Injection(decided)
        blocks = self._writer()
        block = blocks.write(pattern, near)
        if run_id is not None:
            blocks.lay(block)
        folder = None if block.folder is None else str(block.folder)
        return Injection(replace(decided, folder=folder), block.text)

    def _inferior_ways(
        self, eligibility: dict[str, Eligibility], candidate_set: "CandidateSet"
    ) -> dict[str, str]:
        """Why patterns are excluded for a better one of their family, by id.

        The best one has the highest lift; then successes, fit and age decide, in this order.
        """
        from crossrun.patterns.retrieval.signals import Weights, bm25

        families: dict[str, list[str]] = {}
        for candidate in candidate_set.candidates:
            families.setdefault(eligibility[candidate.id].family_id, []).append(candidate.id)
        rivals = {id_ for ways in families.values() if len(ways) > 1 for id_ in ways}
        if not rivals:
            return {}
        successes = self._patterns.successes(sorted(rivals))
        fits = bm25(candidate_set, Weights(candidate_set))
        worth = {
            candidate.id: (
                _worth(eligibility[candidate.id]),
                successes.get(candidate.id, 0),
                fit,
                eligibility[candidate.id].updated_at,
            )
            for candidate, fit in zip(candidate_set.candidates, fits, strict=True)
        }
        best = {family: max(ways, key=worth.__getitem__) for family, ways in families.items()}
        preferred = {id_: best[eligibility[id_].family_id] for id_ in rivals}
        return {
            id_: f"{way} of the same family is preferred"
            for id_, way in preferred.items()
            if way != id_
        }

    def _excluded(self, pattern: Eligibility | None, request: RunRequest) -> str | None:
        """Why a candidate is excluded, if it is."""
        if pattern is None:
            return "it is gone"
        if pattern.project_id == QUICKSTART and request.project_id != QUICKSTART:
            return "it is used only in the project quickstart"
        if not eligible(pattern.state, own=pattern.own, holdout=request.memory.holdout):
            if pattern.state == "candidate":
                return "it was imported, and without a holdout its effect could not be measured"
            return f"it is {pattern.state}"
        if _on_kind(pattern, request) == "hurts":
            return "it hurts on tasks of this kind"
        return self._unmet(pattern.preconditions)

    def _unmet(self, needed: Preconditions) -> str | None:
        if needed.os is not None and needed.os != sys.platform:
            return f"it is for {needed.os}"
        missing = [tool for tool in needed.tools if not self._has(tool)]
        if missing:
            return f"{missing[0]} is not on the PATH"
        absent = [name for name in needed.markers if name not in self._top_files]
        return f"there is no {absent[0]} in the workspace" if absent else None

    def _has(self, tool: str) -> bool:
        if tool not in self._tools:
            self._tools[tool] = shutil.which(tool, path=self._path) is not None
        return self._tools[tool]


def _runs_patterns(request: RunRequest) -> bool:
    spec = EXECUTORS.get(request.executor)
    return spec is not None and spec.runs_patterns


def _why_off(memory: MemoryOptions) -> str:
    if memory.carried_on_from is None:
        return "pattern memory was turned off for this run"
    return f"it continues {memory.carried_on_from}, whose agent has no pattern"


def _why_forced(memory: MemoryOptions) -> str:
    if memory.carried_on_from is not None:
        return f"it continues {memory.carried_on_from}, whose agent has the pattern"
    run = memory.reference_run_id
    return f"the user named the run {run}" if run else "the user named the pattern"


def _on_kind(pattern: Eligibility, request: RunRequest) -> str:
    """What the pattern does to tasks of this kind, as `KindStats.state`; "" for a new kind."""
    if not pattern.stats.kinds or pattern.kept_by_user:
        return ""
    from crossrun.patterns.evaluation.kinds import KindsOfTasks, kind_of

    kinds = {kind_of(each.task_type, each.task): each for each in pattern.stats.kinds}
    kind = KindsOfTasks(tuple(kinds)).matching(request.task_type, request.task)
    return "" if kind is None else kinds[kind].state


def _worth(pattern: Eligibility) -> float:
    """The lift; 0 without evidence, less under suspicion."""
    if pattern.stats.lift is None:
        return 0.0 if pattern.state != "quarantined" else -1.0
    return pattern.stats.lift


def _drawn(
    run_id: str | None, pattern_id: str, pattern: Eligibility, request: RunRequest, reason: str
) -> _Drawn:
    """The coin's decision; for a dry run, the likelier one. Experiments have their own design."""
    if request.memory.in_experiment:
        return _Drawn("injected", 1.0, reason)
    share = share_withheld(
        pattern.stats.share,
        setting=request.memory.holdout,
        suspected=pattern.state == "quarantined" or _on_kind(pattern, request) == "suspected",
    )
    if run_id is None:
        return _Drawn("injected", 1 - share, reason, share)
    coin = draw(run_id, pattern_id, withheld=share)
    if coin.decision == "withheld":
        reason += f"; it is withheld from {share:.0%} of such runs, to measure its effect"
    return _Drawn(coin.decision, coin.probability, reason, share)


def _none(decision: Decision, reason: str, channel: Channel) -> Injection:
    return Injection(
        PatternDecided(decision=decision, reason=reason, probability=1.0, channel=channel)
    )


def _with_choice(
    decided: PatternDecided, choice: "Choice", candidates: tuple[PatternCandidate, ...]
) -> PatternDecided:
    import msgspec

    return msgspec.structs.replace(
        decided,
        right=round(choice.ranking.right, 4),
        fits=round(choice.ranking.fits, 4),
        threshold=round(choice.threshold, 4),
        candidates=candidates,
    )


def _considered(
    choice: "Choice", eligibility: dict[str, Eligibility], excluded: dict[str, str]
) -> tuple[PatternCandidate, ...]:
    """The best of the ranking, and some of those that were not in it."""
    ranked = [_scored(scored, eligibility) for scored in choice.ranking.scored[:_CANDIDATES_SHOWN]]
    left_out = [
        PatternCandidate(
            pattern_id=pattern_id,
            version=eligibility[pattern_id].version if pattern_id in eligibility else 0,
            task_type="",
            excluded=why,
        )
        for pattern_id, why in list(excluded.items())[:_EXCLUDED_SHOWN]
    ]
    return (*ranked, *left_out)


def _scored(scored: "Scored", eligibility: dict[str, Eligibility]) -> PatternCandidate:
    return PatternCandidate(
        pattern_id=scored.candidate.id,
        version=eligibility[scored.candidate.id].version,
        task_type=scored.candidate.task_type,
        score=round(scored.score, 4),
        signals={name: round(value, 4) for name, value in scored.signals._asdict().items()},
    )
