"""Codex's session file of a thread, for what the event stream does not say.

During a turn the stream does not report the tokens used, and for an interrupted turn it never does.
The session file has a record after each answer of the model. Its format is internal to Codex: if it
is missing or different, the tokens are unknown.
"""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from crossrun.model.tokens import Tokens

_MOST_LOOKS = 10
"""After so many attempts, the file counts as missing."""

_LONGEST_LINE = 16 * 1024 * 1024
_FULL = 100
"""Percent of a quota."""


class Session:
    """The session file of one thread, read from its beginning as it grows.

    Args:
        sessions: the folder of all session files.
        thread_id: the thread.
    """

    def __init__(self, sessions: Path, thread_id: str) -> None:
        self._sessions = sessions
        self._name = f"rollout-*-{thread_id}.jsonl"
        self._looks = 0
        self._file: Path | None = None
        self._offset = 0
        self._total: Tokens | None = None
        self._resets_at: float | None = None

    def tokens(self) -> Tokens | None:
        """What the thread has used so far; None if unknown."""
        with suppress(OSError):
            self._read_on()
        return self._total

    @property
    def quota_resets_at(self) -> datetime | None:
        """When the exhausted quota resets, according to the last record."""
        return None if self._resets_at is None else datetime.fromtimestamp(self._resets_at, UTC)

    def _read_on(self) -> None:
        file = self._file = self._file or self._session_file()
        if file is None:
            return
        with file.open("rb") as lines:
            lines.seek(self._offset)
            while line := _whole_line(lines):
                self._offset = lines.tell()
                if b'"token_' in line[:200]:
                    with suppress(ValueError, KeyError, TypeError, AttributeError, OverflowError):
                        self._understand(json.loads(line)["payload"])

    def _session_file(self) -> Path | None:
        if self._looks >= _MOST_LOOKS:
            return None
        self._looks += 1
        return next(self._sessions.glob(f"*/*/*/{self._name}"), None)

    def _understand(self, payload: dict[str, Any]) -> None:
        if "thread_token_usage" in payload:
            self._total = tokens_of(payload["thread_token_usage"])
            return
        windows = payload.get("rate_limits") or {}
        both = [windows.get(name) or {} for name in ("primary", "secondary")]
        full = [window for window in both if (window.get("used_percent") or 0) >= _FULL]
        self._resets_at = max((float(window["resets_at"]) for window in full), default=None)


def tokens_of(usage: dict[str, Any]) -> Tokens:
    """The tokens of a usage record. Raises KeyError, ValueError or TypeError."""
    return Tokens(
        input=int(usage["input_tokens"]),
        cached_input=int(usage.get("cached_input_tokens") or 0),
        output=int(usage["output_tokens"]),
        reasoning=int(usage.get("reasoning_output_tokens") or 0),
    )


def _whole_line(lines: IO[bytes]) -> bytes:
    r"""The next line, or a part of a very long one; empty if its end is not written yet."""
    line = lines.readline(_LONGEST_LINE)
    return line if line.endswith(b"\n") or len(line) == _LONGEST_LINE else b""
