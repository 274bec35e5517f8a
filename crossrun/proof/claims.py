"""What the last message of an agent claims: files and commands, by rules for English.

A claim is a plain statement in the past or the present. Plans, advice, conditions, questions,
quotations and code blocks are none, and neither is what the rules do not understand.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from crossrun.proof.check_claims import claims_of_checks, reports_failure
from crossrun.proof.check_phrases import THEY_PASS
from crossrun.proof.claimed import Claim
from crossrun.proof.file_claims import claims_of_files
from crossrun.proof.hedging import EXCEPT, hedges
from crossrun.proof.messages import COMMAND, FILE, Message, Statement, read


class Claims(NamedTuple):
    """What a message claims.

    `reports_failure`: it says of some check that it does not pass. `unclear` are statements that
    seem to be about files or checks and were not understood.
    """

    claims: tuple[Claim, ...]
    reports_failure: bool
    unclear: tuple[str, ...]


NO_CLAIMS = Claims((), reports_failure=False, unclear=())


def claims_of(text: str) -> Claims:
    """The claims of a message."""
    message = read(text)
    claims: list[Claim] = []
    unclear: list[str] = []
    failure = False
    before: list[Claim] = []
    for statement in message.statements:
        made = list(_claims(statement, message)) or _of_the_same(statement, before, message)
        before = made
        claims += made
        reports = reports_failure(statement)
        failure = failure or reports
        if not made and not reports and _is_unclear(statement):
            unclear.append(message.plain(statement.text))
    return Claims(tuple(dict.fromkeys(claims)), failure, tuple(unclear))


def _claims(statement: Statement, message: Message) -> Iterator[Claim]:
    if statement.skipped:
        return
    text = message.plain(statement.text)
    for kind, subject in (
        *claims_of_files(statement, message),
        *claims_of_checks(statement, message),
    ):
        yield Claim(kind, subject, text)


def _of_the_same(statement: Statement, before: list[Claim], message: Message) -> list[Claim]:
    """The claim that what was run before passes: "I ran `x`, and both succeeded"."""
    stands = (
        not statement.skipped and not hedges(statement.text) and not EXCEPT.search(statement.text)
    )
    ran = [claim for claim in before if claim.kind == "ran"]
    if not ran or not stands or not THEY_PASS.match(statement.text):
        return []
    return [Claim("passed", ran[-1].subject, message.plain(statement.text))]


_SEEMS = re.compile(
    rf"(?:{FILE}|{COMMAND}).*\b(?:pass(?:es|ed)?|succe\w+|created|deleted|removed|updated|added"
    rf"|wrote)\b"
    rf"|\b(?:created|deleted|removed|updated|added|wrote)\b.*{FILE}",
    re.IGNORECASE,
)


def _is_unclear(statement: Statement) -> bool:
    """Whether a statement that gave no claim names a file or a command, and a deed."""
    stands = not statement.skipped and not hedges(statement.text)
    return stands and _SEEMS.search(statement.text) is not None
