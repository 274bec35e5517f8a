"""A planner on any server that speaks OpenAI's chat completions."""

import json
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from crossrun.model.failures import Failure, RunFailed
from crossrun.planning import Message, PlannerDecision, PlannerInput
from crossrun.planning.openai.client import Client
from crossrun.planning.openai.failures import Caller
from crossrun.planning.prompt import TOOL, for_planner, report

_MODEL_HINT = "choose another planning model with --planner-model, or --planner direct"
_PLANNER = Caller("the planner", other_model=_MODEL_HINT, without="use --planner direct")


class OpenAIPlanner:
    """Plans with a model that can call tools.

    Args:
        model: its name on the server.
        environ: names the key and the server, see `Client`.
        timeout: seconds to wait for one answer.
    """

    def __init__(self, *, model: str, environ: Mapping[str, str], timeout: float | None) -> None:
        self._client = Client(
            _PLANNER,
            model=model,
            environ=environ,
            timeout=timeout,
            retries=1,
        )

    def next_step(self, planner_input: PlannerInput) -> PlannerDecision:
        """Asks the model once."""
        sent = _new_messages(planner_input)
        reply, tokens = self._client.ask([*planner_input.messages, *sent], tools=[TOOL])
        calls = reply.get("tool_calls") or []
        decision = PlannerDecision(None, tuple(sent), (reply,), tokens)
        try:
            prompt = _prompt_of(calls[0]) if calls else None
            if not calls:
                _require_work(planner_input, reply)
        except RunFailed as failed:  # the call has been paid for anyway
            return replace(decision, failure=failed.failure)
        return replace(decision, prompt=prompt)


def _new_messages(planner_input: PlannerInput) -> list[Message]:
    if not planner_input.messages:
        return [
            {
                "role": "system",
                "content": for_planner(planner_input.task_type, planner_input.reference),
            },
            {"role": "user", "content": planner_input.task},
        ]
    calls = planner_input.messages[-1].get("tool_calls")
    if not calls:
        return [{"role": "user", "content": _since_the_end(planner_input)}]
    task = [{"role": "user", "content": planner_input.task}] if not planner_input.reports else []
    return [*_answered(calls, planner_input), *task]


def _since_the_end(planner_input: PlannerInput) -> str:
    """The news after the conversation had ended: a task, or one more step."""
    if not planner_input.reports:
        return planner_input.task
    return f"The agent had to do one more step after that: {report(planner_input.reports[-1])}"


def _answered(calls: Sequence[Message], planner_input: PlannerInput) -> list[Message]:
    first, *others = calls
    result = report(planner_input.reports[-1]) if planner_input.reports else "interrupted; leave it"
    return [
        {"role": "tool", "tool_call_id": first["id"], "content": result},
        *(
            {"role": "tool", "tool_call_id": call["id"], "content": "not run: one call at a time"}
            for call in others
        ),
    ]


def _require_work(planner_input: PlannerInput, reply: Message) -> None:
    """Raises if the planner is done before the agent has done anything."""
    if planner_input.reports:
        return
    text = " ".join(str(reply.get("content") or "nothing").split())[:200]
    raise RunFailed(
        Failure(
            "PLANNER_NEVER_ACTED",
            f"the planning model gave the agent nothing to do; it answered: {text}",
            f"describe the task more clearly, or {_MODEL_HINT}",
        )
    )


def _prompt_of(call: Message) -> str:
    function = call.get("function") or {}
    try:
        arguments = json.loads(function.get("arguments") or "")
        prompt = arguments["prompt"]
    except (ValueError, KeyError, TypeError):
        prompt = None
    named = function.get("name") == "codex_exec"
    if named and isinstance(prompt, str) and prompt.strip():
        return prompt
    written = f"{function.get('name')}({str(function.get('arguments'))[:120]})"
    raise RunFailed(
        Failure(
            "PLANNER_BAD_CALL",
            f"the planning model made a call that cannot be carried out: {written}",
            _MODEL_HINT,
            retryable=True,
        )
    )
