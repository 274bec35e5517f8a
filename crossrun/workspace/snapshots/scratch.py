"""A git directory that is thrown away and sees the objects of others, which it only reads."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from crossrun.system.folders import make_private
from crossrun.workspace.git.bare_repository import make_git_dir
from crossrun.workspace.git.commands import SETTINGS, output, run_git

_NOT_BELIEVED = {"core.commitGraph": "false", "core.multiPackIndex": "false"}
"""What the writer of the objects says about them, apart from the objects."""


class ScratchGit:
    """Git for objects that lie elsewhere.

    Args:
        folder: an empty one, where the git directory is made.
        objects: the folders of objects that it sees.
        object_format: the kind of their ids.
    """

    def __init__(self, folder: Path, objects: Sequence[Path], object_format: str = "sha1") -> None:
        self.folder = folder
        self._git_dir = folder / "scratch.git"
        make_git_dir(self._git_dir, borrowing=objects, object_format=object_format)
        settings = (SETTINGS | _NOT_BELIEVED).items()
        options = [word for name, value in settings for word in ("-c", f"{name}={value}")]
        self._words = [f"--git-dir={self._git_dir}", *options]

    def end_history_at(self, shallow: bytes) -> None:
        """Has commits count as those without parents, listed as in a file `shallow` of git's."""
        (self._git_dir / "shallow").write_bytes(shallow)

    def git(self, *words: str, stdin: bytes = b"") -> bytes:
        """What git says.

        Raises:
            ConfigurationError: GIT_FAILED.
        """
        environ = {"GIT_NO_LAZY_FETCH": "1"}
        return output(run_git([*self._words, *words], self.folder, stdin=stdin, environ=environ))

    def pack(self, revisions: bytes, file: Path) -> None:
        """Writes a pack of all objects that some commits and tags have and others do not.

        Args:
            revisions: their ids, one on each line; `^` before those whose objects stay out.
            file: where it goes.

        Raises:
            ConfigurationError: GIT_FAILED.
        """
        words = [*self._words, "pack-objects", "--revs", "--stdout", "-q"]
        environ = {"GIT_NO_LAZY_FETCH": "1"}
        with file.open("wb") as pack:
            output(run_git(words, self.folder, stdin=revisions, environ=environ, into=pack))

    def index_pack(self, file: Path, objects: Path, shared: str) -> None:
        """Adds a pack to a folder of objects, unless an object or a link in it is not in order.

        Args:
            file: the pack.
            objects: the folder.
            shared: the repository's `core.sharedRepository`, for the permissions of the pack.

        Raises:
            ConfigurationError: GIT_FAILED.
        """
        options = ["-c", f"core.sharedRepository={shared}"]
        words = [*self._words, *options, "index-pack", "--strict", "--stdin"]
        environ = {"GIT_OBJECT_DIRECTORY": str(objects)}
        with file.open("rb") as pack:
            output(run_git(words, self.folder, stdin=pack, environ=environ))


@contextmanager
def scratch_git(
    beside: Path, objects: Sequence[Path], object_format: str = "sha1"
) -> Iterator[ScratchGit]:
    """A scratch git for as long as it is needed; its folder is made in `beside`."""
    make_private(beside)
    with TemporaryDirectory(prefix="looking-", dir=beside) as folder:
        yield ScratchGit(Path(folder), objects, object_format)
