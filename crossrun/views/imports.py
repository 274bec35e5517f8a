"""Imports as people see them: each with what is dangerous in it, in plain lines."""

from collections import Counter
from collections.abc import Iterator, Sequence

from crossrun.memory.imports import StoredImport
from crossrun.patterns.importing.danger_rules import KINDS
from crossrun.patterns.importing.dangers import Danger, printable

_SHOWN = 4
"""Dangers of one kind that are shown of one skill, unless there are few imports."""
_SHOWN_ALONE = 12
_FEW = 3
_HARMLESS = "nothing dangerous was recognised"


def import_lines(items: Sequence[StoredImport], *, brief: bool = False) -> Iterator[str]:
    """The lines of a list of imports; `brief`: of each only how much of which danger."""
    shown = _SHOWN_ALONE if len(items) <= _FEW else _SHOWN
    for item in items:
        dangers = item.pattern_import.dangers
        counts = Counter(danger.kind for danger in dangers)
        if brief:
            kinds = ", ".join(f"{kind} {counts[kind]}" for kind in KINDS if counts[kind])
            yield f"{printable(item.pattern_import.name)}: {kinds or _HARMLESS}"
            continue
        yield _title(item)
        if not dangers:
            yield f"  {_HARMLESS}"
        for kind in filter(counts.__getitem__, KINDS):
            yield f"  {kind}: {KINDS[kind]}"
            places = [danger for danger in dangers if danger.kind == kind]
            yield from (f"    {_line(danger)}" for danger in places[:shown])
            if len(places) > shown:
                yield f"    and {len(places) - shown} more"


def _title(item: StoredImport) -> str:
    workflow = item.pattern_import.pattern.workflow
    count = len(workflow.files)
    files = f"{count} file{'' if count == 1 else 's'}, {item.pattern_import.size:,} bytes"
    state = "" if item.is_new else f"  (already imported as {item.pattern_id})"
    return f"{printable(item.pattern_import.name)}  {files}{state}"


def _line(danger: Danger) -> str:
    place = printable(danger.path, 200)
    if danger.line is not None:
        place += f":{danger.line}"
    return f"{place}  {danger.text}" if danger.text else place
