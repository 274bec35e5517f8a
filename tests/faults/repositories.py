"""Repositories laid out in all the ways that people have them, through the whole life of a run.

Nothing of the user's may change but what `apply` says, and `undo` takes that back.
"""

import stat
from dataclasses import dataclass
from pathlib import Path

from conftest import Result
from trees import sh, state

from faults.in_process import InProcess
from faults.lists import FaultList, Trial

_EMPTY = "git init -q -b main; echo '*.log' > .gitignore"
_COMMIT = f"{_EMPTY}; echo 1 > a; echo 2 > b; git add .; git commit -qm first"
_DIRTY = "echo more >> a; echo untracked > c; touch x.log"
_FORK = "git checkout -qb other; echo x > a; git commit -qam x; git checkout -q main; echo y > a;"
_FORK += "git commit -qam y"
_LOCAL = "git -c protocol.file.allow=always"


@dataclass(frozen=True)
class _Layout:
    """How a repository is made in a folder `repo`, and what is given as the source.

    `source` is the folder that is given, `below` the way to it from the top of what is copied.
    Without `branch`, none can be made there.
    """

    script: str
    source: str = "repo"
    below: str = ""
    words: tuple[str, ...] = ()
    branch: bool = True


_LAYOUTS = {
    "a repository with uncommitted work": _Layout(f"{_COMMIT}; {_DIRTY}"),
    "no commit yet": _Layout(f"{_EMPTY}; echo 2 > b; git add b; echo 1 > a", branch=False),
    "nothing at all": _Layout(_EMPTY, branch=False),
    "a linked work tree": _Layout(f"{_COMMIT}; git worktree add -q ../w", source="w"),
    "a bare repository with work trees": _Layout(
        f"{_COMMIT}; git clone -q --bare . ../all/.bare; cd ../all; echo gitdir: ./.bare > .git;"
        "git worktree add -q main; cd main; echo more >> a",
        source="all/main",
    ),
    "submodules": _Layout(
        f"(mkdir ../lib; cd ../lib; {_COMMIT}); {_COMMIT}; git remote add origin ../repo;"
        f"{_LOCAL} submodule --quiet add ../lib lib; git commit -qm lib; echo 3 > lib/a"
    ),
    "a submodule": _Layout(
        f"(mkdir ../lib; cd ../lib; {_COMMIT}); {_COMMIT};"
        f"{_LOCAL} submodule --quiet add ../lib lib; git commit -qm lib; cd lib; {_DIRTY}",
        source="repo/lib",
    ),
    "a shallow clone": _Layout(
        f"{_COMMIT}; echo 3 >> b; git commit -qam second; cd ..;"
        "git clone -q --depth 1 file://$PWD/repo short",
        source="short",
    ),
    "a partial clone": _Layout(
        f"{_COMMIT}; echo 3 >> b; git commit -qam second; git config uploadpack.allowFilter true;"
        "cd ..; git clone -q --filter=blob:none file://$PWD/repo part",
        source="part",
    ),
    "a sparse checkout": _Layout(
        f"mkdir d e; touch d/x e/y; {_COMMIT}; git sparse-checkout set --cone --sparse-index d"
    ),
    "objects of another repository": _Layout(
        f"{_COMMIT}; cd ..; git clone -q --shared repo more; cd more; echo 3 >> b;"
        f"git commit -qam second; {_DIRTY}",
        source="more",
    ),
    "SHA-256": _Layout(_COMMIT.replace("init", "init --object-format=sha256"), branch=False),
    "a git folder elsewhere": _Layout(
        f"{_COMMIT}; cd ..; git init -q --separate-git-dir=elsewhere repo; cd repo; {_DIRTY}"
    ),
    "a link to the git folder": _Layout(f"{_COMMIT}; mv .git ../store; ln -s ../store .git"),
    "links in .git/info": _Layout(
        f"{_COMMIT}; mv .git/info ../info; ln -s ../../info .git/info; echo own >> ../info/exclude;"
        "touch own"
    ),
    "packs, a split index, an extension": _Layout(
        f"{_COMMIT}; git gc -q; git update-index --split-index; git pack-refs --all;"
        f"git config extensions.worktreeConfig true; {_DIRTY}"
    ),
    "a rebase under way": _Layout(f"{_COMMIT}; {_FORK}; git rebase -q other || true"),
    "a bisect under way": _Layout(
        f"{_COMMIT}; for n in 2 3 4; do echo $n > a; git commit -qam $n; done;"
        "git bisect start HEAD HEAD~3"
    ),
    "a folder of a repository": _Layout(
        f"mkdir -p packages/web; echo 1 > packages/web/b; {_COMMIT}; touch packages/web/x.log",
        source="repo/packages/web",
        below="packages/web/",
    ),
    "a folder alone, with links into it": _Layout(
        f"mkdir -p packages/web; echo 1 > packages/web/b; {_COMMIT}; cd packages/web; touch x.log;"
        "ln -s $PWD/b link; ln -s $PWD/.. up",
        source="repo/packages/web",
        below="packages/web/",
        words=("--folder-only",),
        branch=False,
    ),
}
_NAMES = tuple(_LAYOUTS)
_WORK = "echo more >> b; echo new > new; touch noise.log; ! test -e x.log"


class _User:
    """A user with such a repository.

    Args:
        trial: where.
        layout: which.
    """

    def __init__(self, trial: Trial, layout: _Layout) -> None:
        self.folder = trial.folder / "user"
        (self.folder / "repo").mkdir(parents=True)
        sh(f"set -e; {layout.script}", self.folder / "repo")
        self.source = self.folder / layout.source
        self._home = trial.folder / "home"
        self._home.mkdir()
        self._crossrun = InProcess(self._home)

    def crossrun(self, *words: str, code: int = 0) -> Result:
        """A command, which has to end with this code."""
        done = self._crossrun(*words, "--home", str(self._home / "crossrun"))
        assert done.code == code, f"crossrun {words[0]}: {done.code}\n{done.err[-500:]}"
        return done

    def files(self) -> dict[bytes, tuple[int, int, bytes]]:
        """All files, git's own as well, without the times of folders that had more meanwhile."""
        entries = state(self.folder).items()
        return {path: (entry.kind, entry.mode, entry.content) for path, entry in entries}

    def close(self) -> None:
        self._crossrun.close()


def lived_through(trial: Trial) -> None:
    """Copies a repository, has a run change the copy, brings the change back and takes it back."""
    layout = _LAYOUTS[_NAMES[trial.number % len(_NAMES)]]
    user = _User(trial, layout)
    try:
        before = state(user.folder)
        words = ("--executor", "shell", "--source", str(user.source), *layout.words)
        user.crossrun("run", *words, "--json", _WORK)
        assert state(user.folder) == before, "the run has changed the source"
        changed = {f"{layout.below}{name}" for name in ("b", "new")}
        told = set(user.crossrun("diff", "--name-only").out.split())
        assert told == changed, f"the change is told as {told}"
        _brought_and_taken_back(user, layout, changed)
        _branched(user, layout)
        _cleaned_up(user)
    finally:
        user.close()


def _brought_and_taken_back(user: _User, layout: _Layout, changed: set[str]) -> None:
    before = user.files()
    user.crossrun("apply")
    after = user.files()
    top = user.source
    for _ in filter(None, layout.below.split("/")):
        top = top.parent
    wanted = {bytes(top.relative_to(user.folder) / path) for path in changed}
    differing = {path for path in before | after if before.get(path) != after.get(path)}
    assert differing == wanted, f"apply has changed {differing}"
    user.crossrun("undo")
    assert user.files() == before, "undo leaves something else behind"


def _branched(user: _User, layout: _Layout) -> None:
    before = user.files()
    if not layout.branch:
        user.crossrun("apply", "--branch", "agent/x", code=3)
        assert user.files() == before, "a branch that was refused leaves something behind"
        return
    user.crossrun("apply", "--branch", "agent/x")
    branch = sh(f"git show agent/x:{layout.below}new", user.source, GIT_OPTIONAL_LOCKS="0")
    assert branch == "new\n", f"the branch has {branch!r}"
    user.crossrun("undo")
    after = user.files()
    more = {path for path in before | after if before.get(path) != after.get(path)}
    kept = {p for p in more if b"objects/" in p or stat.S_ISDIR(after.get(p, (0, 0, b""))[0])}
    assert more == kept, f"undo of a branch leaves {more - kept} behind"


def _cleaned_up(user: _User) -> None:
    before = user.files()
    user.crossrun("cleanup", "--older-than", "0", "--yes", "--force")
    workspaces = user.folder.parent / "home" / "crossrun" / "workspaces"
    assert not list(Path(workspaces).glob("*/*")), "the workspace is still there"
    assert user.files() == before, "cleanup has changed the source"


REPOSITORIES = FaultList(
    name="repositories",
    about="repositories of all layouts: copied, changed, brought back, taken back, branched",
    short=len(_NAMES),
    long=len(_NAMES),
    carry_out=lived_through,
)
