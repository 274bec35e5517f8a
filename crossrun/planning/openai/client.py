"""One call to any server that speaks OpenAI's chat completions: OpenAI, Ollama, vLLM and others.

Foreign errors are translated at this border, each into a failure that says what to do.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from crossrun.clock import utc
from crossrun.failures import Failure, RunFailed
from crossrun.planning import Message
from crossrun.quotas import reset_time
from crossrun.runs import Tokens

if TYPE_CHECKING:
    import openai

_NO_KEY_NEEDED = "none"
_BEFORE_ASKING_AGAIN = 0.5
"""Seconds."""


class Caller(Struct, frozen=True):
    """Whose calls these are, in the words of failures."""

    name: str
    other_model: str
    """How to choose another model."""
    without: str
    """How to go on without this model."""


class RequestRefused(RunFailed):
    """The server does not take the request as it is; another one it may take."""


class Client:
    """Asks one model on one server.

    Args:
        caller: who asks.
        model: its name on the server.
        api_key: the key, or None for a server that wants none.
        base_url: the server, or None for OpenAI.
        timeout: seconds to wait for one answer, None without end.
        retries: how often a call that a server failed is made again.
    """

    def __init__(
        self,
        caller: Caller,
        *,
        model: str,
        api_key: str | None,
        base_url: str | None,
        timeout: float | None,
        retries: int,
    ) -> None:
        self._caller = caller
        self._model = model
        self._api_key = api_key or _NO_KEY_NEEDED
        self._base_url = base_url
        self._timeout = timeout
        self._retries = retries

    def ask(self, messages: Sequence[Message], **options: Any) -> tuple[Message, Tokens | None]:  # noqa: ANN401  of the foreign call
        """The model's next message, and what it cost.

        Raises:
            RequestRefused: the server does not take the request.
            RunFailed: anything else went wrong.
        """
        import openai

        try:
            answer = self._answer(list(messages), options)
            return _reply(answer), _tokens(answer.usage)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            raise RequestRefused(_failure(error, self._caller)) from error
        except openai.OpenAIError as error:
            raise RunFailed(_failure(error, self._caller)) from error
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise RunFailed(_nonsense(self._base_url)) from error

    def _answer(self, messages: Any, options: dict[str, Any]) -> Any:  # noqa: ANN401  foreign
        """Asks again where a server failed, but never waits for a quota without saying so."""
        import openai

        left = self._retries
        with self._opened() as server:
            while True:
                try:
                    return server.chat.completions.create(
                        model=self._model, messages=messages, **options
                    )
                except (openai.APIConnectionError, openai.InternalServerError):
                    if not left:
                        raise
                    left -= 1
                    time.sleep(_BEFORE_ASKING_AGAIN)

    def _opened(self) -> "openai.OpenAI":
        import openai

        try:
            return openai.OpenAI(
                api_key=self._api_key,
                base_url=self._base_url,
                timeout=self._timeout,
                max_retries=0,
            )
        except (
            Exception
        ) as error:  # the HTTP library's own, whose name differs by the SDK's version
            raise RunFailed(_no_address(self._caller, error)) from error


def _reply(answer: Any) -> Message:  # noqa: ANN401  servers leave fields out
    message = answer.choices[0].message
    reply: Message = message.model_dump(
        exclude_none=True, include={"role", "content", "tool_calls"}, warnings=False
    )
    return reply


def _tokens(used: Any) -> Tokens | None:  # noqa: ANN401  servers leave fields out
    if used is None:
        return None
    prompt = getattr(used, "prompt_tokens_details", None)
    completion = getattr(used, "completion_tokens_details", None)
    return Tokens(
        input=used.prompt_tokens or 0,
        cached_input=getattr(prompt, "cached_tokens", None) or 0,
        output=used.completion_tokens or 0,
        reasoning=getattr(completion, "reasoning_tokens", None) or 0,
    )


def _failure(error: "openai.OpenAIError", caller: Caller) -> Failure:
    import openai

    said = " ".join(str(getattr(error, "message", "") or error).split())[:300]
    match error:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            hint = f"check OPENAI_API_KEY, or {caller.without}"
            return Failure("PLANNER_AUTH", f"{caller.name}'s key was refused: {said}", hint)
        case openai.RateLimitError() if "quota" in f"{error.code} {said}":
            hint = f"check the plan of your OPENAI_API_KEY, or {caller.without}"
            message = f"{caller.name}'s quota is used up: {said}"
            retry_at = _retry_at(error, said)
            return Failure("QUOTA_EXCEEDED", message, hint, retryable=True, retry_at=retry_at)
        case openai.RateLimitError():
            hint = f"wait a moment and run it again, or {caller.without}"
            message = f"{caller.name}'s requests are limited: {said}"
            retry_at = _retry_at(error, said)
            return Failure("RATE_LIMITED", message, hint, retryable=True, retry_at=retry_at)
        case openai.APIConnectionError():
            hint = f"check the network and OPENAI_BASE_URL, or {caller.without}"
            message = f"{caller.name}'s server cannot be reached: {said}"
            return Failure("PROVIDER_UNREACHABLE", message, hint, retryable=True)
        case openai.NotFoundError() | openai.BadRequestError() | openai.UnprocessableEntityError():
            message = f"{caller.name}'s server refused the request: {said}"
            return Failure("PROVIDER_ERROR", message, caller.other_model)
        case _:
            hint = f"run it again in a while, or {caller.without}"
            message = f"{caller.name}'s server failed: {said}"
            return Failure("PROVIDER_ERROR", message, hint, retryable=True)


def _retry_at(error: "openai.RateLimitError", said: str) -> str | None:
    """When the provider wants to be asked again, by its header or else by its words."""
    now = datetime.now().astimezone()
    header = error.response.headers.get("retry-after", "")
    if header.isdecimal():
        return utc(now + timedelta(seconds=int(header)))
    told = reset_time(said, now=now)
    return None if told is None else utc(told)


def _nonsense(base_url: str | None) -> Failure:
    return Failure(
        "PROVIDER_ERROR",
        f"{base_url or 'the server'} gave an answer that is no chat completion",
        "check OPENAI_BASE_URL; it usually ends in /v1",
    )


def _no_address(caller: Caller, error: Exception) -> Failure:
    return Failure(
        "PROVIDER_ERROR",
        f"{caller.name}'s server cannot be called: {error}",
        "check OPENAI_BASE_URL; it usually ends in /v1",
    )
