"""The state from which a run can be resumed, as a fold over its events.

A run in progress and a run that continues an earlier one need the same facts: the agent's thread,
the planner's conversation, the unfinished step, and what was used.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from crossrun.events import (
    AgentSpoke,
    CommandRan,
    Event,
    FileChanged,
    PlannerReplied,
    ProofAssessed,
    RunFinished,
    StepFinished,
    StepPlanned,
    ThreadStarted,
    TurnStarted,
    UsageReported,
    Verified,
)
from crossrun.model.failures import QUOTA_CODES, Failure
from crossrun.model.requests import Limits
from crossrun.model.runs import Source
from crossrun.model.tokens import NO_TOKENS, Spent, Tokens
from crossrun.planning import Message, StepReport
from crossrun.planning.prompt import to_go_on, to_prove, to_repair

FOLDED = (
    "agent_spoke",
    "command_ran",
    "file_changed",
    "planner_replied",
    "proof_assessed",
    "run_finished",
    "step_finished",
    "step_planned",
    "thread_started",
    "turn_started",
    "usage_reported",
    "verified",
)
"""The types of events that change the state."""

_LONGEST_OUTPUT = 2000
"""Characters of a failed command's output that planner and agent get."""
_MOST_FAILED = 50
"""The planner gets this many failed commands of a step, the newest."""
_MOST_CHANGED = 1000
"""And this many changed files."""


class ResumeState(Struct):
    """The state after some events.

    `prompt` is the prompt of the unfinished step; `begun` says whether the agent got it. `steps`
    counts the steps that were carried out, finished or not.
    """

    thread_id: str | None = None
    thread_tokens: Tokens = NO_TOKENS
    _named_thread: str | None = None
    spent: Spent = Spent()
    steps: int = 0
    messages: tuple[Message, ...] = ()
    reports: tuple[StepReport, ...] = ()
    prompt: str | None = None
    begun: bool = False
    _unplanned: int = 0
    _answer: str | None = None
    _changed: list[str] = field(default_factory=list)
    _failed: list[tuple[str, int | None, str]] = field(default_factory=list)
    _findings: list[str] = field(default_factory=list)

    def apply(self, event: Event) -> None:
        """Applies one more event."""
        match event:
            case ThreadStarted(thread_id=thread_id):
                self._named_thread = thread_id
            case TurnStarted():
                # only from now on can the agent resume its thread
                self.thread_id = self._named_thread or self.thread_id
                self.begun = True
            case AgentSpoke(text=text):
                self._answer = text
            case UsageReported(tokens=tokens, cost=cost, thread_total=total):
                self.spent = self.spent.plus(tokens, cost)
                self.thread_tokens = total or self.thread_tokens
            case FileChanged(path=path, ok=True):
                if len(self._changed) < _MOST_CHANGED and path not in self._changed:
                    self._changed.append(path)
            case CommandRan(exit_code=code, command=command, output=output) if code != 0:
                self._failed.append((command, code, output[-_LONGEST_OUTPUT:]))
                del self._failed[:-_MOST_FAILED]
            case PlannerReplied(sent=sent, reply=reply):
                self.messages = (*self.messages, *sent, reply)
                self._unplanned = len(sent) + 1 if reply.get("tool_calls") else 0
            case StepPlanned(prompt=prompt):
                self.prompt, self.begun, self._unplanned = prompt, False, 0
            case StepFinished(failure=failure):
                self._step_finished(failure)
            case Verified(command=command, exit_code=code, output=output) if code:
                self.prompt = to_repair(command, code, output[-_LONGEST_OUTPUT:])
                self.begun = False
            case ProofAssessed(findings=findings):
                self._findings = [finding.text for finding in findings]
            case RunFinished(failure=Failure(code="PROOF_MISSING")):
                self.prompt, self.begun = to_prove(self._findings), False
            case _:
                pass

    def _step_finished(self, failure: Failure | None) -> None:
        if failure is None or failure.code not in QUOTA_CODES:
            self.steps += 1
        if failure is None:
            report = StepReport(self._answer, tuple(self._changed), tuple(self._failed))
            self.reports = (*self.reports, report)
            self.prompt = None
            self._answer, self._changed, self._failed = None, [], []

    def next_prompt(self) -> str | None:
        """The prompt that continues the unfinished step, if there is one."""
        if self.prompt is None or not self.begun or self.thread_id is None:
            return self.prompt
        return to_go_on(self.prompt)

    def settled(self) -> "ResumeState":
        """Without a planner's call that did not become a step; the planner is asked again."""
        whole = self.messages[: len(self.messages) - self._unplanned]
        return replace(self, messages=whole, _unplanned=0)

    def with_new_task(self) -> "ResumeState":
        """What remains for another task: the conversations."""
        return ResumeState(
            thread_id=self.thread_id, thread_tokens=self.thread_tokens, messages=self.messages
        )

    def limit_reached(self, limits: Limits) -> Failure | None:
        """The failure if there may be no further step."""
        if self.steps >= limits.max_turns:
            return Failure(
                "TURN_LIMIT",
                f"the run has had its {limits.max_turns} turns and is not done",
                _with_higher_limit(f"--max-turns {2 * limits.max_turns}"),
            )
        return self.budget_reached(limits)

    def budget_reached(self, limits: Limits) -> Failure | None:
        """The failure if the agent has to end, even in the middle of a step."""
        used, cost = self.spent.tokens.total, self.spent.cost
        if limits.max_tokens is not None and used >= limits.max_tokens:
            return Failure(
                "TOKEN_LIMIT",
                f"the run has used {used} of {limits.max_tokens} tokens and is not done",
                _with_higher_limit(f"--max-tokens {2 * limits.max_tokens}"),
            )
        if limits.max_cost is not None and cost is not None and cost >= limits.max_cost:
            return Failure(
                "COST_LIMIT",
                f"the run has cost {cost:.4f} of {limits.max_cost:g} and is not done",
                _with_higher_limit(f"--max-cost {2 * limits.max_cost:g}"),
            )
        return None


def _with_higher_limit(option: str) -> str:
    return f"continue with a higher limit: crossrun resume RUN {option}; or split the task"


class Parent(Struct, frozen=True):
    """The run that another one repeats or continues.

    `workspace` is the one that it takes over, `state` what the earlier runs left. `cloned` is
    the workspace that its own one is a copy of, which may change again once `let_go` was called.
    `source` is where the files of either came from. `new_task`: the agent gets another task than
    in the earlier run.
    """

    retry_of: str | None = None
    resumed_from: str | None = None
    workspace: Path | None = None
    cloned: Path | None = None
    let_go: Callable[[], object] = lambda: None
    source: Source | None = None
    new_task: bool = False
    state: ResumeState = field(default_factory=ResumeState)
