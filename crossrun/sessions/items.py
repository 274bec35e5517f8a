"""What the lines of a session say, in the same words for all programs."""

from typing import Literal

from msgspec import Struct

from crossrun.events import AgentEvent

Ending = Literal["completed", "aborted", "failed"]


class SessionFacts(Struct, frozen=True, kw_only=True):
    """What a session says about itself. Unknown is "".

    `sub_agent`: another agent gave the tasks, not the user.
    """

    session_id: str
    cwd: str = ""
    began_at: str = ""
    branch: str = ""
    commit: str = ""
    version: str = ""
    model: str = ""
    sub_agent: bool = False


class Opened(Struct, frozen=True):
    """The session says what it is; once more when that changes."""

    facts: SessionFacts


class Asked(Struct, frozen=True):
    """The user wrote `text`."""

    text: str
    at: str


class Happened(Struct, frozen=True):
    """The agent did something. `call_id` is the program's own id of it, if it has one."""

    event: AgentEvent
    at: str
    call_id: str = ""


class Stopped(Struct, frozen=True):
    """The agent's turn ended."""

    how: Ending
    at: str
    message: str = ""


class Passed(Struct, frozen=True):
    """A line that was passed over. `damaged`: it cannot be read; else `kind` is unknown."""

    line: int
    kind: str
    damaged: bool = False


SessionItem = Opened | Asked | Happened | Stopped | Passed
