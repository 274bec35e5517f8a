"""Whether runs agree, and the steps that they have in common."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from crossrun.model.workflows import FILES_FOLDER, Act
from crossrun.patterns.compiling.commands import (
    generalised,
    generalised_text,
    here_document,
    needs_bash,
    require_local,
    structure,
)
from crossrun.patterns.compiling.explaining import Explainer, Vector
from crossrun.patterns.compiling.lexing import literal_word
from crossrun.patterns.compiling.separating import apart, copied_file, written_text
from crossrun.patterns.compiling.values import (
    LEAST_RUNS,
    Compiled,
    NotCompiled,
    Obstacle,
    ScriptStep,
    TeachingRun,
)
from crossrun.patterns.compiling.word_places import language_of
from crossrun.redaction import MASK

_LOOKS = frozenset(("read", "search", "plan"))
_CHECKS = frozenset(("check", "test"))
_LONGEST_FILE = 50_000
"""Bytes; the system takes 128 KiB for one argument."""


class CompiledPatternFacts(Struct, frozen=True, kw_only=True):
    """What a script says about its pattern.

    `names` are the variables of its workflow with their values in earlier runs.
    """

    pattern_id: str
    version: int
    summary: str
    names: Mapping[str, frozenset[str]] = {}
    tools: tuple[str, ...] = ()


class _Move(Struct, frozen=True):
    """A command, or a file that was written with its content."""

    command: str
    path: str = ""
    content: str = ""
    executable: bool = False
    is_check: bool = False


def compiled(
    facts: CompiledPatternFacts, runs: Sequence[TeachingRun], contents: Mapping[str, bytes]
) -> Compiled | NotCompiled:
    """The runs of a pattern as a program, or why they cannot be compiled.

    Args:
        facts: about the pattern.
        runs: its successful runs, the oldest first.
        contents: the contents of the files that they wrote, by hash.
    """
    try:
        return _compiled(facts, runs, contents)
    except Obstacle as obstacle:
        return NotCompiled(obstacle.reason, obstacle.remedy)


def _compiled(
    facts: CompiledPatternFacts, runs: Sequence[TeachingRun], contents: Mapping[str, bytes]
) -> Compiled:
    _require_runs(len(runs))
    agreeing, moves = _agreeing(runs, contents)
    checks = tuple(run.check for run in agreeing)
    explainer = Explainer(
        [run.trace.task for run in agreeing], [run.top_files for run in agreeing], facts.names
    )
    steps = tuple(_step(step, explainer) for step in zip(*moves, strict=True))
    check = _command(checks, explainer)
    codes = [step.code for step in (*steps, check)]
    return Compiled(
        pattern_id=facts.pattern_id,
        version=facts.version,
        summary=facts.summary,
        arguments=explainer.arguments,
        derived=explainer.derived,
        steps=steps,
        check=check,
        run_ids=tuple(run.trace.run_id for run in agreeing),
        tasks=tuple(run.trace.task for run in agreeing),
        tools=facts.tools,
        needs_bash=any(map(needs_bash, codes)),
    )


def _require_runs(count: int) -> None:
    if count < LEAST_RUNS:
        raise Obstacle(
            f"only {count} of its runs succeeded with what a script needs, and {LEAST_RUNS} have to"
            " agree"
            if count
            else "no successful run of it is stored",
            "do such tasks with this pattern a few times more, each with --verify",
        )


def _agreeing(
    runs: Sequence[TeachingRun], contents: Mapping[str, bytes]
) -> tuple[list[TeachingRun], list[list[_Move]]]:
    """The largest group of runs that took the same steps; of equal ones, the newest."""
    done: list[tuple[TeachingRun, list[_Move]]] = []
    obstacles: list[Obstacle] = []
    for run in runs:
        try:
            done.append((run, _moves(run, contents)))
        except Obstacle as obstacle:
            obstacles.append(obstacle)
    groups = _grouped(done)
    best = groups[-1] if groups else []
    if len(best) < LEAST_RUNS:  # perhaps some looked at the result in between, and others did not
        unchecked = [(run, [move for move in moves if not move.is_check]) for run, moves in done]
        without = _grouped([(run, moves) for run, moves in unchecked if moves])
        best = without[-1] if without and len(without[-1]) >= LEAST_RUNS else best
    if len(best) >= LEAST_RUNS:
        return [run for run, _ in best], [moves for _, moves in best]
    if obstacles:
        raise obstacles[-1]
    shown = groups[-2:]
    ways = " and ".join(f"`{_summary(group[0][1])}`" for group in shown)
    raise Obstacle(
        f"{len(best)} of its {len(runs)} runs took the same steps, and {LEAST_RUNS} have to;"
        f" they did {ways}",
        "do such tasks with this pattern a few times more: runs that follow it agree",
    )


def _grouped(
    done: Sequence[tuple[TeachingRun, list[_Move]]],
) -> list[list[tuple[TeachingRun, list[_Move]]]]:
    """The runs by what they did, the largest group last; of equal ones, the newest."""
    groups: dict[tuple[object, ...], list[tuple[TeachingRun, list[_Move]]]] = defaultdict(list)
    for run, moves in done:
        groups[tuple(map(_outline, moves))].append((run, moves))
    return sorted(groups.values(), key=len)


def _moves(run: TeachingRun, contents: Mapping[str, bytes]) -> list[_Move]:
    """What a run did, regardless of how the agent combined its commands."""
    if not run.check:
        raise Obstacle(
            f"the run {run.trace.run_id} has no check that passed",
            "start such runs with --verify CMD",
        )
    require_local(run.check)
    moves: list[_Move] = []
    for act in run.trace.acts:
        for move in _moves_of(act, run, contents):
            if not move.path or all(move.path != earlier.path for earlier in moves):
                moves.append(move)
    if not moves:
        raise Obstacle("its runs only looked around", "there is nothing to compile")
    return moves


def _moves_of(act: Act, run: TeachingRun, contents: Mapping[str, bytes]) -> Iterator[_Move]:
    verb, _, path = act.command.partition(" ")
    if verb == "write" and act.intent == "edit" and "\n" not in path and ">" not in path:
        yield _written(path, run, contents)
        return
    if verb in ("delete", "use") and act.intent in ("edit", "tool"):
        raise Obstacle(
            f"a step is not a command: {act.command[:80]}",
            "have the agent do it with a command, or leave such tasks to the agent",
        )
    if act.intent in _LOOKS and ">" not in act.command and " tee " not in act.command:
        return
    last = act.occurrences[-1] if act.occurrences else None
    if last is not None and last.exit_code not in (0, None):
        raise Obstacle(
            f"`{act.command[:80]}` ended with exit code {last.exit_code} in {run.trace.run_id}",
            "runs without failed commands will help",
        )
    is_check = act.intent in _CHECKS and ">" not in act.command
    for command in apart(act.command):
        yield _command_move(command, run, contents, is_check=is_check)


def _command_move(
    command: str, run: TeachingRun, contents: Mapping[str, bytes], *, is_check: bool
) -> _Move:
    """A command as a move; if it only writes a text or copies a file of the pattern, that file."""
    path = copied_file(command)
    if path is not None:
        return _written(path, run, contents)
    if FILES_FOLDER in command or f"${{{FILES_FOLDER[1:]}" in command:
        raise Obstacle(
            f"`{command[:80]}` uses a file in the pattern's folder",
            "runs that copy it into the workspace will help",
        )
    require_local(command)
    text = written_text(command)
    if text is not None:
        return _Move("", *text)
    return _Move(command, is_check=is_check)


def _written(path: str, run: TeachingRun, contents: Mapping[str, bytes]) -> _Move:
    file = next((file for file in run.trace.files if file.path == path), None)
    content = None if file is None else contents.get(file.sha256)
    if file is None or content is None or path in run.edited:
        raise Obstacle(
            f"a step is an edit, not a command: the agent"
            f" {'edited' if path in run.edited else 'wrote'} {path}",
            "have the agent write such files by a program, or leave such tasks to the agent",
        )
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or "\r" in text or len(content) > _LONGEST_FILE:
        raise Obstacle(f"{path} is not plain text, or very long", "leave such tasks to the agent")
    if MASK in text:
        raise Obstacle(f"a secret was removed from {path}", "keep secrets out of programs")
    return _Move("", path, text, file.executable)


def _outline(move: _Move) -> tuple[object, ...]:
    if move.path:
        return ("write", language_of(move.path), move.content.count("\n"))
    return structure(move.command)


def _step(moves: Sequence[_Move], explainer: Explainer) -> ScriptStep:
    if not moves[0].path:
        return _command(tuple(move.command for move in moves), explainer)
    paths = explainer.parts(tuple(move.path for move in moves))
    contents = tuple(move.content for move in moves)
    language = language_of(moves[0].path)
    parts = (
        [(contents[0], False)]
        if len(set(contents)) == 1
        else (generalised_text(contents, language, explainer))
    )
    target = literal_word(paths)
    code = here_document(parts, target, ends_with_newline=contents[0].endswith("\n"))
    if any("/" in move.path for move in moves):
        code = f'mkdir -p "$(dirname {target})"\n{code}'
    if moves[0].executable:
        code += f"\nchmod +x {target}"
    path = "".join(f"{{{text}}}" if is_name else text for text, is_name in paths)
    return ScriptStep(code=code, shown=f"write {path}", path=path)


def _command(commands: Vector, explainer: Explainer) -> ScriptStep:
    code, shown = generalised(commands, explainer)
    return ScriptStep(code=code, shown=shown)


def _summary(moves: Sequence[_Move]) -> str:
    return "; ".join(move.command.split("\n")[0][:40] or f"write {move.path}" for move in moves)[
        :100
    ]
