"""A claim, and what it is about."""

from typing import Literal, NamedTuple

ClaimKind = Literal["changed", "deleted", "unchanged", "only", "passed", "ran"]
ANYTHING = "*"
"""Subject of a claim about all files, or about all checks."""
SOURCES = "sources"
"""Subject of a claim that no code was changed."""
TESTS = "tests"
"""Subject of a claim that no test was changed."""
SOME_TESTS = "some tests"
"""Subject of a claim about tests of one kind, such as unit tests."""


class Claim(NamedTuple):
    """A statement about files, checks or commands, with the words of the agent.

    `subject` is a path (several for `only`), `TESTS`, `SOURCES`, the kind of a check, a command
    line, the name of a test after `test:`, that of a program after `tool:`, a
    number of tests after `count:`, or `ANYTHING`.
    """

    kind: ClaimKind
    subject: str
    text: str
