"""Copies commits from a workspace's repository to the user's.

Git packs what the user's repository lacks, and checks every object and link before it keeps any.
Then references are written under git's own locks. Git opens neither repository, so no hook and no
configuration of theirs has any effect.
"""

import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crossrun.errors import ConfigurationError, CrossrunError
from crossrun.model.runs import AppliedRef
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.files.filenames import percent_encoded
from crossrun.workspace.git.folders import GitFolders, settings_of
from crossrun.workspace.git.ref_files import HEADS, NOTES, TAGS, References
from crossrun.workspace.git.refs import Refs, refs_of
from crossrun.workspace.snapshots.history import is_plain, object_format, shallow_of
from crossrun.workspace.snapshots.scratch import ScratchGit, scratch_git

_NAMESPACES = (HEADS, TAGS, NOTES)


class CommitTransfer:
    """Copies commits from the repository of a workspace to one of the user's.

    Args:
        source: the repository of the workspace.
        folder: the user's work tree.
        target: its repository.
        beside: one of crossrun's folders, for temporary files.

    Raises:
        ConfigurationError: SOURCE_REPOSITORY.
    """

    def __init__(self, source: GitFolders, folder: Path, target: GitFolders, beside: Path) -> None:
        self._source = source
        self._target = target
        self._beside = beside
        self._settings = dict(settings_of(folder, target))
        self._present = refs_of(target)

    def missing(self, wanted: Iterable[AppliedRef]) -> list[AppliedRef]:
        """The references that the user's repository does not have, under either name.

        Raises:
            UsageError: BRANCH_TAKEN, a different one has the name.
        """
        missing = [
            each
            for each in wanted
            if each.id not in (self._present.get(each.source), self._present.get(each.ref))
        ]
        for each in missing:
            references, name = self._references(each.ref)
            references.require_free(name)
        return missing

    def copy_objects(self, wanted: Iterable[AppliedRef]) -> None:
        """Copies the objects of references to the user's repository.

        Raises:
            ConfigurationError: COMMITS_IMPOSSIBLE.
        """
        ids = {each.ref: each.id for each in wanted}
        kind = self._settings.get("extensions.objectformat", "sha1")
        if object_format(ids) != kind:
            raise self._impossible(f"their object ids are not {kind}")
        sources = self._source.common / "objects"
        if not is_plain(sources):
            raise self._impossible(f"{self._source.common} has objects in another repository")
        theirs = self._target.common / "objects"
        with scratch_git(self._beside, [sources, theirs], kind) as git, self._explain_errors():
            self._pack(git, ids)
            git.end_history_at(shallow_of(self._target))
            shared = self._settings.get("core.sharedrepository", "umask")
            git.index_pack(git.folder / "commits.pack", theirs, shared)

    def create(self, refs: Iterable[AppliedRef]) -> None:
        """Creates references, all of them or none.

        Raises:
            CrossrunError: BRANCH_TAKEN, BRANCH_IMPOSSIBLE.
        """
        made = list[AppliedRef]()
        try:
            for each in refs:
                references, name = self._references(each.ref)
                references.create(name, each.id)
                made.append(each)
        except CrossrunError:
            for each in made:
                references, name = self._references(each.ref)
                references.delete(name, each.id)
            raise

    def _pack(self, git: ScratchGit, ids: Refs) -> None:
        shallow = shallow_of(self._source) + shallow_of(self._target)
        git.end_history_at(shallow)
        excluded = "".join(f"^{at}\n" for at in sorted(set(self._present.values())))
        wanted = "".join(f"{at}\n" for at in ids.values())
        git.pack(f"{wanted}{excluded}".encode(), git.folder / "commits.pack")

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except ConfigurationError as error:
            if error.code != "GIT_FAILED":
                raise
            raise self._impossible(error.message) from error

    def _impossible(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            "COMMITS_IMPOSSIBLE",
            f"the commits cannot be copied: {why}",
            hint="review them, then fetch them with git: "
            f"git fetch {shlex.quote(str(self._source.common))} BRANCH",
        )

    def _references(self, ref: str) -> tuple[References, str]:
        return references_for(self._target, ref)


def references_for(target: GitFolders, ref: str) -> tuple[References, str]:
    """The namespace of a reference with a full name, and its name there."""
    namespace = next(each for each in _NAMESPACES if ref.startswith(each))
    return References(target.common, namespace), ref.removeprefix(namespace)


def target_refs(refs: Refs, prefix: str, head: str | None) -> list[AppliedRef]:
    """Names the references of a run for the user's repository.

    The branch that was checked out, or else the first one, gets the prefix as its name.

    Args:
        refs: what the run created or moved.
        prefix: the beginning of all names.
        head: what was checked out: a branch such as `refs/heads/main`, or `HEAD`.
    """
    branches = [name for name in refs if name.startswith(HEADS) or name == "HEAD"]
    main = head if head in branches else next(iter(branches), None)
    names = {source: _name(source, prefix) for source in refs}
    if main is not None:
        names[main] = f"{HEADS}{prefix}"
    return [AppliedRef(names[source], at, shown(source)) for source, at in refs.items()]


def _name(source: str, prefix: str) -> str:
    source = percent_encoded(source) or source
    for namespace in (TAGS, NOTES):
        if source.startswith(namespace):
            return f"{namespace}{prefix}/{source.removeprefix(namespace)}"
    if source.startswith("stash@"):
        return f"{TAGS}{prefix}/stash-{source[7:-1]}"
    return f"{HEADS}{prefix}-{source.removeprefix(HEADS)}"
