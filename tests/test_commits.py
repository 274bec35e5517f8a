"""Commits, branches, tags and stashes that only the repository of a workspace has."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from applications import Desk
from conftest import Crossrun
from trees import sh, state, value_of

from crossrun.errors import CrossrunError
from crossrun.events import Event, RunFinished, RunStarted, WorkspaceChanged, WorkspacePrepared
from crossrun.model.requests import BeginWith, RunRequest
from crossrun.model.retention import RetentionRules, WorkspaceUsage, planned
from crossrun.model.runs import RefChange, Run, Source
from crossrun.model.status import Status
from crossrun.redaction import Redactor
from crossrun.services.applying import (
    ApplyResult,
    apply_commits,
    commits_are_applied,
    commits_of,
    target_of,
)
from crossrun.system.cancellation import CancelToken
from crossrun.views.words import history_words
from crossrun.workspace.copying.trees import copy_tree
from crossrun.workspace.sources.copies import copy_source
from crossrun.workspace.workspaces import Workspace


@pytest.fixture
def desk(crossrun: Crossrun, tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "source", crossrun)
    desk.sh("echo a > a")
    desk.commits()
    return desk


def worked(
    desk: Desk,
    script: str,
    *,
    source: Path | None = None,
    resumed: Run | None = None,
    cloned: Run | None = None,
    in_place: bool = False,
) -> Run:
    """A run whose agent did what the script does, with the repository that its workspace has.

    Without a source its workspace began empty.
    """
    with desk.store.owning() as run_id:
        path = desk.workspaces.path("default", run_id)
        origin: Source | None = None
        if in_place:
            path = desk.folder
            workspace = desk.workspaces.take_over(path)
            origin = Source(kind="in_place", path=str(path), base=workspace.baseline)
        elif resumed is not None:
            path, origin = Path(resumed.workspace), resumed.source
            workspace = desk.workspaces.take_over(path)
        elif cloned is not None:
            value_of(copy_tree(Path(cloned.workspace), path, CancelToken()))
            workspace = desk.workspaces.recorded(path, beside=Path(cloned.workspace))
            origin = cloned.source
        else:
            desk.workspaces.make_room(path)
            if source is None:
                desk.workspaces.make_empty(path)
            else:
                value_of(copy_source(source, path, CancelToken()))
            workspace = desk.workspaces.recorded(path)
            if source is not None:
                origin = Source(kind="repository", path=str(source), base=workspace.baseline)
        sh(script, path)
        record(desk, run_id, workspace, origin, resumed, cloned)
    return desk.store.read.run(run_id)


def record(
    desk: Desk,
    run_id: str,
    workspace: Workspace,
    source: Source | None,
    resumed: Run | None,
    cloned: Run | None,
) -> None:
    def facts() -> Generator[Event | None]:
        begin = BeginWith(run_id=cloned.id if cloned else None)
        yield RunStarted(
            request=RunRequest(task="commit", executor="shell", begin_with=begin),
            workspace=str(workspace.path),
            crossrun_version="0",
            resumed_from=resumed.id if resumed else None,
        )
        path, baseline = str(workspace.path), workspace.baseline
        yield WorkspacePrepared(
            path=path, baseline=baseline, source=source, refs=workspace.refs_blob
        )
        tree = workspace.state()
        change = workspace.snapshots.difference(baseline, tree)
        history = desk.workspaces.history(workspace)
        head = sh("git symbolic-ref -q --short HEAD || true", workspace.path).strip() or None
        yield WorkspaceChanged(
            tree=tree,
            changes=change.changes,
            shortstat="",
            stat="",
            branch=head,
            commits=history.commits,
            refs=history.refs,
        )
        yield RunFinished(status=Status.SUCCEEDED, failure=None)

    for _ in desk.store.recording(run_id, facts(), Redactor()):
        pass


def brought(
    desk: Desk, run: Run, *, to: Path | None = None, name: str | None = None
) -> ApplyResult:
    commits = commits_of(desk.store, run, desk.workspaces)
    return apply_commits(desk.store, commits, target_of(run, to), name)


def refs(folder: Path) -> dict[str, str]:
    """The references of a repository and the subjects of their commits."""
    listed = sh("git for-each-ref --format='%(refname) %(subject)%(*subject)'", folder)
    return dict(line.split(" ", 1) for line in listed.splitlines())


COMMIT = "git commit -q --allow-empty -m"
UNSAFE = """
tree=$(printf '100644 blob %s\\t.git\\n' $(git rev-parse HEAD:a) | git mktree)
git update-ref HEAD $(git commit-tree -m evil $tree)
"""
WHO = {f"GIT_{who}_{what}": "me" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class TestMeasuring:
    @pytest.mark.parametrize(
        ("script", "words"),
        [
            ("echo b > b", ""),
            (f"{COMMIT} one; {COMMIT} two", "2 commits on main"),
            ("git tag v1; git tag -a -m t v2", "2 tags"),
            ("git branch old", "branch old"),
            ("git notes add -m n", "notes"),
            ("echo b > a; git stash -q; echo c > a; git stash -q", "2 stashes"),
            (f"git checkout -q --detach; {COMMIT} lost", "1 commit on no branch"),
            (f"git checkout -qb f/x; {COMMIT} one; git tag t; git checkout -q main; {COMMIT} two",
             "1 commit on main, 1 commit on f/x, 1 tag"),
            (f"{COMMIT} one; git pack-refs --all; git gc -q", "1 commit on main"),
            ("git branch -m main trunk", "branch trunk"),
            (f"{COMMIT} x; git reset -q --hard HEAD~1", ""),
        ],
    )  # fmt: skip
    def test_what_a_run_did_to_references_is_counted(
        self, desk: Desk, script: str, words: str
    ) -> None:
        run = worked(desk, script, source=desk.folder)

        assert history_words(run.commits or ()) == words

    def test_each_reference_is_recorded_with_both_ids(self, desk: Desk) -> None:
        run = worked(desk, f"{COMMIT} one; {COMMIT} two", source=desk.folder)

        new = sh("git rev-parse HEAD", Path(run.workspace)).strip()
        assert run.commits == (RefChange("refs/heads/main", desk.commit, new, 2),)

    def test_commits_that_a_remote_has_are_not_counted(self, desk: Desk) -> None:
        clone = f"git clone -q {desk.folder} . && {COMMIT} mine"

        run = worked(desk, clone)

        assert history_words(run.commits or ()) == "1 commit on main"

    @pytest.mark.parametrize(
        "trick",
        [
            "echo /elsewhere/objects > .git/objects/info/alternates",
            "mv .git/objects ../objects; ln -s ../objects .git/objects",
            "mkfifo .git/objects/pack/x.pack",
        ],
    )
    def test_objects_from_elsewhere_are_neither_read_nor_brought(
        self, desk: Desk, trick: str
    ) -> None:
        run = worked(desk, f"{COMMIT} one; {trick}", source=desk.folder)

        assert run.commits is not None
        assert [change.commits for change in run.commits] == [None]
        with pytest.raises(CrossrunError) as raised:
            brought(desk, run)
        assert raised.value.code == "COMMITS_IMPOSSIBLE"
        assert refs(desk.folder) == {"refs/heads/main": "first"}


class TestBringing:
    SCRIPT = f"""
    {COMMIT} one; git tag -a -m tagged v1; git checkout -qb docs; {COMMIT} words
    git checkout -q main; git notes add -m note; echo b > a; git stash -q
    """

    def test_branches_tags_and_stashes_get_names_with_the_runs_id(self, desk: Desk) -> None:
        before = state(desk.folder)
        run = worked(desk, self.SCRIPT, source=desk.folder)

        result = brought(desk, run)

        prefix = f"crossrun/{run.id}"
        assert refs(desk.folder) == {
            "refs/heads/main": "first",
            f"refs/heads/{prefix}": "one",
            f"refs/heads/{prefix}-docs": "words",
            f"refs/tags/{prefix}/v1": "taggedone",
            f"refs/notes/{prefix}/commits": "Notes added by 'git notes add'",
            f"refs/tags/{prefix}/stash-0": f"WIP on main: {desk_id(desk, prefix)} one",
        }
        assert [each.source for each in result.refs] == [
            "refs/heads/main", "refs/heads/docs", "refs/tags/v1", "stash@{0}", "refs/notes/commits",
        ]  # fmt: skip
        after = state(desk.folder)
        changed = {path for path in before if after[path] != before[path]}
        assert all(path.startswith((b".git/refs", b".git/objects")) for path in changed)
        desk.sh("git fsck --strict && git stash apply -q crossrun/*/stash-0 || true")
        desk.sh(f"git stash apply -q {prefix}/stash-0")
        assert (desk.folder / "a").read_text() == "b\n"

    def test_undo_removes_them_and_they_can_be_brought_again(self, desk: Desk) -> None:
        run = worked(desk, self.SCRIPT, source=desk.folder)
        brought(desk, run)
        assert commits_are_applied(desk.store, run)

        desk.undo(run)

        assert refs(desk.folder) == {"refs/heads/main": "first"}
        assert not commits_are_applied(desk.store, run)
        assert len(brought(desk, run, name="agent").refs) == 5
        assert "refs/heads/agent-docs" in refs(desk.folder)

    def test_undo_takes_nothing_back_where_one_was_gone_on_with(self, desk: Desk) -> None:
        run = worked(desk, self.SCRIPT, source=desk.folder)
        brought(desk, run)
        desk.sh(f"git checkout -q crossrun/{run.id}-docs; {COMMIT} more; git checkout -q main")
        before = refs(desk.folder)

        result = desk.undo(run)

        assert [conflict.path for conflict in result.plan.conflicts] == [f"crossrun/{run.id}-docs"]
        assert refs(desk.folder) == before

    def test_a_second_time_there_is_nothing_to_bring(self, desk: Desk) -> None:
        run = worked(desk, self.SCRIPT, source=desk.folder)
        brought(desk, run)

        result = brought(desk, run)

        assert (result.refs, result.application) == ((), None)

    def test_a_name_that_is_taken_is_refused_and_nothing_is_made(self, desk: Desk) -> None:
        run = worked(desk, self.SCRIPT, source=desk.folder)
        desk.sh(f"git tag crossrun/{run.id}/v1")
        before = refs(desk.folder)

        with pytest.raises(CrossrunError) as raised:
            brought(desk, run)

        assert raised.value.code == "BRANCH_TAKEN"
        assert refs(desk.folder) == before

    def test_a_run_that_goes_on_brings_the_commits_of_both(self, desk: Desk) -> None:
        first = worked(desk, f"{COMMIT} one", source=desk.folder)
        second = worked(desk, "git checkout -qb more; git tag t", resumed=first)
        clone = worked(desk, f"{COMMIT} three", cloned=second)
        assert history_words(clone.commits or ()) == "1 commit on more"

        brought(desk, clone)

        assert refs(desk.folder) == {
            "refs/heads/main": "first",
            f"refs/heads/crossrun/{clone.id}": "three",
            f"refs/heads/crossrun/{clone.id}-main": "one",
            f"refs/tags/crossrun/{clone.id}/t": "one",
        }

    def test_an_earlier_run_brings_what_it_had_made(self, desk: Desk) -> None:
        first = worked(desk, f"{COMMIT} one", source=desk.folder)
        worked(desk, f"{COMMIT} two", resumed=first)

        brought(desk, first)

        assert refs(desk.folder)[f"refs/heads/crossrun/{first.id}"] == "one"

    def test_a_repository_that_the_agent_made_is_brought_into_another_one(self, desk: Desk) -> None:
        run = worked(desk, f"git init -q -b trunk; echo x > x; git add x; {COMMIT} root")

        with pytest.raises(CrossrunError) as raised:
            brought(desk, run)
        assert raised.value.code == "SOURCE_NONE"
        brought(desk, run, to=desk.folder)

        assert refs(desk.folder)[f"refs/heads/crossrun/{run.id}"] == "root"
        assert desk.sh(f"git show crossrun/{run.id}:x") == "x\n"

    def test_work_trees_shallow_and_sha256_repositories_get_commits(
        self, desk: Desk, tmp_path: Path
    ) -> None:
        desk.sh(f"{COMMIT} second; git worktree add -q -b other ../'work tree'; git gc -q")
        desk.sh("git clone -q --depth 1 file://$PWD ../shallow")
        desk.sh(f"git init -q --object-format=sha256 -b main ../new; cd ../new; {COMMIT} sha256")
        for name in ("work tree", "shallow", "new"):
            folder = tmp_path / name
            run = worked(desk, f"echo {name} > c; git add c; {COMMIT} one", source=folder)

            brought(desk, run)

            assert refs(folder)[f"refs/heads/crossrun/{run.id}"] == "one"
            sh("git fsck --strict", folder)

    def test_a_repository_with_other_ids_gets_nothing(self, desk: Desk, tmp_path: Path) -> None:
        sh(f"git init -q --object-format=sha256 new; cd new; {COMMIT} x", tmp_path)
        run = worked(desk, f"{COMMIT} one", source=desk.folder)

        with pytest.raises(CrossrunError, match="sha256"):
            brought(desk, run, to=tmp_path / "new")

    @pytest.mark.parametrize(
        "harm",
        [
            "rm -f .git/objects/$(git rev-parse HEAD^{tree} | sed 's,..,&/,')",
            UNSAFE,
            "git fetch -q --depth 1 file://DEEP main; git reset -q --hard FETCH_HEAD",
        ],
    )
    def test_commits_that_are_not_whole_or_not_safe_are_refused(
        self, desk: Desk, harm: str
    ) -> None:
        desk.sh(f"git clone -q . ../deep; cd ../deep; {COMMIT} 1; {COMMIT} 2; {COMMIT} 3")
        harm = harm.replace("DEEP", str(desk.folder.parent / "deep"))
        run = worked(desk, f"echo b > b; git add b; {COMMIT} one; {harm}", source=desk.folder)

        with pytest.raises(CrossrunError) as raised:
            brought(desk, run)

        assert raised.value.code == "COMMITS_IMPOSSIBLE"
        assert refs(desk.folder) == {"refs/heads/main": "first"}
        assert list(desk.store.read.applications(run.id)) == []

    def test_nothing_that_either_repository_names_is_run(self, desk: Desk, tmp_path: Path) -> None:
        canary = tmp_path / "canary"
        program = f"sh -c 'echo ran >> {canary}'"
        config = "".join(
            f'git config {name} "{program}"; '
            for name in (
                *("core.fsmonitor", "core.sshCommand", "core.alternateRefsCommand", "core.pager"),
                *("uploadpack.packObjectsHook", "filter.x.clean", "filter.x.smudge"),
            )
        )
        hooks = (
            f"for h in reference-transaction post-checkout pre-auto-gc; do "
            f"printf '#!/bin/sh\\necho ran >> {canary}\\n' > .git/hooks/$h; "
            "chmod +x .git/hooks/$h; done; "
        )
        desk.sh(f"mkdir -p .git/hooks; {hooks}{config}")
        run = worked(desk, f"mkdir -p .git/hooks; {hooks}{config}", source=desk.folder)
        sh(f"{COMMIT} one; rm -f {canary}", Path(run.workspace))
        run = worked(desk, "true", resumed=run)
        canary.unlink(missing_ok=True)

        brought(desk, run)
        desk.undo(run)

        assert not canary.exists()


class TestKeeping:
    def plan(self, desk: Desk) -> tuple[list[str], list[str]]:
        workspaces = {run.workspace for run in desk.store.workspaces.locations()}
        runs = desk.store.workspaces.runs(workspaces)
        usages = [
            WorkspaceUsage(tuple(run for run in runs if run.workspace == path))
            for path in workspaces
        ]
        plan = planned(
            usages, RetentionRules(older_than=0), datetime.now(UTC) + timedelta(seconds=1)
        )
        return [one.newest.id for one, _ in plan.going], [reason for _, reason in plan.kept]

    def test_a_workspace_with_commits_stays_until_they_are_brought(self, desk: Desk) -> None:
        first = worked(desk, f"{COMMIT} one", source=desk.folder)
        second = worked(desk, "true", resumed=first)
        assert self.plan(desk) == ([], ["its commits were not applied (apply --commits)"])

        brought(desk, first)
        assert self.plan(desk) == ([second.id], [])

        desk.undo(first)
        assert self.plan(desk)[0] == []
        brought(desk, second)
        assert self.plan(desk) == ([second.id], [])

    def test_bringing_the_commits_does_not_count_as_bringing_the_files(self, desk: Desk) -> None:
        run = worked(desk, f"echo b > b; {COMMIT} one", source=desk.folder)

        brought(desk, run)

        assert self.plan(desk) == ([], ["its work was not applied"])

    def test_a_repository_in_a_workspace_that_began_empty_stays(self, desk: Desk) -> None:
        run = worked(desk, f"git init -q; {COMMIT} one")
        assert self.plan(desk)[0] == []

        brought(desk, run, to=desk.folder)
        assert self.plan(desk)[0] == [run.id]

    def test_commits_of_a_run_in_place_are_with_the_user(self, desk: Desk) -> None:
        run = worked(desk, f"{COMMIT} one", in_place=True)

        assert history_words(run.commits or ()) == "1 commit on main"
        assert commits_are_applied(desk.store, run)


def desk_id(desk: Desk, name: str) -> str:
    return desk.sh(f"git rev-parse --short {name}").strip()


def test_the_command_tells_of_commits_and_brings_them(crossrun: Crossrun) -> None:
    source = crossrun.cwd / "repo"
    source.mkdir()
    sh(f"git init -q -b main; echo a > a; git add a; {COMMIT} first", source)
    task = f"{COMMIT} one; git tag v1"
    ran = crossrun("run", "--executor", "shell", "--source", "repo", task, **WHO)
    assert "commits   1 commit on main, 1 tag" in ran.err
    run_id = ran.out.strip()
    assert f"crossrun apply {run_id} --commits" in ran.err
    (main, tag) = crossrun.json("show", run_id)["commits"]
    assert (main["ref"], main["commits"], tag["ref"]) == ("refs/heads/main", 1, "refs/tags/v1")

    files_only = crossrun("apply", run_id)
    assert "not applied: 1 commit on main, 1 tag" in files_only.err
    dry = crossrun.json("apply", run_id, "--commits", "--dry-run")
    assert (dry["applied"], len(dry["refs"])) == (False, 2)
    told = crossrun.json("apply", run_id, "--commits")

    assert told["branch"] == f"crossrun/{run_id}"
    assert told["commit"] == main["new"] == sh(f"git rev-parse crossrun/{run_id}", source).strip()
    (application,) = crossrun.json("show", run_id)["applications"]
    assert [each["source"] for each in application["refs"]] == ["refs/heads/main", "refs/tags/v1"]
    assert crossrun("apply", run_id, "--commits", "--patch", "x").code == 2
    assert crossrun("undo", run_id).code == 0
    assert refs(source) == {"refs/heads/main": "first"}
