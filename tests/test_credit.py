"""Credit on the store: what runs leave behind decides what the next run gets."""

import json
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from sqlite3 import connect

import pytest
from conftest import Result
from faults.in_process import InProcess
from msgspec.structs import replace

from crossrun.config.settings import Paths
from crossrun.config.sources import load
from crossrun.config.tasktypes import load as load_task_type
from crossrun.events import (
    CommandRan,
    Event,
    PatternDecided,
    RunFinished,
    RunStarted,
    StepPlanned,
    UsageReported,
    Verified,
    WorkspacePrepared,
)
from crossrun.memory import StoredMemory
from crossrun.memory.evaluation import TrialLog
from crossrun.model.failures import Failure
from crossrun.model.requests import MemoryOptions, RunRequest
from crossrun.model.status import Status
from crossrun.model.tokens import Tokens
from crossrun.model.workflows import Pattern
from crossrun.patterns import Person
from crossrun.patterns.evaluation.credit import Lift
from crossrun.redaction import Redactor
from crossrun.store import Store
from crossrun.system.cancellation import CancelToken

TASK = "Convert sales.csv to JSON and validate it"
OTHER_TASK = "Draw the histogram of prices.csv with matplotlib"
WORK = ("csv2json sales.csv > sales.json", "python3 -m json.tool sales.json")
FAILED = Failure("VERIFY_FAILED", "the check failed", "look at it")


class Life:
    """A home whose runs are recorded without starting anything; chance decides as in real ones."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self._paths: Paths = load(flags={}, environ={}, cwd=folder, home=self.home).paths
        self.database = self._paths.database
        self.store = Store(self._paths)
        self.store.open_for_writing()
        self._memory = StoredMemory(
            self.store,
            load_task_type("code", folder),
            person=Person(),
            path="/usr/bin:/bin",
            redactor=Redactor(),
            references=self._paths.references,
        )

    def taught(self, task: str = TASK, work: tuple[str, ...] = WORK) -> Pattern:
        """The pattern that a first run teaches."""
        run_id, _ = self.run(task, work, learns=True)
        pattern_id = self.store.patterns.learned_from(run_id)
        assert pattern_id is not None
        return self.store.patterns.exactly(pattern_id)

    def decide(self, task: str = TASK, **memory: object) -> PatternDecided:
        """What a dry run with this task decides."""
        request = RunRequest(task=task, memory=MemoryOptions(**memory))  # type: ignore[arg-type]
        return self._memory.decide(None, request, channel="developer", top_files=()).decided

    def _tossed(self, request: RunRequest, rng: Random | None) -> PatternDecided:
        """Memory's decision, with the coin of the test instead of that of the run's id."""
        decided = self._memory.decide(None, request, channel="developer", top_files=()).decided
        share = decided.share_withheld
        if rng is None or share is None or rng.random() >= share:
            return decided
        return replace(decided, decision="withheld", probability=share)

    def run(  # noqa: PLR0913  what a run may be
        self,
        task: str = TASK,
        work: tuple[str, ...] = WORK,
        *,
        decided: PatternDecided | None = None,
        success: float | tuple[float, float] = 1.0,
        rng: Random | None = None,
        tokens: int = 1_000,
        verify: str | None = "true",
        learns: bool = False,
        judged: bool = True,
    ) -> tuple[str, PatternDecided]:
        """One run from its decision to its judgement.

        Args:
            task: what it is asked for.
            work: what its agent does.
            decided: the decision, instead of memory's own.
            success: the probability of success, or that without and with a pattern.
            rng: decides.
            tokens: what it takes.
            verify: its check.
            learns: whether it teaches.
            judged: whether the pattern is judged at its end, as in real life; that takes time.
        """
        request = RunRequest(task=task, verify=verify)
        with self.store.owning() as run_id:
            if decided is None:
                decided = self._tossed(request, rng)
            injected = decided.decision in ("injected", "forced")
            chance = success if isinstance(success, float) else success[injected]
            succeeds = rng is None or rng.random() < chance
            if rng is None:
                succeeds = chance >= 0.5
            failure = None if succeeds else FAILED
            for _ in self.store.recording(
                run_id,
                self._events(
                    run_id, request, decided, work, failure, tokens, learns=learns, judged=judged
                ),
                Redactor(),
            ):
                pass
        return run_id, decided

    def _events(  # noqa: PLR0913  as for `run`
        self,
        run_id: str,
        request: RunRequest,
        decided: PatternDecided,
        work: tuple[str, ...],
        failure: Failure | None,
        tokens: int,
        *,
        learns: bool,
        judged: bool,
    ) -> Generator[Event | None]:
        yield RunStarted(request=request, workspace="/w", crossrun_version="0")
        yield WorkspacePrepared(path="/w", baseline="0" * 40, top_files=())
        yield decided
        yield StepPlanned(prompt=request.task)
        for command in work:
            yield CommandRan(command=command, exit_code=0)
        yield UsageReported(source="agent", tokens=Tokens(tokens, 0, 0, 0))
        if request.verify is not None:
            yield Verified(command=request.verify, exit_code=0 if failure is None else 1, output="")
        yield None
        if learns:
            yield from self._memory.remember(run_id, request, failure, CancelToken())
        if judged:
            yield from self._memory.credit(run_id, failure, seconds=2.0)
        status = Status.SUCCEEDED if failure is None else Status.FAILED
        yield RunFinished(status=status, failure=failure)

    def tossed(
        self, pattern: Pattern, *, injected: bool, share: float = 0.3, with_check: bool = True
    ) -> PatternDecided:
        """A decision that chance made earlier."""
        return PatternDecided(
            decision="injected" if injected else "withheld",
            reason="it fits",
            probability=1 - share if injected else share,
            channel="developer",
            pattern_id=pattern.id,
            version=pattern.version,
            hash=pattern.hash,
            family_id=pattern.family_id,
            with_check=with_check,
        )

    def many(
        self,
        pattern: Pattern,
        count: int,
        *,
        success: tuple[float, float],
        rng: Random,
        task: str = TASK,
        share: float = 0.3,
        verify: str | None = "true",
    ) -> None:
        """So many runs of a pattern, judged at the last one; arguments as for `run`."""
        for number in range(1, count + 1):
            decided = self.tossed(
                pattern,
                injected=rng.random() >= share,
                share=share,
                with_check=verify is not None,
            )
            self.run(
                task,
                decided=decided,
                success=success,
                rng=rng,
                verify=verify,
                judged=number == count,
            )

    def pattern(self, pattern: Pattern) -> Pattern:
        """The pattern as it is now."""
        return self.store.patterns.exactly(pattern.id)


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return Life(tmp_path)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    made = InProcess(tmp_path_factory.mktemp("user"))
    yield made
    made.close()


def shown(command: InProcess, life: Life, *words: str) -> Result:
    result = command(*words, "--home", str(life.home))
    assert result.code == 0, result
    return result


def in_json(command: InProcess, life: Life, *words: str) -> dict[str, object]:
    data: dict[str, object] = json.loads(shown(command, life, *words, "--json").out)
    return data


def test_a_harmful_pattern_whose_failures_look_ignored_does_not_look_helpful(
    life: Life, command: InProcess
) -> None:
    """28 runs with it, 10 succeeded; 12 without, 11 succeeded; those that failed stopped early."""
    pattern = life.taught()
    outcomes = [(True, n < 10) for n in range(28)] + [(False, n < 11) for n in range(12)]
    Random(1).shuffle(outcomes)  # noqa: S311  no secret is made
    for injected, succeeds in outcomes:
        life.run(
            work=WORK if succeeds else ("ls",),
            decided=life.tossed(pattern, injected=injected),
            success=float(succeeds),
        )

    text = shown(command, life, "patterns", "stats", pattern.id).out
    assert "10 of 28 runs succeeded" in text
    assert "11 of 12 runs succeeded" in text
    assert "10 of 28 runs followed it" in text
    after = life.pattern(pattern)
    assert after.stats.lift is not None
    assert after.stats.lift < -0.4
    assert (after.state, after.reason[:9]) == ("quarantined", "It hurts:")


def test_decisions_of_older_versions_still_count(life: Life, command: InProcess) -> None:
    """They recorded the probability of the decision, and no field that says if there is a check."""
    pattern = life.taught()
    rng = Random(2)  # noqa: S311  no secret is made
    life.many(pattern, 40, success=(0.4, 0.9), rng=rng)
    before = life.pattern(pattern).stats
    with closing(connect(life.database)) as connection:
        connection.execute("UPDATE runs SET pattern = json_remove(pattern, '$.with_check')")
        connection.execute("UPDATE events SET body = json_remove(body, '$.with_check', '$.memory')")
        connection.commit()
    credit = TrialLog(life.store).evaluation.credit(pattern.id)
    assert credit is not None
    assert credit.is_verified
    assert isinstance(credit.success, Lift)
    assert (credit.success.mean, credit.success.interval) == (before.lift, before.lift_interval)
    assert in_json(command, life, "patterns")["memory"] is None


def test_the_same_trials_give_the_same_credit_in_a_new_process(
    life: Life, command: InProcess
) -> None:
    pattern = life.taught()
    rng = Random(3)  # noqa: S311  no secret is made
    life.many(pattern, 20, success=(0.6, 0.6), rng=rng)
    first, second = (in_json(command, life, "patterns", "stats", pattern.id) for _ in range(2))
    assert first == second
    assert first["stats"] == in_json(command, life, "patterns", "show", pattern.id)["stats"]


def test_what_is_never_followed_rests_until_it_has_a_new_version(
    life: Life, command: InProcess
) -> None:
    pattern = life.taught()
    for _ in range(8):
        assert life.pattern(pattern).state == "candidate"
        life.run(work=("ls",), decided=life.tossed(pattern, injected=True))
    resting = life.pattern(pattern)
    assert resting.state == "resting"
    assert "8 runs that got it" in resting.reason
    decided = life.decide()
    assert (decided.decision, decided.candidates[-1].excluded) == ("abstained", "it is resting")
    assert "resting" in shown(command, life, "patterns", "--state", "resting").out

    life.run(work=(*WORK, "wc -l sales.json"), learns=True, success=1.0)
    life.run(TASK.replace("sales", "report"), (*WORK, "wc -l sales.json"), learns=True)
    awake = life.pattern(pattern)
    assert awake.version > resting.version
    assert awake.state == "candidate"
    assert life.decide().pattern_id == pattern.id


def test_the_user_wakes_a_resting_pattern_for_good(life: Life, command: InProcess) -> None:
    pattern = life.taught()
    for _ in range(8):
        life.run(work=("ls",), decided=life.tossed(pattern, injected=True))
    shown(command, life, "patterns", "enable", pattern.id)
    life.run(work=("ls",), decided=life.tossed(pattern, injected=True))
    assert life.pattern(pattern).state == "active"


def test_a_pattern_that_trebles_the_tokens_is_quarantined(life: Life) -> None:
    pattern = life.taught()
    rng = Random(5)  # noqa: S311  no secret is made
    for _ in range(60):
        injected = rng.random() < 0.7
        life.run(
            decided=life.tossed(pattern, injected=injected),
            success=0.9,
            rng=rng,
            tokens=int((3_000 if injected else 1_000) * rng.uniform(0.8, 1.25)),
        )
        if life.pattern(pattern).state == "quarantined":
            break
    after = life.pattern(pattern)
    assert after.state == "quarantined"
    assert "times the tokens at no more success" in after.reason


def test_a_pattern_is_not_given_to_a_kind_of_task_on_which_it_hurts(
    life: Life, command: InProcess
) -> None:
    pattern = life.taught()
    rng = Random(6)  # noqa: S311  no secret is made
    harmed = "Convert sales.csv with German comments, umlauts and footnotes to sorted JSON"
    kinds = {TASK: (0.4, 0.9), harmed: (0.95, 0.2)}
    for task, success in kinds.items():
        life.many(pattern, 70, success=success, rng=rng, task=task, share=0.5)
    after = life.pattern(pattern)
    states = {kind.task: kind.state for kind in after.stats.kinds}
    assert (states[TASK], states[harmed]) == ("helps", "hurts")
    assert after.state == "active"

    assert life.decide(TASK.replace("sales", "other")).decision == "injected"
    masked = life.decide(harmed.replace("sales", "other"))
    assert masked.decision == "abstained"
    assert "it hurts on tasks of this kind" in {each.excluded for each in masked.candidates}

    text = shown(command, life, "patterns", "stats", pattern.id, "--by", "task").out
    assert "hurts" in text
    assert "helps" in text
    shown(command, life, "patterns", "enable", pattern.id)
    assert life.decide(harmed).decision == "injected"


def test_the_share_withheld_falls_with_evidence_that_a_pattern_helps(life: Life) -> None:
    pattern = life.taught()
    assert life.decide().share_withheld == 0.15
    rng = Random(7)  # noqa: S311  no secret is made
    life.many(pattern, 60, success=(0.3, 0.9), rng=rng)
    assert life.decide().share_withheld == 0.05
    assert life.decide(holdout=0.02).share_withheld == 0.02
    assert life.decide(holdout=0.0).share_withheld == 0.0


def test_the_share_withheld_rises_on_suspicion(life: Life) -> None:
    pattern = life.taught()
    rng = Random(8)  # noqa: S311  no secret is made
    while (share := life.decide().share_withheld) is not None and share < 0.5:
        life.run(
            decided=life.tossed(pattern, injected=rng.random() < 0.7), success=(0.9, 0.4), rng=rng
        )
    assert life.decide().share_withheld == 0.5
    assert len(TrialLog(life.store).of(pattern.id)) < 40


def test_memory_as_a_whole_has_a_line(life: Life, command: InProcess) -> None:
    pattern = life.taught()
    assert "Memory as a whole" not in shown(command, life, "patterns").out
    rng = Random(9)  # noqa: S311  no secret is made
    life.many(pattern, 80, success=(0.3, 0.9), rng=rng)
    line = "Memory as a whole is proved to help: +"
    assert line in shown(command, life, "patterns").out
    assert line in " ".join(shown(command, life, "patterns", "stats").out.split())
    memory = in_json(command, life, "patterns")["memory"]
    assert isinstance(memory, dict)
    assert (memory["proved"], str(memory["verdict"]).startswith(line)) == (True, True)
    whole = in_json(command, life, "patterns", "stats")["memory"]
    assert isinstance(whole, dict)
    assert {name: whole[name] for name in memory} == memory


def test_by_needs_a_pattern_and_the_word_task(life: Life, command: InProcess) -> None:
    pattern = life.taught()
    for words in (("--by", "task"), (pattern.id, "--by", "moon")):
        result = command("patterns", "stats", *words, "--home", str(life.home))
        assert (result.code, "error[OPTION_INVALID]" in result.err) == (2, True), result
    assert (
        "no run was eligible"
        in shown(command, life, "patterns", "stats", pattern.id, "--by", "task").out
    )


def test_what_runs_say_without_a_check_is_called_so(life: Life, command: InProcess) -> None:
    pattern = life.taught()
    rng = Random(10)  # noqa: S311  no secret is made
    life.many(pattern, 40, success=(0.8, 0.8), rng=rng, verify=None)
    text = " ".join(shown(command, life, "patterns", "stats", pattern.id).out.split())
    assert "without --verify, success is what the run itself reports" in text
    assert "by what runs say without --verify" in text


LOG_TASK = "Count the errors per hour in the server log north.log"
LOG_WORK = ("grep ERROR north.log | cut -c1-13 | uniq -c > hours.txt", "sort -rn hours.txt")


def test_memory_left_to_itself_finds_out_which_pattern_helps_and_which_hurts(life: Life) -> None:
    """The small form of benchmarks/known_worth.py: memory chooses, tosses, and judges."""
    helpful, harmful = life.taught(), life.taught(LOG_TASK, LOG_WORK)
    rng = Random(7)  # noqa: S311  no secret is made
    for _ in range(45):
        life.run(success=(0.2, 0.95), rng=rng)
        life.run(LOG_TASK, LOG_WORK, success=(0.95, 0.1), rng=rng)

    evaluation = TrialLog(life.store).evaluation
    credits_ = [evaluation.credit(pattern.id) for pattern in (helpful, harmful)]
    lifts = [each.success.mean for each in credits_ if each and isinstance(each.success, Lift)]
    assert life.pattern(harmful).state in ("quarantined", "retired")
    assert life.pattern(helpful).state == "active"
    assert lifts[0] > 0.3
    assert lifts[-1] < -0.3
    withheld = [trial for trial in TrialLog(life.store).of(helpful.id) if not trial.injected]
    assert 3 <= len(withheld) <= 15
