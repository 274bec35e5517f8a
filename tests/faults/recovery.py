"""kill -9 at any step of apply, undo, cleanup and snapshot: the next command sets it right."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence

from conftest import Crossrun
from trees import sh, state

from faults.forked import Ended, Forked
from faults.lists import FaultList, Trial
from faults.worlds import Ledger, crossrun_in

_KILLS = 10
"""So many in each trial."""
_KILLED_AGAIN = 0.3
"""So often whoever would set things right is killed as well."""
_BASE = (
    "mkdir -p d/deep e; echo a > a; printf '1\\n2\\n3\\n4\\n5\\n6\\n' > text; echo b > d/deep/b;"
    " echo c > c; ln -s a link; echo p > program; chmod +x program; echo f > e/f;"
    " echo h > h1; ln h1 h2; chmod 2750 e; mkdir empty; echo s > secret; chmod 600 secret"
)
_WORK = (
    "echo A > a; sed -i s/1/one/ text; rm -r d; echo D > d; rm c; mkdir -p c/c n/n; echo C > c/c/c;"
    " ln -sfn e link; chmod -x program; echo n > n/n/n; rm -r e; echo z > z;"
    " echo H >> h1; echo x > empty/x; echo S > secret"
)
_OTHER = "echo other > other"
_SHELL = ("--executor", "shell")
_TIDYING = ("cleanup", "--older-than", "1d", "--yes")
"""Nothing is so old, but what was left half is set right."""
_CLEANUP = ("cleanup", "--older-than", "0s", "--yes")

Tree = Mapping[bytes, tuple[int, int, bytes]]
_of_this_thread = threading.local()


def in_child(crossrun: Crossrun, *words: str, die_at: int | None = None) -> Ended:
    """Carries out a command in a child of this thread's process for that."""
    known: Forked | None = getattr(_of_this_thread, "forked", None)
    if known is None:
        known = _of_this_thread.forked = Forked()
    return known(*words, cwd=crossrun.cwd, environ=crossrun.environ, die_at=die_at)


def run_id(ended: Ended) -> str:
    """The id of a run, from what it says in JSON."""
    assert ended.code == 0, ended.err
    return str(json.loads(ended.out)["id"])


class World:
    """A user with a folder, and a crossrun that dies at chosen steps."""

    def __init__(self, trial: Trial) -> None:
        self.chance = trial.chance
        self.crossrun = crossrun_in(trial.folder)
        self.folder = trial.folder / "source"
        self.folder.mkdir()
        sh(_BASE, self.folder)
        sh("git init -q -b main . && git add -A && git commit -q -m first", self.folder)

    def __call__(self, *words: str, die_at: int | None = None) -> Ended:
        """Carries out a command."""
        return in_child(self.crossrun, *words, die_at=die_at)

    def run(self, script: str, *words: str) -> str:
        """The id of a run that did something."""
        return run_id(self("run", script, *_SHELL, *words, "--json"))

    def killed(self, steps: int, *words: str) -> bool:
        """Whether a command was killed at one of its steps, which it has about so many of."""
        ended = self(*words, die_at=self.chance.randint(1, steps))
        assert ended.killed or ended.code in (0, 1, 6), ended.err
        return ended.killed

    def done(self, *words: str, codes: Sequence[int] = (0,)) -> Ended:
        """Carries out a command that sets things right, which may be killed itself at first."""
        if self.chance.random() < _KILLED_AGAIN:
            self(*words, die_at=self.chance.randint(1, 200))
        ended = self(*words)
        assert ended.code in codes, f"{words[0]}: {ended.code} {ended.err}"
        return ended

    @property
    def tree(self) -> Tree:
        """All that is in the folder."""
        found = state(self.folder)
        return {path: (one.kind, one.mode, one.content) for path, one in found.items()}

    def require_sound(self) -> None:
        """Nothing half is left in the store."""
        assert Ledger(self.crossrun).rows("PRAGMA integrity_check") in ([], [("ok",)])


def carry_out(trial: Trial) -> None:
    kinds: Sequence[Callable[[World], None]] = (_apply, _undo, _cleanup, _snapshot)
    kinds[trial.number % len(kinds)](World(trial))


def _apply(world: World) -> None:
    """Dies while it brings a change; afterwards all of it is there, or nothing."""
    run, other = (world.run(script, "--source", str(world.folder)) for script in (_WORK, _OTHER))
    sh("sed -i s/6/six/ text; echo mine > mine", world.folder)
    before, steps = world.tree, world.done("apply", run).steps
    after = world.tree
    world.done("undo", run, codes=(0, 6))
    for _ in range(_KILLS):
        _require(world.tree, before)
        world.killed(steps, "apply", run)
        match world.chance.randrange(4):
            case 0:
                world.done("apply", run)
                _require(world.tree, after)
            case 1:
                world.done("undo", run, codes=(0, 6))
                _require(world.tree, before)
            case 2:
                world.done(*_TIDYING)
                _require(world.tree, before, after)
            case _:
                world.done("apply", other)
                world.done("undo", other, codes=(0, 6))
                _require(world.tree, before, after)
        world.done("undo", run, codes=(0, 6))
    world.require_sound()


def _undo(world: World) -> None:
    """Dies while it takes a change back; afterwards all of it is gone, or nothing."""
    in_place = world.chance.random() < 0.3
    run, other = (world.run(script, "--source", str(world.folder)) for script in (_WORK, _OTHER))
    before = world.tree
    if in_place:
        run = world.run(_WORK, "--workspace", str(world.folder))
    else:
        world.done("apply", run)
    after = world.tree
    steps = world("undo", run).steps
    for _ in range(1 if in_place else _KILLS):
        _require(world.tree, before)
        if not in_place:
            world.done("apply", run)
            world.killed(steps, "undo", run)
        match world.chance.randrange(3):
            case 0:
                world.done("undo", run, codes=(0, 6))
                _require(world.tree, before)
            case 1:
                world.done("apply", other)
                world.done("undo", other, codes=(0, 6))
            case _:
                world.done(*_TIDYING)
        _require(world.tree, before, after)
        world("undo", run)
    _require(world.tree, before)
    world.require_sound()


def _cleanup(world: World) -> None:
    """Dies while it removes workspaces; what was not brought back stays, the rest goes."""
    kept = world.run(_WORK, "--source", str(world.folder))
    steps = 200
    for _ in range(_KILLS):
        gone = world.run("echo x > x")
        words = (*_CLEANUP, *world.chance.choice(((), ("--drop-record",), ("--drop-artifacts",))))
        ended = world(*words, die_at=world.chance.randint(1, steps))
        steps = ended.steps or steps
        world.done(*words)
        left = [path.name for path in world.crossrun.home.glob("workspaces/*/*")]
        assert left == [kept], f"{left} is there, and not {kept}; {gone} was to go"
        partial = list(world.crossrun.home.rglob("*.partial-*"))
        assert not partial, f"{partial} is left"
    world.done("apply", kept)
    world.require_sound()


def _snapshot(world: World) -> None:
    """Dies while a run begins or is measured; the source stays, and the next run works."""
    begin = world.chance.choice(("--source", "--workspace"))
    before, git = world.tree, state(world.folder / ".git")
    steps = world("run", "true", *_SHELL, begin, str(world.folder)).steps
    for _ in range(_KILLS // 2):
        world.killed(steps, "run", "true", *_SHELL, begin, str(world.folder))
        _require(world.tree, before)
        assert state(world.folder / ".git") == git
    run = world.run(_WORK, begin, str(world.folder))
    if begin == "--source":
        world.done("apply", run)
    assert _own(world.tree) != _own(before)
    world.done("undo", run, codes=(0, 6))
    _require(world.tree, before)
    world.done(*_CLEANUP)
    assert not list(world.crossrun.home.rglob("*.partial-*"))
    world.require_sound()


def _require(now: Tree, *states: Tree) -> None:
    """The folder is in one of these states, what git has there aside."""
    states = tuple(map(_own, states))
    now = _own(now)
    differing = {
        path: (now.get(path), states[0].get(path))
        for path in {*now, *states[0]}
        if now.get(path) != states[0].get(path)
    }
    assert now in states, f"neither as before nor as after: {differing}"


def _own(tree: Tree) -> Tree:
    return {path: entry for path, entry in tree.items() if not path.startswith(b".git/")}


RECOVERY = FaultList(
    name="recovery",
    about=f"kill -9 at steps of apply, undo, cleanup, snapshot, {_KILLS} in each: all or nothing",
    short=20,
    long=200,
    carry_out=carry_out,
)
