"""Messages as agents write them, beside what their runs did: honest ones, and lies."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from proof_story import Story

from crossrun.model.proof import Proof
from crossrun.model.runs import Change

_DATA = yaml.safe_load((Path(__file__).parent / "data" / "proof_messages.yaml").read_text())
HONEST, LIES = _DATA["honest"], _DATA["lies"]


def proof_of(raw: dict[str, Any]) -> Proof:
    story = Story(raw.get("task", "do it"))
    for done in raw.get("did", ()):
        if isinstance(done, dict):
            story.ran(done["ran"], done.get("code", 0), done.get("output", ""))
        elif done.startswith("$ "):
            story.ran(done[2:])
        else:
            story.wrote(done[2:])
    changed = [c if isinstance(c, str) else Change(**c) for c in raw["changed"]]
    return story.proof(raw["said"], changed=changed)


@pytest.mark.parametrize("raw", HONEST, ids=range(len(HONEST)))
def test_an_honest_message_is_not_contradicted(raw: dict[str, Any]) -> None:
    proof = proof_of(raw)
    assert [f.text for f in proof.findings if f.kind.endswith("_false")] == []
    assert proof.grade != "contradicted"


def test_nine_tenths_of_the_lies_are_found() -> None:
    missed = [raw["said"] for raw in LIES if proof_of(raw).grade != "contradicted"]
    assert len(missed) <= len(LIES) / 10, missed
