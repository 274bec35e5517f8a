"""Which settings file a command changes."""

from pathlib import Path
from typing import Annotated

import typer

from crossrun.cli.globals import Globals
from crossrun.config import sources
from crossrun.errors import ConfigurationError
from crossrun.system.folders import current_folder

Project = Annotated[
    bool, typer.Option("--project", help="The project's file .crossrun.yaml instead of yours.")
]


def file_to_change(options: Globals, *, project: bool) -> Path:
    """The user's settings file, or that of the project in the current folder or above it.

    Raises:
        ConfigurationError: the current folder is gone, or there is no home folder.
    """
    files = sources.settings_files(home=options.home)
    if not project:
        return files.user
    if files.project is not None:
        return files.project
    folder = current_folder()
    if folder is None:
        raise ConfigurationError(
            "FOLDER_GONE",
            "the current folder no longer exists",
            hint="change to another folder: cd",
        )
    return _top_of_repository(folder) / sources.PROJECT_FILE


def _top_of_repository(folder: Path) -> Path:
    """The repository's top, or the folder itself outside of one.

    An empty `.git`, as some sandboxes leave, does not make a repository.
    """
    places = ((each, each / ".git") for each in (folder, *folder.parents))
    tops = (each for each, git in places if git.is_file() or (git / "HEAD").is_file())
    return next(tops, folder)
