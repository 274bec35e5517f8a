"""How much acts and runs count when runs are compared, and which runs teach nothing."""

import re
from collections.abc import Sequence

from crossrun.commandlines.intents import looks, purpose
from crossrun.commandlines.repairs import Attempt, blind_retries
from crossrun.commandlines.scenes import names
from crossrun.commandlines.shell import parts, words
from crossrun.model.workflows import Act, Trace

LOOKS = ("read", "search", "plan")
CHECKS = ("test", "check")

_WEIGHTS: dict[str, int] = {
    "search": 1,
    "read": 2,
    "plan": 2,
    "install": 4,
    "query": 5,
    "run": 5,
    "tool": 5,
    "edit": 6,
    "check": 6,
    "fetch": 6,
    "commit": 6,
    "build": 7,
    "test": 7,
    "convert": 7,
    "plot": 7,
}
_WORTH = 3
"""Two things done, or one and a look at something: less is not a workflow."""
_DECISIVE = ("build", "check", "convert", "edit", "fetch", "plot", "query", "run")
_TELLING = 4
"""Words of a command."""
_RUNS_A_FILE = re.compile(r"(?:python[\d.]*|node|ruby|perl|php|Rscript|bash|sh) [^-]")
_PROVEN_WEIGHT = 4
_CHECKED_WEIGHT = 2


def weight(intent: str) -> int:
    """The weight of a step by its intent; the lightest steps are left out first."""
    return _WEIGHTS.get(intent, 1)


def weight_of(trace: Trace) -> int:
    """The weight of a run where runs are compared: the better its success is proved, the more.

    The agent's own check counts for little if the run repeated a command until it worked.
    """
    grade = trace.grade or _estimated_grade(trace)
    if grade == "proven":
        return _PROVEN_WEIGHT
    lucky = any(blind_retries(_attempts(trace)))
    return _CHECKED_WEIGHT if grade == "checked" and not lucky else 1


def _estimated_grade(trace: Trace) -> str:
    """The grade of a run that was recorded before runs were graded."""
    if trace.verified:
        return "proven"
    checked = trace.check is not None or any(
        act.intent in CHECKS and act.proved for act in trace.acts
    )
    return "checked" if checked and not _edits_its_check(trace) else "unchecked"


def is_trivial(acts: Sequence[Act]) -> bool:
    """Whether there is nothing to learn: too little was done, or nothing but looking."""
    looked = sum(act.intent in LOOKS for act in acts)
    done = len(acts) - looked
    telling = any(_is_decisive(act) or act.recovery for act in acts)
    return done == 0 or (looked + 2 * done < _WORTH and not telling)


def _is_decisive(act: Act) -> bool:
    """Whether a single command is worth learning: it has options, files or code."""
    if act.intent not in _DECISIVE or act.command.startswith(("write ", "delete ")):
        return False
    steps = [part for part in parts(act.command) if purpose(part.text) is not None]
    arguments = words(steps[-1].text if steps else act.command)
    code = len(arguments) > 2 and arguments[1] in ("-c", "-e")  # noqa: PLR2004
    script = len(arguments) > 1 and _RUNS_A_FILE.match(" ".join(arguments[:2])) is not None
    several = sum(not looks(part.text) for part in parts(act.command)) > 1
    return code or several or "\n" in act.command or (len(arguments) >= _TELLING and not script)


def _attempts(trace: Trace) -> list[Attempt]:
    """What the run did, in order; failures of a command that another one replaced are left out."""
    attempts = [
        Attempt(act.command, seen.seq, seen.exit_code not in (0, None), act.intent in LOOKS)
        for act in trace.acts
        for seen in act.occurrences
    ]
    replaced = {act.command for act in trace.acts if act.instead_of}
    left = (each for each in attempts if not (each.failed and each.key in replaced))
    return sorted(left, key=lambda attempt: attempt.seq)


def _edits_its_check(trace: Trace) -> bool:
    """Whether the run changed the file that its check runs, after the check had failed."""
    checks = [act for act in trace.acts if act.intent in CHECKS and act.recovery]
    return any(
        edit.intent == "edit" and edit.target and names(edit.target, [check.command])
        for check in checks
        for edit in trace.acts
    )
