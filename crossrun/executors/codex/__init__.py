"""The Codex CLI as an executor: how it is started, and what it is given."""

import json
import math
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from crossrun.events import AgentEvent, Channel
from crossrun.executors import TurnRequest, TurnResult, agent_cli
from crossrun.executors.codex.config import UserConfig, read
from crossrun.executors.codex.program import Program, credentials, find
from crossrun.executors.codex.stream import CodexReader
from crossrun.executors.process import Launch
from crossrun.executors.registry import ExecutorContext
from crossrun.executors.survivors import MARKER
from crossrun.model.requests import AgentOptions, CodexOptions
from crossrun.redaction import is_key_name

_LONGEST_ARGUMENT = 100_000
"""Bytes. The system allows 128 KiB for one argument; longer instructions go into the prompt."""


_PATIENCE = 10.0
"""Seconds that Codex has to exit after its turn; a tool server may prevent that."""
_DOUBTFUL = 5
"""Commands that may run in the background explain a silence of this many idle timeouts."""

_EXCLUDED_BY_CODEX = ("KEY", "SECRET", "TOKEN")
"""Variables that `ignore_default_excludes=false` hides from commands."""
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+")

_MADE = (".git", ".agents", ".aws", ".codex")
"""Folders that Codex's sandbox creates as mount points, so that they cannot be written."""


class Codex:
    """Runs `codex exec`: one process for each turn, all turns of a run in one thread.

    Args:
        program: the program to start.
        config: the user's own configuration.
        agent: the options for any agent.
        options: those for Codex itself.
        model: the agent's model; None for Codex's default.
        environ: the environment that Codex inherits, credentials included.
        patience: seconds that Codex has to exit after its turn.
    """

    def __init__(
        self,
        program: Program,
        config: UserConfig,
        agent: AgentOptions,
        options: CodexOptions,
        *,
        model: str | None,
        environ: Mapping[str, str],
        patience: float = _PATIENCE,
    ) -> None:
        self._program = program
        self._config = config
        self._agent = agent
        self._options = options
        self._model = model
        self._environ = environ
        self._patience = patience

    def version(self) -> str | None:
        """As reported by `codex --version`."""
        return self._program.version

    def model(self) -> str | None:
        """The model that the user chose, for this run or in Codex's configuration."""
        return self._model or self._config.model

    def channel(self, folder: Path, *, resumed: bool) -> Channel:
        """Codex takes developer instructions for new threads only."""
        otherwise = resumed or self._config.is_instructed_otherwise(folder)
        return "prompt" if otherwise else "developer"

    def execute(self, turn: TurnRequest) -> Generator[AgentEvent | None, None, TurnResult]:
        """Runs one turn, and removes the empty mount points that a killed sandbox leaves behind."""
        folders = {turn.workspace, turn.folder}
        possible = [folder / name for folder in folders for name in _MADE]
        made = [path for path in possible if not path.exists()]
        try:
            return (yield from agent_cli.execute(self, turn, patience=self._patience))
        finally:
            for path in made:
                with suppress(OSError):  # it is not there, or not empty
                    path.rmdir()

    def launch(self, turn: TurnRequest) -> Launch:
        """The process for a turn: the prompt on stdin, everything else as arguments."""
        return Launch(
            argv=self.command(turn),
            cwd=turn.folder,
            environ={**_nameable(self._environ), **self._program.environ},
            run_id=turn.run_id,
            stdin=self._prompt(turn).encode(),
            tracking=turn.tracking,
        )

    def reader(self, turn: TurnRequest) -> CodexReader:
        """Reads the output of that process."""
        sessions = self._config.home / "sessions"
        patience = _DOUBTFUL * (turn.idle_timeout or math.inf)
        return CodexReader(turn.workspace, turn.thread_tokens, sessions, patience=patience)

    def command(self, turn: TurnRequest) -> list[str]:
        """The argument list. A resumed thread forgets sandbox and folder, so both are repeated."""
        agent, options = self._agent, self._options
        command = [str(self._program.path), "exec", "--sandbox", agent.sandbox]
        command += ["-C", str(turn.folder)]
        command += ["--profile", options.profile] if options.profile else []
        whole = [str(turn.workspace)] if turn.folder != turn.workspace else []
        command += _repeated("--add-dir", (*whole, *agent.add_dirs))
        command += ["resume"] if turn.thread_id else _repeated("--image", agent.images)
        command += ["--json"]
        command += [] if options.require_git_repo else ["--skip-git-repo-check"]
        command += ["--model", self._model] if self._model else []
        command += _repeated("-c", self._settings(turn))
        return [*command, *([turn.thread_id] if turn.thread_id else []), "-"]

    def _settings(self, turn: TurnRequest) -> list[str]:
        settings = ["features.unbounded_connection_retries=false", "tools.update_plan.enabled=true"]
        if self._agent.network:
            settings.append("sandbox_workspace_write.network_access=true")
        settings += self._options.config
        # after the user's own: a whole table of theirs would remove the protection of the keys
        settings += [
            "shell_environment_policy.ignore_default_excludes=false",
            f"shell_environment_policy.set.{MARKER}={_toml(turn.run_id)}",
            *(f'shell_environment_policy.set.{name}=""' for name in self._emptied()),
        ]
        if self._by_configuration(turn):
            settings.append(f"developer_instructions={_toml(self._instructions(turn))}")
        return settings

    def _emptied(self) -> list[str]:
        """Key variables that Codex's own exclusion does not cover; they get an empty value.

        A list of exclusions would replace the user's list, or be replaced by a managed one.
        """
        return sorted(
            name
            for name in self._environ
            if is_key_name(name)
            and _PLAIN_NAME.fullmatch(name)
            and not any(part in name.upper() for part in _EXCLUDED_BY_CODEX)
            and name not in self._config.set_variables
        )

    def _instructions(self, turn: TurnRequest) -> str:
        both = (self._config.developer_instructions, turn.instructions)
        return "\n\n".join(text for text in both if text)

    def _by_configuration(self, turn: TurnRequest) -> bool:
        size = len(_toml(self._instructions(turn)).encode())
        wanted = turn.channel == "developer" and bool(turn.instructions)
        return wanted and size <= _LONGEST_ARGUMENT

    def _prompt(self, turn: TurnRequest) -> str:
        if not turn.instructions or self._by_configuration(turn):
            return turn.prompt
        return (
            f"<instructions>\n{turn.instructions}\n</instructions>\n\n"
            f"<task>\n{turn.prompt}\n</task>"
        )


def make(context: ExecutorContext) -> Codex:
    """The executor for a run.

    Raises:
        CrossrunError: there is no Codex program, it is too old, or nobody is logged in.
    """
    settings, request = context.settings, context.request
    version_file = settings.paths.state / "codex-version.json"
    program = find(settings.codex.path, context.environ, version_file)
    config = read(settings.codex_home, request.codex.profile, request.codex.config)
    return Codex(
        program,
        config,
        request.agent,
        request.codex,
        model=request.model,
        environ={**context.environ, **credentials(program, config, context.environ)},
    )


def _repeated(flag: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def _nameable(environ: Mapping[str, str]) -> dict[str, str]:
    """Without key variables whose names no setting of Codex can contain."""
    return {
        name: value
        for name, value in environ.items()
        if not is_key_name(name) or _PLAIN_NAME.fullmatch(name)
    }


def _toml(value: str | list[str]) -> str:
    """A TOML value. JSON strings and lists are valid TOML, except lone surrogates and DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
