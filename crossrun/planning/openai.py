"""A planner on any server that speaks OpenAI's chat completions: OpenAI, Ollama, vLLM and others.

Foreign errors are translated at this border, each into a failure that says what to do.
"""

import json
from typing import TYPE_CHECKING, Any

from crossrun.failures import Failure, RunFailed
from crossrun.planning import Message, Situation, Thought
from crossrun.planning.prompt import TOOL, for_planner, report
from crossrun.runs import Tokens

if TYPE_CHECKING:
    import openai

_NO_KEY_NEEDED = "none"
_MODEL_HINT = "choose another planning model with --planner-model, or --planner direct"


class OpenAIPlanner:
    """Plans with a model that can call tools.

    Args:
        model: its name on the server.
        api_key: the key, or None for a server that wants none.
        base_url: the server, or None for OpenAI.
        timeout: seconds to wait for one answer.
    """

    def __init__(
        self, *, model: str, api_key: str | None, base_url: str | None, timeout: float | None
    ) -> None:
        self._model = model
        self._api_key = api_key or _NO_KEY_NEEDED
        self._base_url = base_url
        self._timeout = timeout

    def next_step(self, situation: Situation) -> Thought:
        """Asks the model once."""
        sent = _new_messages(situation)
        reply, tokens = self._ask([*situation.messages, *sent])
        calls = reply.get("tool_calls") or []
        if not calls:
            return _done(situation, sent, reply, tokens)
        prompt = _prompt_of(calls[0])
        return Thought(prompt, tuple(sent), (reply,), tokens)

    def _ask(self, messages: list[Message]) -> tuple[Message, Tokens | None]:
        import openai

        client = openai.OpenAI(
            api_key=self._api_key, base_url=self._base_url, timeout=self._timeout, max_retries=1
        )
        tools: Any = [TOOL]
        conversation: Any = messages
        try:
            with client:
                answer = client.chat.completions.create(
                    model=self._model, messages=conversation, tools=tools
                )
            message = answer.choices[0].message
        except openai.OpenAIError as error:
            raise RunFailed(_failure(error)) from error
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise RunFailed(_nonsense(self._base_url)) from error
        used = answer.usage
        reply = message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"})
        return reply, None if used is None else _tokens(used)


def _new_messages(situation: Situation) -> list[Message]:
    if not situation.messages:
        return [
            {"role": "system", "content": for_planner(situation.task_type)},
            {"role": "user", "content": situation.task},
        ]
    first, *others = situation.messages[-1]["tool_calls"]
    result = report(situation.reports[-1])
    return [
        {"role": "tool", "tool_call_id": first["id"], "content": result},
        *(
            {"role": "tool", "tool_call_id": call["id"], "content": "not run: one call at a time"}
            for call in others
        ),
    ]


def _done(
    situation: Situation, sent: list[Message], reply: Message, tokens: Tokens | None
) -> Thought:
    if situation.reports:
        return Thought(None, tuple(sent), (reply,), tokens)
    said = " ".join(str(reply.get("content") or "nothing").split())[:200]
    raise RunFailed(
        Failure(
            "PLANNER_NEVER_ACTED",
            f"the planning model gave the agent nothing to do; it said: {said}",
            f"say more clearly what to do, or {_MODEL_HINT}",
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


def _failure(error: "openai.OpenAIError") -> Failure:
    import openai

    said = " ".join(str(getattr(error, "message", "") or error).split())[:300]
    match error:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            hint = "check OPENAI_API_KEY, or go on without planning: --planner direct"
            return Failure("PLANNER_AUTH", f"the planner's key was refused: {said}", hint)
        case openai.RateLimitError() if "quota" in f"{error.code} {said}":
            hint = "check the plan of your OPENAI_API_KEY, or use --planner direct"
            message = f"the planner's quota is used up: {said}"
            return Failure("QUOTA_EXCEEDED", message, hint, retryable=True)
        case openai.RateLimitError():
            hint = "wait a moment and run it again, or use --planner direct"
            message = f"the planner's requests are limited: {said}"
            return Failure("RATE_LIMITED", message, hint, retryable=True)
        case openai.APIConnectionError():
            hint = "check the network and OPENAI_BASE_URL, or use --planner direct"
            message = f"the planner's server cannot be reached: {said}"
            return Failure("PROVIDER_UNREACHABLE", message, hint, retryable=True)
        case openai.NotFoundError() | openai.BadRequestError():
            message = f"the planner's server refused the request: {said}"
            return Failure("PROVIDER_ERROR", message, _MODEL_HINT)
        case _:
            hint = "run it again in a while, or use --planner direct"
            message = f"the planner's server failed: {said}"
            return Failure("PROVIDER_ERROR", message, hint, retryable=True)


def _nonsense(base_url: str | None) -> Failure:
    return Failure(
        "PROVIDER_ERROR",
        f"{base_url or 'the server'} gave an answer that is no chat completion",
        "check OPENAI_BASE_URL; it usually ends in /v1",
    )


def _tokens(used: Any) -> Tokens:  # noqa: ANN401  servers leave fields out
    prompt = getattr(used, "prompt_tokens_details", None)
    completion = getattr(used, "completion_tokens_details", None)
    return Tokens(
        input=used.prompt_tokens or 0,
        cached_input=getattr(prompt, "cached_tokens", None) or 0,
        output=used.completion_tokens or 0,
        reasoning=getattr(completion, "reasoning_tokens", None) or 0,
    )
