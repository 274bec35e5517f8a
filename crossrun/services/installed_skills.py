"""Skills that are installed for other programs: the folders in which those look for them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from crossrun.config.settings import Settings
from crossrun.errors import UsageError
from crossrun.memory.skill_folders import is_skill, skills_in

_HOME = {"codex": (".agents/skills",), "claude": (".claude/skills",)}
_PROJECT = {"codex": (".codex/skills", ".agents/skills"), "claude": (".claude/skills",)}
_PLUGINS = {"codex": ("plugins",), "claude": ("plugins",)}
"""Below the program's own folder: each plugin may hold skills."""
PROGRAMS = tuple(_HOME)


class InstalledSkill(NamedTuple):
    """A skill's folder, and the place in which its program looks for it."""

    folder: Path
    place: Path


def installed(program: str, settings: Settings, current: Path | None) -> list[InstalledSkill]:
    """The skills that a program would see: the user's, those of plugins, those of the project.

    A skill that is linked into a place counts where the link stays below the home folder or the
    project.

    Args:
        program: one of `PROGRAMS`.
        settings: with the environment, for home and `CODEX_HOME`.
        current: the folder in which the program would work; also those above it up to the top of
            the repository are looked at.
    """
    home = settings.user_home
    own = settings.codex_home if program == "codex" else _claude_home(settings)
    places = [own / "skills", *(home / place for place in _HOME[program])]
    skills = [skill for place in places for skill in _skills_of(place, home)]
    for place in (own / plugins for plugins in _PLUGINS[program]):
        skills += _below(place)
    for project in _projects(current, home):
        for place in (project / name for name in _PROJECT[program]):
            skills += _skills_of(place, project)
    by_folder: dict[Path, InstalledSkill] = {}
    for skill in skills:
        by_folder.setdefault(skill.folder.resolve(), skill)
    return sorted(by_folder.values(), key=lambda skill: (skill.folder.name, skill.folder))


def _claude_home(settings: Settings) -> Path:
    named = settings.environ.get("CLAUDE_CONFIG_DIR")
    return Path(named) if named else settings.user_home / ".claude"


def _skills_of(place: Path, bounds: Path) -> Iterator[InstalledSkill]:
    """The skills of one place: folders in it, and folders in those."""
    for folder in _folders(place):
        if folder.is_symlink() and not folder.resolve().is_relative_to(bounds.resolve()):
            continue
        if is_skill(folder):
            yield InstalledSkill(folder, place)
        elif not folder.is_symlink():
            yield from _below(folder, place)


def _below(folder: Path, place: Path | None = None) -> Iterator[InstalledSkill]:
    try:
        for skill in skills_in(folder):
            yield InstalledSkill(skill, place or folder)
    except UsageError:  # it is not there, or holds too much to be a place for skills
        return


def _folders(place: Path) -> Sequence[Path]:
    try:
        return sorted(folder for folder in place.iterdir() if folder.is_dir())
    except OSError:
        return []


def _projects(current: Path | None, home: Path) -> Iterator[Path]:
    """The current folder and those above it, up to the top of the repository."""
    if current is None:
        return
    for folder in (current, *current.parents):
        if folder == home:
            return
        yield folder
        if (folder / ".git").exists():
            return
