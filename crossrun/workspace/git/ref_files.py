"""References of the user's repository, read and written as files in git's format.

Git does not open the repository, so its hooks and configuration have no effect. Git's own locks
keep others out.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crossrun.errors import ConfigurationError, UsageError
from crossrun.workspace.files.dirfd import opened, opened_below, read_file, reason

_LONGEST = 64 * 1024 * 1024
"""Bytes of `packed-refs`: about a million references."""
HEADS, TAGS, NOTES = "refs/heads/", "refs/tags/", "refs/notes/"


class References:
    """The branches of a repository, or its tags.

    Args:
        common: the git directory that all work trees share.
        namespace: the prefix of the full names of the references.
    """

    def __init__(self, common: Path, namespace: str = HEADS) -> None:
        self._common = common
        self._namespace = namespace

    def points_to(self, name: str) -> str | None:
        """The commit that a branch points to; None if there is no such branch."""
        loose = read_file(self._common / f"{self._namespace}{name}", _LONGEST)
        return os.fsdecode(loose).strip() if loose is not None else self._packed().get(name)

    def require_free(self, name: str) -> None:
        """Makes sure that a branch can be made.

        Raises:
            UsageError: BRANCH_TAKEN, it exists, or git cannot store both names.
        """
        loose = self._common / self._namespace
        above = [name[:at] for at, sign in enumerate(name) if sign == "/"]
        there = os.path.lexists(loose / name) or any((loose / each).is_file() for each in above)
        packed = self._packed()
        below = any(each.startswith(f"{name}/") for each in packed)
        if there or below or any(each in packed for each in (name, *above)):
            raise _taken(name)

    def create(self, name: str, commit: str) -> None:
        """Makes a branch.

        Raises:
            CrossrunError: BRANCH_TAKEN, BRANCH_IMPOSSIBLE.
        """
        with self._locked(name) as (folder, last):
            self.require_free(name)
            _write_locked(folder, last, commit)

    def move(self, name: str, commit: str) -> None:
        """Points a branch to a commit, and makes it if necessary.

        Raises:
            ConfigurationError: BRANCH_IMPOSSIBLE.
        """
        with self._locked(name) as (folder, last):
            _write_locked(folder, last, commit)

    def delete(self, name: str, commit: str) -> bool:
        """Removes a branch if it still points to a commit. Returns whether it did."""
        with self._locked(name) as (folder, last):
            if self.points_to(name) != commit:
                return False
            self._remove_packed(name)
            with suppress(FileNotFoundError):
                os.unlink(last, dir_fd=folder)
            self._remove_log(name)
        return True

    def is_checked_out(self, name: str) -> bool:
        """Whether a branch is checked out in any work tree of the repository."""
        heads = [self._common / "HEAD", *sorted((self._common / "worktrees").glob("*/HEAD"))]
        on = f"ref: {self._namespace}{name}"
        return any(os.fsdecode(read_file(head, _LONGEST) or b"").strip() == on for head in heads)

    def _packed(self) -> dict[str, str]:
        """The references in `packed-refs`."""
        pairs = (line.split(" ", 1) for line in self._packed_lines() if " " in line)
        prefix = self._namespace
        return {ref.removeprefix(prefix): at for at, ref in pairs if ref.startswith(prefix)}

    def _packed_lines(self) -> list[str]:
        content = read_file(self._common / "packed-refs", _LONGEST)
        return os.fsdecode(content or b"").split("\n")

    def _remove_packed(self, name: str) -> None:
        """Removes a branch from `packed-refs`, under git's lock for it."""
        if name not in self._packed():
            return
        with opened(self._common) as common:
            lock = os.open("packed-refs.lock", os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=common)
            with os.fdopen(lock, "wb") as written:
                gone = f"{self._namespace}{name}"
                lines = [line for line in self._packed_lines() if line.partition(" ")[2] != gone]
                written.write(os.fsencode("\n".join(lines)))
            os.rename("packed-refs.lock", "packed-refs", src_dir_fd=common, dst_dir_fd=common)

    def _remove_log(self, name: str) -> None:
        *above, last = f"logs/{self._namespace}{name}".split("/")
        with suppress(OSError), opened(self._common) as common, opened_below(common, above) as logs:
            os.unlink(last, dir_fd=logs)

    @contextmanager
    def _locked(self, name: str) -> Iterator[tuple[int, str]]:
        """Holds git's own lock for a branch.

        Yields:
            The open folder of the branch, and its name there.

        Raises:
            ConfigurationError: BRANCH_IMPOSSIBLE.
        """
        *above, last = f"{self._namespace}{name}".split("/")
        lock = f"{last}.lock"
        try:
            with opened(self._common) as common:
                _make_folders(common, above)
                with opened_below(common, above) as folder:
                    os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=folder))
                    try:
                        yield folder, last
                    finally:
                        with suppress(FileNotFoundError):
                            os.unlink(lock, dir_fd=folder)
        except OSError as error:
            raise impossible(reason(error)) from error


def _write_locked(folder: int, name: str, commit: str) -> None:
    lock = f"{name}.lock"
    with os.fdopen(os.open(lock, os.O_WRONLY, dir_fd=folder), "w") as file:
        file.write(f"{commit}\n")
    os.rename(lock, name, src_dir_fd=folder, dst_dir_fd=folder)


def impossible(why: str) -> ConfigurationError:
    """The error for a repository whose branches cannot be changed."""
    return ConfigurationError(
        "BRANCH_IMPOSSIBLE",
        f"no branch can be made or removed: {why}",
        hint="apply the change to the files instead, without --branch, or write a --patch",
    )


def _make_folders(common: int, parts: list[str]) -> None:
    for count in range(1, len(parts)):
        with opened_below(common, parts[:count]) as folder, suppress(FileExistsError):
            os.mkdir(parts[count], dir_fd=folder)


def _taken(name: str) -> UsageError:
    return UsageError(
        "BRANCH_TAKEN",
        f"the branch or tag {name} already exists, or conflicts with a similar name",
        hint="choose a different name; existing branches are never changed",
    )
