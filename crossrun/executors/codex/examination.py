"""What `crossrun doctor` says about Codex: its program, its login, its sandbox."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from crossrun.config.settings import Settings
from crossrun.errors import CrossrunError
from crossrun.executors.codex.config import UserConfig, read
from crossrun.executors.codex.program import Program, credentials, find, packaged
from crossrun.model.diagnoses import Diagnosis

_SUBJECT = "Codex"
_NEEDED = ("--json", "--sandbox", "--skip-git-repo-check", "resume")
"""What `codex exec --help` has to name."""
_NO_REASON = ("note:", "stack backtrace:")
"""How lines begin that say nothing about why a program failed."""
_TIMEOUT = 10.0


def examine(settings: Settings, environ: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Looks at the Codex that a run would use, without the network and without a model."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            program = find(settings.codex.path, environ, Path(folder) / "version.json")
    except CrossrunError as error:
        yield Diagnosis("codex.program", "error", _SUBJECT, error.message, error.hint)
        return
    where = _origin(program, settings)
    yield Diagnosis(
        "codex.program", "ok", _SUBJECT, f"version {program.version} at {program.path}, {where}"
    )
    yield _abilities(program, environ)
    yield _login(program, settings, environ)
    yield _sandbox(program, settings, environ)


def _origin(program: Program, settings: Settings) -> str:
    if settings.codex.path:
        return f"from {settings.places.get('codex.path') or 'the setting codex.path'}"
    return "from the Python package" if str(program.path) == packaged() else "on the PATH"


def _abilities(program: Program, environ: Mapping[str, str]) -> Diagnosis:
    done = _ran(program, ["exec", "--help"], environ)
    missing = [word for word in _NEEDED if done is None or word not in done.stdout]
    if missing:
        words = ", ".join(missing)
        return Diagnosis(
            "codex.exec",
            "error",
            _SUBJECT,
            f"`codex exec --help` does not name {words}, which runs need",
            "npm install -g @openai/codex@latest",
        )
    return Diagnosis("codex.exec", "ok", _SUBJECT, "supports what runs need: exec --json, resume")


def _login(program: Program, settings: Settings, environ: Mapping[str, str]) -> Diagnosis:
    try:
        config = read(settings.codex_home, settings.profile, ())
        added = credentials(program, config, environ)
    except CrossrunError as error:
        return Diagnosis("codex.login", "error", _SUBJECT, error.message, error.hint)
    return Diagnosis("codex.login", "ok", _SUBJECT, _authentication(config, added, environ))


def _authentication(
    config: UserConfig, added: Mapping[str, str], environ: Mapping[str, str]
) -> str:
    if not config.uses_builtin_provider:
        return "its configuration names a provider, which uses its own keys"
    if (config.home / "auth.json").is_file():
        return "logged in"
    if environ.get("CODEX_API_KEY"):
        return "uses CODEX_API_KEY"
    return "uses OPENAI_API_KEY" if added else "logged in, or the login is in the keyring"


def _sandbox(program: Program, settings: Settings, environ: Mapping[str, str]) -> Diagnosis:
    """Whether a harmless command runs in it."""
    done = _ran(program, ["sandbox", "/bin/sh", "-c", ":"], environ)
    if done is not None and done.returncode == 0:
        return Diagnosis("codex.sandbox", "ok", _SUBJECT, "its sandbox works here")
    output = "" if done is None else (done.stderr or done.stdout).strip()
    lines = [line for line in output.splitlines() if not line.startswith(_NO_REASON)]
    why = lines[-1][:120] if lines else f"no answer within {_TIMEOUT:g} s"
    unused = settings.sandbox == "danger-full-access"
    return Diagnosis(
        "codex.sandbox",
        "note" if unused else "warning",
        _SUBJECT,
        f"its sandbox does not work here: {why}",
        ""
        if unused
        else "in a container that holds nothing else: crossrun config set sandbox "
        "danger-full-access; elsewhere install bubblewrap or allow user namespaces",
    )


def _ran(
    program: Program, words: Sequence[str], environ: Mapping[str, str]
) -> "subprocess.CompletedProcess[str] | None":
    """A harmless command of Codex; None if it cannot be started or does not end."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return subprocess.run(
                [program.path, *words],
                cwd=folder,
                env={**environ, **program.environ},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
