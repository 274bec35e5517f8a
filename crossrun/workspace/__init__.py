"""A folder of its own for each run, always below one root."""

from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from crossrun.errors import ConfigurationError, NotFoundError, UsageError
from crossrun.folders import make_private
from crossrun.workspace.git import EMPTY_TREE, Snapshots

_LONGEST_NAME = 255
MARKERS = (
    "CMakeLists.txt", "Cargo.toml", "Dockerfile", "Gemfile", "Makefile", "build.gradle",
    "composer.json", "conf.py", "deno.json", "environment.yml", "go.mod", "mkdocs.yml",
    "package.json", "pom.xml", "pyproject.toml", "requirements.txt", "setup.py", "tox.ini",
    "tsconfig.json",
)  # fmt: skip
"""Files at the top of a folder that tell what kind of project it is."""


class Workspace(Struct, frozen=True):
    """A prepared folder. `baseline` is the git tree that changes are measured against."""

    path: Path
    baseline: str
    snapshots: Snapshots


def top_files(path: Path) -> tuple[str, ...]:
    """The markers that a folder has, which say what tools its work is done with."""
    return tuple(name for name in MARKERS if (path / name).is_file())


def folder_name(name: str) -> str:
    """A name made harmless as one component of a path: percent-encoded, never `.` or `..`.

    Raises:
        UsageError: nothing sensible can be made of it.
    """
    try:
        encoded = quote(name, safe=" @+=,").replace("~", "%7E")
    except UnicodeEncodeError:
        encoded = ""
    if encoded.startswith("."):
        encoded = "%2E" + encoded[1:]
    if not encoded.strip() or not name.strip() or "\0" in name or len(encoded) > _LONGEST_NAME:
        raise UsageError(
            "PROJECT_NAME",
            f"{name[:40]!r} cannot be the name of a project",
            hint="use a short name of letters, digits and dashes",
        )
    return encoded


class Workspaces:
    """Makes and finds the folders of runs.

    Args:
        root: the folder below which all workspaces lie.
        snapshots: the folder of the git directories that remember their states.
    """

    def __init__(self, root: Path, snapshots: Path) -> None:
        self._root = root
        self._snapshots = snapshots

    def path(self, project_id: str, run_id: str) -> Path:
        """Where the workspace of a run is or will be."""
        return self._root / folder_name(project_id) / run_id

    def prepare(self, project_id: str, run_id: str) -> Workspace:
        """Makes an empty workspace.

        Raises:
            ConfigurationError: the folder cannot be made, or would lie outside of the root.
        """
        path = self.path(project_id, run_id)
        try:
            make_private(path.parent)
            path.mkdir(mode=0o700)
        except OSError as error:
            raise ConfigurationError(
                "WORKSPACE_UNWRITABLE",
                f"the workspace {path} cannot be made: {error.strerror}",
                hint="check the folder's permissions and the disk's free space, or set --home",
            ) from error
        if not path.resolve().is_relative_to(self._root.resolve()):
            path.rmdir()
            raise ConfigurationError(
                "WORKSPACE_OUTSIDE",
                f"the workspace {path} would lie outside of {self._root}",
                hint="remove the symbolic link that leads out of it",
            )
        return Workspace(path, EMPTY_TREE, self.snapshots(path))

    def take_over(self, path: Path) -> Workspace:
        """Goes on in the workspace of an earlier run, as it is now.

        Raises:
            NotFoundError: it is gone.
        """
        if not path.is_dir():
            raise NotFoundError(
                "WORKSPACE_GONE",
                f"the workspace {path} is gone",
                hint="begin anew: crossrun retry RUN",
            )
        snapshots = self.snapshots(path)
        return Workspace(path, snapshots.take(afresh=True), snapshots)

    def snapshots(self, path: Path) -> Snapshots:
        """The remembered states of a workspace, which has the name of its first run."""
        return Snapshots(self._snapshots / f"{path.name}.git", path)


def branch(path: Path) -> str | None:
    """The branch that a workspace's own repository is on. Its configuration is never read."""
    head = path / ".git" / "HEAD"
    if head.parent.is_symlink() or head.is_symlink() or not head.is_file():
        return None
    try:
        text = head.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    prefix = "ref: refs/heads/"
    return text.removeprefix(prefix) if text.startswith(prefix) else None
