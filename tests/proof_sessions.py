"""Small recorded sessions with truths set by hand, which the proof sheet is tried on.

A session is an entry of `data/proof/*.yaml`: a task, the files that it begins with, what the agent
does, its last message, and the truth: the grade, and kinds of findings that must be among those of
its sheet. An element of `do` is a command (`$ ...`), files to write (`path: content`), a patch, or
a message. What the real Codex and real programs made of it is in `data/proof/recorded.jsonl`.

    python tests/proof_sessions.py [NAME...]     records sessions; all by default

`blind.yaml` was written before the rules that judge it.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from conftest import CodexWorld, Crossrun, clean_environ

from crossrun.events import Event, decode

_DATA = Path(__file__).parent / "data" / "proof"
_RECORDED = _DATA / "recorded.jsonl"
_KEPT = (
    "run_started", "agent_spoke", "command_started", "command_ran", "file_changed", "tool_called",
    "workspace_changed", "verified",
)  # fmt: skip
_LONGEST_OUTPUT = 3_000


@dataclass(frozen=True)
class Session:
    """What happens in a session, and what is true about it."""

    name: str
    task: str
    answer: str
    grade: str
    kinds: Sequence[str] = ()
    never: Sequence[str] = ()
    """Kinds that must not be among its findings."""
    files: Mapping[str, str] = field(default_factory=dict)
    do: Sequence[Any] = ()
    verify: str | None = None
    blind: bool = False

    def turns(self) -> list[list[Any]]:
        """What the model says and does; a message goes with what is done next."""
        turns: list[list[Any]] = []
        said: list[Any] = []
        for element in self.do:
            if isinstance(element, str) and not element.startswith("$ "):
                said.append(element)
                continue
            for item in _items(element):
                turns.append([*said, item])
                said = []
        return [*turns, [*said, self.answer]]


@dataclass(frozen=True)
class Recorded:
    """What the ledger has of a session: its events with their numbers, and its patch."""

    events: Sequence[tuple[int, Event]]
    patch: bytes


def sessions() -> list[Session]:
    """All sessions."""
    return [
        Session(**raw, blind=file.stem == "blind")
        for file in sorted(_DATA.glob("*.yaml"))
        for raw in yaml.safe_load(file.read_text())
    ]


@cache
def recorded() -> dict[str, Recorded]:
    """What was recorded of each session."""
    return {
        raw["name"]: Recorded(
            [(seq, decode(json.dumps(e))) for seq, e in raw["events"]], raw["patch"].encode()
        )
        for raw in map(json.loads, _RECORDED.read_text().splitlines())
    }


def _items(element: str | Mapping[str, str]) -> Iterator[dict[str, str]]:
    if isinstance(element, str):
        yield {"shell": element.removeprefix("$ ")}
    elif "patch" in element:
        yield {"patch": element["patch"]}
    else:
        for path, content in element.items():
            yield {"write_file": path, "content": content}


def _record(session: Session) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source"
        for path, content in session.files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_text(content)
        environ = clean_environ(folder / "home", _programs())
        exports = (f"export {name}={value}\n" for name, value in _programs().items())
        (folder / "home" / ".bash_profile").write_text("".join(exports))
        world = CodexWorld(
            Crossrun(folder / "home" / "crossrun", folder, environ), _codex(), folder
        )
        made = world(session.turns())
        words = ["--verify", session.verify] if session.verify else []
        words += ["--source", str(source), "--sandbox", "danger-full-access"]
        try:
            run = made.run(session.task, *words, "--planner", "direct", "--no-pattern").json
        finally:
            world.close()
        return _compact(session, made.crossrun, run)


def _programs() -> dict[str, str]:
    """What makes programs of this machine available to the agent, whose home is another one."""
    home = Path.home()
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CARGO_HOME": str(home / ".cargo"),
        "RUSTUP_HOME": str(home / ".rustup"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
    }


def _compact(session: Session, crossrun: Crossrun, run: Mapping[str, Any]) -> dict[str, Any]:
    events = [
        (event.pop("seq"), _small(event)) for event in crossrun.events() if event["type"] in _KEPT
    ]
    patch = crossrun("diff", "--patch").out
    text = json.dumps({"name": session.name, "events": events, "patch": patch}, ensure_ascii=False)
    text = text.replace(run["workspace"], "/work/space")
    result: dict[str, Any] = json.loads(text.replace(str(crossrun.cwd), "/work/home"))
    return result


def _small(event: dict[str, Any]) -> dict[str, Any]:
    del event["run_id"], event["at"]
    if event["type"] == "run_started":
        event["request"] = {name: event["request"][name] for name in ("task", "verify")}
    if "output" in event:
        event["output"] = event["output"][-_LONGEST_OUTPUT:]
    return event


def _codex() -> str:
    path = os.environ.get("CODEX_PATH") or shutil.which("codex")
    assert path is not None, "name the Codex CLI in CODEX_PATH"
    return path


def main(names: Sequence[str]) -> None:
    """Records sessions, and keeps what was recorded of the others."""
    lines = {}
    if _RECORDED.exists():
        lines = {json.loads(line)["name"]: line for line in _RECORDED.read_text().splitlines()}
    known = {session.name: session for session in sessions()}
    for name in names or known:
        lines[name] = json.dumps(_record(known[name]), ensure_ascii=False)
        sys.stderr.write(f"{name}\n")
        kept = (lines[name] for name in known if name in lines)
        _RECORDED.write_text("".join(f"{line}\n" for line in kept))


if __name__ == "__main__":
    main(sys.argv[1:])
