"""Each screen is what is stored, and well made on every terminal.

After a change of a screen: `pytest tests/test_screens.py --update-screens`, and look at the change.
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from command_tree import contexts
from screen_store import filled
from screens import (
    COLOURLESS,
    PICTURES,
    SCREENS,
    STORED,
    Screen,
    Stage,
    captured_of,
    new_home,
    page,
    picture_of,
)
from terminal_capture import COLOUR, Capture

_REDRAWS = re.compile(r"\r|\x08|\x1b\[\??\d*[AKhlm]|\x1b[=>]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TITLES = re.compile(r"[A-Z][A-Z0-9]*(?: [A-Z0-9]+)*(?:  +[A-Z][A-Z0-9]*(?: [A-Z0-9]+)*)+")


WITHOUT_SCREEN = {
    "prints data": (
        "events", "get", "artifacts get", "completion", "patterns export", "report"
    ),
    "opens another program": ("open", "config edit", "patterns edit"),
    "is carried out like a command with a screen": (
        "batch watch", "batch resume", "attempts resume", "experiment start", "experiment resume",
        "schedule run",
    ),
    "says one sentence": (
        "templates add", "templates rm", "batch cancel", "attempts cancel", "experiment cancel",
        "patterns disable", "patterns enable", "patterns rm", "patterns compile", "patterns prove",
        "patterns split", "patterns merge", "patterns rebuild", "patterns import",
    ),
}  # fmt: skip
"""Commands without a screen of their own, by the reason."""


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    home = new_home()
    yield Stage(filled(home))
    shutil.rmtree(home)


@pytest.mark.process
@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_a_screen_is_what_is_stored_and_well_made(
    stage: Stage, screen: Screen, pytestconfig: pytest.Config
) -> None:
    update = pytestconfig.getoption("--update-screens")
    captured = captured_of(stage, screen)
    if screen.is_compared:
        text = page(screen, captured)
        assert text == _stored(STORED / f"{screen.name}.txt", text, update=update)
    if screen.picture:
        svg = picture_of(screen, captured)
        assert svg == _stored(PICTURES / f"{screen.name}.svg", svg, update=update)
    for name, each in captured.items():
        assert each.exit_code == screen.exit_code, each.text
        problems = [*_problems(screen, each), *_problems_in_variant(name, each, screen)]
        assert problems == [], f"{name}:\n{each.text}"
    assert _broken_words(screen, captured) == []


def test_every_command_has_a_screen() -> None:
    shown = {" ".join(screen.words[:2]) for screen in SCREENS}
    shown |= {screen.words[0] for screen in SCREENS if screen.words}
    commands = [context.command_path.partition(" ")[2] for context in contexts()]
    excused = {each for some in WITHOUT_SCREEN.values() for each in some}
    assert excused & shown == set()
    assert set(commands) - shown - {""} == excused


def test_there_is_no_text_of_a_screen_that_is_gone() -> None:
    assert {file.stem for file in STORED.glob("*.txt")} == {
        screen.name for screen in SCREENS if screen.is_compared
    }


def _stored(file: Path, now: str, *, update: bool) -> str:
    if update:
        file.write_text(now, encoding="utf-8")
    return file.read_text(encoding="utf-8")


def _problems(screen: Screen, captured: Capture) -> Iterator[str]:
    text = captured.text
    if text and not text.endswith("\n"):
        yield "does not end with the end of a line"
    if not captured.is_restored:
        yield "leaves the cursor somewhere"
    if "Traceback" in text:
        yield "shows a traceback"
    yield from (f"control character {each!r}" for each in _CONTROL.findall(_shown(captured.raw)))
    if not screen.is_verbatim:
        lines = _shown(captured.raw).splitlines()
        yield from (f"too wide: {line}" for line in lines if _is_too_wide(line, captured.columns))
    yield from _misaligned(text)


def _problems_in_variant(name: str, captured: Capture, screen: Screen) -> Iterator[str]:
    if name in COLOURLESS and re.search(r"\x1b\[[\d;]*[1-9][\d;]*m", captured.raw):
        yield "has colours"
    if name == "TERM=dumb" and "\x1b" in captured.raw:
        yield "moves on a terminal that cannot"
    if name == "LANG=C" and not screen.is_verbatim and not captured.text.isascii():
        yield "has signs that the locale C lacks"


def _shown(raw: str) -> str:
    """What was written, without colours; what was drawn over has a line of its own."""
    return _REDRAWS.sub("\n", COLOUR.sub("", raw))


def _is_too_wide(line: str, columns: int) -> bool:
    """Whether a line is wider than the terminal, and neither one path nor an error's one line."""
    if line.startswith(("error[", "hint: ")):
        return False
    return len(line) > columns and " " in line[columns - 1 :].strip()


def _misaligned(text: str) -> Iterator[str]:
    """Tables whose rows do not stand below the titles of their columns."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if _TITLES.fullmatch(line.strip()):
            rows = [line]
            for row in lines[number + 1 :]:
                if not row.strip() or row.startswith("look at one: "):
                    break
                rows.append(row)
            width = max(map(len, rows))
            blank = [all(row.ljust(width)[i] == " " for row in rows) for i in range(width)]
            fields = sum(a and not b for a, b in pairwise([True, *blank]))
            if fields < len(re.split(r"  +", line.strip())):
                yield f"misaligned: {line}"


def _broken_words(screen: Screen, captured: Mapping[str, Capture]) -> list[str]:
    """Words at the ends of lines that the widest terminal does not show."""
    if screen.is_verbatim:
        return []
    *narrow, widest = (each for name, each in captured.items() if name.endswith("columns"))
    whole = set(re.findall(r"\w+", widest.text))
    ends = [
        word
        for each in narrow
        for line in each.text.splitlines()
        if len(line) < each.columns  # the terminal itself breaks a path
        for word in re.findall(r"\w+$", line)
    ]
    return [word for word in ends if word not in whole]
