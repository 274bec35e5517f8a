"""Redaction: people's names and folders, secrets, and crossrun's own words are not learned.

Events are already redacted when they are stored: secrets of known forms and of the environment are
gone. This module removes passwords that only their position reveals.
"""

import re
import unicodedata
from collections.abc import Iterable

from crossrun.model.workflows import FILES_FOLDER
from crossrun.patterns import Person
from crossrun.patterns.learning.credentials import without_credentials
from crossrun.redaction import MASK, Redactor
from crossrun.system.commandlines import one_line

_HOMES = (
    r"(?<![\w.~])(?:/[\w.-]+){0,3}?/(?:home|Users)/[^/\s'\"`:;,|&()<>$*{}]+"
    r"|(?<![\w.~:])/root(?=$|[/\s'\"`:;,|&()<>])"
    r"|[A-Za-z]:\\+Users\\+(?:[^\\\s'\"]+(?: [^\\\s'\"]+){0,2}(?=\\)|[^\\\s'\"]+)"
    r"|(?<![\w/.~*])~(?!(?:[msy]|tr|qr)[/{|!(])[A-Za-z][\w.-]*"
)
_USER_INFO = r"(?<=://)(?:[^\s/@:'\"]*:[^\s/@'\"]*|[^\s/@:'\"]{20,})@"
_EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})*\.[A-Za-z][\w-]{1,62}\b")
_LOGIN_BEFORE = re.compile(
    r"(?:\b(?:ssh|scp|sftp|rsync|mosh|ssh-copy-id|sshfs|autossh|ansible\w*"
    r"|git\s+(?:clone|remote|push|pull|fetch|submodule|ls-remote))\s[^|;&\n]*|://)\Z"
)
"""What makes `name@host` a place to log in to, not somebody's address."""
_SUSPECT = re.compile(
    r"(?i)home|users|/root|[~@]|pass|pwd|token|secret|key|auth|cred|cookie|\bpin\b|bearer|encrypt|user|setx"
    r"|identified|kennwort|\s-[a-z]*[bcupakwtnsx]|_pw\b|--creds|--cert|login|/p:|from-literal|x-|sig="
)
"""Without any of these there is nothing to look for: most commands cost no more than this."""
_BLOCK = re.compile(
    r"<\s{0,9}/?\s{0,9}reference_workflow\b.*?(?:</\s{0,9}reference_workflow\s{0,9}>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_NUMBERING = re.compile(r"^\W*(?:\d+[.)]\s*)?(?:\[recovery\]\s*)?")
_VARIABLE = re.compile(r"\{\w+\}")
_GENERIC_USERS = """
    root user users admin ubuntu debian runner node test dev app home data git main build max mark
    will work me python code docs src www web deploy backup service local guest
"""
"""Names that are words of commands as well: taken for a name only where a name stands."""

_SHORTEST_NAME = 3
_SHORTEST_ECHO = 12
"""Shorter lines say what anybody might say."""


_LAID = re.compile(r"/[^\s\"'`=;|&()<>]{0,400}/references/[0-9a-f]{24}(?![\w-])")
"""The folder of a pattern that an earlier turn of the agent got."""


class Scrub:
    """Removes from texts what reveals who worked where.

    Args:
        person: the user.
        workspace: the run's folder; paths in it become relative.
        reference: the reference folder of the run's pattern; it becomes `FILES_FOLDER`.
    """

    def __init__(self, person: Person, workspace: str, *, reference: str = "") -> None:
        self._reference = reference
        self._workspace = _folder(workspace)
        self._home = _folder(person.home)
        names = {person.user, person.home.rstrip("/").rpartition("/")[2]}
        names_of = [re.escape(n) for n in sorted(names) if len(n) >= _SHORTEST_NAME]
        alone = [n for n in names_of if n.lower() not in _GENERIC_USERS.split()]
        self._names = _any_of(alone, before=r"(?<![A-Za-z0-9-])", after=r"(?![A-Za-z0-9(])")
        self._redact = Redactor()
        self._placed = _any_of(names_of, before=r"(?<=[/~@])", after=r"(?=[/:@]|$)")

    def __call__(self, text: str) -> str:
        """The text without secrets, homes, names and control characters; line breaks stay."""
        if self._reference:
            text = text.replace(self._reference, FILES_FOLDER)
        text = _LAID.sub(lambda _: FILES_FOLDER, text)
        text, _ = self._redact(text)
        text = self._workspace.sub(lambda match: "" if match[0].endswith("/") else ".", text)
        text = self._home.sub(lambda match: "~/" if match[0].endswith("/") else "~", text)
        if _SUSPECT.search(text):
            text = re.sub(_HOMES, "~", text)
            text = _EMAIL.sub(_without_address, re.sub(_USER_INFO, "", text))
            text = without_credentials(text)
        text = self._placed.sub("USER", self._names.sub("USER", text))
        return printable(text.replace(MASK, "…"))


def _without_address(match: re.Match[str]) -> str:
    before = match.string[max(match.start() - _BEFORE, 0) : match.start()]
    login = match[0].startswith("git@") or _LOGIN_BEFORE.search(before)
    return match[0] if login else "EMAIL"


_BEFORE = 300
_NEVER = re.compile(r"(?!)")


def _folder(path: str) -> re.Pattern[str]:
    """Where a folder is named, with the slash behind it; the root belongs to nobody."""
    plain = path.rstrip("/")
    return re.compile(rf"{re.escape(plain)}(?:/|(?![\w.-]))") if len(plain) > 1 else _NEVER


def _any_of(words: list[str], *, before: str, after: str) -> re.Pattern[str]:
    if not words:
        return _NEVER
    return re.compile(rf"{before}(?:{'|'.join(words)}){after}", re.IGNORECASE)


def printable(text: str) -> str:
    """The text without control and hidden characters; line breaks stay."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C")


class EchoGuard:
    """Recognises injected text, so that an agent's repetition of it is not learned.

    It does not apply to the user's task, nor to commands that ran: what worked is evidence, no
    matter where the agent got it from.

    Args:
        texts: everything that the agent and the planner were given.
        instructions: the steps of the workflow that was injected, with values or `{variables}`.
    """

    def __init__(self, texts: Iterable[str], instructions: Iterable[str] = ()) -> None:
        blocks = (match[0] for text in texts for match in _BLOCK.finditer(text))
        lines = (_plain(line) for block in blocks for line in block.splitlines())
        self._lines = {line for line in lines if len(line) >= _SHORTEST_ECHO}
        templates = (_VARIABLE.split(_plain(step)) for step in instructions)
        self._templates = [parts for parts in templates if len("".join(parts)) >= _SHORTEST_ECHO]

    def strip(self, text: str) -> str:
        """The text without blocks and lines that were injected."""
        lines = (line for line in _BLOCK.sub("", text).splitlines() if not self.knows(line))
        return "\n".join(lines).strip()

    def holds(self, text: str) -> bool:
        """Whether a text contains a block or a part of one."""
        return _BLOCK.search(text) is not None

    def knows(self, line: str) -> bool:
        """Whether a line was injected, verbatim or with values for its variables."""
        plain = _plain(line)
        if plain in self._lines:
            return True
        return any(_fits(plain, template) for template in self._templates)


def _fits(line: str, parts: list[str]) -> bool:
    """Whether a line is a template with something in the place of each of its variables."""
    first, *others = parts
    if not others:
        return line == first
    if not line.startswith(first) or not line.endswith(others[-1]):
        return False
    at, end = len(first), len(line) - len(others[-1])
    for part in others[:-1]:
        place = line.find(part, at + 1)
        if place < 0:
            return False
        at = place + len(part)
    return at < end


def _plain(line: str) -> str:
    return _NUMBERING.sub("", one_line(line)).rstrip(". ").lower()
