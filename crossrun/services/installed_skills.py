"""Skills that are installed for other programs: the folders in which those look for them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from crossrun.config.settings import Settings
from crossrun.errors import UsageError
from crossrun.memory.skill_folders import is_skill, skills_in
from crossrun.model.skill_programs import SKILL_PLACES, SkillProgram


class InstalledSkill(NamedTuple):
    """A skill's folder, and the place in which its program looks for it."""

    folder: Path
    place: Path


def installed(
    program: SkillProgram, settings: Settings, current: Path | None
) -> list[InstalledSkill]:
    """The skills that a program would see: the user's, those of plugins, those of the project.

    A skill that is linked into a place counts where the link stays below the home folder or the
    project.

    Args:
        program: whose skills.
        settings: with the environment, for the home folder and the program's own.
        current: the folder in which the program would work; also those above it up to the top of
            the repository are looked at.
    """
    home, places = settings.user_home, SKILL_PLACES[program]
    own = Path(settings.environ.get(places.variable) or home / places.own)
    skills = [*_skills_of(own / "skills", home), *_below(own / "plugins")]
    for place in places.home:
        skills += _skills_of(home / place, home)
    for project in _projects(current, home):
        for place in places.project:
            skills += _skills_of(project / place, project)
    by_folder: dict[Path, InstalledSkill] = {}
    for skill in skills:
        by_folder.setdefault(skill.folder.resolve(), skill)
    return sorted(by_folder.values(), key=lambda skill: (skill.folder.name, skill.folder))


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
