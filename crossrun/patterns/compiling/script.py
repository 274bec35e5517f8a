"""A compiled pattern as the text of a shell script."""

import re
from collections.abc import Iterator, Mapping, Sequence

from crossrun.patterns.compiling.binding import leads_out
from crossrun.patterns.compiling.lexing import quoted
from crossrun.patterns.compiling.transformations import TRANSFORMATIONS
from crossrun.patterns.compiling.values import (
    Argument,
    Compiled,
    Constraint,
    Derived,
    ScriptStep,
)
from crossrun.system.commandlines import one_line

_VARIABLE = re.compile(r'"\$\{(\w+)\}"|\$\{(\w+)\}')
_BASH = """\
if [ -z "${BASH_VERSION:-}" ]; then
    exec bash "$0" "$@"
fi
"""
_HEAD = """\
refuse() {
    printf '%s\\n' "$1" >&2
    exit 2
}
plain() {
    case $2 in
    '') refuse "--$1 is empty" ;;
    -*) refuse "--$1 begins with a dash" ;;
    *[[:cntrl:]]*) refuse "--$1 has a line break or a control character" ;;
    esac
}
"""
_OUTWARD = """\
case ${name} in
/* | '~'* | .. | ../* | */.. | */../*) refuse "--{flag} leads out of this folder" ;;
esac
"""


def script_text(compiled: Compiled) -> str:
    """The whole script. A value of its arguments is never part of its code.

    Each step runs in a subshell, as the agent's commands did, and the first one that fails
    ends the script.
    """
    return "".join(_sections(compiled))


def step_program(compiled: Compiled, code: str) -> str:
    """Shell code of a single step; its arguments are in the environment."""
    return f"set -eu\n{preamble(compiled)}{code}"


def with_values(code: str, values: Mapping[str, str]) -> str:
    """The code of a step with values in place of variables, for people to read."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in values:
            return match[0]
        return quoted(values[name]) if match[1] else values[name]

    return _VARIABLE.sub(value, code)


def all_values(compiled: Compiled, values: Mapping[str, str]) -> dict[str, str]:
    """The values of the arguments and those derived from them."""
    made = {
        derived.name: TRANSFORMATIONS[derived.transformation].apply(values[derived.argument])
        for derived in compiled.derived
    }
    return {**values, **made}


def preamble(compiled: Compiled) -> str:
    """Shell code that computes the derived values from the arguments."""
    return "".join(_derivation(derived) for derived in compiled.derived)


def _sections(compiled: Compiled) -> Iterator[str]:
    yield "#!/usr/bin/env bash\n" if compiled.needs_bash else "#!/bin/sh\n"
    runs = ", ".join(compiled.run_ids)
    yield f"# {one_line(compiled.summary)}\n"
    yield f"# Pattern {compiled.pattern_id} v{compiled.version}, compiled from the runs {runs}.\n"
    if compiled.needs_bash:
        yield _BASH
    yield "set -eu\n\n"
    yield _HEAD
    yield _usage(compiled)
    yield _parsing(compiled)
    for argument in compiled.arguments:
        yield _checks(argument)
    yield preamble(compiled)
    for derived in compiled.derived:
        yield "".join(_limits(derived.name, derived.argument, derived.constraints))
    for number, step in enumerate(compiled.steps, 1):
        yield _step(step, f"step {number} of {len(compiled.steps)}")
    yield _step(compiled.check, "check")


def _usage(compiled: Compiled) -> str:
    flags = "".join(f" --{argument.name} VALUE" for argument in compiled.arguments)
    lines = [one_line(compiled.summary), "", f"usage: sh SCRIPT{flags}", ""]
    lines += [
        f"  --{argument.name}  {argument.type}, such as {one_line(argument.examples[0])}"
        for argument in compiled.arguments
    ]
    printed = " ".join(map(quoted, lines))
    return f"usage() {{\n    printf '%s\\n' {printed}\n}}\n\n"


def _parsing(compiled: Compiled) -> str:
    names = [argument.name for argument in compiled.arguments]
    clear = "".join(f"unset {name}\n" for name in names)
    cases = "".join(
        f"    --{name}) [ $# -ge 2 ] || refuse '--{name} needs a value'; {name}=$2; shift 2 ;;\n"
        f"    --{name}=*) {name}=${{1#*=}}; shift ;;\n"
        for name in names
    )
    required = "".join(f"[ -n \"${{{name}+x}}\" ] || refuse 'give --{name}'\n" for name in names)
    return (
        f"{clear}while [ $# -gt 0 ]; do\n    case $1 in\n"
        "    -h | --help) usage; exit 0 ;;\n"
        f"{cases}"
        '    *) refuse "unknown argument: $1 (see --help)" ;;\n'
        f"    esac\ndone\n{required}"
    )


def _checks(argument: Argument) -> str:
    code = f'plain {argument.name} "${argument.name}"\n'
    if not leads_out(argument):
        code += _OUTWARD.replace("{name}", argument.name).replace("{flag}", argument.name)
    return code + "".join(_limits(argument.name, argument.name, argument.constraints))


def _limits(name: str, flag: str, constraints: Sequence[Constraint]) -> Iterator[str]:
    for constraint in constraints:
        refusal = f'refuse "--{flag} has characters that mean something where it stands"'
        if constraint.number:
            test = f"case ${name} in\n*[!0-9.]* | *.*.* | .* | *.) {refusal} ;;\nesac\n"
        elif constraint.allowed:
            test = f"case ${name} in\n*[!{_bracket(constraint.allowed)}]*) {refusal} ;;\nesac\n"
        else:
            patterns = " | ".join(f"*{quoted(char)}*" for char in constraint.forbidden)
            test = f"case ${name} in\n{patterns}) {refusal} ;;\nesac\n"
        yield test


def _bracket(chars: str) -> str:
    """The characters as the inside of a bracket expression: each quoted, the dash last."""
    letters = {"a-z": "abcdefghijklmnopqrstuvwxyz", "A-Z": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    rest = set(chars)
    ranges = "0-9" if rest >= set("0123456789") else ""
    rest -= set("0123456789") if ranges else set()
    for shown, range_chars in letters.items():
        if rest >= set(range_chars):
            ranges += shown
            rest -= set(range_chars)
    dash = "-" if "-" in rest else ""
    others = sorted(rest - {"-"})
    # each character in quotes loses its meaning, a closing bracket included
    return ranges + "".join(f"'{char}'" if char != "'" else '"\'"' for char in others) + dash


def _derivation(derived: Derived) -> str:
    code = TRANSFORMATIONS[derived.transformation].code.replace("NAME", derived.argument)
    return f"{derived.name}={code}\n"


def _step(step: ScriptStep, title: str) -> str:
    shown = one_line(step.shown)[:100]
    return f"\n# {title}: {shown}\n(\n{step.code}\n)\n"
