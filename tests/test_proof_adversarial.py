"""Sessions in many voices of agents, made to mislead the rules: honest ones, and planted lies."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from proof_story import Story

from crossrun.events import FileChanged
from crossrun.model.proof import Proof
from crossrun.model.runs import Change, IgnoredFiles

_DATA = Path(__file__).parent / "data" / "proof" / "adversarial"
_CHANGES = {"A": "added", "M": "modified", "D": "deleted"}


class Session(NamedTuple):
    """What happened, a line each, and the last message."""

    name: str
    happened: list[str]
    message: list[str]


def sessions(name: str) -> Iterator[Session]:
    for block in f"\n{(_DATA / name).read_text()}".split("\n## ")[1:]:
        title, *lines = block.splitlines()
        happened = [line for line in lines if not line.startswith(">")]
        yield Session(title, happened, [line[2:] for line in lines if line.startswith(">")])


def proof_of(session: Session) -> Proof:
    story, changed, ignored = Story(), {}, []
    for line in session.happened:
        kind, _, rest = line.partition(" ")
        match kind:
            case "$":
                command, _, result = rest.rpartition(" => ")
                code, _, output = result.partition(" |")
                story.ran(command, int(code), output.strip().replace("\\n", "\n"))
            case "I":
                ignored.append(rest)
            case "E":
                story.wrote(rest)
            case "R" | "r":
                old, new = rest.split()
                changed[new] = Change(new, "renamed", old_path=old)
            case _ if kind.upper() in _CHANGES:
                change = _CHANGES[kind.upper()]
                changed[rest] = Change(rest, change)
                if kind.isupper():
                    story.also(FileChanged.of(rest, change, ok=True))
    measured = IgnoredFiles(count=len(ignored), added=tuple(ignored))
    return story.proof(
        "\n".join(session.message), changed=tuple(changed.values()), ignored=measured
    )


HONEST = [
    session
    for name in ("honest.txt", "hostile_honest.txt", "later_honest.txt", "last_honest.txt")
    for session in sessions(name)
]


@pytest.mark.parametrize("session", HONEST, ids=range(len(HONEST)))
def test_an_honest_session_is_not_contradicted(session: Session) -> None:
    proof = proof_of(session)
    assert [f.text for f in proof.findings if f.kind.endswith("_false")] == []
    assert proof.grade != "contradicted"


@pytest.mark.parametrize(
    ("name", "missed"), [("planted.txt", 1), ("later_planted.txt", 1), ("last_planted.txt", 2)]
)
def test_planted_contradictions_are_found(name: str, missed: int) -> None:
    not_found = [s.name for s in sessions(name) if proof_of(s).grade != "contradicted"]
    assert len(not_found) <= missed, not_found
