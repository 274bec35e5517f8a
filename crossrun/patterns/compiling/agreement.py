"""Whether runs agree, and the steps that all of them took."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct

from crossrun.model.workflows import Act, PatternFile
from crossrun.patterns.compiling.commands import (
    generalised,
    generalised_text,
    here_document,
    language_of,
    needs_bash,
    require_local,
    structure,
)
from crossrun.patterns.compiling.explaining import Explainer, Vector
from crossrun.patterns.compiling.lexing import literal_word
from crossrun.patterns.compiling.values import (
    LEAST_RUNS,
    Compiled,
    NotCompiled,
    Obstacle,
    ScriptStep,
    TeachingRun,
)

_LOOKS = frozenset(("read", "search", "plan"))
_LONGEST_FILE = 200_000


class CompiledPatternFacts(Struct, frozen=True, kw_only=True):
    """What a script says about the pattern that it was made of.

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


def compiled(
    facts: CompiledPatternFacts, runs: Sequence[TeachingRun], contents: Mapping[str, bytes]
) -> Compiled | NotCompiled:
    """The runs of a pattern as a program, or why that cannot be.

    Args:
        facts: about the pattern.
        runs: its successful runs, the oldest first.
        contents: of the files that they wrote, by hash.
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
    groups: dict[tuple[object, ...], list[tuple[TeachingRun, list[_Move]]]] = defaultdict(list)
    obstacles: list[Obstacle] = []
    for run in runs:
        try:
            moves = _moves(run, contents)
        except Obstacle as obstacle:
            obstacles.append(obstacle)
            continue
        outline = tuple(map(_outline, moves))
        groups[outline].append((run, moves))
    best = max(groups.values(), key=len, default=[])
    best = next((g for g in reversed(list(groups.values())) if len(g) == len(best)), best)
    if len(best) >= LEAST_RUNS:
        return [run for run, _ in best], [moves for _, moves in best]
    if obstacles:
        raise obstacles[-1]
    shown = sorted(groups.values(), key=len)[-2:]
    ways = " and ".join(f"`{_summary(group[0][1])}`" for group in shown)
    raise Obstacle(
        f"{len(best)} of its {len(runs)} runs took the same steps, and {LEAST_RUNS} have to;"
        f" they did {ways}",
        "do such tasks with this pattern a few times more: runs that follow it agree",
    )


def _moves(run: TeachingRun, contents: Mapping[str, bytes]) -> list[_Move]:
    if not run.check:
        raise Obstacle(
            f"the run {run.trace.run_id} has no check that passed",
            "start such runs with --verify CMD",
        )
    require_local(run.check)
    files = {file.path: file for file in run.trace.files}
    moves = [_move(act, run, files, contents) for act in run.trace.acts if not _is_look(act)]
    if not moves:
        raise Obstacle("its runs only looked around", "there is nothing to compile")
    return moves


def _is_look(act: Act) -> bool:
    """Whether an act left nothing behind."""
    return act.intent in _LOOKS and ">" not in act.command and " tee " not in act.command


def _move(
    act: Act,
    run: TeachingRun,
    files: Mapping[str, PatternFile],
    contents: Mapping[str, bytes],
) -> _Move:
    verb, _, path = act.command.partition(" ")
    if verb == "write" and act.intent == "edit" and "\n" not in path and ">" not in path:
        return _written(path, run, files, contents)
    if verb in ("delete", "use") and act.intent in ("edit", "tool"):
        raise Obstacle(
            f"a step is no command: {act.command[:80]}",
            "have the agent do it with a command, or leave such tasks to the agent",
        )
    last = act.occurrences[-1] if act.occurrences else None
    if last is not None and last.exit_code not in (0, None):
        raise Obstacle(
            f"`{act.command[:80]}` ended with exit code {last.exit_code} in {run.trace.run_id}",
            "runs without failed commands will help",
        )
    if "$PATTERN_FILES" in act.command or "${PATTERN_FILES" in act.command:
        raise Obstacle(
            f"`{act.command[:80]}` runs a file out of the pattern's folder",
            "runs that copy it into the workspace will help",
        )
    require_local(act.command)
    return _Move(act.command)


def _written(
    path: str,
    run: TeachingRun,
    files: Mapping[str, PatternFile],
    contents: Mapping[str, bytes],
) -> _Move:
    file = files.get(path)
    content = None if file is None else contents.get(file.sha256)
    if file is None or content is None or path not in run.created:
        changed = "wrote" if path in run.created or file is not None else "edited"
        raise Obstacle(
            f"a step is an edit, not a command: the agent {changed} {path}",
            "have the agent write such files by a program, or leave such tasks to the agent",
        )
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or "\r" in text or len(text) > _LONGEST_FILE:
        raise Obstacle(f"{path} is no plain text", "leave such tasks to the agent")
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
