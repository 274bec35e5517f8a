"""Whether memory helps an agent with jobs that only the house's know-how does right.

    python benchmarks/memory/run.py [OPTIONS] [-- OPTIONS OF crossrun experiment]
    python benchmarks/memory/run.py --instances 2 -- --model gpt-5 --jobs 4

In a new home, a teacher does one job of each family: a recording whose commands really run, so
that teaching needs no model. Then your agent does the other jobs, once with the memory of it and
once without, in an experiment. At the end stands the lift: successes with memory less successes
without, in points, with its interval. Your own settings for the agent are used; your runs and
patterns are neither read nor changed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from house import HouseFamily, check_command, house_families

WITH, WITHOUT = "memory", "off"
_VARIANTS = ("--variant", f"{WITH}:pattern=auto", "--variant", f"{WITHOUT}:pattern=off")
_POINTS = 100


class Lesson(NamedTuple):
    """What came of a teacher's session."""

    family: str
    pattern_id: str


class Bench(NamedTuple):
    """The folder of one trial of memory, and the families that are tried."""

    folder: Path
    families: Sequence[HouseFamily]
    instances: int

    @property
    def environ(self) -> dict[str, str]:
        """The environment of crossrun, whose home is in the folder."""
        return {**os.environ, "CROSSRUN_HOME": str(self.folder / "home")}

    @property
    def suite(self) -> Path:
        """The tasks, as `crossrun experiment --suite` takes them."""
        return self.folder / "suite.yaml"

    def crossrun(self, *arguments: str) -> dict[str, Any]:
        """What a command prints with `--json`; what it says meanwhile is shown."""
        command = [sys.executable, "-m", "crossrun", *arguments, "--json"]
        done = subprocess.run(
            command, env=self.environ, stdout=subprocess.PIPE, text=True, check=False
        )
        if not done.stdout:
            sys.exit(f"{command[3]} failed with exit code {done.returncode}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def main(arguments: Sequence[str]) -> None:
    options, passed_on = _options(arguments)
    bench = Bench(
        folder=(options.folder or Path(tempfile.mkdtemp(prefix="memory-"))).absolute(),
        families=_chosen(options.family),
        instances=options.instances,
    )
    if (bench.folder / "home").exists():
        sys.exit(f"there is a trial in {bench.folder} already; give another --folder")
    lay(bench)
    _take_over_settings(bench)
    lessons = [teach(bench, family) for family in bench.families]
    _leave_nothing_to_copy(bench)
    print(f"memory has {len(lessons)} patterns; all is in {bench.folder}", file=sys.stderr)
    if options.teach_only:
        print(bench.suite)
        return
    experiment = bench.crossrun(
        "experiment", "--suite", str(bench.suite), "--all", *_VARIANTS, *passed_on
    )
    if "comparisons" not in experiment:
        sys.exit("the experiment did not begin")
    runs = bench.crossrun("runs", "--limit", "100000")["runs"]
    print("\n".join(report(experiment, runs, lessons)))


def lay(bench: Bench) -> None:
    """Makes the workspaces and the suite of tasks. The checks lie elsewhere."""
    tasks = []
    for family in bench.families:
        for job in family.instances[: bench.instances]:
            source = bench.folder / "work" / family.name / job.name
            source.mkdir(parents=True)
            job.lay(source)
            tasks.append(
                {
                    "name": f"{family.name}/{job.name}",
                    "task": job.task,
                    "source": str(source.relative_to(bench.folder)),
                    "verify": check_command(job),
                    "tags": [family.name],
                }
            )
    bench.suite.write_text(yaml.safe_dump({"tasks": tasks}, sort_keys=False, allow_unicode=True))


def teach(bench: Bench, family: HouseFamily) -> Lesson:
    """Plays the teacher's session of a family, from which memory learns."""
    job = family.teacher
    with tempfile.TemporaryDirectory() as folder:
        source, recording = Path(folder, family.name), Path(folder, "recording.json")
        source.mkdir()
        job.lay(source)
        recording.write_text(json.dumps(family.recording()))
        played = ("--executor", "replay", "--recording", str(recording), "--planner", "direct")
        checked = ("--source", str(source), "--verify", check_command(job), "--no-pattern")
        run = bench.crossrun("run", job.task, *played, *checked, "--yes", "--quiet")
    if run.get("status") != "succeeded" or run["learned_pattern_id"] is None:
        sys.exit(f"nothing was learned from the teacher of {family.name}")
    return Lesson(family.name, run["learned_pattern_id"])


def report(
    experiment: Mapping[str, Any], runs: Iterable[Mapping[str, Any]], lessons: Sequence[Lesson]
) -> list[str]:
    """The lift, and by family the successes and how often its own pattern was given."""
    comparison = experiment["comparisons"][0]
    low, high = comparison["interval"]
    lift = f"{_points(comparison['difference'])} points [{_points(low)}, {_points(high)}]"
    kind = f"{comparison['level']:.0%}, valid at any time"
    head = f"lift of memory: {lift} ({kind}), {comparison['pairs']} pairs"
    given = _given(experiment, runs)
    lines = [f"{'family':<18} {'without':>9} {'with memory':>12} {'got its pattern':>16}"]
    for lesson in lessons:
        tasks = [task for task in experiment["tasks"] if _family(task) == lesson.family]
        own = [pattern_id == lesson.pattern_id for pattern_id in given.get(lesson.family, ())]
        counts = (_successes(tasks, WITHOUT), _successes(tasks, WITH), f"{sum(own)} of {len(own)}")
        lines.append("{:<18} {:>9} {:>12} {:>16}".format(lesson.family, *counts))
    return [head, comparison["sentence"], "", *lines]


def _given(
    experiment: Mapping[str, Any], runs: Iterable[Mapping[str, Any]]
) -> dict[str, list[str | None]]:
    """By family, the patterns that the runs with memory were given."""
    of_experiment = (run for run in runs if run["batch_id"] == experiment["id"])
    by_family: dict[str, list[str | None]] = {}
    families = {tag for task in experiment["tasks"] for tag in task["tags"]}
    for run in of_experiment:
        pattern = run["pattern"]
        if pattern is None or pattern["decision"] == "disabled":
            continue
        family = next(tag for tag in run["tags"] if tag in families)
        shown = pattern["decision"] in ("injected", "forced")
        by_family.setdefault(family, []).append(pattern["pattern_id"] if shown else None)
    return by_family


def _family(task: Mapping[str, Any]) -> str:
    name: str = task["name"]
    return name.partition("/")[0]


def _successes(tasks: Iterable[Mapping[str, Any]], variant: str) -> str:
    tallies = [tally for task in tasks for tally in task["variants"] if tally["name"] == variant]
    return f"{sum(t['succeeded'] for t in tallies)} of {sum(t['runs'] for t in tallies)}"


def _points(share: float) -> str:
    return f"{round(share * _POINTS):+d}"


def _leave_nothing_to_copy(bench: Bench) -> None:
    """Removes the teachers' workspaces: what they did is in memory alone."""
    bench.crossrun("cleanup", "--older-than", "0s", "--force", "--yes", "--quiet")


def _take_over_settings(bench: Bench) -> None:
    """Uses the user's settings for the agent in the new home."""
    command = [sys.executable, "-m", "crossrun", "paths", "--json"]
    paths = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    settings = Path(paths["config"]) / "config.yaml"
    target = Path(bench.crossrun("paths")["config"]) / "config.yaml"
    if settings.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(settings, target)


def _chosen(names: Sequence[str]) -> list[HouseFamily]:
    every = house_families()
    unknown = sorted(set(names) - every.keys())
    if unknown:
        sys.exit(f"there is no family {unknown[0]!r}; there are {', '.join(every)}")
    return [family for name, family in every.items() if name in names or not names]


def _options(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    own, passed_on = list(arguments), []
    if "--" in own:
        at = own.index("--")
        own, passed_on = own[:at], own[at + 1 :]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--family", action="append", default=[], help="only this; repeatable")
    parser.add_argument("--instances", type=int, default=6, help="of each family (6)")
    parser.add_argument("--folder", type=Path, help="a new folder for all of it")
    parser.add_argument(
        "--teach-only", action="store_true", help="print the path of the suite, and stop there"
    )
    return parser.parse_args(own), passed_on


if __name__ == "__main__":
    main(sys.argv[1:])
