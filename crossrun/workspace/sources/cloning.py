"""Clones sources on the network, with the user's own git credentials.

Only here does git read the user's configuration, for credential helpers, proxies and keys. Nothing
asks for a password, and configuration in the repository has no effect.
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
from crossrun.workspace.sources.copies import CopyingSource, copy_source

_PROTOCOLS = ("https", "ssh", "git", "file")
_SHORT_SSH = re.compile(r"(\w[\w.-]*@)?\w[\w.-]*:[^:].*", re.DOTALL)
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
_TICK = 0.05
_QUOTED = 300
"""Characters of git's output in an error."""
_CLONE = (
    "-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false",
    "-c", "submodule.recurse=false", "clone", "--quiet", "--template=", "--no-local",
    "--no-recurse-submodules", "--",
)  # fmt: skip


def is_url(text: str) -> bool:
    """Whether a source has the form of a remote repository, allowed or not."""
    return "://" in text or "::" in text or _SHORT_SSH.fullmatch(text) is not None


def without_login(text: str) -> str:
    """A URL without user and password, as it may be recorded and shown."""
    return _LOGIN.sub("", text)


def clone(url: str, target: Path, stop: CancelToken, environ: Mapping[str, str]) -> CopyingSource:
    """Clones a repository to a new path. The copy has no remote.

    Args:
        url: an https, ssh, git or file URL.
        target: where the copy will be; its parent has to exist.
        stop: ends the clone.
        environ: the user's environment, for credential helpers and ssh agents.

    Raises:
        RunFailed: the clone was cancelled.
        CrossrunError: the URL is not allowed, or git could not clone it.
    """
    require_allowed(url)
    with scratch(target.absolute()) as folder:
        checkout = folder / "checkout"
        with tempfile.TemporaryFile() as output:
            process = start_git([*_CLONE, url, str(checkout)], _clone_environ(environ), output)
            yield from _wait(process, stop)
            if process.returncode:
                output.seek(0)
                raise _clone_error(url, output.read().decode("utf-8", "replace"))
        return (yield from copy_source(checkout, target, stop))


def require_allowed(url: str) -> None:
    """Raises UsageError if crossrun does not clone from such a URL."""
    protocol = url.partition("://")[0] if "://" in url else "ssh"
    if url.startswith("-") or "::" in url.partition("/")[0] or protocol not in _PROTOCOLS:
        raise UsageError(
            "SOURCE_INVALID",
            f"crossrun does not clone from {without_login(url)!r}",
            hint="use https://, ssh://, git://, file:// or user@host:path",
        )


def _clone_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The user's environment, without git's variables and without prompts."""
    return {
        **{name: value for name, value in environ.items() if not name.startswith("GIT_")},
        "GIT_ALLOW_PROTOCOL": ":".join(_PROTOCOLS),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }


def _wait(process: "subprocess.Popen[bytes]", stop: CancelToken) -> Generator[Progress]:
    """Waits for git, and kills it if the run was cancelled."""
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


def _clone_error(url: str, output: str) -> ConfigurationError:
    return ConfigurationError(
        "CLONE_FAILED",
        f"cannot clone {without_login(url)}: {without_login(output.strip())[-_QUOTED:]}",
        hint="try git clone by hand; crossrun cannot answer if git asks for a password",
        retryable=True,
    )
