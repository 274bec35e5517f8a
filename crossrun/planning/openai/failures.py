"""Errors of a server, or of the way to it, as failures that say what to do."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from msgspec import Struct

from crossrun.model.failures import Failure
from crossrun.model.quotas import reset_time
from crossrun.planning.openai.surroundings import about_certificates, proxy_variable, value_of
from crossrun.system.clock import utc

if TYPE_CHECKING:
    import openai


class Caller(Struct, frozen=True):
    """Whose calls these are, in the words of failures."""

    name: str
    other_model: str
    """How to choose another model."""
    without: str
    """How to continue without this model."""


def failure_of(error: "openai.OpenAIError", caller: Caller, environ: Mapping[str, str]) -> Failure:
    """The failure that an error of the SDK stands for."""
    import openai

    detail = " ".join(str(getattr(error, "message", "") or error).split())[:300]
    match error:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            hint = f"check OPENAI_API_KEY, or {caller.without}"
            return Failure("PLANNER_AUTH", f"{caller.name}'s key was refused: {detail}", hint)
        case openai.RateLimitError() if "quota" in f"{error.code} {detail}":
            hint = f"check the plan of your OPENAI_API_KEY, or {caller.without}"
            message = f"{caller.name}'s quota is used up: {detail}"
            retry_at = _retry_at(error, detail)
            return Failure("QUOTA_EXCEEDED", message, hint, retryable=True, retry_at=retry_at)
        case openai.RateLimitError():
            hint = f"wait a moment and run it again, or {caller.without}"
            message = f"{caller.name}'s requests are limited: {detail}"
            retry_at = _retry_at(error, detail)
            return Failure("RATE_LIMITED", message, hint, retryable=True, retry_at=retry_at)
        case openai.APIConnectionError():
            return _unreachable(error, caller, environ)
        case openai.APIStatusError(status_code=HTTPStatus.PROXY_AUTHENTICATION_REQUIRED):
            return _unreachable(error, caller, environ)
        case openai.NotFoundError() | openai.BadRequestError() | openai.UnprocessableEntityError():
            message = f"{caller.name}'s server refused the request: {detail}"
            return Failure("PROVIDER_ERROR", message, caller.other_model)
        case _:
            hint = f"run it again later, or {caller.without}"
            message = f"{caller.name}'s server failed: {detail}"
            return Failure("PROVIDER_ERROR", message, hint, retryable=True)


def nonsense(environ: Mapping[str, str], *, is_page: bool) -> Failure:
    """An answer that is not a chat completion; `is_page`: it is a web page."""
    base_url = value_of(environ, "OPENAI_BASE_URL")
    proxy = proxy_variable(environ, base_url)
    what = "a web page" if is_page else "an answer that is not a chat completion"
    through = f" (through the proxy in {proxy})" if proxy else ""
    return Failure(
        "PROVIDER_ERROR",
        f"{base_url or 'the server'} gave {what}{through}",
        "check OPENAI_BASE_URL; it usually ends in /v1",
    )


def no_address(caller: Caller, error: Exception) -> Failure:
    """The HTTP library cannot make a call to this address at all."""
    return Failure(
        "PROVIDER_ERROR",
        f"{caller.name}'s server cannot be called: {error}",
        "check OPENAI_BASE_URL; it usually ends in /v1",
    )


def _unreachable(error: Exception, caller: Caller, environ: Mapping[str, str]) -> Failure:
    causes = list(_causes(error))
    detail = " ".join(str(causes[-1]).split())[:300]
    proxy = proxy_variable(environ, value_of(environ, "OPENAI_BASE_URL"))
    if any("CERTIFICATE_VERIFY_FAILED" in str(cause) for cause in causes):
        message = f"the certificate of {caller.name}'s server is not trusted: {detail}"
        hint = f"{about_certificates(environ)}, or {caller.without}"
        return Failure("PROVIDER_UNREACHABLE", message, hint)
    message = f"{caller.name}'s server cannot be reached"
    hint = f"check the network and OPENAI_BASE_URL, or {caller.without}"
    if proxy is not None:
        message += f" through the proxy in {proxy}"
        hint = f"check {proxy}, or exclude the server with NO_PROXY, or {caller.without}"
    return Failure("PROVIDER_UNREACHABLE", f"{message}: {detail}", hint, retryable=True)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and its causes, skipping those without a message."""
    while error is not None:
        if str(error):
            yield error
        error = error.__cause__ or error.__context__


def _retry_at(error: "openai.RateLimitError", message: str) -> str | None:
    """When to ask the provider again, by its header or else by its message."""
    now = datetime.now().astimezone()
    header = error.response.headers.get("retry-after", "")
    if header.isdecimal():
        return utc(now + timedelta(seconds=int(header)))
    retry_at = reset_time(message, now=now)
    return None if retry_at is None else utc(retry_at)
