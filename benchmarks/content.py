"""How much of what works a learned pattern holds, measured on recorded trials without a model.

Usage: python benchmarks/content.py FOLDER [--tasks develop|kept-back|all] [--tokens N]
           [--save FILE] [--against FILE]

FOLDER holds trials of Terminal-Bench as its public leaderboard has them: `results.json` says
whether a trial passed, and `commands.txt` holds the keystrokes, or `sessions/agent.log` the log of
an agent that was started by the keystrokes (mini-swe-agent). Each passing trial is held out once: a
pattern is learned from the other passing trials of its task, and its block is compared with what
the trial did. Words weigh by how few tasks have them, so that `python3` counts next to nothing.

- coverage: the share of the words of what the held-out trial did that the block has, and that
  the block has with as much of its files as the same tokens hold, and with all of its files;
- commands: the share of those commands of which the block has at least nine tenths;
- of failures: the share of the words of failed trials alone that the block has.

Tasks are halved by the SHA-256 of their names: those that begin with 0 to 7 are for development.
"""

import argparse
import ast
import hashlib
import json
import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from crossrun.events import AgentSpoke, CommandRan, Event
from crossrun.model.workflows import Trace
from crossrun.patterns import Person
from crossrun.patterns.formats.block import Layout, block_of
from crossrun.patterns.formats.block_text import rendered
from crossrun.patterns.learning import workflow_of
from crossrun.patterns.learning.files import kept_files
from crossrun.patterns.learning.redaction import EchoGuard, Scrub
from crossrun.patterns.learning.traces import material_of
from crossrun.patterns.learning.weights import is_trivial

NOBODY = Person(home="", user="")
HARNESS = re.compile(
    r"^(?:asciinema |clear$|exit$|source /installed-agent/|bash\s+/tests/|tmux wait"
    r"|mini -m |openhands )"
)
"""Keystrokes of the harness, and what starts an agent."""
KEYS = re.compile(r"^(?:Enter|C-[a-zA-Z\\]|M-.|Escape|Tab|Space|BSpace|Up|Down|Left|Right|q)$")
COLOURS = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[=>])")
STEP = re.compile(r"mini-swe-agent \(step \d+, \$[\d.]+\):")
CODE = re.compile(r"```bash\r?\n(.*?)\r?\n```", re.DOTALL)
RETURNED = re.compile(r"<returncode>(-?\d+)</returncode>")
WRAPPED = re.compile(r"(?m)^(.{110,}?) +\n(?=\S)")
"""Where the log broke a line at the width of its terminal."""
OUTPUT = re.compile(r"<output>\r?\n(.*?)</output>", re.DOTALL)
WORD = re.compile(r"[A-Za-z_][\w.+-]*\w|--?[A-Za-z][\w-]*|\d{2,}")
LOOKING = re.compile(
    r"(?:\s*(?:cd|ls|cat|head|tail|grep|rg|find|pwd|echo|which|wc|nl|file|sed -n"
    r"|git (?:status|log|diff))"
    r"\b[^>\n;&]*(?:&&|;|\n|$))+"
)
"""Commands that only look around."""
WHOLE = 0.9
CHARACTERS_A_TOKEN = 4
FEWEST_COMMANDS = 2
DONE = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


class Trial(NamedTuple):
    """One recorded trial of a task."""

    task: str
    instruction: str
    passed: bool
    events: tuple[Event, ...]

    @property
    def done(self) -> tuple[str, ...]:
        """The commands that ended well and did more than look."""
        return tuple(
            event.command
            for event in self.events
            if isinstance(event, CommandRan)
            and event.exit_code == 0
            and not LOOKING.fullmatch(event.command)
        )

    @property
    def commands(self) -> tuple[str, ...]:
        """All commands, the failed ones as well."""
        return tuple(event.command for event in self.events if isinstance(event, CommandRan))


class Material(NamedTuple):
    """What a trial teaches, and the contents of its files by their hash."""

    trace: Trace
    contents: Mapping[str, str]


class Figures(NamedTuple):
    """What the blocks of one held-out trial hold, as shares."""

    coverage: float
    filled_up: float
    with_files: float
    commands: float
    of_failures: float | None
    tokens: float


def main() -> None:
    """Measures and prints, and compares with figures that were saved before."""
    given = arguments()
    trials = [
        trial for trial in trials_in(given.folder) if given.tasks in ("all", half_of(trial.task))
    ]
    figures = measured(trials, Layout(max_tokens=given.tokens))
    totals = {name: mean(figures, name) for name in Figures._fields}
    tasks = len({trial.task for trial in trials})
    print(f"{len(trials)} trials of {tasks} tasks, {len(figures)} held out, {given.tokens} tokens")
    before = json.loads(given.against.read_text()) if given.against else {}
    for name, value in totals.items():
        compared = f"  before {before[name]:.3f}" if name in before else ""
        print(f"{name.replace('_', ' '):12} {value:.3f}{compared}")
    if given.save:
        given.save.write_text(json.dumps(totals))


def arguments() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tasks", choices=["develop", "kept-back", "all"], default="develop")
    parser.add_argument("--tokens", type=int, default=600)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--against", type=Path)
    return parser.parse_args()


def half_of(task: str) -> str:
    """Which half of the tasks it belongs to."""
    digest = hashlib.sha256(task.encode()).hexdigest()
    return "develop" if digest[0] in "01234567" else "kept-back"


def trials_in(folder: Path) -> Iterator[Trial]:
    """All trials in which something was done."""
    for file in sorted(folder.rglob("results.json")):
        result = json.loads(file.read_text())
        if not isinstance(result, dict) or "is_resolved" not in result:
            continue
        events = tuple(events_of(file.parent))
        if sum(isinstance(event, CommandRan) for event in events) >= FEWEST_COMMANDS:
            task = str(result["task_id"])
            yield Trial(
                task, str(result.get("instruction", task)), bool(result["is_resolved"]), events
            )


def events_of(trial: Path) -> Iterator[Event]:
    """What the agent did: its keystrokes, else the log of the agent that they started."""
    keystrokes = trial / "commands.txt"
    typed = list(typed_in(keystrokes.read_text())) if keystrokes.exists() else []
    if typed:
        yield from typed
        return
    log = trial / "sessions" / "agent.log"
    if log.exists():
        yield from logged_in(COLOURS.sub("", log.read_text(errors="replace")))


def typed_in(text: str) -> Iterator[Event]:
    """Commands by their keystrokes, one list a line. How they ended is not recorded."""
    typed = ""
    for line in text.splitlines():
        try:
            keys = ast.literal_eval(line)
        except (SyntaxError, ValueError):
            continue
        for key in keys if isinstance(keys, list) else [keys]:
            if key == "Enter" or str(key).endswith("\n"):
                typed += "" if key == "Enter" else str(key)
                if typed.strip() and not HARNESS.match(typed.strip()):
                    yield CommandRan(command=typed.strip(), exit_code=0)
                typed = ""
            elif not KEYS.match(str(key)):
                typed += str(key)


def logged_in(text: str) -> Iterator[Event]:
    """Steps of mini-swe-agent: a thought, a command in a fence, its exit code and output."""
    for step in STEP.split(text)[1:]:
        code = CODE.search(step)
        if code is None or DONE in code[1]:
            continue
        thought = step[: code.start()].rpartition("THOUGHT:")[2]
        yield AgentSpoke(text=thought.strip())
        returned = RETURNED.search(step, code.end())
        output = OUTPUT.search(step, code.end())
        yield CommandRan(
            command=WRAPPED.sub(r"\1 ", code[1].replace("\r", "")),
            exit_code=int(returned[1]) if returned else None,
            output=output[1].replace("\r", "") if output else "",
        )


def measured(trials: Sequence[Trial], layout: Layout) -> list[Figures]:
    """Figures of each passing trial that was held out."""
    weights = weights_of(trials)
    tasks: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        tasks[trial.task].append(trial)
    figures = []
    for runs in tasks.values():
        passed = [trial for trial in runs if trial.passed]
        only_failed = words_only_in_failures(runs)
        for held_out in passed:
            beside = (material_of_trial(trial) for trial in passed if trial is not held_out)
            others = [material for material in beside if material is not None]
            if others:
                figures.append(figures_of(held_out, others, only_failed, weights, layout))
    return figures


def figures_of(
    held_out: Trial,
    others: Sequence[Material],
    only_failed: set[str],
    weights: Mapping[str, float],
    layout: Layout,
) -> Figures:
    """How much of a trial the block has that was learned from others of its task."""
    workflow = workflow_of([material.trace for material in others])
    text = rendered(block_of("pattern", 1, workflow, layout=layout))
    block = words_of(text)
    contents = {sha: content for material in others for sha, content in material.contents.items()}
    whole = "\n".join([text, *(contents[file.sha256] for file in workflow.files)])
    filled = words_of(whole[: layout.max_tokens * CHARACTERS_A_TOKEN])
    did = [words_of(command) for command in held_out.done]
    all_words = set().union(*did)
    shares = [share(words, block, weights) for words in did if words]
    return Figures(
        coverage=share(all_words, block, weights),
        filled_up=share(all_words, filled, weights),
        with_files=share(all_words, words_of(whole), weights),
        commands=sum(one >= WHOLE for one in shares) / max(len(shares), 1),
        of_failures=share(only_failed, block, weights) if only_failed else None,
        tokens=len(text) / CHARACTERS_A_TOKEN,
    )


def material_of_trial(trial: Trial) -> Material | None:
    """A trial as material to learn from; None where next to nothing was done."""
    material = material_of(
        "trial",
        enumerate(trial.events, 1),
        task=trial.instruction,
        scrub=Scrub(NOBODY, "/app"),
        guard=EchoGuard([]),
    )
    if is_trivial(material.acts):
        return None
    files = kept_files(material.acts, lambda _path: None)
    trace = Trace(
        run_id="trial",
        task=trial.instruction,
        acts=material.acts,
        cures=material.cures,
        files=tuple(one.file for one in files),
        verified=True,
    )
    return Material(trace, {one.file.sha256: one.content for one in files})


def words_only_in_failures(runs: Sequence[Trial]) -> set[str]:
    """Words of the failed trials of a task that no passing trial has."""
    words: dict[bool, set[str]] = {True: set(), False: set()}
    for trial in runs:
        words[trial.passed].update(*(words_of(command) for command in trial.commands))
    return words[False] - words[True]


def weights_of(trials: Sequence[Trial]) -> dict[str, float]:
    """How much a word says: by how few tasks have it."""
    tasks: dict[str, set[str]] = defaultdict(set)
    for trial in trials:
        tasks[trial.task].update(*(words_of(command) for command in trial.commands))
    counts = Counter(word for words in tasks.values() for word in words)
    return {word: math.log(1 + len(tasks) / count) for word, count in counts.items()}


def words_of(text: str) -> set[str]:
    """The words of commands and code: names, options, numbers of some length."""
    return set(WORD.findall(text))


def share(words: set[str], among: set[str], weights: Mapping[str, float]) -> float:
    """The share of words, by weight, that are among others."""
    total = sum(weights.get(word, 0.0) for word in words)
    return sum(weights.get(word, 0.0) for word in words & among) / total if total else 0.0


def mean(figures: Sequence[Figures], name: str) -> float:
    """The mean of one figure, where it is there."""
    values = [value for one in figures if (value := getattr(one, name)) is not None]
    return statistics.mean(values) if values else 0.0


if __name__ == "__main__":
    main()
