"""A rewriter on any server that speaks OpenAI's chat completions."""

from collections.abc import Mapping
from typing import Any

from crossrun.model.failures import RunFailed
from crossrun.model.tokens import Tokens
from crossrun.model.workflows import Workflow
from crossrun.planning import Message
from crossrun.planning.openai.client import Client, RequestRefused
from crossrun.planning.openai.failures import Caller
from crossrun.planning.openai.surroundings import value_of
from crossrun.planning.wording import ATTEMPTS, Reworded, accepted, again, question, reply_format
from crossrun.redaction import Redactor

_WRITER = Caller(
    "the wording model",
    other_model="choose another model to learn with, or learn by rules alone",
    without="learn by rules alone",
)


class OpenAIRewriter:
    """Rewords workflows with a model. Rewording may fail, learning may not.

    Args:
        model: its name on the server.
        environ: names the key and the server, see `Client`; OpenAI requires a key.
        timeout: seconds to wait for one answer; None: no limit.
    """

    def __init__(self, *, model: str, environ: Mapping[str, str], timeout: float | None) -> None:
        api_key = value_of(environ, "OPENAI_API_KEY")
        self._may_ask = bool(api_key or value_of(environ, "OPENAI_BASE_URL"))
        self._redactor = Redactor([api_key] if api_key else [])
        self._client = Client(
            _WRITER,
            model=model,
            environ=environ,
            timeout=timeout,
            retries=0,
        )

    def reword(self, workflow: Workflow, task: str) -> Reworded:
        """Asks once, and once more if the reply or the schema is refused.

        Without a key or an address no call is made: the task would be sent out for nothing.
        """
        if not self._may_ask:
            return Reworded(workflow, trouble="the wording model needs a key: set OPENAI_API_KEY")
        messages = question(workflow, task)
        options: dict[str, Any] = {"response_format": reply_format(workflow)}
        used: Tokens | None = None
        trouble = ""
        for _ in range(ATTEMPTS):
            try:
                reply, tokens = self._client.ask(messages, **options)
            except RequestRefused as error:
                trouble, options = error.failure.message, {}
                continue
            except RunFailed as error:
                trouble = error.failure.message
                break
            used = _together(used, tokens)
            text = _text(reply)
            result = accepted(workflow, text)
            if isinstance(result, Workflow):
                return Reworded(result, used)
            trouble = f"{_WRITER.name}'s reply was not accepted: {result}"
            messages = (*messages, *again(text, result))
        return Reworded(workflow, used, self._redactor(trouble)[0])


def _text(reply: Message) -> str:
    content = reply.get("content")
    return content if isinstance(content, str) else ""


def _together(used: Tokens | None, tokens: Tokens | None) -> Tokens | None:
    return used if tokens is None else tokens if used is None else used + tokens
