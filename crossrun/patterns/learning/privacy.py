"""What must not be learned: people's names and folders, secrets, and what crossrun itself said.

Secrets of known shapes and of the environment are gone already: events are redacted when they are
stored. What is left to find here are passwords that only their place gives away.
"""

import re
import unicodedata
from collections.abc import Iterable

from msgspec import Struct

from crossrun.commandlines import one_line
from crossrun.redaction import MASK

_HOMES = re.compile(
    r"(?<![\w.~])(?:(?:/(?:private/)?(?:home|Users|var/home)/[^/\s'\"`:;,|&()<>$]+)"
    r"|/root(?=$|[/\s'\"`:;,|&()<>]))|[A-Za-z]:\\+Users\\+[^\\\s'\"]+"
)
_GIVEN_AWAY = re.compile(
    r"(?i)((?:^|[\s'\"])(?:--?[\w-]{0,40}?(?:password|passwd|passphrase|token|secret|api-?key|auth(?!or))"
    r"[\w-]{0,40}[= ]\s*|\w{0,40}?(?:PASSW(?:OR)?D|TOKEN|SECRET|_KEY|APIKEY|CREDENTIAL)\w{0,40}=))"
    r"(?!\s)(?:\"[^\"]*\"|'[^']*'|[^\s'\";|&]+)"
)
_LOGIN = re.compile(r"(\s(?:-u|--user)[= ]\s*['\"]?)[^\s'\"]+:[^\s'\"]+")
_USER_INFO = re.compile(r"(?<=://)[^\s/@'\"]+@")
_EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+\b")
_BLOCK = re.compile(
    r"<\s*/?\s*reference_workflow\b.*?(?:</\s*reference_workflow\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_NUMBERING = re.compile(r"^\W*(?:\d+[.)]\s*)?(?:\[recovery\]\s*)?")
_VARIABLE = re.compile(r"\\\{\w+\\\}")
_GENERIC_USERS = frozenset(
    ["root", "user", "users", "admin", "ubuntu", "debian", "runner", "node", "test", "dev", "app"]
)
_SHORTEST_NAME = 3
_SHORTEST_ECHO = 12
"""Shorter lines say what anybody might say."""


class Person(Struct, frozen=True):
    """Whose machine this is; "" where it is not known."""

    home: str = ""
    user: str = ""


class Scrub:
    """Takes out of a text what tells who worked where.

    Args:
        person: the user.
        workspace: the run's folder; paths in it become relative.
    """

    def __init__(self, person: Person, workspace: str) -> None:
        self._workspace = workspace.rstrip("/")
        self._home = person.home.rstrip("/")
        named = person.user and person.user.lower() not in _GENERIC_USERS
        self._user = (
            re.compile(rf"(?<![\w-]){re.escape(person.user)}(?![\w(-])")
            if named and len(person.user) >= _SHORTEST_NAME
            else None
        )

    def __call__(self, text: str) -> str:
        """The text on its lines, without secrets, homes, names and control characters."""
        if self._workspace:
            text = text.replace(f"{self._workspace}/", "").replace(self._workspace, ".")
        if len(self._home) > 1:
            text = text.replace(self._home, "~")
        text = _HOMES.sub("~", text)
        text = _EMAIL.sub("EMAIL", _USER_INFO.sub("", text))
        text = _GIVEN_AWAY.sub(r"\1…", text)
        text = _LOGIN.sub(r"\1…", text).replace(MASK, "…")
        if self._user is not None:
            text = self._user.sub("USER", text)
        return printable(text)


def printable(text: str) -> str:
    """The text without characters that steer terminals or hide; line breaks stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C")


class EchoGuard:
    """Knows what was injected, so that it does not come back as something learned.

    Args:
        told: all texts that the agent and the planner were given.
        instructions: the steps of the workflow that was injected, with `{variables}`.
    """

    def __init__(self, told: Iterable[str], instructions: Iterable[str] = ()) -> None:
        blocks = (match[0] for text in told for match in _BLOCK.finditer(text))
        lines = (_plain(line) for block in blocks for line in block.splitlines())
        self._lines = {line for line in lines if len(line) >= _SHORTEST_ECHO}
        self._templates = [
            re.compile(_VARIABLE.sub(".{1,80}", re.escape(_plain(step)))) for step in instructions
        ]

    def strip(self, text: str) -> str:
        """The text without blocks and lines that were injected."""
        kept = (line for line in _BLOCK.sub("", text).splitlines() if not self.knows(line))
        return "\n".join(kept).strip()

    def holds(self, text: str) -> bool:
        """Whether a text has a block in it, or a part of one."""
        return _BLOCK.search(text) is not None

    def knows(self, line: str) -> bool:
        """Whether a line was injected, as it is or with values for its variables."""
        plain = _plain(line)
        if plain in self._lines:
            return True
        return any(template.fullmatch(plain) for template in self._templates)


def _plain(line: str) -> str:
    return _NUMBERING.sub("", one_line(line)).rstrip(". ").lower()
