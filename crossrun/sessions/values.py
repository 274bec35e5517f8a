"""Values of untrusted JSON, bounded, and the paths and texts that are made of them."""

import posixpath
import shlex
from datetime import UTC, datetime
from typing import Any

from crossrun.system.clock import utc

LONGEST_OUTPUT = 16_000
"""Characters of a command's output that are kept: its beginning and its end."""
LONGEST_TEXT = 100_000
"""Characters of a message."""
_LONGEST_VALUE = 2_000
"""Characters of one text in the arguments or the result of a tool."""
_MOST_VALUES = 50
_DEEPEST = 6


def text(value: Any) -> str:  # noqa: ANN401  unchecked JSON
    """A text; "" for anything else."""
    return value if isinstance(value, str) else ""


def mapping(value: Any) -> dict[str, Any]:  # noqa: ANN401  unchecked JSON
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:  # noqa: ANN401  unchecked JSON
    """A list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def number(value: Any) -> int:  # noqa: ANN401  unchecked JSON
    """A count; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def moment(value: Any) -> str:  # noqa: ANN401  unchecked JSON
    """A time in the form in which crossrun stores times; "" for anything else."""
    if not isinstance(value, str):
        return ""
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return ""
    return utc(read if read.tzinfo else read.replace(tzinfo=UTC))


def texts_in(content: Any) -> str:  # noqa: ANN401  unchecked JSON
    """The texts of a message's content, which is a text or a list of parts."""
    if isinstance(content, str):
        return content
    parts = (mapping(part) for part in sequence(content))
    return "\n".join(text(part.get("text")) for part in parts if text(part.get("text")))


def cropped(output: str, longest: int = LONGEST_OUTPUT) -> str:
    """The beginning and the end of a long output, with a line that says what is missing."""
    if len(output) <= longest:
        return output
    half = longest // 2
    return f"{output[:half]}\n[{len(output) - 2 * half} characters left out]\n{output[-half:]}"


def bounded(value: Any, depth: int = 0) -> Any:  # noqa: ANN401  any JSON in, the same shape out
    """Arguments or a result with long texts, long lists and deep nesting cut off."""
    if isinstance(value, str):
        return cropped(value, _LONGEST_VALUE)
    if depth == _DEEPEST:
        return None
    if isinstance(value, list):
        return [bounded(part, depth + 1) for part in value[:_MOST_VALUES]]
    if isinstance(value, dict):
        some = list(value.items())[:_MOST_VALUES]
        return {key[:100]: bounded(part, depth + 1) for key, part in some}
    return value


def relative(path: str, cwd: str) -> str:
    """A path as seen from the folder of the session if it is inside.

    The session may come from another computer, so nothing is looked up.
    """
    place, root = path.replace("\\", "/"), cwd.replace("\\", "/").rstrip("/")
    if not root or not place.startswith(f"{root}/"):
        return path
    return posixpath.normpath(place[len(root) + 1 :])


def in_folder(script: str, folder: str, cwd: str) -> str:
    """A command as it has to be given in the folder of the session."""
    inside = relative(folder, cwd)
    if not folder or inside in ("", ".") or folder.rstrip("/\\") == cwd.rstrip("/\\"):
        return script
    return f"cd {shlex.quote(inside)} && {script}"
