"""Whether a task of a session succeeded, by what the session shows. In doubt it does not teach."""

from msgspec import Struct

from crossrun.commandlines.intents import purpose
from crossrun.commandlines.outputs import shows_failure, shows_success
from crossrun.commandlines.shell import proves
from crossrun.events import AgentEvent, AgentSpoke, CommandRan, FileChanged, ToolCalled
from crossrun.model.status import Status
from crossrun.sessions.items import Ending
from crossrun.sessions.wording import approves, is_vague, reaction, speaks_of_trouble
from crossrun.system.commandlines import one_line

_CHECKS = ("test", "check", "build")
_LOOKS = ("read", "search")
_NOT_RUN = (126, 127)
"""The command could not be started, which shows nothing about the work."""
_LONGEST_QUOTE = 60


class Verdict(Struct, frozen=True):
    """How a task ended.

    `teaches`: there is evidence that what was done worked. `reason` says why.
    """

    status: Status
    reason: str
    teaches: bool = False


class TaskEvidence(Struct):
    """What has been seen of a task so far."""

    request: str
    acts: int = 0
    changes: int = 0
    """Files changed, and commands that did more than look."""
    ending: Ending | None = None
    message: str = ""
    has_answer: bool = False
    check: CommandRan | None = None
    """The last check, if nothing was edited since."""
    command: CommandRan | None = None
    """The last command that did more than look."""
    complaint: str = ""
    """The user's last word, if it was a complaint, and nothing was done since."""

    def see(self, event: AgentEvent) -> None:
        """Takes an event into account."""
        match event:
            case AgentSpoke():
                self.has_answer = True
            case CommandRan():
                self._act()
                self._see_command(event)
            case FileChanged():
                self._act()
                self.changes += 1
                self.check = self.command = None
            case ToolCalled():
                self._act()
            case _:
                pass

    def see_remark(self, message: str) -> None:
        """Takes a message of the user into account that does not begin another task."""
        self.ending, self.has_answer = None, False
        if reaction(message) == "complaint":
            self.complaint, self.check, self.command = message, None, None

    def see_end(self, ending: Ending, message: str) -> None:
        """Takes the end of a turn into account."""
        self.ending, self.message = ending, message

    def _act(self) -> None:
        self.acts += 1
        self.complaint, self.ending, self.has_answer = "", None, False

    def _see_command(self, event: CommandRan) -> None:
        aim = purpose(event.command)
        if aim is None or aim.intent in _LOOKS:
            return
        self.changes += 1
        self.command = event
        if aim.intent in _CHECKS and event.exit_code not in (None, *_NOT_RUN):
            self.check = event

    def verdict(self, reply: str | None) -> Verdict:
        """How the task ended.

        Args:
            reply: what the user wrote next; None: nothing.
        """
        if self.complaint:
            return _failed(f"the user's last word was {_quoted(self.complaint)}")
        if self.ending == "failed":
            return _failed(f"the agent gave up: {one_line(self.message) or 'it did not say why'}")
        if self.ending == "aborted":
            return Verdict(Status.INTERRUPTED, "the user interrupted the agent")
        if self.ending is None and not self.has_answer:
            return Verdict(Status.INTERRUPTED, "the session ends in the middle of the work")
        return self._by_reply(reply) if reply is not None else self._by_commands()

    def _by_reply(self, reply: str) -> Verdict:
        if reaction(reply) == "complaint" or speaks_of_trouble(reply):
            return _unknown(f"the user's next message may be about a problem: {_quoted(reply)}")
        if reaction(reply) == "consent" or approves(reply):
            return self._taught(f"the user continued with {_quoted(reply)}")
        return self._by_commands()

    def _by_commands(self) -> Verdict:
        if self.check is not None:
            command = _quoted(self.check.command)
            if passed(self.check):
                return self._taught(f"its last check passed: {command}")
            return _failed(
                f"its last check failed with exit code {self.check.exit_code}: {command}"
            )
        if self.command is not None and passed(self.command):
            return self._taught(f"its last command succeeded: {_quoted(self.command.command)}")
        return _unknown("nothing shows whether it worked")

    def _taught(self, reason: str) -> Verdict:
        if is_vague(self.request):
            return _unknown("its request does not say what was wanted")
        if not self.changes:
            return _unknown("the agent only looked at things")
        return Verdict(Status.SUCCEEDED, reason, teaches=True)


def passed(event: CommandRan) -> bool:
    """Whether a command did its work, as far as its exit code and its output tell."""
    if event.exit_code != 0:
        return False
    return proves(event.command) or shows_success(event.output) or not shows_failure(event.output)


def _failed(reason: str) -> Verdict:
    return Verdict(Status.FAILED, reason)


def _unknown(reason: str) -> Verdict:
    """The turn ended as it should: the run succeeded as any other, but nothing proves it."""
    return Verdict(Status.SUCCEEDED, reason)


def _quoted(words: str) -> str:
    line = one_line(words)
    return f"“{line[:_LONGEST_QUOTE]}…”" if len(line) > _LONGEST_QUOTE else f"“{line}”"
