"""Running git: as if for a user who has configured nothing, or as the user would."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from crossrun.errors import ConfigurationError
from crossrun.workspace.git.waiting import communicated

SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.excludesFile": os.devnull,
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.safecrlf": "false",
    "core.quotePath": "false",
    "core.ignoreCase": "false",
    "core.protectHFS": "false",
    "core.protectNTFS": "false",
    "submodule.recurse": "false",
    "protocol.allow": "never",
    "gc.auto": "0",
    "advice.addEmbeddedRepo": "false",
}


def run_git(
    words: Sequence[str],
    folder: Path,
    *,
    stdin: bytes | IO[bytes] = b"",
    environ: dict[str, str] | None = None,
    into: IO[bytes] | None = None,
) -> "subprocess.CompletedProcess[bytes]":
    """Runs git as if for a user who has configured nothing.

    Args:
        words: its arguments.
        folder: where it runs.
        stdin: its input, or the file that it is in.
        environ: variables that it gets besides.
        into: the file that gets its output.
    """
    clean = {
        "PATH": os.defpath,
        "HOME": os.devnull,
        "XDG_CONFIG_HOME": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        **(environ or {}),
    }
    program = require_git()
    try:
        process = subprocess.Popen(
            [program, *words],
            cwd=folder,
            env=clean,
            stdin=subprocess.PIPE if isinstance(stdin, bytes) else stdin,
            stdout=subprocess.PIPE if into is None else into,
            stderr=subprocess.PIPE,
            # a Ctrl-C is for crossrun, which ends in order; and in another session git would look
            # like an orphan of an agent, which `executors.descent` waits for
            process_group=0,
        )
    except OSError as error:
        raise workspace_missing(folder, error) from error
    return communicated(process, stdin if isinstance(stdin, bytes) else b"")


def workspace_missing(folder: Path, error: OSError) -> ConfigurationError:
    """That a workspace is gone, or can no longer be read."""
    return ConfigurationError(
        "WORKSPACE_MISSING",
        f"the workspace {folder} cannot be read: {error.strerror}",
        hint="it was removed or made inaccessible during the run",
    )


def start_git(
    words: Sequence[str], environ: Mapping[str, str], errors: IO[bytes]
) -> "subprocess.Popen[bytes]":
    """Starts git for work on the network: as the user would, but with no terminal to ask on."""
    return subprocess.Popen(
        [require_git(), *words],
        cwd="/",
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        start_new_session=True,
    )


def run_as_user(
    command: Sequence[str], folder: Path, environ: Mapping[str, str]
) -> "subprocess.CompletedProcess[bytes]":
    """Runs a program as the user would, but with no terminal to ask on. Ctrl-C ends it."""
    return subprocess.run(
        command,
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        process_group=0,
        check=False,
    )


def output(done: "subprocess.CompletedProcess[bytes]") -> bytes:
    """What git said. Raises ConfigurationError, GIT_FAILED, when it failed."""
    if done.returncode != 0:
        message = done.stderr.decode("utf-8", "replace").strip()
        raise ConfigurationError(
            "GIT_FAILED",
            f"git {' '.join(done.args[-2:])[:80]} failed: {message[:300]}",
            hint="check the disk's free space and the permissions of crossrun's data folder",
        )
    return done.stdout or b""


def require_git() -> str:
    """The git on the user's PATH.

    Raises:
        ConfigurationError: there is none.
    """
    program = shutil.which("git")
    if program is None:
        raise ConfigurationError(
            "GIT_MISSING",
            "git is not on your PATH",
            hint="install it: apt install git · brew install git",
        )
    return program
