"""One call to any server that speaks OpenAI's chat completions: OpenAI, Ollama, vLLM and others.

Errors of the SDK are translated here, each into a failure that says what to do.
"""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crossrun.model.failures import Failure, RunFailed
from crossrun.model.tokens import Tokens
from crossrun.planning import Message
from crossrun.planning.openai.failures import Caller, failure_of, no_address, nonsense
from crossrun.planning.openai.surroundings import obstacle, value_of

if TYPE_CHECKING:
    import openai

_NO_KEY_NEEDED = "none"
_BEFORE_ASKING_AGAIN = 0.5
"""Seconds."""


class RequestRefused(RunFailed):
    """The server refused this request, but may accept another one."""


class Client:
    """Asks one model on one server.

    Args:
        caller: who asks.
        model: its name on the server.
        environ: names the key, `OPENAI_API_KEY`, unless the server needs none, and the server,
            `OPENAI_BASE_URL`, unless it is OpenAI.
        timeout: seconds to wait for one answer; None: no limit.
        retries: how often a call is repeated after a server error.
    """

    def __init__(
        self,
        caller: Caller,
        *,
        model: str,
        environ: Mapping[str, str],
        timeout: float | None,
        retries: int,
    ) -> None:
        self._caller = caller
        self._model = model
        self._environ = environ
        self._timeout = timeout
        self._retries = retries

    def ask(self, messages: Sequence[Message], **options: Any) -> tuple[Message, Tokens | None]:  # noqa: ANN401  of the foreign call
        """The model's next message, and what it cost.

        Raises:
            RequestRefused: the server refused the request.
            RunFailed: anything else went wrong.
        """
        import openai

        answer = None
        try:
            answer = self._answer(list(messages), options)
            return _reply(answer), _tokens(answer.usage)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            raise RequestRefused(self._failure(error)) from error
        except openai.OpenAIError as error:
            raise RunFailed(self._failure(error)) from error
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            content = str(getattr(error, "doc", answer))  # what could not be read as JSON
            is_page = "<html" in content.lower()
            raise RunFailed(nonsense(self._environ, is_page=is_page)) from error

    def _answer(self, messages: Any, options: dict[str, Any]) -> Any:  # noqa: ANN401  foreign
        """Retries server errors, but never waits for a quota without saying so."""
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

        trouble = obstacle(self._environ)
        if trouble is not None:
            raise RunFailed(trouble)
        try:
            return openai.OpenAI(
                api_key=value_of(self._environ, "OPENAI_API_KEY") or _NO_KEY_NEEDED,
                base_url=value_of(self._environ, "OPENAI_BASE_URL"),
                organization=value_of(self._environ, "OPENAI_ORG_ID"),
                project=value_of(self._environ, "OPENAI_PROJECT_ID"),
                timeout=self._timeout,
                max_retries=0,
            )
        except (
            Exception
        ) as error:  # the HTTP library's own, whose name differs by the SDK's version
            raise RunFailed(no_address(self._caller, error)) from error

    def _failure(self, error: "openai.OpenAIError") -> Failure:
        return failure_of(error, self._caller, self._environ)


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
