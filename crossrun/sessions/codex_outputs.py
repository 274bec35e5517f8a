"""What Codex tells its model about the end of a tool call: text in four forms."""

import json
import re
from typing import Any, NamedTuple

from crossrun.sessions.values import mapping, sequence, text, texts_in

_HEAD = re.compile(
    r"\A(?:Chunk ID: \S+\n)?(?:Exit code: (?P<code>-?\d+)\n)?"
    r"(?:Wall time: (?P<seconds>\d+(?:\.\d+)?) seconds?\n)?"
    r"(?:Process exited with code (?P<exited>-?\d+)\n|(?P<running>Process running with session ID "
    r"\S+\n))?"
    r"(?:(?:Total output lines|Original token count): \d+\n)*(?:Output:\n?)?"
)
_DECLINED = re.compile(
    r"(?i)exec command rejected|rejected by user|aborted by user|command not allowed|denied by"
)
_TIMED_OUT = re.compile(r"(?i)command timed out after")
_FAILED = re.compile(
    r"(?i)\A(?:failed|error|unsupported|execution error|sandbox error|apply_patch verification)"
)


class ToolOutput(NamedTuple):
    """How a call ended. `is_running`: it has not, and its command goes on in the background."""

    text: str
    exit_code: int | None
    seconds: float | None
    declined: bool = False
    is_running: bool = False


def tool_output(output: Any) -> ToolOutput:  # noqa: ANN401  unchecked JSON
    """The end of a call, from what the model was told."""
    if isinstance(output, dict):
        content = texts_in(output.get("content"))
        failed = output.get("success") is False
        told = tool_output(content)
        return told._replace(exit_code=1) if failed and told.exit_code in (0, None) else told
    said = texts_in(sequence(output)) if isinstance(output, list) else text(output)
    if said.startswith("{"):
        inner = _json_output(said)
        if inner is not None:
            return inner
    return _plain_output(said)


def _json_output(said: str) -> ToolOutput | None:
    """`{"output": ..., "metadata": {"exit_code": 0, "duration_seconds": 0.1}}`."""
    try:
        content = mapping(json.loads(said))
    except ValueError:
        return None
    if "metadata" not in content:
        return None
    metadata = mapping(content["metadata"])
    code, seconds = metadata.get("exit_code"), metadata.get("duration_seconds")
    return ToolOutput(
        text(content.get("output")),
        code if type(code) is int else None,
        float(seconds) if isinstance(seconds, int | float) else None,
    )


def _plain_output(said: str) -> ToolOutput:
    head = _HEAD.match(said)
    if head is None or not head.end():
        code = 1 if _FAILED.match(said) else None
        code = 124 if _TIMED_OUT.search(said[:200]) else code
        return ToolOutput(said, code, None, declined=bool(_DECLINED.search(said[:200])))
    code_text = head["code"] or head["exited"]
    seconds = head["seconds"]
    return ToolOutput(
        said[head.end() :],
        int(code_text) if code_text else None,
        float(seconds) if seconds else None,
        is_running=head["running"] is not None,
    )
