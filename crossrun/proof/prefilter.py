"""What can be seen without loading the rules, which a plain command must not wait for."""

from collections.abc import Sequence

from crossrun.events import AgentSpoke, CommandRan, Event, Verified
from crossrun.model.proof import ProofFinding

NO_CHECK = ProofFinding("check_missing", "no check was run")


def may_contain_check(command: str) -> bool:
    """Whether a command line may have a check in it: a quick look before it is split."""
    return any(word in command for word in _IN_CHECKS)


_IN_CHECKS = (
    "test", "spec", "check", "lint", "build", "compil", "verif", "valid", "make", "cc", "++",
    "clang", "java", "rust", "cargo", "go ", "tsc", "type", "mypy", "pyright", "ruff", "flake8",
    "black", "isort", "prettier", "standard", "biome", "bats", "prove", "tox", "nox", "jest",
    "mocha", "unit", "mvn", "gradle", "bazel", "latex", "typst", "docs", "sphinx", "hugo",
    "webpack", "vite", "ninja", "meson", "npm", "yarn", "bun", "just", "task", "rake", "dotnet",
    "swift", "deno", "mix", "sbt", "stack", "dune", "ci", "commit", "fmt", "sh -n", " -l", " -c",
    "vale", "codespell", "behave", "cypress", "playwright", "zig", "cop", "phpstan", "psalm",
    "bandit", "vulture", "scons", "ant ", "coverage", "terraform", "e2e", "ava", "tap", "R CMD",
    "flow", "rebar3", "busted", "karma", "newman", "hurl", "robot", "pylint", "format", "ward",
    "t/",
    "lein", "cabal", "flutter", "dart", "earthly", "invoke", "nasm", "ghc", "xmllint", "cspell",
)  # fmt: skip
"""Each check has one of these in its text."""
_IN_TESTS = (b"test", b"Test", b"spec", b"Spec", b"skip", b"check")


def has_nothing_to_assess(recorded: Sequence[tuple[int, Event]], patch: bytes) -> bool:
    """Whether there is nothing to judge: no message, no check, no failure, no changed test."""
    for _, event in recorded:
        if isinstance(event, AgentSpoke | Verified):
            return False
        if isinstance(event, CommandRan) and (
            event.exit_code != 0 or may_contain_check(event.command)
        ):
            return False
    return not any(word in patch for word in _IN_TESTS)
