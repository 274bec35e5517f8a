"""Words and numbers that all views share. Imports nothing heavy."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from crossrun.model.status import Status
from crossrun.views.unseen import clean, visible, visible_command

if TYPE_CHECKING:
    from crossrun.model.runs import RefChange

Kind = Literal["say", "think", "command", "output", "file", "plan", "step", "warn", "bad", "note"]
_CHANGE_MARKS = {"added": "+", "modified": "~", "deleted": "-", "renamed": ">"}


class Phrase(NamedTuple):
    """A line of text; `right` is aligned at its end. `say`, `bad` and `note` may be wrapped."""

    kind: Kind
    text: str
    right: str = ""
    good: bool = True


def first_line(text: str) -> str:
    """The first line that is not blank."""
    return next((line.strip() for line in clean(text).split("\n") if line.strip()), "")


def short_command(command: str) -> str:
    """The first line of a command, with everything visible."""
    return first_line(visible_command(command))


def clock(seconds: float) -> str:
    """A duration as `0:26`, `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def setting_duration(seconds: float) -> str:
    """A duration as it is written in settings: `90s`, `5m`, `2h`."""
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def count(number: int) -> str:
    """A number of tokens as `950`, `12.4k`, `1.2M`."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return str(number)


def plural(number: int, noun: str) -> str:
    """`1 command`, `2 commands`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def history_words(commits: "Iterable[RefChange]") -> str:
    """`3 commits on feature/x, branch old, 1 tag, 2 stashes`."""
    commits = list(commits)
    parts = []
    for change in commits:
        name = visible(change.ref.removeprefix("refs/heads/"))
        if change.ref == "HEAD":
            name = "no branch"
        if change.ref == "HEAD" or change.ref.startswith("refs/heads/"):
            count = change.commits
            parts.append(f"{plural(count, 'commit')} on {name}" if count else f"branch {name}")
    tags = sum(change.ref.startswith("refs/tags/") for change in commits)
    stashes = sum(change.ref.startswith("stash@") for change in commits)
    parts += [plural(tags, "tag")] if tags else []
    parts += ["1 stash" if stashes == 1 else f"{stashes} stashes"] if stashes else []
    parts += ["notes"] if any(change.ref.startswith("refs/notes/") for change in commits) else []
    return ", ".join(parts)


def source_name(kind: str, path: str) -> str:
    """The short name of a source: that of its folder, or the whole address."""
    return path if kind == "url" else path.rstrip("/").rpartition("/")[2] or path


def short_source(
    kind: str, path: str, *, branch: str | None, commit: str | None, uncommitted: int
) -> str:
    """A source as `calc (main, 3 uncommitted)`."""
    head = branch or (commit and commit[:10])
    work = f"{uncommitted} uncommitted" if uncommitted else None
    about = ", ".join(visible(word) for word in (head, work) if word)
    return visible(source_name(kind, path)) + (f" ({about})" if about else "")


def size(number: int) -> str:
    """A number of bytes as `312 B`, `4.1 KB`, `2.0 MB`."""
    value, unit = float(number), "B"
    for larger in ("KB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004  decimal units
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def disk_size(number: int) -> str:
    """A number of bytes with three significant digits: `312 B`, `4.10 KB`, `20.5 MB`, `1.23 GB`."""
    value, unit = float(number), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if value < 999.5:  # noqa: PLR2004  decimal units, where it would be rounded to 1000
            break
        value, unit = value / 1000, larger
    digits = 0 if unit == "B" else 2 - (value >= 9.995) - (value >= 99.95)  # noqa: PLR2004
    return f"{value:.{digits}f} {unit}"


def age(seconds: float) -> str:
    """An age as `3d`, `2h`, `5m`, `now`."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return "now"


def moment(at: str) -> str:
    """A stored time in the user's time zone, to the second."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return first_line(at)


def change_mark(change: str) -> str:
    """The sign for what happened to a file; `?` if only a newer version knows it."""
    return _CHANGE_MARKS.get(change, "?")


def grade_style(grade: str) -> str:
    """The style of the grade of a proof; none if only a newer version knows the grade."""
    return {"proven": "good", "checked": "good", "unchecked": "dim", "contradicted": "bad"}.get(
        grade, ""
    )


def status_style(status: Status) -> str:
    """The style of a status; none if only a newer version knows the status."""
    match status:
        case Status.SUCCEEDED:
            return "good"
        case Status.QUEUED | Status.RUNNING:
            return "accent"
        case _:
            return "bad" if status in Status.__members__.values() else ""
