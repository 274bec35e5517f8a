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
    """How a call ended. `is_running`: it has not, and its command still runs in the background."""

    text: str
    exit_code: int | None
    seconds: float | None
    declined: bool = False
    is_running: bool = False


def tool_output(output: Any) -> ToolOutput:  # noqa: ANN401  unchecked JSON
    """The end of a call, from what the model was given."""
    if isinstance(output, dict):
        content = texts_in(output.get("content"))
        failed = output.get("success") is False
        result = tool_output(content)
        return result._replace(exit_code=1) if failed and result.exit_code in (0, None) else result
    output_text = texts_in(sequence(output)) if isinstance(output, list) else text(output)
    if output_text.startswith("{"):
        inner = _json_output(output_text)
        if inner is not None:
            return inner
    return _plain_output(output_text)


def _json_output(output_text: str) -> ToolOutput | None:
    """`{"output": ..., "metadata": {"exit_code": 0, "duration_seconds": 0.1}}`."""
    try:
        content = mapping(json.loads(output_text))
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


def _plain_output(output_text: str) -> ToolOutput:
    head = _HEAD.match(output_text)
    if head is None or not head.end():
        code = 1 if _FAILED.match(output_text) else None
        code = 124 if _TIMED_OUT.search(output_text[:200]) else code
        return ToolOutput(
            output_text, code, None, declined=bool(_DECLINED.search(output_text[:200]))
        )
    code_text = head["code"] or head["exited"]
    seconds = head["seconds"]
    return ToolOutput(
        output_text[head.end() :],
        int(code_text) if code_text else None,
        float(seconds) if seconds else None,
        is_running=head["running"] is not None,
    )
