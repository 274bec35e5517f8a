"""Sources that lie on the network: cloned by git, with the user's own way of logging in.

This is the one place where the user's own configuration of git is read, for credential helpers,
proxies and keys. Nothing asks for a password, and no configuration of the repository counts.
"""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import suppress
from pathlib import Path

from crossrun.errors import ConfigurationError, UsageError
from crossrun.model.failures import CANCELLED, RunFailed
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.trees import Progress
from crossrun.workspace.files.atomic import scratch
from crossrun.workspace.git.commands import start_git
from crossrun.workspace.sources.preparing import Taking, take

_PROTOCOLS = ("https", "ssh", "git", "file")
_SHORT_SSH = re.compile(r"(\w[\w.-]*@)?\w[\w.-]*:[^:].*", re.DOTALL)
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
_TICK = 0.05
_TOLD = 300
"""Characters of git's own words in an error."""
_CLONE = (
    "-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false",
    "-c", "submodule.recurse=false", "clone", "--quiet", "--template=", "--no-local",
    "--no-recurse-submodules", "--",
)  # fmt: skip


def is_url(text: str) -> bool:
    """Whether a source is written as git writes remote ones, allowed or not."""
    return "://" in text or "::" in text or _SHORT_SSH.fullmatch(text) is not None


def without_login(text: str) -> str:
    """A URL as it may be recorded and shown: without a user and a password in it."""
    return _LOGIN.sub("", text)


def clone(url: str, target: Path, stop: CancelToken, environ: Mapping[str, str]) -> Taking:
    """Clones a repository to a path where nothing is yet. The copy knows no remote any more.

    Args:
        url: where it is, by https, ssh, git or file.
        target: where the copy will be. Its parent has to be there.
        stop: looked at all the time.
        environ: the user's own, for credential helpers and ssh agents.

    Raises:
        RunFailed: it was asked to stop.
        CrossrunError: the URL is not allowed, or git could not clone it.
    """
    _check(url)
    with scratch(target.absolute()) as folder:
        checkout = folder / "checkout"
        with tempfile.TemporaryFile() as said:
            started = start_git([*_CLONE, url, str(checkout)], _surroundings(environ), said)
            yield from _ended(started, stop)
            if started.returncode:
                said.seek(0)
                raise _failed(url, said.read().decode("utf-8", "replace"))
        return (yield from take(checkout, target, stop))


def _check(url: str) -> None:
    protocol = url.partition("://")[0] if "://" in url else "ssh"
    if url.startswith("-") or "::" in url.partition("/")[0] or protocol not in _PROTOCOLS:
        raise UsageError(
            "SOURCE_INVALID",
            f"{without_login(url)!r} is no URL that crossrun clones from",
            hint="https://, ssh://, git:// and file:// are, and user@host:path",
        )


def _surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    """The user's own, without what changes git's ways, and with nobody to ask."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    return {
        **kept,
        "GIT_ALLOW_PROTOCOL": ":".join(_PROTOCOLS),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }


def _ended(process: "subprocess.Popen[bytes]", stop: CancelToken) -> Generator[Progress]:
    """Waits for git, and ends it when it is not wanted any more."""
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_TICK)
                return
            if stop:
                raise RunFailed(CANCELLED)
            yield Progress(0, 0)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _failed(url: str, said: str) -> ConfigurationError:
    return ConfigurationError(
        "CLONE_FAILED",
        f"{without_login(url)} cannot be cloned: {without_login(said.strip())[-_TOLD:]}",
        hint="try git clone by hand; crossrun cannot answer when git asks for a password",
        retryable=True,
    )
