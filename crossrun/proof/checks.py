"""Checks among the commands of an agent: tests, linters, type checkers, builds, and their outcomes.

An outcome is `unknown` where neither the exit code nor the output shows it: behind a pipe, before
`|| true`, in the background. `empty` is a check that passed without having checked anything.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from crossrun.commandlines.shell import Part, parts, split_words, stages, without_wrappers
from crossrun.proof.prefilter import may_contain_check
from crossrun.system.commandlines import one_line, opened

CheckKind = Literal["test", "lint", "types", "build"]
Outcome = Literal["passed", "failed", "unknown", "empty"]

_PROGRAMS: dict[CheckKind, str] = {
    "test": "pytest py.test nosetests nose2 tox nox jest vitest mocha ava rspec phpunit pest ctest "
    "bats behave cypress playwright karma tap busted prove gotestsum cucumber newman hurl "
    "doctest unittest nose trial ward robot minitest testem qunit",
    "lint": "ruff flake8 pylint pycodestyle pydocstyle eslint oxlint biome standard xo prettier "
    "black isort shellcheck yamllint jsonlint markdownlint markdownlint-cli2 vale stylelint "
    "htmlhint hadolint golangci-lint staticcheck gofmt goimports rubocop phpcs phpstan psalm "
    "swiftlint swift-format ktlint checkstyle bandit vulture pre-commit clang-tidy clang-format "
    "cppcheck ansible-lint tflint shfmt taplo xmllint nixfmt codespell cspell deptry "
    "import-linter lint-imports sqlfluff",
    "types": "mypy dmypy pyright basedpyright pyre pytype tsc vue-tsc ty flow srb "
    "dialyzer svelte-check",
    "build": "make gmake cmake ninja meson gcc g++ cc c++ clang clang++ javac rustc scalac kotlinc "
    "mvn mvnw gradle gradlew bazel buck2 latexmk pdflatex xelatex lualatex tectonic typst mkdocs "
    "sphinx-build hugo webpack vite rollup esbuild parcel next tsup py_compile compileall build "
    "msbuild xcodebuild scons ant zig nasm ld swiftc ghc ocamlc mcs vsce",
}
_KIND_OF: dict[str, CheckKind] = {
    name: kind for kind, names in _PROGRAMS.items() for name in names.split()
}
_SUBCOMMANDS: dict[str, dict[str, CheckKind]] = {
    "cargo": {
        "test": "test", "t": "test", "nextest": "test", "clippy": "lint", "fmt": "lint",
        "build": "build", "b": "build", "check": "build", "c": "build", "doc": "build",
    },
    "go": {"test": "test", "vet": "lint", "build": "build", "fmt": "lint"},
    "dotnet": {"test": "test", "build": "build", "format": "lint", "publish": "build"},
    "mvn": {"test": "test", "verify": "test", "integration-test": "test"},
    "mvnw": {"test": "test", "verify": "test"},
    "gradle": {"test": "test", "check": "test", "lint": "lint"},
    "gradlew": {"test": "test", "check": "test", "lint": "lint"},
    "swift": {"test": "test", "build": "build"},
    "deno": {"test": "test", "lint": "lint", "check": "types", "fmt": "lint", "compile": "build"},
    "bun": {"test": "test", "build": "build"},
    "node": {"--test": "test", "--check": "lint"},
    "mix": {"test": "test", "compile": "build", "credo": "lint", "format": "lint"},
    "sbt": {"test": "test", "compile": "build"},
    "lein": {"test": "test", "compile": "build"},
    "stack": {"test": "test", "build": "build"},
    "cabal": {"test": "test", "build": "build"},
    "dune": {"test": "test", "runtest": "test", "build": "build"},
    "rebar3": {"eunit": "test", "ct": "test", "compile": "build"},
    "flutter": {"test": "test", "analyze": "lint", "build": "build"},
    "dart": {"test": "test", "analyze": "lint", "format": "lint", "compile": "build"},
    "zig": {"test": "test"},
    "bazel": {"test": "test", "build": "build"},
    "meson": {"test": "test", "compile": "build"},
    "ninja": {"test": "test", "check": "test"},
    "rake": {"test": "test", "spec": "test", "build": "build"},
    "rails": {"test": "test"},
    "composer": {"test": "test", "validate": "lint"},
    "artisan": {"test": "test"},
    "manage.py": {"test": "test", "check": "lint"},
    "terraform": {"validate": "lint", "fmt": "lint"},
    "helm": {"lint": "lint"},
    "ruff": {"check": "lint", "format": "lint"},
    "hatch": {"test": "test", "build": "build"},
    "poetry": {"build": "build", "check": "lint"},
    "uv": {"build": "build"},
    "docker": {"build": "build"},
    "podman": {"build": "build"},
    "R": {"check": "test"},
    "git": {},
}  # fmt: skip
_RUNNERS = frozenset(
    [
        "npm",
        "yarn",
        "pnpm",
        "bun",
        "make",
        "gmake",
        "just",
        "task",
        "rake",
        "invoke",
        "inv",
        "nox",
        "tox",
        "composer",
        "grunt",
        "gulp",
        "lerna",
        "nx",
        "turbo",
        "moon",
        "earthly",
        "mise",
        "pdm",
        "rye",
        "hatch",
        "poe",
        "deno",
    ]
)
"""Programs that run what a project calls a test, a lint or a build."""
_NAMED: tuple[tuple[re.Pattern[str], CheckKind], ...] = (
    (re.compile(r"(?:^|[_\W])(?:tests?|specs?|e2e|coverage|selftest)(?:$|[_\W])"), "test"),
    (re.compile(r"(?:^|[_\W])(?:typecheck|types?|tsc|mypy)(?:$|[_\W])"), "types"),
    (re.compile(r"(?:^|[_\W])(?:lint\w*|format\W?check|style|fmt)(?:$|[_\W])"), "lint"),
    (re.compile(r"(?:^|[_\W])(?:check\w*|validate\w*|verify|ci)(?:$|[_\W])"), "test"),
    (re.compile(r"(?:^|[_\W])(?:build|compile|dist|bundle)(?:$|[_\W])"), "build"),
)
"""What the name of a script or of a target says."""
_INTERPRETERS = re.compile(
    r"^(?:python[\d.]*|pypy\d?|node|ruby|perl|php|Rscript|bash|sh|zsh|java)$"
)
_SYNTAX = re.compile(r"^(?:node --check|(?:ba|z)?sh -n|ruby -\w*c|php -l|perl -\w*c|nginx -t)\b")
_WITHIN = frozenset(
    [
        "docker",
        "podman",
        "kubectl",
        "coverage",
        "xvfb-run",
        "firejail",
        "wsl",
        "vagrant",
        "ssh",
        "npx",
        "nix",
    ]
)
"""Programs that run another program, which stands somewhere among their words."""
_ASKS = re.compile(
    r"(?:^|\s)(?:--help|--version|-V|--collect-only|--co|--list|--listTests|--dry-run|--fixtures|"
    r"--init|--showConfig|--print-config)(?:\s|$)|^g?make\s+(?:\S+\s+)*-n\b|^ctest\s.*-N\b"
    r"|^(?:g?make|rm)\s+(?:\S+\s+)*(?:clean|install|format|fmt|help|run|start|serve|dev)\b"
)
_FORMATTERS = frozenset(
    ["black", "isort", "prettier", "gofmt", "goimports", "shfmt", "clang-format", "xmllint"]
)
_RUNNERS_ONLY = frozenset(["npm", "yarn", "pnpm", "make", "gmake", "just", "task", "rake"])
"""Programs whose `format` may be anything."""
_ONLY_LOOKS = re.compile(
    r"(?:^|\s)(?:--check(?:-only)?|--diff|-c|-l|-d|--list-different|--noout|--verify-no-changes"
    r"|--set-exit-if-changed|--check-formatted)\b"
)
_FIXES = re.compile(
    r"(?:^|\s)(?:--fix(?:-only)?|--write|--in-place|--unsafe-fixes|--auto-?correct(?:-all)?)\b"
    r"|^(?:rubocop|standardrb)\s.*-[aA]\b|^clang-format\s.*-i\b"
)
_LONGEST_OUTPUT = 40_000

_TEST_FAILED = re.compile(
    r"(?m)^=+ .*\b[1-9]\d* (?:failed|errors?)\b|^[1-9]\d* (?:failed|errors?)\b.* in [\d.]+s"
    r"|^FAILED \(|^(?:FAILED|ERROR) \S+|^not ok\b|^\s*[#\u2139] fail [1-9]|^test result: FAILED"
    r"|^\s*Tests?:.*\b[1-9]\d* failed|^\s*Tests?\s+[1-9]\d* failed|^--- FAIL|^FAIL\b"
    r"|BUILD FAIL(?:ED|URE)|Tests run: \d+.*(?:Failures|Errors): [1-9]"
    r"|^\s*\d+ (?:tests?|examples?|runs|specs?),.*\b[1-9]\d* (?:failures?|errors?)"
    r"|\b[1-9]\d* tests? failed|^\s*[1-9]\d* failing\b|^Result: FAIL|^Failed!|tests? failed out of"
    r"|^FAILURES!|^make(?:\[\d+\])?: \*\*\*|^error: test failed|No module named pytest"
    r"|command not found$|^npm (?:ERR!|error) (?!notice)|^Traceback \(most recent call last\)"
)
_TEST_PASSED = re.compile(
    r"(?m)^=+ \d+ passed\b|^\d+ passed\b.* in [\d.]+s|^OK(?: \(.*\))?$|^ok\s+\S+\s+[\d.]+s"
    r"|^test result: ok\.|^\s*[#\u2139] fail 0$|^Tests?:\s+(?:\d+ \w+, )*\d+ passed, \d+ total"
    r"|^\s*Tests\s+\d+ passed|BUILD SUCCESS|^100% tests passed|^Result: PASS|^All tests successful"
    r"|^\s*\d+ passing\b|\b0 failures\b|^PASS\b|^\s*[1-9]\d* passed\b|^OK \(\d+ tests"
)
_OTHER_FAILED = re.compile(
    r"(?m)^make(?:\[\d+\])?: \*\*\*|\berror(?:\[\w+\])?: |^Found [1-9]\d* errors?|error TS\d+"
    r"|BUILD FAIL(?:ED|URE)|^npm (?:ERR!|error) (?!notice)|✖ [1-9]\d* problems?|would reformat"
    r"|command not found$|^Traceback \(most recent call last\)|^FAILED: |^! LaTeX Error"
    r"|SyntaxError|fatal error"
)
_OTHER_PASSED = re.compile(
    r"(?m)^All checks passed|^Success: no issues found|BUILD SUCCESS|^\s*Finished `?\w+`?"
    r"|\b0 errors, 0 warnings|^Build succeeded"
)
_EMPTY = re.compile(
    r"(?m)^Ran 0 tests|\bno tests ran\b|^\s*[#\u2139] tests 0$|\bNo tests? (?:found|files found|to"
    r" run)"
    r"|^No tests were found|\[no tests? (?:files|to run)\]|^\s*0 passing|^running 0 tests$"
    r"|no test specified|^1\.\.0|^\s*0 examples|^(?:=+ )?\d+ (?:skipped|deselected)\b.* in [\d.]+s"
)
_HINTS_OF_EMPTY = (
    "Ran 0", "o test", "tests 0", "0 passing", "running 0", "1..0", "0 examples", "skipped",
    "deselected",
)  # fmt: skip
_NOT_EMPTY = re.compile(
    r"(?m)^Ran [1-9]|^\s*[#\u2139] tests [1-9]|^running [1-9]|\b[1-9]\d* (?:passed|passing)"
    r"|^ok\s+\S+\s+[\d.]+s"
)


class CheckRun(NamedTuple):
    """A check in a command line: its kind, its text, its words, and what became of it.

    `at` is its place among the commands of the line.
    """

    kind: CheckKind
    at: int
    text: str
    words: tuple[str, ...]
    outcome: Outcome


def checks_in(command: str, exit_code: int | None, output: str) -> tuple[CheckRun, ...]:
    """The checks that a command line ran, in order.

    Args:
        command: as the agent ran it, with the shell around it.
        exit_code: that of the whole line; None if it did not exit by itself.
        output: of the whole line.
    """
    script, flags = opened(command)
    if not may_contain_check(script):
        return ()
    everything = commands_in(script)
    kinds = [kind_of(part.text) or _kind_in_loop(part.text) for part in everything]
    count = sum(kind is not None for kind in kinds)
    runs = []
    for at, (part, kind) in enumerate(zip(everything, kinds, strict=True)):
        if kind is not None:
            is_loop = _LOOP.match(part.text) is not None
            outcome = "unknown" if is_loop else _by_exit_code(everything, at, exit_code, flags)
            if outcome != "failed":
                outcome = _by_output(outcome, kind, output[-_LONGEST_OUTPUT:], alone=count == 1)
            words = tuple(_words(stages(part.text)[0]))
            runs.append(CheckRun(kind, at, one_line(part.text), words, outcome))
    return tuple(runs)


_LOOP = re.compile(r"\s*(?:for|while|until|if|case)\s")
_IN_LOOP = re.compile(r"\b(?:do|then|else)\b|[;\n]|&&|\|\|")


def _kind_in_loop(part: str) -> CheckKind | None:
    """The kind of the first check in a loop or a condition, whose exit code is not its own."""
    if not _LOOP.match(part):
        return None
    inner = (text.strip() for text in _IN_LOOP.split(part))
    return next((kind for text in inner if text and (kind := kind_of(text))), None)


@lru_cache(maxsize=4_096)
def kind_of(part: str) -> CheckKind | None:
    """The kind of check that a command is; None if it is none.

    Args:
        part: one command of a command line, which may be a pipeline.
    """
    piped = stages(part)
    if not piped or "<<" in piped[0]:
        return None
    arguments = _words(piped[0])
    return _kind(arguments) if arguments else None


def _words(text: str) -> list[str]:
    arguments = without_wrappers(split_words(text.strip("() \t\n")))
    if not arguments:
        return []
    program = re.split(r"[/\\]", arguments[0])[-1]
    return [program.removesuffix(".exe").removesuffix(".cmd"), *arguments[1:]]


def _kind(arguments: list[str]) -> CheckKind | None:
    program, *rest = arguments
    text = " ".join(arguments)
    if _ASKS.search(text):
        return None
    if _SYNTAX.match(text):
        return "lint"
    if program in _WITHIN and (program != "docker" or rest[:1] != ["build"]):
        return _kind_within(rest)
    if _INTERPRETERS.match(program):
        return _of_interpreter(rest)
    sub = next((word for word in rest if not word.startswith(("-", "+"))), "")
    if _is_formatter(program, sub, text):
        return None
    if program in _SUBCOMMANDS and (kind := _subcommand(program, rest)):
        return kind
    if program in _RUNNERS:
        return _of_runner(program, rest)
    if program in _KIND_OF:
        return _of_program(program, sub, text)
    is_script = "/" in arguments[0] or re.search(r"\.(?:sh|py|js|rb|pl|ps1|bat)$", program)
    return _named(program) if is_script or re.search(r"tests?$", program) else None


def _subcommand(program: str, rest: Sequence[str]) -> CheckKind | None:
    kinds = _SUBCOMMANDS[program]
    return next((kinds[word] for word in rest if word in kinds), None)


def _is_formatter(program: str, sub: str, text: str) -> bool:
    """Whether a program changes files instead of checking them."""
    formats = program in _FORMATTERS or (sub in ("fmt", "format") and program not in _RUNNERS_ONLY)
    return _FIXES.search(text) is not None or (formats and not _ONLY_LOOKS.search(text))


def _of_program(program: str, sub: str, text: str) -> CheckKind | None:
    if program == "cmake" and "--build" not in text:
        return None
    return None if (program, sub) == ("ruff", "rule") else _KIND_OF[program]


def _of_runner(program: str, rest: Sequence[str]) -> CheckKind | None:
    plain = [word for word in rest if not word.startswith("-") and "=" not in word]
    plain = plain[1:] if plain[:1] in (["run"], ["run-script"], ["exec"], ["x"]) else plain
    if program in ("tox", "nox"):
        return "test"
    if not plain:
        return "build" if program in ("make", "gmake", "just", "task") else None
    if plain[0] in ("t", "tst") and program in ("npm", "pnpm"):
        return "test"
    if program in ("npm", "yarn", "pnpm") and plain[0] in ("install", "i", "ci", "add", "publish"):
        return None
    named = next((kind for word in plain if (kind := _named(word))), None)
    if named is None and plain[0] in _KIND_OF:
        return _KIND_OF[plain[0]]
    return named or ("build" if program in ("make", "gmake") else None)


def _of_interpreter(rest: Sequence[str]) -> CheckKind | None:
    if rest[:1] == ["--test"]:
        return "test"
    if rest[:1] == ["-m"] and len(rest) > 1:
        return _kind([rest[1].partition(".")[0] if "." in rest[1] else rest[1], *rest[2:]])
    script = next((word for word in rest if not word.startswith("-")), "")
    if not script or any(word in ("-c", "-e") for word in rest[: rest.index(script)]):
        return "test" if re.search(r"testthat|Pkg\.test|unittest\.main", " ".join(rest)) else None
    name = re.split(r"[/\\]", script)[-1]
    if name in _SUBCOMMANDS:
        return _subcommand(name, rest)
    if name in _KIND_OF:
        return _KIND_OF[name]
    within_tests = re.search(r"(?:^|/)(?:tests?|spec|t)/", script) is not None
    return "test" if within_tests else _named(name.rpartition(".")[0] or name)


def _kind_within(rest: Sequence[str]) -> CheckKind | None:
    for at, word in enumerate(rest):
        name = re.split(r"[/\\]", word)[-1]
        if _KIND_OF.get(name) in ("test", "lint", "types") or name in ("cargo", "go", "npm", "mvn"):
            return _kind([name, *rest[at + 1 :]])
        if name.startswith("python") and rest[at + 1 : at + 2] == ["-m"]:
            return _kind([name, *rest[at + 1 :]])
    return None


def _named(text: str) -> CheckKind | None:
    return next((kind for pattern, kind in _NAMED if pattern.search(text.lower())), None)


def commands_in(script: str) -> list[Part]:
    """The commands of a line; those in a pair of parentheses at its level, too."""
    flat: list[Part] = []
    for part in parts(script):
        inner = part.text.strip()
        if inner.startswith("(") and inner.endswith(")"):
            within = list(parts(inner[1:-1]))
            flat += [
                each._replace(before=each.before or part.before, after=each.after or part.after)
                for each in within
            ]
        else:
            flat.append(part)
    return flat


def _by_exit_code(
    everything: Sequence[Part], at: int, code: int | None, flags: frozenset[str]
) -> Outcome:
    """What the exit code of a line says about one of its commands."""
    if code is None:
        return "unknown"
    script = "\n".join(part.text for part in everything)
    errexit = "e" in flags or re.search(r"(?m)^set -\w*e", script) is not None
    pipefail = "pipefail" in flags or re.search(r"(?m)^set .*pipefail", script) is not None
    part, later = everything[at], everything[at + 1 :]
    if part.before == "||" or part.after == "&" or (len(stages(part.text)) > 1 and not pipefail):
        return "unknown"
    joints = {"&&", ";", "\n", ""} if errexit else {"&&", ""}
    if code == 0:
        return "passed" if part.after in joints and _all_joined(later, joints) else "unknown"
    return "failed" if not later else "unknown"


def _all_joined(later: Sequence[Part], joints: set[str]) -> bool:
    return all(part.after in joints for part in later)


def _is_empty(output: str) -> bool:
    if not any(hint in output for hint in _HINTS_OF_EMPTY):  # a search takes far longer
        return False
    return _EMPTY.search(output) is not None and _NOT_EMPTY.search(output) is None


def _by_output(outcome: Outcome, kind: CheckKind, output: str, *, alone: bool) -> Outcome:
    """What the output adds to the exit code, which is not that of a failure."""
    if outcome == "passed":
        return "empty" if kind == "test" and _is_empty(output) else "passed"
    failed, passed = _TEST_FAILED, _TEST_PASSED
    if kind != "test":
        if not alone:
            return "unknown"
        failed, passed = _OTHER_FAILED, _OTHER_PASSED
    if failed.search(output):
        return "failed"
    return "passed" if passed.search(output) else "unknown"
