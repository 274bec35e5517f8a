"""Recoveries: which command failed with which error, and what cured it."""

import re
from collections.abc import Sequence

from msgspec import Struct, field

from crossrun.commandlines.intents import Purpose
from crossrun.commandlines.repairs import repairs
from crossrun.commandlines.shell import first_line
from crossrun.model.workflows import Cure, Occurrence
from crossrun.patterns.learning.clipping import clipped
from crossrun.patterns.learning.files import writes
from crossrun.patterns.learning.titles import reason
from crossrun.system.commandlines import one_line

MOST_CURES = 6
_MOST_OPEN = 12
_MOST_BETWEEN = 40
_OUTPUT_READ = 4_000
_LONGEST_ERROR = 160
_LONGEST_COMMAND = 400

_ERROR = re.compile(
    r"(?:^|[\s(\[])(?:\w+(?:\.\w+)*(?:Error|Exception|Warning|Exit|Interrupt|NotFound)\b"
    r"|error(?:\[\w+\])?:|ERROR\b|Error\b|FATAL\b|fatal:|panic:|Traceback\b|npm ERR!"
    r"|E:|error (?:TS)?\d+)"
    r"|command not found|No such file|not found|cannot |can't |could not|Could not|[Uu]nable to"
    r"|[Pp]ermission denied|[Ii]nvalid|undefined|[Uu]nrecognized|[Uu]nknown|denied|refused|missing"
    r"|FAILED|failed|\*\*\*|unexpected|[Ss]yntax error|usage:|does not exist|not recognized"
    r"|timed out"
    r"|Segmentation fault|Assertion|assert "
)
_EXCEPTION = re.compile(
    r"^(?:E\s+)?(?:[\w.]+\.)?\w*(?:Error|Exception|Exit|Interrupt|NotFound)\b(?::|$)"
)
_FRAME = re.compile(
    r"^\s+(?:at |File \"|\^|~|\||\.{3})|^\s*File \"[^\"]*\", line \d+|^Traceback \(most recent"
    r"|^\s*[\^~\-=*_.|]+\s*$|^During handling|^The above exception|^\s*\[?\d{1,3}%"
)
_AFTERWORD = re.compile(
    r"(?i)^(?:npm ERR! (?:A complete log|\s*/)|make(?:\[\d+\])?: \*\*\*|note:|help:|hint:"
    r"|try [`'\"]|for more information|\[notice\]|see \S+ for|run `|(?:error: )?process completed"
    r"|\S+ exited with|script exited|command failed|exit (?:code|status)|error: aborting due)"
    r"|^=+ .* =+$|^-+ .* -+$|^(?:Ran \d+ tests?|FAILED \(|\d+ (?:passed|failed))|short test summary"
    r"|^\s*(?:node:|Node\.js v\d)|^error: could not compile"
)
"""Lines that only say that there was a failure, or where to read on."""


class Failed(Struct, frozen=True, kw_only=True):
    """A failed command that is not repaired yet."""

    purpose: Purpose
    occurrences: tuple[Occurrence, ...]
    error: str
    at: int
    """So many acts had been done before it."""
    said: int
    """So many times the agent had spoken before it."""


class Recoveries(Struct):
    """The open failures of a run, and its cures so far."""

    open: list[Failed] = field(default_factory=list)
    cures: list[Cure] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    """What was done with success, in order, as a cure says it."""
    said: list[str] = field(default_factory=list)
    """What the agent said, in order."""

    def see_failure(self, purpose: Purpose, occurrence: Occurrence, output: str) -> None:
        """Records a failure; if the error is a new one, what came in between cured the old one."""
        error = error_line(output)
        for before in self.open:
            if before.purpose.key == purpose.key and before.error != error:
                self._cure(before, self._between(before))
        earlier = [
            occurrence
            for failed in self.open
            if failed.purpose.key == purpose.key
            for occurrence in failed.occurrences
        ]
        others = [failed for failed in self.open if failed.purpose.key != purpose.key]
        failed = Failed(
            purpose=purpose,
            occurrences=(*earlier[-_MOST_TRIES:], occurrence),
            error=error,
            at=len(self.done),
            said=len(self.said),
        )
        self.open = [*others, failed][-_MOST_OPEN:]

    def settled_by(self, purpose: Purpose, *, proved: bool) -> list[Failed]:
        """Settles and returns the failures that a success repaired."""
        settled = [failed for failed in self.open if _is_repaired(failed, purpose)]
        self.open = [failed for failed in self.open if failed not in settled]
        for failed in settled:
            between = self._between(failed)
            if failed.purpose.key == purpose.key or _installed(between, failed.error):
                self._cure(failed, between)
            elif proved:
                self._cure(failed, [_command(purpose)])
        return settled

    def see_done(self, purpose: Purpose) -> None:
        """Records a success."""
        self.done.append(_command(purpose))

    def _between(self, failed: Failed) -> list[str]:
        """Acts since a failure that may have cured it: the newest of each kind."""
        done = self.done[failed.at :][-_MOST_BETWEEN:]
        installs = [act for act in done if _INSTALLS.search(act)]
        if _installed(installs, failed.error):
            return [act for act in installs if _installed([act], failed.error)][-1:]
        edits = [act for act in done if act.startswith("change ")]
        return list(dict.fromkeys(edits or installs or done))[-_MOST_NAMED:]

    def _cure(self, failed: Failed, cured_by: Sequence[str]) -> None:
        """Records a cure; a failure that disappeared by itself has none."""
        if not cured_by or failed.purpose.intent in ("read", "search"):
            return
        why = reason("\n\n".join(self.said[failed.said :]))
        cure = Cure(
            failed=_command(failed.purpose),
            error=failed.error,
            cured_by="; ".join(cured_by),
            why=why,
        )
        self.cures = [*(other for other in self.cures if other != cure), cure][-MOST_CURES:]


_MOST_NAMED = 2
_MOST_TRIES = 3
_INSTALLS = re.compile(
    r"\b(?:install|add|get|sync|restore|mkdir|chmod|touch|export|source|ln -s|createdb|init)\b"
)


def _installed(done: Sequence[str], error: str) -> bool:
    """Whether an installation names what an error says is missing."""
    missing = {word.lower() for word in re.findall(r"[A-Za-z][\w-]{2,}", error)}
    return any(
        _INSTALLS.search(act)
        and missing & {word.lower() for word in re.findall(r"[A-Za-z][\w-]{2,}", act)}
        for act in done
    )


def error_line(output: str) -> str:
    """The line of a failed command's output that says most about why, on one line.

    Not an empty line, a frame of a traceback or a closing remark: the last exception, else the last
    line that speaks of an error, else the last line.
    """
    lines = [line.rstrip() for line in output[-_OUTPUT_READ:].splitlines() if line.strip()]
    telling = [line for line in lines if not _FRAME.search(line)]
    plain = [line for line in telling if not _AFTERWORD.search(line.strip())] or telling or lines
    for wanted in (_EXCEPTION, _ERROR):
        for line in reversed(plain):
            if wanted.search(line.strip()):
                return clipped(line.strip().removeprefix("E   ").strip(), _LONGEST_ERROR)
    return clipped(plain[-1], _LONGEST_ERROR) if plain else ""


def _is_repaired(failed: Failed, by: Purpose) -> bool:
    return repairs(failed.purpose, failed.occurrences[-1].exit_code, by)


def _command(purpose: Purpose) -> str:
    """The act on one line: a command without the text of its here-documents."""
    if purpose.key.startswith("write "):
        return f"change {purpose.target}"
    if written := writes(purpose.command):
        return f"change {', '.join(dict.fromkeys(written))}"
    text = one_line(purpose.command)
    return text if len(text) <= _LONGEST_COMMAND else clipped(first_line(purpose.command), 200)
