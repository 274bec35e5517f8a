"""Pushes a branch and opens a pull request, as the user would: with their git, hooks and logins."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from crossrun.errors import ConfigurationError
from crossrun.workspace.git.commands import require_git, run_as_user

_LAST_LINES = 300


def require_remote(folder: Path, remote: str, environ: Mapping[str, str]) -> None:
    """Makes sure that a repository has a remote. Raises ConfigurationError, REMOTE_MISSING."""
    words = [require_git(), "remote", "get-url", "--push", "--", remote]
    if run_as_user(words, folder, environ).returncode != 0:
        raise ConfigurationError(
            "REMOTE_MISSING",
            f"{folder} has no remote {remote!r}",
            hint=f"nothing was done; add it: git remote add {remote} URL, or name one: --remote",
        )


def require_gh(environ: Mapping[str, str]) -> str:
    """The GitHub CLI on the user's PATH. Raises ConfigurationError, GH_MISSING."""
    program = shutil.which("gh", path=environ.get("PATH"))
    if program is None:
        raise ConfigurationError(
            "GH_MISSING",
            "gh, the GitHub CLI, is not on your PATH",
            hint="nothing was done; install it from https://cli.github.com, or leave out --pr",
        )
    return program


def push(folder: Path, remote: str, branch: str, environ: Mapping[str, str]) -> None:
    """Pushes a branch. Raises ConfigurationError, PUSH_FAILED; the branch stays."""
    ref = f"refs/heads/{branch}"
    words = [require_git(), "push", "--set-upstream", "--", remote, f"{ref}:{ref}"]
    done = run_as_user(words, folder, environ)
    if done.returncode != 0:
        raise ConfigurationError(
            "PUSH_FAILED",
            f"the branch {branch} was made, but not pushed to {remote}: {_end(done.stderr)}",
            hint=f"push it yourself: git push -u {remote} {branch}",
            retryable=True,
        )


def open_pull_request(
    folder: Path, branch: str, title: str, body: str, environ: Mapping[str, str]
) -> str:
    """Opens a pull request; its address.

    Raises:
        ConfigurationError: PR_FAILED; the branch is pushed.
    """
    words = [require_gh(environ), "pr", "create"]
    words += ["--head", branch, "--title", title, "--body", body]
    done = run_as_user(words, folder, environ)
    if done.returncode != 0:
        raise ConfigurationError(
            "PR_FAILED",
            f"the branch {branch} was pushed, but gh opened no pull request: {_end(done.stderr)}",
            hint=f"open it yourself: gh pr create --head {branch}",
            retryable=True,
        )
    return _end(done.stdout)


def _end(output: bytes) -> str:
    """The last line that a program wrote."""
    lines = output.decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")[:_LAST_LINES]
