"""How English speaks of checks that passed, failed or ran, as patterns."""

import re

from crossrun.proof.messages import COMMAND

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
    r"|clean\b|✅|✔|☑|[1-9]\d*\s+passed\b|(?::|→|=)\s*(?:ok|okay|pass|success)\b"
    r"|[1-9]\d*\s+(?:tests?\s+|specs?\s+)?(?:passing|green|ok)\b"
    r"|(?:error|warning|issue|lint)s?-free\b"
    r"|confirm\w*\s+(?:that\s+)?(?:[\w'-]+\s+){1,4}(?:is|are)\s+valid\b)"
)
PREDICATE = re.compile(_PASSES, re.IGNORECASE)
TEST_SUBJECT = re.compile(
    r"\b(?P<which>(?:[\w'-]+\s+){0,4}?)(?P<noun>tests?|test suites?|suite|specs|test cases)\b"
    rf"(?:\s+in (?:the|this) (?:test )?suite)?(?P<between>(?:(?!\b(?:tests?"
    rf"|suite)\b)[^.;\n]){{0,50}}?)(?P<passes>{_PASSES})",
    re.IGNORECASE,
)
TEST_OBJECT = re.compile(
    r"\bpass(?:es|ed|ing)?\s+(?P<which>(?:[\w'-]+\s+){0,4}?)(?P<noun>tests?|test suites?|suite)\b",
    re.IGNORECASE,
)
SOME = re.compile(
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
    django rails spec rspec
    local finally result results new-and-existing as well ran run running again everything
"""
ALL = frozenset(_ALL_WORDS.split())
OF_A_KIND = frozenset(["unit", "integration", "regression", "automated"])
LINT_SUBJECT = re.compile(
    rf"\b(?:lint(?:er|ers|ing|s)?)\b[^.;\n]{{0,40}}?(?:{_PASSES})",
    re.IGNORECASE,
)
TYPES_SUBJECT = re.compile(
    rf"\b(?:type[- ]?check(?:s|er|ing)?|types)\b[^.;\n]{{0,40}}?(?:{_PASSES})",
    re.IGNORECASE,
)
BUILD_SUBJECT = re.compile(
    rf"\b(?:the\s+|project\s+|production\s+)?(?:build|compilation|project|code|library|program"
    rf"|crate|binary|it|everything)\s+"
    rf"(?:now\s+|still\s+|again\s+)?(?:builds?|compiles?)\b|\b(?:build"
    rf"|compilation)\b[^.;\n]{{0,40}}?(?:{_PASSES})",
    re.IGNORECASE,
)
ALL_SUBJECT = re.compile(
    rf"\b(?:everything|all (?:the )?checks|all (?:of them|three|four)|the checks"
    rf"|checks)\b[^.;\n]{{0,30}}?(?:{_PASSES})"
    r"|\ball (?:is |are )?green\b",
    re.IGNORECASE,
)
COMMAND_PASSES = re.compile(
    rf"(?P<command>{COMMAND})(?P<between>[^{COMMAND[1:-1]}\n]{{0,70}}?)(?P<passes>{_PASSES})",
    re.IGNORECASE,
)
PASSED_COMMAND = re.compile(
    rf"(?:✅|✔|☑|\bsuccessfully (?:ran|compiled|built|executed)(?: with)?"
    rf"|\b(?:ran|compiled|built|executed) successfully(?: with)?:?|\bpass(?:ed|es"
    rf"|ing):?)\s*\(?(?P<command>{COMMAND})"
    rf"|(?P<passes>{_PASSES})[^.;\n{COMMAND[1:-1]}]{{0,25}}\(\s*(?P<in_parentheses>{COMMAND})",
    re.IGNORECASE,
)
NAMED_TEST = re.compile(
    rf"(?P<test>[\uf000-\uf8ff])\s+(?:test\s+)?(?:now\s+|both\s+|also\s+)?(?:{_PASSES})",
    re.IGNORECASE,
)
THEY_PASS = re.compile(
    rf"\W*(?:and\s+)?(?:it|they|both|all|everything|this|that|which|the (?:run|command"
    rf"|result))\b[^.;]{{0,30}}?(?:{_PASSES})",
    re.IGNORECASE,
)
_RUNNING = (
    r"(?:^\W*|\b(?:I|we|I've|we've|and|then|also|have)\s+)(?:also\s+|then\s+|successfully\s+)*"
    r"(?:ran|reran|re-ran|(?<=have )run|(?<=ve )run|executed)\b"
    r"(?:(?!\b(?:that|which|whose|when)\b)[^.;\n])"
)
RAN = re.compile(
    rf"{_RUNNING}{{0,60}}?(?P<command>{COMMAND})"
    rf"|\b(?:verified|tested|checked|validated|confirmed|built|linted)\b"
    rf"[^.;\n{COMMAND[1:-1]}]{{0,60}}?\b(?:with|by running|via|using|by executing|through|after"
    rf" running)\s+(?:(?:both|a|the|full)\s+)*"
    rf"(?P<by>{COMMAND})",
    re.IGNORECASE,
)
TOOLS = frozenset(
    [
        "pytest",
        "unittest",
        "jest",
        "vitest",
        "mocha",
        "rspec",
        "phpunit",
        "playwright",
        "cypress",
        "ctest",
        "eslint",
        "ruff",
        "flake8",
        "pylint",
        "mypy",
        "pyright",
        "tsc",
        "clippy",
        "shellcheck",
        "svelte-check",
        "phpstan",
        "rubocop",
        "biome",
        "stylelint",
        "golangci-lint",
    ]
)
"""Programs whose plain names stand for their checks."""
TOOL_PASSES = re.compile(
    rf"(?<![\w/.-])(?P<tool>{'|'.join(sorted(TOOLS))})\b(?P<between>[^.;,\n]{{0,40}}?)"
    rf"(?P<passes>{_PASSES})",
    re.IGNORECASE,
)
COUNT_PASSES = re.compile(r"(?<![\w.])(?P<count>[1-9]\d*)\s+(?:tests?\s+)?passed\b", re.IGNORECASE)
NAMES_TOOL = re.compile(rf"(?<![\w/.-])(?:{'|'.join(sorted(TOOLS))})\b", re.IGNORECASE)
PLACE = re.compile(
    r"^\W*(?:in|inside|within) (?:the|a) [\w-]+(?: \w+)??[,:]?\s+(?=the|all|every|\d)",
    re.IGNORECASE,
)
"""`In the container` before what is said about the tests."""
ALL_OF = re.compile(r"(?<![\w/.])([1-9]\d*)\s?(?:/|of|out of)\s?\1(?![\w/.])")
"""`9/9`: as many as there are."""
RAN_TESTS = re.compile(
    r"\b(?:I|we|I've|and|then|also|have)\s+(?:also\s+|then\s+)?(?:ran|reran|re-ran|run|executed)\s+"
    r"(?:[\w'-]+\s+){0,6}?(?:(?:all|the|your|full|whole|entire|unit|existing|complete|test|of)\s+)+"
    r"(?:tests|test suite|suite)\b",
    re.IGNORECASE,
)
REPORTS_FAILURE = re.compile(
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
NO_FAILURE = re.compile(
    r"\b(?:0|no|zero|without|never|not|won't|doesn't|don't|no longer)\s+(?:\w+\s+)?(?:fail\w*"
    r"|errors?)"
    r"|\b(?:previously|formerly|originally|initially)\s+fail\w+|\b(?:fix|fixe[sd]|resolv|repair"
    r"|address|correct|cur|solv)\w*\b"
    r"[^.;]{0,60}\bfail\w*|\bfail\w* tests?\b|\bfail\w*\s+(?:before|at first|initially|earlier)"
    r"|\b(?:if|when|whenever|so that|raise\w*|return\w*|unless|in case|to)\b[^.;]{0,60}\bfails?\b"
    r"|\bfail(?:s|ed)? (?:fast|loudly|gracefully|early|safe)",
    re.IGNORECASE,
)
ABOUT_CHECKS = re.compile(
    rf"\b(?:tests?|suite|specs?|build|lint\w*|checks?|compil\w+|CI|pass\w*|typecheck|mypy|verif\w+"
    rf"|run)\b|{COMMAND}|[\uf000-\uf8ff]"
    r"|[1-9]\d*\s+(?:\w+\s+)?fail",
    re.IGNORECASE,
)
