"""Imports as people see them: each with what is dangerous in it, in plain lines."""

from collections.abc import Iterator, Sequence

from crossrun.memory.imports import StoredImport
from crossrun.patterns.importing.danger_rules import KINDS
from crossrun.patterns.importing.dangers import Danger, printable

_SHOWN = 4
"""Dangers of one kind that are shown of one skill, unless there are few imports."""
_SHOWN_ALONE = 12
_FEW = 3


def import_lines(items: Sequence[StoredImport]) -> Iterator[str]:
    """The lines of a list of imports."""
    shown = _SHOWN_ALONE if len(items) <= _FEW else _SHOWN
    for item in items:
        pattern_import = item.pattern_import
        count = len(pattern_import.pattern.workflow.files)
        state = "" if item.is_new else f"  (here already as {item.pattern_id})"
        files = f"{count} file{'s' if count != 1 else ''}, {pattern_import.size:,} bytes"
        yield f"{printable(pattern_import.name)}  {files}{state}"
        if not pattern_import.dangers:
            yield "  nothing dangerous was recognised"
        for kind, meaning in KINDS.items():
            dangers = [danger for danger in pattern_import.dangers if danger.kind == kind]
            if dangers:
                yield f"  {kind}: {meaning}"
                yield from (f"    {_line(danger)}" for danger in dangers[:shown])
                if len(dangers) > shown:
                    yield f"    and {len(dangers) - shown} more"


def _line(danger: Danger) -> str:
    place = printable(danger.path, 200)
    if danger.line is not None:
        place += f":{danger.line}"
    return f"{place}  {danger.text}" if danger.text else place
