"""What the last message of an agent claims: files and commands, by rules for English.

A claim is a plain statement in the past or the present. Plans, advice, conditions, questions,
quotations and code blocks are none, and neither is what the rules do not understand.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from crossrun.proof.messages import COMMAND, FILE, Message, Statement, read

ClaimKind = Literal["changed", "deleted", "unchanged", "passed", "ran"]
ANYTHING = "*"
"""Subject of a claim about all files, or about all checks."""
TESTS = "tests"
"""Subject of a claim that no test was changed."""
SOME_TESTS = "some tests"
"""Subject of a claim about tests of one kind, such as unit tests."""

_MADE = (
    "created|added|wrote|written|generated|introduced|saved|produced|recreated|scaffolded|drafted"
)
_CHANGED = (
    "updated|modified|changed|edited|rewrote|refactored|extended|adjusted|patched|bumped|revised"
    "|reformatted|simplified|corrected|amended|cleaned up|fixed"
)
_DELETED = "deleted|removed|erased"
_MOVED = "renamed|moved|converted|copied|exported|translated|merged|combined|split"
_PUT = "added|wrote|saved|put|inserted|appended|stored|written|exported|placed"

_AT = (
    r"(?:^|\b(?:I|we|I've|we've|have|has|also|then|and|now|successfully|first|second|finally"
    r"|just|newly|additionally|done)|[,:(✅✔☑!-])\s*"
)
"""Where the verb of a statement stands, and no participle such as in `the deleted file`."""
_PREPOSITIONS = (
    "of|for|from|in|into|inside|with|to|by|using|about|on|as|at|that|which|and|so|because|via|per"
    "|under|after|before|against|where|through|within|based|between"
)
_GAP = rf"(?:\s+(?!(?:{_PREPOSITIONS})\b)[\w'\ue800-\uf8ff()-]+){{0,6}}?\s*:?\s*"
_NEXT = r"(?:,\s*and|,|and|&|\+|as well as|along with)"
_FILES = rf"(?P<files>{FILE}(?:\s*{_NEXT}\s*(?:the\s+|a\s+|an\s+|new\s+)*{FILE})*)"
_PART_OF = (
    r"(?!\s*(?:'s\b|imports?\b|references?\b|dependenc|parsing|parser|handling|support\b|loading"
    r"|format\b|arguments?\b|options?\b|links?\b|readers?\b|lookups?\b|entr(?:y|ies)\b|calls?\b"
    r"|sections?\b|usages?\b|mentions?\b|exports?\b|lines?\b|files?\b(?! was)|endpoints?\b|keys?\b"
    r"|variables?\b|functions?\b|methods?\b|class\b|tests?\b|from\b(?! the (?:repo|project"
    r"|workspace|folder|directory|disk|codebase|tree|working))"
    r"|generation|validation|schema"
    r"|config))"
)
"""Not behind a file: the statement is about something in it or about it."""
_DIRECT = re.compile(rf"{_AT}(?P<verb>{_MADE}|{_CHANGED}){_GAP}{_FILES}", re.IGNORECASE)
_MOVES = re.compile(
    rf"{_AT}(?:{_MOVED})\b[^.;:]{{1,80}}?\s(?:to|into|as)\s+(?:the\s+)?{_FILES}",
    re.IGNORECASE,
)
_PLACES = re.compile(
    rf"{_AT}(?:{_PUT})\b(?P<what>[^.;:]{{1,90}}?)\s(?P<where>to|into|in|inside|under|as)\s+"
    rf"(?:(?:the|a|an|new|existing|file|module|script|your|test)\s+){{0,3}}{_FILES}",
    re.IGNORECASE,
)
_CHANGED_IN = re.compile(
    rf"{_AT}(?:bumped|updated|changed|modified|edited|adjusted|replaced|corrected|increased"
    rf"|set|refactored|simplified)\b(?P<what>[^.;:]{{1,90}}?)\s(?:in|inside)\s+(?:(?:the"
    rf"|both)\s+)?{_FILES}",
    re.IGNORECASE,
)
_LIES_IN = re.compile(
    r"\b(?:used|defined|listed|described|mentioned|found|documented|as|is|are|named|called|declared"
    r"|specified|required|needed|shown|explained|stored|recorded|requested|given|outlined|which"
    r"|that"
    r")\s*$",
    re.IGNORECASE,
)
"""Before `in FILE`: something lies there, and that is not what was changed."""
_POINTS_TO = re.compile(
    r"\b(?:links?|references?|pointers?|path|imports?|calls?|dependenc\w+|redirects?|alias|symlink"
    r"|mentions?|access|changes?|equivalent|similar|support|respect|according|fallback)\s*$",
    re.IGNORECASE,
)
_PUT_IN = re.compile(
    r"\b(?:tests?|functions?|methods?|class\w*|entr(?:y|ies)|sections?|lines?|comments?|docs?"
    r"|documentation|docstrings?|cases?|helpers?|constants?|options?|notes?|paragraphs?|results?"
    r"|output|report|summary|table|chart|examples?|rules?|targets?|changelog|headings?)\b|\(\)"
    r"|[\uf000-\uf8ff]",
    re.IGNORECASE,
)
_PASSIVE = re.compile(
    rf"{_FILES}\s*(?:\([^)]*\)\s*)?(?:was|were|has been|have been|has now been|have now been)\s+"
    rf"(?:newly\s+|also\s+|now\s+|successfully\s+)?(?P<verb>{_MADE}|{_CHANGED}|{_DELETED})\b",
    re.IGNORECASE,
)
_PLACED = re.compile(
    rf"(?:was|were|has been|have been)\s+(?:also\s+|now\s+)?(?:{_PUT})\s+(?:to"
    rf"|into|as|under)\s+(?:the\s+)?{_FILES}",
    re.IGNORECASE,
)
_DELETES = re.compile(rf"{_AT}(?P<verb>{_DELETED}){_GAP}{_FILES}{_PART_OF}", re.IGNORECASE)
_NEW = re.compile(
    rf"(?P<files>{FILE})\s*\((?:new|created|added|updated|modified|changed)(?: file)?\)",
    re.IGNORECASE,
)
_LISTED = re.compile(
    rf"^\W*(?:(?:new|created|added|updated|modified|changed)\W+)?{_FILES}\s*(?=$|[:\u2013—(-]|was\b"
    rf"|were\b)",
    re.IGNORECASE,
)

_LED = re.compile(
    rf"^\W*{_FILES}\s*(?::|-|\u2013|\u2014|\()?\s*(?P<verb>{_MADE}|{_CHANGED}|{_DELETED}|new)\b",
    re.IGNORECASE,
)
_EDITS_TO = re.compile(
    rf"{_AT}made\s+(?!no\b)(?:[\w-]+\s+){{0,4}}?(?:edits?|changes?|modifications?|adjustments?"
    rf"|corrections?)\s+(?:to|in)\s+(?:the\s+)?{_FILES}",
    re.IGNORECASE,
)
_NAMED_AFTER_COLON = re.compile(
    rf"{_AT}(?P<verb>{_MADE}|{_CHANGED}|{_DELETED})\b[^.;:{FILE[1:-1]}]{{0,60}}:\s*{_FILES}",
    re.IGNORECASE,
)
_NEW_KIND = re.compile(
    rf"^\W*new\s+(?:\w+\s+){{0,2}}(?:file|module|script|class|component|page|document)\s+{_FILES}",
    re.IGNORECASE,
)
_UNCHANGED = (
    re.compile(
        rf"(?:did not|didn't|have not|haven't|never)\s+(?:touch|modif|chang|edit|alter)\w*\s+"
        rf"(?:the\s+|your\s+)?(?:file\s+)?{_FILES}",
        re.IGNORECASE,
    ),
    re.compile(
        rf"without\s+(?:touching|changing|modifying|editing)\s+(?:the\s+)?{_FILES}", re.IGNORECASE
    ),
    re.compile(
        rf"left\s+(?:the\s+)?{_FILES}\s+(?:untouched|unchanged|alone|intact|as (?:is|it))",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{_FILES}\s+(?:is|are|was|were|remains?|stays?|has been left|were left|was left)\s+"
        r"(?:completely\s+|entirely\s+)?(?:untouched|unchanged|unmodified|intact)",
        re.IGNORECASE,
    ),
)
_PART = re.compile(r"\b(?:of|in|for|from|on)\s+(?:the\s+)?$", re.IGNORECASE)
"""Before a file: the statement is about something in it."""
_TESTS_UNCHANGED = re.compile(
    r"(?:(?:did not|didn't|have not|haven't|never)\s+(?:touch|modif|chang|edit|alter|weaken)\w*"
    r"|without\s+(?:touching|changing|modifying|editing))\s+(?:any\s+(?:of\s+)?)?(?:the\s+)?"
    r"(?:existing\s+)?tests?\b(?! (?:data|framework|runner|setup))"
    r"|\b(?:the\s+)?(?:existing\s+)?tests? (?:are|were|remain)\s+(?:untouched|unchanged|unmodified)"
    r"|\bno (?:existing )?tests? (?:were|was|have been|had to be) (?:changed|modified|touched"
    r"|edited)",
    re.IGNORECASE,
)
_ALL_UNCHANGED = re.compile(
    r"\bno (?:source |code |project )?files? (?:was|were|have been|has been) (?:changed|modified"
    r"|touched|edited)"
    r"|\b(?:made no|did not make any|didn't make any|haven't made any) (?:code )?changes\b"
    r"|\b(?:haven't|have not|didn't|did not) (?:changed?|modif(?:y|ied)|touch(?:ed)?) (?:anything"
    r"|any files?)",
    re.IGNORECASE,
)
_LIMITED = re.compile(
    r"\b(?:otherwise|beyond|besides|except|apart|other than|elsewhere|further|additional|outside"
    r"|unrelated|else|more|after that|aside)\b",
    re.IGNORECASE,
)

_HEDGED = re.compile(
    r"\b(?:would|could|should|might|may|must|can|cannot|will|shall|to be|if|once|unless|until"
    r"|whether|when|whenever|you|you'll|please|let me|let's|want|needs?|try|tried|trying"
    r"|attempt\w*|recommend\w*|suggest\w*|consider|plans?|planned|planning|going to|next|todo"
    r"|ensure"
    r"|make sure|making sure|expect\w*|suppos\w*|intend\w*|in order|so that|before|assum\w*"
    r"|presumabl\w*|probabl\w*|likely|hopefully|think|believe|appears?|seems?|guess|maybe|perhaps"
    r"|not|never|no|without|instead of|rather than|failed to|unable|used to|previously|earlier"
    r"|initially|originally|neither|nor|example|for instance|say|claims?|says|said|states?|stated"
    r"|mentions?|explains?|describes?|announces?|promises|according|the user|someone|upstream"
    r"|claimed|pretend|imagine|suppose|unclear|requires?|until"
    r"|to (?:confirm|verify|ensure|check|see|validate|make)|(?:check|confirm|verify|see) (?:that"
    r"|whether)|wish|hope|aim|goal|task|asked"
    r"|requested|instruct\w*)\b|n't\b|\?",
    re.IGNORECASE,
)
_IMPERATIVE = re.compile(
    r"\W*(?:\d+[.)]\s*)?(?:then\s+|and\s+|also\s+)?(?:run|re-?run|check|confirm|verify|ensure|make"
    r"|execute|validate"
    r"|try|use|see|open|install|start|keep|let|please|test\s+(?!suites?\b|runs?\b|cases?\b))\b",
    re.IGNORECASE,
)
"""How an instruction begins."""
_BY_OTHERS = re.compile(
    r"\b(?:in (?:a|an|the|my|your) (?:previous|earlier|last|prior)|by (?:the user|you|someone"
    r"|another"
    r"|upstream|the previous|a previous)|earlier|previously|last (?:week|month|year|time|run)"
    r"|already"
    r"|upstream|ago|beforehand|below|as follows|above|before (?:this|my|the) (?:change|run"
    r"|session))\b",
    re.IGNORECASE,
)
"""Behind a statement: somebody else did it, or it is only shown."""
_NOT_HEDGES = re.compile(
    r"\bas (?:you )?(?:asked|requested|instructed|planned|expected|specified|described)\b"
    r"|\bnot only\b|\bper your\b|\bas you (?:wanted|wished)\b|\bnext,|\bfor you\b|\bas part of the"
    r" task\b"
    r"|\bthe requested\b",
    re.IGNORECASE,
)

_PASSES = (
    r"(?:pass(?:es|ed|ing)?\b|succeed(?:s|ed)?\b|(?:is|are|was|were|all|runs?|came back|comes"
    r" back)\s+"
    r"(?:now\s+|all\s+|fully\s+|completely\s+)*(?:green|passing|clean|successful|happy|ok|okay)\b"
    r"|green\b"
    r"|runs?\s+(?:cleanly|without|fine)|r[au]n\s+successfully|complet\w+\s+(?:successfully|cleanly"
    r"|without|fine)"
    r"|finish\w*\s+(?:successfully|cleanly|without)|(?:no|without|without any|zero|0)\s+(?:any\s+"
    r"|new\s+)?"
    r"(?:errors?|failures?|issues?|warnings?|findings|problems?|complaints?)|exit(?:s"
    r"|ed)?\s+(?:with\s+)?"
    r"(?:code\s+|status\s+)?0\b|works\b|builds?\s+(?:cleanly|successfully|fine|without|again)"
    r"|compiles?\b"
    r"|clean\b|✅|✔|☑|[1-9]\d*\s+passed\b|(?::|→|=)\s*(?:ok|okay|pass|success)\b)"
)
_PREDICATE = re.compile(_PASSES, re.IGNORECASE)
_TEST_SUBJECT = re.compile(
    r"\b(?P<which>(?:[\w'-]+\s+){0,4}?)(?P<noun>tests?|test suites?|suite|specs|test cases)\b"
    rf"(?:\s+in (?:the|this) (?:test )?suite)?(?P<between>(?:(?!\b(?:tests?"
    rf"|suite)\b)[^.;\n]){{0,50}}?)(?P<passes>{_PASSES})",
    re.IGNORECASE,
)
_TEST_OBJECT = re.compile(
    r"\bpass(?:es|ed|ing)?\s+(?P<which>(?:[\w'-]+\s+){0,4}?)(?P<noun>tests?|test suites?|suite)\b",
    re.IGNORECASE,
)
_SOME = re.compile(
    r"\b(?:in(?! (?:the|this) (?:test )?(?:suite|repo\w*|project|package)\b)|for|of|related|under"
    r"|from|covering|that|which|I|we|added|involving|about|touching"
    r"|matching|with"
    r"|using|on|against)\b|[\ue000-\uf8ff]",
    re.IGNORECASE,
)
"""Between `tests` and `pass`: only some of them are meant."""
_ALL_WORDS = """
    executed reran re-ran all every both the existing full whole entire complete python project
    of its test tests
    my our these those now two three four five six seven eight nine ten also and have i
    confirmed confirm verified that with so done fixed repository's repo's node rust go js
    local finally result results new-and-existing as well ran run running again everything
"""
_ALL = frozenset(_ALL_WORDS.split())
_OF_A_KIND = frozenset(["unit", "integration", "regression", "automated"])
_LINT_SUBJECT = re.compile(
    rf"\b(?:lint(?:er|ers|ing|s)?|ruff|flake8|eslint|clippy|pylint"
    rf"|shellcheck)\b[^.;\n]{{0,40}}?(?:{_PASSES})",
    re.IGNORECASE,
)
_TYPES_SUBJECT = re.compile(
    rf"\b(?:type[- ]?check(?:s|er|ing)?|types|mypy|pyright|tsc)\b[^.;\n]{{0,40}}?(?:{_PASSES})",
    re.IGNORECASE,
)
_BUILD_SUBJECT = re.compile(
    rf"\b(?:the\s+|project\s+|production\s+)?(?:build|compilation|project|code|library|program"
    rf"|crate|binary|it|everything)\s+"
    rf"(?:now\s+|still\s+|again\s+)?(?:builds?|compiles?)\b|\b(?:build"
    rf"|compilation)\b[^.;\n]{{0,40}}?(?:{_PASSES})",
    re.IGNORECASE,
)
_ALL_SUBJECT = re.compile(
    rf"\b(?:everything|all (?:the )?checks|all (?:of them|three|four)|the checks"
    rf"|checks)\b[^.;\n]{{0,30}}?(?:{_PASSES})"
    r"|\ball (?:is |are )?green\b",
    re.IGNORECASE,
)
_COMMAND_PASSES = re.compile(
    rf"(?P<command>{COMMAND})(?P<between>[^{COMMAND[1:-1]}\n]{{0,70}}?)(?P<passes>{_PASSES})",
    re.IGNORECASE,
)
_PASSED_COMMAND = re.compile(
    rf"(?:✅|✔|☑|\bsuccessfully (?:ran|compiled|built|executed)(?: with)?"
    rf"|\b(?:ran|compiled|built|executed) successfully(?: with)?:?|\bpass(?:ed|es"
    rf"|ing):?)\s*\(?(?P<command>{COMMAND})"
    rf"|(?P<passes>{_PASSES})[^.;\n{COMMAND[1:-1]}]{{0,25}}\(\s*(?P<in_parentheses>{COMMAND})",
    re.IGNORECASE,
)
_NAMED_TEST = re.compile(
    rf"(?P<test>[\uf000-\uf8ff])\s+(?:test\s+)?(?:now\s+|both\s+|also\s+)?(?:{_PASSES})",
    re.IGNORECASE,
)
_THEY_PASS = re.compile(
    rf"\W*(?:and\s+)?(?:it|they|both|all|everything|this|that|which|the (?:run|command"
    rf"|result))\b[^.;]{{0,30}}?(?:{_PASSES})",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"\b(?:except|apart from|other than|excluding|but not|once|unless|as long|provided|when you"
    r"|after you|before|prior|earlier|previously|on (?:main|master)|in CI|upstream|if you|if the"
    r"|again once|aside from|only if|for me to|when (?:it|they|run|started)|alone|in isolation"
    r"|individually|separately"
    r"|by (?:itself|themselves)|on (?:its|their) own|at first|initially|most)\b|\?",
    re.IGNORECASE,
)
_RAN = re.compile(
    rf"\b(?:ran|reran|re-ran|executed|verified|tested|checked|validated|confirmed|built|linted"
    rf"|running)\b"
    rf"[^.;\n{COMMAND[1:-1]}]{{0,60}}?(?P<command>{COMMAND})",
    re.IGNORECASE,
)
_RAN_TESTS = re.compile(
    r"\b(?:I|we|I've|and|then|also|have)\s+(?:also\s+|then\s+)?(?:ran|reran|re-ran|run|executed)\s+"
    r"(?:[\w'-]+\s+){0,6}?(?:(?:all|the|your|full|whole|entire|unit|existing|complete|test|of)\s+)+"
    r"(?:tests|test suite|suite)\b",
    re.IGNORECASE,
)

_REPORTS_FAILURE = re.compile(
    r"\bstill\b[^.;]{0,40}\b(?:fail|red|broken|error|exit)|\bfails?\b|\b(?:is|are"
    r"|keeps?)\s+(?:still\s+|currently\s+)?"
    r"(?:failing|red|broken)\b|\b(?:do|does|did)(?:n't| not)\s+(?:yet\s+|all\s+)?(?:pass|compile"
    r"|build|work|succeed)"
    r"|\bnot (?:all|every|yet|pass|green)|\b(?:could|can)(?:n't| ?not)\s+(?:be\s+)?(?:run|rerun"
    r"|get|fix|verif|complete|execut|test|build)"
    r"|\bunable to\b|\bremaining (?:failure|error|issue)|\b[1-9]\d*\s+(?:\w+\s+)?(?:fail(?:s|ed"
    r"|ures?|ing)?|errors?)\b"
    r"|❌|✗|✘|⚠|\bended with exit code [1-9]|\bexit(?:s|ed)?\s+(?:with\s+)?(?:code\s+"
    r"|status\s+)?[1-9]"
    r"|\b(?:was|were) (?:not able|unable)|\b(?:one|two|three|some|a few"
    r"|several)\s+(?:\w+\s+)?(?:fail|are failing|is failing)",
    re.IGNORECASE,
)
_NO_FAILURE = re.compile(
    r"\b(?:0|no|zero|without|never|not|won't|doesn't|don't|no longer)\s+(?:\w+\s+)?(?:fail\w*"
    r"|errors?)"
    r"|\b(?:previously|formerly|originally|initially)\s+fail\w+|\b(?:fix|fixe[sd]|resolv|repair"
    r"|address|correct|cur|solv)\w*\b"
    r"[^.;]{0,60}\bfail\w*|\bfail\w* tests?\b|\bfail\w*\s+(?:before|at first|initially|earlier)"
    r"|\b(?:if|when|whenever|so that|raise\w*|return\w*|unless|in case|to)\b[^.;]{0,60}\bfails?\b"
    r"|\bfail(?:s|ed)? (?:fast|loudly|gracefully|early|safe)",
    re.IGNORECASE,
)
_ABOUT_CHECKS = re.compile(
    rf"\b(?:tests?|suite|specs?|build|lint\w*|checks?|compil\w+|CI|pass\w*|typecheck|mypy|verif\w+"
    rf"|run)\b|{COMMAND}|[\uf000-\uf8ff]"
    r"|[1-9]\d*\s+(?:\w+\s+)?fail",
    re.IGNORECASE,
)


class Claim(NamedTuple):
    """A statement about files, checks or commands, with the words of the agent.

    `subject` is a path, `TESTS`, the kind of a check, a command line, the name of a test after
    `test:`, or `ANYTHING`.
    """

    kind: ClaimKind
    subject: str
    text: str


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
        reports = _reports_failure(statement)
        failure = failure or reports
        if not made and not reports and _is_unclear(statement):
            unclear.append(message.plain(statement.text))
    return Claims(tuple(dict.fromkeys(claims)), failure, tuple(unclear))


def _claims(statement: Statement, message: Message) -> Iterator[Claim]:
    if statement.skipped:
        return
    text = message.plain(statement.text)
    for kind, subject in (*_of_files(statement, message), *_of_checks(statement, message)):
        yield Claim(kind, subject, text)


def _of_the_same(statement: Statement, before: list[Claim], message: Message) -> list[Claim]:
    """The claim that what was run before passes: "I ran `x`, and both succeeded"."""
    stands = (
        not statement.skipped and not _hedges(statement.text) and not _EXCEPT.search(statement.text)
    )
    ran = [claim for claim in before if claim.kind == "ran"]
    if not ran or not stands or not _THEY_PASS.match(statement.text):
        return []
    return [Claim("passed", ran[-1].subject, message.plain(statement.text))]


# ---------------------------------------------------------------- files


_OF_FILES = (
    _DIRECT, _MOVES, _PLACES, _CHANGED_IN, _PASSIVE, _PLACED, _DELETES, _NEW, _LED, _NEW_KIND,
    _EDITS_TO, _NAMED_AFTER_COLON,
)  # fmt: skip


def _of_files(statement: Statement, message: Message) -> Iterator[tuple[ClaimKind, str]]:
    line = statement.text
    listed = _LISTED.match(line) if statement.listed in ("changed", "deleted") else None
    if listed is not None:
        kind: ClaimKind = "deleted" if statement.listed == "deleted" else "changed"
        yield from ((kind, path) for path in message.files(listed["files"]))
        return
    yield from _unchanged_files(line, message)
    for pattern in _OF_FILES:
        for match in pattern.finditer(line):
            if not _is_hedged(line, match) and _is_about_files(line, match, pattern):
                kind = "deleted" if _deletes(match) else "changed"
                yield from ((kind, path) for path in message.files(match["files"]))


def _deletes(match: re.Match[str]) -> bool:
    return re.match(_DELETED, match.groupdict().get("verb") or "", re.IGNORECASE) is not None


def _is_hedged(line: str, match: re.Match[str]) -> bool:
    elsewhere = _BY_OTHERS.search(line[match.end() :]) is not None
    return elsewhere or _hedges(line[: match.start()]) or line.rstrip().endswith("?")


def _is_about_files(line: str, match: re.Match[str], pattern: re.Pattern[str]) -> bool:
    """Whether the files themselves are what was made or changed."""
    behind = line[match.end() :]
    if pattern is _DIRECT:
        put = re.match(_PUT, match["verb"], re.IGNORECASE)
        if put and re.match(r"\s+(?:to|into)\s", behind):
            return False
        return re.match(_PART_OF, behind, re.IGNORECASE) is not None
    if pattern is _PLACES:
        what = match["what"]
        if _POINTS_TO.search(what):
            return False
        within = match["where"].lower() not in ("to", "into", "as")
        return not within or (_PUT_IN.search(what) is not None and not _LIES_IN.search(what))
    return pattern is not _CHANGED_IN or not _LIES_IN.search(match["what"])


def _unchanged_files(line: str, message: Message) -> Iterator[tuple[ClaimKind, str]]:
    limited = _LIMITED.search(line) is not None or line.rstrip().endswith("?")
    if limited and not _ALL_UNCHANGED.search(line):
        return
    for pattern in _UNCHANGED:
        for match in pattern.finditer(line):
            if not _PART.search(line[: match.start()]):
                yield from (("unchanged", path) for path in message.files(match["files"]))
    if _TESTS_UNCHANGED.search(line):
        yield "unchanged", TESTS
    if _ALL_UNCHANGED.search(line) and not re.search(r"\b(?:else|other|further|more)\b", line):
        yield "unchanged", ANYTHING


# ---------------------------------------------------------------- checks and commands


def _of_checks(statement: Statement, message: Message) -> Iterator[tuple[ClaimKind, str]]:
    line = statement.text
    if _reports_failure(statement):
        return
    for pattern in (_COMMAND_PASSES, _PASSED_COMMAND):
        for match in pattern.finditer(line):
            if _stands(line, match):
                sign = match["command"] or match["in_parentheses"]
                yield "passed", message.command(sign)
    for match in _NAMED_TEST.finditer(line):
        if _stands(line, match):
            yield "passed", f"test:{message.code(match['test'])}"
    for match in (*_TEST_SUBJECT.finditer(line), *_TEST_OBJECT.finditer(line)):
        subject = _tests_meant(match)
        if subject and _stands(line, match):
            yield "passed", subject
    for kind, pattern in (
        ("lint", _LINT_SUBJECT),
        ("types", _TYPES_SUBJECT),
        ("build", _BUILD_SUBJECT),
        (ANYTHING, _ALL_SUBJECT),
    ):
        if any(_stands(line, match) for match in pattern.finditer(line)):
            yield "passed", kind
    for match in _RAN.finditer(line):
        if not _hedges(line[: match.start()]) and not line.rstrip().endswith("?"):
            yield "ran", message.command(match["command"])
    for match in _RAN_TESTS.finditer(line):
        if not _hedges(line[: match.start()]) and not _EXCEPT.search(line):
            yield "ran", "test"


def _tests_meant(match: re.Match[str]) -> str:
    """Whether all tests are meant, those of one kind, or just some: `test`, `SOME_TESTS`, ""."""
    words = re.split(r"\b(?:and|or)\b|,", match["which"].lower())[-1]
    which = set(re.findall(r"[\w'-]+", words))
    some = _SOME.search(match.groupdict().get("between") or "") is not None
    if some or any(word not in _ALL | _OF_A_KIND and not word.isdigit() for word in which):
        return ""
    return SOME_TESTS if which & _OF_A_KIND else "test"


def _stands(line: str, match: re.Match[str]) -> bool:
    """Whether a statement that something passes has no condition, doubt or exception."""
    between = match.groupdict().get("between") or ""
    before = f"{line[: match.start()]} {between}"
    if _IMPERATIVE.match(line) or _EXCEPT.search(line):
        return False
    return not _hedges(before) and not _hedges(_PREDICATE.sub("", match[0]))


def _hedges(text: str) -> bool:
    return _HEDGED.search(_NOT_HEDGES.sub(" ", text)) is not None


def _reports_failure(statement: Statement) -> bool:
    if statement.skipped:
        return False
    line = _NO_FAILURE.sub(" ", statement.text)
    return (
        _REPORTS_FAILURE.search(line) is not None
        and _ABOUT_CHECKS.search(statement.text) is not None
    )


_SEEMS = re.compile(
    rf"(?:{FILE}|{COMMAND}).*\b(?:pass(?:es|ed)?|succe\w+|created|deleted|removed|updated|added"
    rf"|wrote)\b"
    rf"|\b(?:created|deleted|removed|updated|added|wrote)\b.*{FILE}",
    re.IGNORECASE,
)


def _is_unclear(statement: Statement) -> bool:
    """Whether a statement that gave no claim names a file or a command, and a deed."""
    stands = not statement.skipped and not _hedges(statement.text)
    return stands and _SEEMS.search(statement.text) is not None
