"""A claim, and what it is about."""

from typing import Literal, NamedTuple

ClaimKind = Literal["changed", "deleted", "unchanged", "passed", "ran"]
ANYTHING = "*"
"""Subject of a claim about all files, or about all checks."""
TESTS = "tests"
"""Subject of a claim that no test was changed."""
SOME_TESTS = "some tests"
"""Subject of a claim about tests of one kind, such as unit tests."""


class Claim(NamedTuple):
    """A statement about files, checks or commands, with the words of the agent.

    `subject` is a path, `TESTS`, the kind of a check, a command line, the name of a test after
    `test:`, or `ANYTHING`.
    """

    kind: ClaimKind
    subject: str
    text: str
