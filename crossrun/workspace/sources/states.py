"""Writes recorded states to new folders."""

from pathlib import Path

from crossrun.system.background import checkpoint
from crossrun.workspace.git.commands import output, run_git
from crossrun.workspace.snapshots.scan import LINK, PROGRAM
from crossrun.workspace.snapshots.trees import Trees
from crossrun.workspace.sources.repositories import git_in

_AUTHOR = ("-c", "user.name=crossrun", "-c", "user.email=crossrun@localhost")


def write_state(trees: Trees, tree: str, folder: Path) -> int:
    """Writes all files of a state to an empty folder; how many bytes that are.

    Raises:
        NotFoundError: SNAPSHOTS_GONE, a content is no longer recorded.
        OSError: a file cannot be written.
    """
    size = 0
    for path, entry in trees.entries(tree).items():
        checkpoint()
        file, content = folder / path, trees.content(entry.blob)
        file.parent.mkdir(parents=True, exist_ok=True)
        if entry.mode == LINK:
            file.symlink_to(content.decode("utf-8", "surrogateescape"))
            continue
        file.write_bytes(content)
        file.chmod(0o755 if entry.mode == PROGRAM else 0o644)
        size += len(content)
    return size


def make_repository(folder: Path, message: str) -> None:
    """Makes a repository whose only commit has the files of a folder, ignored ones left out.

    Raises:
        ConfigurationError: GIT_FAILED.
    """
    words = ("init", "--quiet", "--template=", "--initial-branch=main", str(folder))
    output(run_git(words, folder))
    git_dir = folder / ".git"
    git_in(git_dir, folder, "add", "--all")
    git_in(git_dir, folder, *_AUTHOR, "commit", "--quiet", "--allow-empty", "-m", message)
