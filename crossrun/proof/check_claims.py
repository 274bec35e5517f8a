"""What a statement claims about checks and commands."""

import re
from collections.abc import Iterator

from crossrun.proof.check_phrases import (
    ABOUT_CHECKS,
    ALL,
    ALL_OF,
    ALL_SUBJECT,
    BUILD_SUBJECT,
    COMMAND_PASSES,
    COUNT_PASSES,
    LINT_SUBJECT,
    NAMED_TEST,
    NAMES_TOOL,
    NO_FAILURE,
    OF_A_KIND,
    PASSED_COMMAND,
    PLACE,
    PREDICATE,
    RAN,
    RAN_TESTS,
    REPORTS_FAILURE,
    SOME,
    TEST_OBJECT,
    TEST_SUBJECT,
    TOOL_PASSES,
    TOOLS,
    TYPES_SUBJECT,
)
from crossrun.proof.claimed import ANYTHING, SOME_TESTS, ClaimKind
from crossrun.proof.hedging import EXCEPT, IMPERATIVE, hedges
from crossrun.proof.messages import Message, Statement


def claims_of_checks(statement: Statement, message: Message) -> Iterator[tuple[ClaimKind, str]]:
    """The kinds and subjects of the claims about checks and commands in a statement."""
    line = ALL_OF.sub(r"\1", PLACE.sub("", statement.text))
    if reports_failure(statement):
        return
    for pattern in (COMMAND_PASSES, PASSED_COMMAND):
        for match in pattern.finditer(line):
            if _stands(line, match):
                sign = match["command"] or match["in_parentheses"]
                yield "passed", message.command(sign)
    for match in NAMED_TEST.finditer(line):
        if _stands(line, match):
            yield "passed", f"test:{message.code(match['test'])}"
    for match in TOOL_PASSES.finditer(line):
        if _stands(line, match) and not NAMES_TOOL.search(match["between"]):
            yield "passed", f"tool:{match['tool'].lower()}"
    for match in COUNT_PASSES.finditer(line):
        if _stands(line, match):
            yield "passed", f"count:{match['count']}"
    for match in (*TEST_SUBJECT.finditer(line), *TEST_OBJECT.finditer(line)):
        subject = _tests_meant(match)
        if subject and _stands(line, match):
            yield "passed", subject
    for kind, pattern in (
        ("lint", LINT_SUBJECT),
        ("types", TYPES_SUBJECT),
        ("build", BUILD_SUBJECT),
        (ANYTHING, ALL_SUBJECT),
    ):
        if any(_stands(line, match) for match in pattern.finditer(line)):
            yield "passed", kind
    for match in RAN.finditer(line):
        if not hedges(line[: match.start()]) and not line.rstrip().endswith("?"):
            yield "ran", message.command(match["command"] or match["by"])
    for match in RAN_TESTS.finditer(line):
        if not hedges(line[: match.start()]) and not EXCEPT.search(line):
            yield "ran", "test"


def _tests_meant(match: re.Match[str]) -> str:
    """Whether all tests are meant, those of one kind or program, or just some (the empty text)."""
    words = re.split(r"\b(?:and|or)\b|,", match["which"].lower())[-1]
    which = set(re.findall(r"[\w'-]+", words))
    some = SOME.search(match.groupdict().get("between") or "") is not None
    if not some and len(tools := which & TOOLS) == 1 and not which - tools - ALL:
        return f"tool:{next(iter(tools))}"
    if some or any(word not in ALL | OF_A_KIND and not word.isdigit() for word in which):
        return ""
    return SOME_TESTS if which & OF_A_KIND else "test"


def _stands(line: str, match: re.Match[str]) -> bool:
    """Whether a statement that something passes has no condition, doubt or exception."""
    between = match.groupdict().get("between") or ""
    before = f"{line[: match.start()]} {between}"
    if IMPERATIVE.match(line) or EXCEPT.search(line):
        return False
    return not hedges(before) and not hedges(PREDICATE.sub("", match[0]))


def reports_failure(statement: Statement) -> bool:
    """Whether a statement says of a check that it does not pass."""
    if statement.skipped:
        return False
    line = NO_FAILURE.sub(" ", statement.text)
    return (
        REPORTS_FAILURE.search(line) is not None and ABOUT_CHECKS.search(statement.text) is not None
    )
