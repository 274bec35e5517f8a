"""Jobs as users give them to agents, as they are stored and as they are asked for again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from crossrun.model.workflows import Step, Workflow
from crossrun.patterns.retrieval.documents import indexed_pattern
from crossrun.patterns.retrieval.values import IndexedPattern

JOBS = Path(__file__).parent / "data" / "jobs.yaml"
OTHERS = Path(__file__).parent / "data" / "rephrasings.yaml"
LANGUAGES = ("de", "es", "fr", "zh")
KINDS = ("identical", "files", "words", *LANGUAGES, "near", "unrelated", "two")
"""What a question is; see the data file."""


class Job(NamedTuple):
    """A pattern that one run taught, and whether the weights were made with a look at it."""

    pattern: IndexedPattern
    tuned: bool


class Question(NamedTuple):
    """A task that is asked, and the ids of the patterns that are right for it."""

    kind: str
    text: str
    job: str
    """The job that it belongs to; "" for none."""
    right: frozenset[str]


class JobSet(NamedTuple):
    """The data file."""

    jobs: list[Job]
    questions: list[Question]
    distractors: list[IndexedPattern]

    def part(self, *, tuned: bool) -> list[Question]:
        """The questions of the jobs that were looked at, or of those held out."""
        ids = {job.pattern.id for job in self.jobs if job.tuned is tuned}
        return [q for q in self.questions if not q.job or q.job in ids]


def job_set(file: Path = JOBS) -> JobSet:
    """All jobs and questions of the data file."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    jobs = [
        Job(pattern(item["id"], item["task"], item["commands"]), number % 2 == 0)
        for number, item in enumerate(content["jobs"])
    ]
    questions = [question for item in content["jobs"] for question in questions_of(item)]
    questions += [Question("unrelated", text, "", frozenset()) for text in content["unrelated"]]
    questions += [
        Question("two", item["ask"], item["of"][0], frozenset(item["of"]))
        for item in content["two"]
    ]
    others = yaml.safe_load(OTHERS.read_text(encoding="utf-8"))["stored"]
    distractors = [
        pattern(f"other-{number}", others[number]["task"], others[number]["workflow"])
        for number in content["distractors"]
    ]
    return JobSet(jobs, questions, distractors)


def pattern(pattern_id: str, task: str, commands: list[str]) -> IndexedPattern:
    """A pattern as the store indexes it."""
    steps = tuple(
        Step(instruction=command, intent="run", command=command.strip()) for command in commands
    )
    workflow = Workflow(summary=task.split(". ", maxsplit=1)[0], steps=steps)
    return indexed_pattern(pattern_id, task, workflow, task_type="code", project_id="default")


def questions_of(item: dict[str, Any]) -> Iterator[Question]:
    own = frozenset([item["id"]])
    yield Question("identical", item["task"], item["id"], own)
    for kind in ("files", "words"):
        yield from (Question(kind, text, item["id"], own) for text in item[kind])
    yield from (Question(language, item[language], item["id"], own) for language in LANGUAGES)
    for near in item["near"]:
        text, fits = (near["ask"], [near["fits"]]) if isinstance(near, dict) else (near, [])
        yield Question("near", text, item["id"], frozenset(fits))
