"""Transcripts: a run, condensed to commands, exit codes and last lines, for agents to look up.

The text of runs is untrusted: it is indented below its command.
"""

from collections.abc import Callable, Iterable, Iterator

from crossrun.events import AgentSpoke, CommandRan, Event, FileChanged
from crossrun.patterns.learning.files import is_source
from crossrun.system.commandlines import bare_command, one_line

LARGEST = 20_000
"""Bytes of a transcript."""
_LONGEST_COMMAND = 2_000
_OUTPUT_LINES = 6
_OUTPUT_WIDTH = 200
_LONGEST_MESSAGE = 300
_LARGEST_CHANGE = 6_000
_CUT = "\n[the rest is left out]\n"


def transcript_of(
    task: str, events: Iterable[Event], patch: str, clean: Callable[[str], str]
) -> str:
    """The run as Markdown, at most `LARGEST` bytes.

    Args:
        task: what was asked.
        events: of the run, in order.
        patch: the run's changes as a git patch; "" if unknown.
        clean: removes secrets and names from a text.
    """
    lines = [f"# An earlier run\n\nTask: {one_line(clean(task))[:1_000]}\n"]
    size = len(lines[0])
    change = _changes_of_sources(clean(patch))
    for piece in _pieces(events, clean):
        size += len(piece.encode())
        if size > LARGEST - len(change.encode()) - 200:
            lines.append(_CUT)
            break
        lines.append(piece)
    if change:
        lines.append(f"\n## What it changed in files that were there\n\n{change}")
    return "".join(lines).encode()[:LARGEST].decode("utf-8", "ignore")


def _pieces(events: Iterable[Event], clean: Callable[[str], str]) -> Iterator[str]:
    for event in events:
        match event:
            case CommandRan(command=command, exit_code=code, output=output):
                text = clean(bare_command(command))[:_LONGEST_COMMAND]
                ended = "did not end" if code is None else f"exit {code}"
                yield f"\n{_indented(f'$ {text}')}\n({ended})\n{_last_lines(clean(output))}"
            case FileChanged(path=path, change=change, ok=True):
                yield f"\n({change}: {one_line(clean(path))})\n"
            case AgentSpoke(text=text):
                yield f"\n{one_line(clean(text))[:_LONGEST_MESSAGE]}\n"
            case _:
                pass


def _last_lines(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()][-_OUTPUT_LINES:]
    return "".join(f"    | {line[:_OUTPUT_WIDTH]}\n" for line in lines)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _changes_of_sources(patch: str) -> str:
    """The changes of existing programs and configurations, without results."""
    parts = [f"diff --git {part}" for part in patch.split("diff --git ")[1:]]
    chosen = [
        part
        for part in parts
        if "\nnew file mode" not in part[:400]
        and "\n@@" in part
        and is_source(part.partition("\n")[0].rpartition(" b/")[2])
    ]
    text = "\n".join(_indented(part.rstrip()) for part in chosen)
    return text if len(text) <= _LARGEST_CHANGE else f"{text[:_LARGEST_CHANGE]}{_CUT}"
