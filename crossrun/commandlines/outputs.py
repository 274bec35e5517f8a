"""What the output of a command shows where its exit code does not."""

import re

_OUTPUT_READ = 4_000
"""Characters at the end of an output."""
_HIDDEN = re.compile(
    r"(?m)^Traceback \(most recent|command not found$|: No such file or directory$|^curl: \(\d+\)"
    r"|^fatal: |^\w*(?:Error|Exception): |^npm ERR!|^error(?:\[\w+\])?: |^E: |: Permission denied$"
    r"|^make(?:\[\d+\])?: \*\*\*|^FAILED |^=+ .*\d+ failed|^BUILD FAILED|^FAILED \(|^panic: "
    r"|is not recognized as|^Segmentation fault|: not found$|Could not resolve host|^wget: "
    r"|^ERROR[: ]"
)
_PASSED = re.compile(
    r"(?m)^(?:=+ )?\d+ passed\b|^OK(?: \(.*\))?$|^ok\s+\S+\s+[\d.]+s$|^test result: ok\."
    r"|^BUILD SUCCESS|^All checks passed|^Tests?:\s+\d+ passed, \d+ total|^PASS\b"
)


def shows_failure(output: str) -> bool:
    """Whether an output shows a failure, for commands whose exit code proves nothing."""
    return _HIDDEN.search(output[-_OUTPUT_READ:]) is not None


def shows_success(output: str) -> bool:
    """Whether the end of an output says explicitly that checks passed."""
    end = output[-_OUTPUT_READ:]
    return _PASSED.search(end) is not None and not shows_failure(end)
