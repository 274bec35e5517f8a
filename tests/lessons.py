"""Runs to learn from, written down in short."""

from collections.abc import Sequence

from crossrun.events import CommandRan, Event, FileChanged, PlanItem, PlanUpdated
from crossrun.model.workflows import Act, Finding, Trace
from crossrun.patterns import Person
from crossrun.patterns.learning.redaction import EchoGuard, Scrub
from crossrun.patterns.learning.traces import acts_of

ANNA = Person(home="/home/anna", user="anna")
WORKSPACE = "/home/anna/.local/share/crossrun/workspaces/default/k7f3abcd"

Did = str | tuple[str, int] | Event
"""A command that ended well, one with its exit code, `+ path` for a written file, or any event."""


def events_of(did: Sequence[Did]) -> list[tuple[int, Event]]:
    """The events of a run that did this."""
    return list(enumerate(map(_event, did), 1))


def _event(did: Did) -> Event:
    if isinstance(did, tuple):
        return CommandRan(command=did[0], exit_code=did[1])
    if not isinstance(did, str):
        return did
    if did.startswith("+ "):
        return FileChanged(path=did[2:], change="added")
    return CommandRan(command=did, exit_code=0)


def plan(under_way: str, *done: str) -> PlanUpdated:
    """The agent's plan with one item under way."""
    items = (
        *(PlanItem(text, completed=True) for text in done),
        PlanItem(under_way, completed=False),
    )
    return PlanUpdated(items=items)


def acts(*did: Did, task: str = "do it", guard: EchoGuard | None = None) -> tuple[Act, ...]:
    """What is learned of a run that did this."""
    return acts_of(
        "r1",
        events_of(did),
        task=task,
        scrub=Scrub(ANNA, WORKSPACE),
        guard=guard or EchoGuard([]),
    )


def trace(
    run_id: str,
    task: str,
    *did: Did,
    verified: bool = False,
    found: Sequence[Finding] = (),
) -> Trace:
    """A run as material."""
    scrub = Scrub(ANNA, WORKSPACE)
    task = scrub(task)
    done = acts_of(run_id, events_of(did), task=task, scrub=scrub, guard=EchoGuard([]))
    return Trace(run_id=run_id, task=task, acts=done, verified=verified, found=tuple(found))


REPORT = trace(
    "r1",
    "Convert report.csv to JSON and validate it",
    "ls",
    "head -3 report.csv",
    "+ convert.py",
    ("python convert.py report.csv report.json", 127),
    "python3 convert.py report.csv report.json",
    "python3 -m json.tool report.json > /dev/null",
)
SALES = trace(
    "r2",
    "Turn the sales.csv file into a JSON document, then check that it is valid",
    "head -3 sales.csv",
    "+ to_json.py",
    "python3 to_json.py sales.csv out/sales.json",
    "wc -l sales.csv",
    "python3 -m json.tool out/sales.json > /dev/null",
)
