"""Whether runs of the same job become one pattern, and runs of other jobs do not.

    python benchmarks/job_families.py [--orders 5] [--misses] [--fit]

`data/job_families.yaml` has jobs with three runs each, in other words and with other files, and 30
runs of other jobs that look alike (write a script, run it, look at the output). They are learned in
a random order by the real memory from the events of runs. A merge is right if all runs that the
pattern had so far are of the same job. *misled*: every third run was given a pattern of another job
before, and began by doing what it said.

The goal is no merge of different jobs, and nine tenths of those that are right (two of three runs).

Each is done with words alone, and with the extra `embeddings` where it is installed.

`--fit` prints the weights that `patterns.learning.families.SAME_JOB` ships, fitted on the jobs that
are marked as `tuned` or `seen` and the 30 others. Nothing was fitted on the others; README.md says
which of their results were seen when.
"""

import argparse
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Generator, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from fitting import fitted

from crossrun.config.sources import load
from crossrun.config.tasktypes import load as load_task_type
from crossrun.events import (
    CommandRan,
    Event,
    FileChanged,
    PatternDecided,
    RunFinished,
    RunStarted,
    StepPlanned,
    WorkspacePrepared,
)
from crossrun.memory import StoredMemory
from crossrun.memory.encoding import ready_encoder
from crossrun.memory.vectors import TextComparison
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.model.workflows import Trace
from crossrun.patterns import Person
from crossrun.patterns.formats.block import block_of
from crossrun.patterns.formats.block_text import rendered
from crossrun.patterns.learning.families import (
    LEAST_ODDS,
    SAME_JOB,
    Similarity,
    compare,
    has_work,
    profile,
)
from crossrun.patterns.learning.features import code_words
from crossrun.patterns.learning.rarity import Rarity
from crossrun.patterns.learning.redaction import EchoGuard, Scrub
from crossrun.patterns.learning.traces import acts_of
from crossrun.patterns.retrieval.values import LogisticModel
from crossrun.redaction import Redactor
from crossrun.store import Store
from crossrun.system.cancellation import CancelToken

JOBS = Path(__file__).parent / "data" / "job_families.yaml"
PARTS = ("tuned", "seen", "blind", "blind2")
BLIND = PARTS[2:]
MISLED = 3
"""Every so many runs one gets a pattern of another job."""


class RecordedJob(NamedTuple):
    """What one run was asked for, and what its agent did: commands, or files that it wrote."""

    name: str
    part: str
    task: str
    did: tuple[Any, ...]


def jobs(left_out: Collection[str] = ()) -> list[RecordedJob]:
    """All runs of the data file, but for some parts."""
    content = yaml.safe_load(JOBS.read_text(encoding="utf-8"))
    families = [
        RecordedJob(family["name"], family["part"], run["task"], tuple(run["did"]))
        for family in content["families"]
        if family["part"] not in left_out
        for run in family["runs"]
    ]
    others = [
        RecordedJob(run["task"], "other", run["task"], tuple(run["did"]))
        for run in content["distractors"]
    ]
    return [*families, *others]


class Learned(NamedTuple):
    """Where the runs ended up."""

    runs: list[tuple[RecordedJob, str, str]]
    """Each run with its pattern and its family, in the order in which they were learned."""

    def merges(self, column: int) -> tuple[Counter[str], list[tuple[str, str]]]:
        """Right merges by job, and the pairs of jobs that were merged."""
        members: dict[str, list[str]] = defaultdict(list)
        right: Counter[str] = Counter()
        wrong = []
        for row in self.runs:
            job, place = row[0].name, str(row[column])
            if place in members:
                strangers = [other for other in members[place] if other != job]
                if strangers:
                    wrong.append((strangers[0], job))
                else:
                    right[job] += 1
            members[place].append(job)
        return right, wrong


def learned(order: Sequence[RecordedJob], folder: Path, cache: Path, *, misled: bool) -> Learned:
    """Has all runs learned, in this order, by a store of their own."""
    settings = load(flags={}, environ={}, cwd=folder, home=folder / "home")
    store = Store(settings.paths._replace(cache=cache))
    store.open_for_writing()
    memory = StoredMemory(
        store,
        load_task_type("code", folder),
        person=Person(),
        path="/usr/bin:/bin",
        redactor=Redactor(),
        references=settings.paths.references,
    )
    runs: list[tuple[RecordedJob, str, str]] = []
    for number, job in enumerate(order):
        strange = [
            pattern
            for other, pattern, _ in runs
            if other.name != job.name and not pattern.startswith("none")
        ]
        shown = strange[number % len(strange)] if misled and number % MISLED == 2 else None
        run_id = one_run(store, memory, job, folder / f"w{number}", shown)
        pattern_id = store.patterns.learned_from(run_id) or f"none of {run_id}"
        pattern = store.patterns.find(pattern_id)
        runs.append((job, pattern_id, pattern.family_id if pattern else pattern_id))
    return Learned(runs)


def one_run(
    store: Store, memory: StoredMemory, job: RecordedJob, folder: Path, shown: str | None
) -> str:
    """Records a run that did this, and has it learned."""
    request = RunRequest(task=job.task)
    with store.owning() as run_id:
        events = run_events(run_id, store, memory, job, folder, shown, request)
        for _ in store.recording(run_id, events, Redactor()):
            pass
    return run_id


def run_events(
    run_id: str,
    store: Store,
    memory: StoredMemory,
    job: RecordedJob,
    folder: Path,
    shown: str | None,
    request: RunRequest,
) -> Generator[Event | None]:
    folder.mkdir()
    yield RunStarted(request=request, workspace=str(folder), crossrun_version="0")
    yield WorkspacePrepared(path=str(folder), baseline="0" * 40)
    did = list(job.did)
    if shown is None:
        yield PatternDecided(decision="abstained", reason="", probability=1.0, channel="none")
        yield StepPlanned(prompt=job.task)
    else:
        pattern = store.patterns.exactly(shown)
        text = rendered(block_of(pattern.id, pattern.version, pattern.workflow))
        yield PatternDecided(
            decision="injected",
            reason="",
            probability=0.7,
            channel="developer",
            pattern_id=pattern.id,
            version=pattern.version,
            hash=pattern.hash,
            family_id=pattern.family_id,
        )
        yield StepPlanned(prompt=job.task, instructions=text, channel="developer")
        did = [act.command for act in store.patterns.traces(shown, newest=1)[0].acts][:2] + did
    yield from agent_events(did, folder)
    yield None
    yield from memory.remember(run_id, request, None, CancelToken())
    yield RunFinished(status=Status.SUCCEEDED)


def agent_events(did: Sequence[Any], folder: Path) -> Iterator[Event]:
    for step in did:
        if isinstance(step, str):
            yield CommandRan(command=step, exit_code=0)
        else:
            file = folder / step["write"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step["content"])
            yield FileChanged(path=step["write"], change="added")


# the report


def report(orders: int, *, misses: bool, left_out: Collection[str]) -> None:
    recorded = jobs(left_out)
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as filled:
        report_arm("words alone", recorded, Path(empty), orders, misses=misses)
        if ready_encoder(Path(filled)) is not None:
            report_arm("with the encoder", recorded, Path(filled), orders, misses=misses)


def report_arm(
    arm: str, recorded: Sequence[RecordedJob], cache: Path, orders: int, *, misses: bool
) -> None:
    possible = Counter(job.name for job in recorded)
    for misled in (False, True):
        print(f"\n{arm}, " + ("misled: every third run" if misled else "nobody misled"))
        totals: Counter[tuple[str, str]] = Counter()
        apart: Counter[str] = Counter()
        wrong_pairs: Counter[tuple[str, str]] = Counter()
        for seed in range(orders):
            order = list(recorded)
            random.Random(seed).shuffle(order)  # noqa: S311  reproducible, not secret
            with tempfile.TemporaryDirectory() as folder:
                outcome = learned(order, Path(folder), cache, misled=misled)
            for column, name in ((1, "patterns"), (2, "families")):
                right, wrong = outcome.merges(column)
                totals[name, "wrong"] += len(wrong)
                for job in recorded:
                    totals[name, job.part] += right.pop(job.name, 0)
                if column == 1:
                    wrong_pairs.update(wrong)
            right, _ = outcome.merges(1)
            apart.update({name: n - 1 - right[name] for name, n in possible.items() if n > 1})
        for name in ("patterns", "families"):
            shares = []
            for part in PARTS:
                most = orders * sum(
                    possible[job] - 1 for job in {j.name for j in recorded if j.part == part}
                )
                if most:
                    shares.append(f"{part} {totals[name, part] / most:.2f}")
            print(
                f"  {name}: right {', '.join(shares)};"
                f" wrong {totals[name, 'wrong'] / orders:.1f} an order"
            )
        if misses:
            for pair, count in wrong_pairs.most_common():
                print(f"  wrong {count}: {pair[0][:50]} | {pair[1][:50]}")
            for job_name, count in apart.most_common():
                if count:
                    print(f"  apart {count}: {job_name}")


# fitting


def traces(recorded: Sequence[RecordedJob]) -> list[Trace]:
    scrub, guard = Scrub(Person(), ""), EchoGuard([])
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for number, job in enumerate(recorded):
            events = enumerate(agent_events(job.did, Path(folder) / str(number)))
            acts = acts_of(str(number), events, task=job.task, scrub=scrub, guard=guard)
            text = "\n".join(step["content"] for step in job.did if not isinstance(step, str))
            words = tuple(sorted(code_words(text)))
            made.append(Trace(run_id=str(number), task=job.task, acts=acts, words=words))
    return made


def rarity(profiles: Sequence[Any]) -> Rarity:
    """As if each job were one pattern; jobs have one run and a half on average."""
    runs = Counter(word for run in profiles for word in {*run.task, *run.work})
    counts = {word: -(-2 * count // 3) for word, count in runs.items()}
    return Rarity(len(profiles), counts, [run.code for run in profiles])


def fit(*, misses: bool, left_out: Collection[str]) -> None:
    recorded = jobs(left_out)
    profiles = [profile(trace) for trace in traces(recorded)]
    weights = rarity(profiles)
    with tempfile.TemporaryDirectory() as cache:
        cosine = comparison(Path(cache))
        pairs = [
            (one, other, compare(profiles[i], profiles[j], weights, cosine))
            for (i, one), (j, other) in combinations(enumerate(recorded), 2)
        ]
    rows = [row for row in pairs if has_work(row[2])]
    print(
        f"{sum(a.name == b.name for a, b, _ in pairs)} pairs of the same job, {len(pairs)} pairs;"
        f" with work in common {sum(a.name == b.name for a, b, _ in rows)}, {len(rows)}"
    )
    plain = [(a, b, similarity._replace(meant=None, done=None)) for a, b, similarity in rows]
    fit_arm("words alone", plain, SAME_JOB.plain)
    if cosine is not None:
        fit_arm("with the encoder", rows, SAME_JOB.semantic)
    if misses:
        for one, other, similarity in sorted(rows, key=lambda row: -SAME_JOB.odds(row[2])):
            odds = SAME_JOB.odds(similarity)
            if one.name == other.name or odds > 0:
                mark = "same " if one.name == other.name else "OTHER"
                values = " ".join(f"{value or 0.0:5.2f}" for value in similarity)
                print(f"{mark} {odds:5.2f}  {values}  {one.task[:50]} | {other.task[:50]}")


def comparison(cache: Path) -> TextComparison | None:
    """Compares meanings, if the encoder is installed."""
    encoder = ready_encoder(cache)
    return None if encoder is None else TextComparison(encoder)


def fit_arm(
    arm: str,
    rows: Sequence[tuple[RecordedJob, RecordedJob, Similarity]],
    shipped: LogisticModel,
) -> None:
    """Fits on all parts but the blind ones."""
    chosen = [row for row in rows if not {row[0].part, row[1].part} & set(BLIND)]
    inputs = [[value for value in similarity if value is not None] for *_, similarity in chosen]
    truth = [one.name == other.name for one, other, _ in chosen]
    model = fitted(inputs, truth, [5.0] * len(truth))
    print(f"\n{arm}: intercept", round(model.intercept, 2), [round(w, 2) for w in model.weights])
    for title, each in (("shipped", shipped), ("fitted", model)):
        odds = [each.odds(values) for values in inputs]
        same = [value for value, is_same in zip(odds, truth, strict=True) if is_same]
        others = sorted(value for value, is_same in zip(odds, truth, strict=True) if not is_same)
        print(
            f"{title}: of {len(same)} pairs of the same job"
            f" {sum(value >= LEAST_ODDS for value in same)} are merged, of {len(others)} others"
            f" {sum(value >= LEAST_ODDS for value in others)}; the highest"
            f" {[round(value, 2) for value in others[-3:]]}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--orders", type=int, default=5, help="random orders in which to learn")
    parser.add_argument("--misses", action="store_true", help="show what went wrong")
    parser.add_argument("--fit", action="store_true", help="fit the weights instead")
    parser.add_argument("--without", nargs="*", default=(), choices=PARTS, help="leave out parts")
    arguments = parser.parse_args()
    if arguments.fit:
        fit(misses=arguments.misses, left_out=arguments.without)
    else:
        report(arguments.orders, misses=arguments.misses, left_out=arguments.without)


if __name__ == "__main__":
    main()
