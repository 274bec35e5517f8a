"""What is wrong with a YAML file, for people who don't know its parser."""

import errno

_PROBLEMS = (
    ("'\\t'", "a tab; indent with spaces"),
    ("mapping values are not allowed", "a second colon; put the value in quotes"),
    ("found unexpected end of stream", "a quote that is not closed"),
    ("while scanning a quoted scalar", "a quote that is not closed"),
    ("expected ',' or ']'", "a [ that is not closed"),
    ("expected ',' or '}'", "a { that is not closed"),
    ("expected the node content, but found '<stream end>'", "a bracket that is not closed"),
    ("did not find expected ',' or ']'", "a [ that is not closed"),
    ("did not find expected ',' or '}'", "a { that is not closed"),
    ("did not find expected node content", "a bracket or quote that is not closed"),
    ("expected <block end>", "a line that is indented differently from those around it"),
    ("did not find expected key", "a line that is indented differently from those around it"),
    ("could not find expected ':'", "a name without a colon after it"),
    ("found duplicate key", "a name that is used twice"),
    ("could not determine a constructor", "a tag (!...) that is not allowed"),
    ("found undefined alias", "an alias (*...) without an anchor"),
    ("special characters are not allowed", "a character that YAML does not allow"),
    ("control characters are not allowed", "a character that YAML does not allow"),
    ("cannot start any token", "a character that needs quotes"),
)
"""Parts of what the parsers say, and what that comes down to; the first that fits counts."""


def yaml_problem(error: Exception) -> str:
    """A plain sentence about a file that is not YAML, with the line if the parser knows it.

    Args:
        error: what reading or parsing raised: OSError, UnicodeDecodeError, RecursionError,
            ValueError, or an error of a YAML parser.
    """
    if isinstance(error, OSError):
        return "it is a folder" if error.errno == errno.EISDIR else f"{error.strerror}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = " ".join(str(error).split())
    problem = next((plain for part, plain in _PROBLEMS if part in text), None)
    marks = [getattr(error, name, None) for name in ("problem_mark", "context_mark")]
    if problem is not None and problem.endswith("not closed"):
        marks.reverse()  # where it was opened, instead of where the parser gave up
    mark = next((mark for mark in marks if mark is not None), None)
    where = f"line {mark.line + 1}: " if mark is not None else ""
    if problem is None:
        raw = getattr(error, "problem", None) or text
        return f"{where}it is not YAML: {' '.join(str(raw).split())}"
    return f"{where}there is {problem}"
