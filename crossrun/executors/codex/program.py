"""Finds the Codex program, its version, and whether it is logged in."""

import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from crossrun.errors import AuthenticationError, ConfigurationError
from crossrun.executors.codex.config import UserConfig
from crossrun.redaction import is_key_name
from crossrun.system.folders import make_private

OLDEST = (0, 158, 0)
"""Determined by tests: earlier versions pass keys to the agent's commands against the settings."""

_INSTALL = "npm install -g @openai/codex"
_INSTALL_PACKAGE = "pip install 'crossrun[codex]'"
_ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


class Program(Struct, frozen=True):
    """A Codex that can be started: its path, and variables that it needs besides inherited ones."""

    path: Path
    version: str
    environ: Mapping[str, str] = field(default_factory=dict)


def find(configured: str | None, environ: Mapping[str, str], cache: Path) -> Program:
    """The Codex to use: the configured one, else that on the PATH, else that of the extra `codex`.

    Args:
        configured: the setting `codex.path`, or None.
        environ: the environment whose PATH counts.
        cache: the file in which the version of a native program is stored, to ask it only once.

    Raises:
        ConfigurationError: there is none, or it is too old.
    """
    named = shutil.which(configured or "codex", path=environ.get("PATH"))
    if named is None and not configured:
        named = packaged()
    if named is None:
        raise _missing(configured)
    behind = _behind_npm_wrapper(Path(named).resolve())
    # a version manager's link leads to the manager, which goes by the name it is called with
    path, extra = behind or (Path(named).absolute(), {})
    version = _version(path, environ, cache if _is_codex_itself(path) else None)
    if _numbers(version) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ConfigurationError(
            "CODEX_TOO_OLD",
            f"Codex {version} at {named} is too old; crossrun needs {oldest} or later",
            hint=f"{_INSTALL}@latest · or {_INSTALL_PACKAGE} --upgrade",
        )
    return Program(path, version, extra)


def packaged() -> str | None:
    """The program in the Python package that the extra `codex` installs; None without it."""
    try:
        from codex_cli_bin import bundled_codex_path
    except ImportError:
        return None
    try:
        return str(bundled_codex_path())
    except FileNotFoundError:  # removed from within the package
        return None


def _missing(configured: str | None) -> ConfigurationError:
    where = f"at {configured}" if configured else "on your PATH"
    ways = f"{_INSTALL} · or {_INSTALL_PACKAGE}"
    return ConfigurationError(
        "CODEX_MISSING",
        f"the Codex CLI is not {where}",
        hint=f"{ways} · or try crossrun without it: --offline, crossrun quickstart",
    )


def _behind_npm_wrapper(path: Path) -> tuple[Path, dict[str, str]] | None:
    """The native program that the npm package's script would start.

    Starting it directly saves a Node process for each turn, and the native program cannot stay
    behind when the script is killed. Any other layout than the known one is left alone.
    """
    if path.name != "codex.js" or path.parent.parent.name != "codex":
        return None
    package = path.parent.parent
    kind = f"codex-{sys.platform}-{_ARCHITECTURES.get(platform.machine().lower(), '')}"
    for root in (package.parent / kind, package / "node_modules" / "@openai" / kind, package):
        natives = list(root.glob("vendor/*/bin/codex"))
        if len(natives) == 1:
            return natives[0], {
                "CODEX_MANAGED_PACKAGE_ROOT": str(package),
                "CODEX_MANAGED_BY_NPM": "1",
            }
    return None


def _is_codex_itself(path: Path) -> bool:
    """Whether it is the native program; a script or a version manager may start any version."""
    resolved = path.resolve()
    try:
        with resolved.open("rb") as program:
            return resolved.name.startswith("codex") and program.read(2) != b"#!"
    except OSError:
        return False


def _version(path: Path, environ: Mapping[str, str], cache: Path | None) -> str:
    if cache is None:
        return _ask_version(path, environ)
    status = path.stat()
    # npm sets the same modification time for all files of all versions
    fingerprint = [str(path), status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino]
    try:
        content = json.loads(cache.read_text())
        version = str(content["version"])
        if content["program"] == fingerprint and _numbers(version) >= OLDEST:
            return version
    except (OSError, ValueError, KeyError, TypeError):
        pass
    version = _ask_version(path, environ)
    make_private(cache.parent)
    cache.write_text(json.dumps({"program": fingerprint, "version": version}))
    return version


def _ask_version(path: Path, environ: Mapping[str, str]) -> str:
    try:
        output = subprocess.run(
            [path, "--version"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=20,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(
            "CODEX_BROKEN", f"{path} cannot be started: {error}", hint=f"reinstall it: {_INSTALL}"
        ) from error
    match = re.search(r"\d+\.\d+\.\d+\S*", output)
    if match is None:
        raise ConfigurationError(
            "CODEX_BROKEN",
            f"{path} does not report its version",
            hint=f"is it the Codex CLI? install it: {_INSTALL}",
        )
    return match[0]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def credentials(program: Program, config: UserConfig, environ: Mapping[str, str]) -> dict[str, str]:
    """Variables to add so that Codex can authenticate; this never logs anybody in.

    OPENAI_API_KEY is passed on only if it surely belongs there: nobody is logged in, the key is not
    for another address, and Codex talks to OpenAI itself.

    Raises:
        AuthenticationError: Codex reports that nobody is logged in, and there is no key.
    """
    if not config.uses_builtin_provider or (config.home / "auth.json").is_file():
        return {}
    if any(environ[name] for name in environ if name.startswith("CODEX_") and is_key_name(name)):
        return {}  # CODEX_API_KEY, CODEX_ACCESS_TOKEN, or one of a later Codex
    login = _login_status(program, environ)
    if login == "logged in":
        return {}
    if environ.get("OPENAI_API_KEY") and not environ.get("OPENAI_BASE_URL"):
        return {"CODEX_API_KEY": environ["OPENAI_API_KEY"]}
    if login == "unknown" or config.keeps_login_in_keyring:
        return {}
    raise AuthenticationError(
        "CODEX_AUTH",
        "Codex is not logged in and there is no key for it",
        hint="codex login · or set OPENAI_API_KEY · or try crossrun without it: --offline",
    )


def _login_status(
    program: Program, environ: Mapping[str, str]
) -> Literal["logged in", "logged out", "unknown"]:
    try:
        status = subprocess.run(
            [program.path, "login", "status"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    if status.returncode == 0:
        return "logged in"
    output = (status.stdout + status.stderr).lower()
    return "logged out" if b"not logged in" in output else "unknown"
