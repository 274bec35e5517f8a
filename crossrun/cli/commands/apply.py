"""`crossrun apply`: applies the change of a run to the user's own files."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, NoReturn

import click
import typer

from crossrun.cli.apply_results import result_object, say_result
from crossrun.cli.arguments import Json, ProjectId, RunReference
from crossrun.cli.globals import Command, Globals, application, current
from crossrun.errors import ConfigurationError, Exit, UsageError
from crossrun.projections.documents import document

if TYPE_CHECKING:
    from crossrun.model.runs import Run
    from crossrun.services.app import App
    from crossrun.services.applying import ApplicableChange, ApplyResult

_STDOUT = Path("-")
_IGNORED, _EVERYTHING = "--ignored", "*"
_OPTIONS = ("--to", "--branch", "--patch", "--commits", "--conflicts", "--dry-run", _IGNORED)
_EXCLUSIVE = (
    ("--branch", "--patch"),
    ("--branch", _IGNORED),
    ("--patch", _IGNORED),
    ("--branch", "--conflicts"),
    ("--patch", "--conflicts"),
    ("--patch", "--to"),
    ("--patch", "--dry-run"),
    ("--patch", "--commits"),
    ("--commits", "--conflicts"),
    ("--commits", _IGNORED),
)


def apply(
    run: RunReference = None,
    project_id: ProjectId = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Apply it to this folder instead.")
    ] = None,
    branch: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Commit it to a new branch; change no files."),
    ] = None,
    patch: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a patch instead; - prints it.")
    ] = None,
    commits: Annotated[
        bool,
        typer.Option("--commits", help="Apply the agent's commits, as branches and tags."),
    ] = False,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="Write conflicts to the files, with markers.")
    ] = False,
    ignored: Annotated[
        str | None,
        typer.Option(
            _IGNORED,
            metavar="[GLOB]",
            help="Also apply ignored files: all, or those that match.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Apply what a run changed to the files that its workspace began with.

    Files that you have changed since are merged. If that is not possible, nothing is changed, and
    the exit code is 1.

    \b
    Examples:
      crossrun apply
      crossrun apply k7f3 --dry-run
      crossrun apply k7f3 --branch agent/fix-parser
      crossrun apply k7f3 --commits
      crossrun apply k7f3 --to ../elsewhere
      crossrun apply k7f3 --ignored "out/*.csv"
      crossrun apply k7f3 --patch - | git apply --3way
    """
    options = current()
    _require_one((to, branch, patch, commits or None, conflicts or None, dry_run or None, ignored))
    app = options.open_app()
    from crossrun.services.applying import change_of, commits_are_applied
    from crossrun.views.applying import applied, commits_applied, commits_left

    chosen = app.run(run, project_id)
    apply_options = _ApplyOptions(to, branch, conflicts, ignored, dry_run)
    if commits:
        result = _commits_applied(app, chosen, apply_options)
        lines = commits_applied(result, chosen, options.err, dry_run=dry_run)
        _tell(result, chosen, options, lines, dry_run=dry_run, json=json)
    change = change_of(app.store, chosen, app.workspaces)
    if patch is not None:
        _write_patch(change, patch, app, options, json=json)
        return
    result = _applied(app, change, apply_options)
    lines = applied(result, chosen, options.err, dry_run=dry_run)
    left = () if commits_are_applied(app.store, chosen) else commits_left(chosen, options.err)
    _tell(result, chosen, options, [*lines, *left], dry_run=dry_run, json=json)


class _ApplyOptions(NamedTuple):
    """Where and how to apply the change."""

    to: Path | None
    branch: str | None
    conflicts: bool
    ignored: str | None
    dry_run: bool


def _require_one(values: Sequence[object]) -> None:
    given = {name for name, value in zip(_OPTIONS, values, strict=True) if value is not None}
    for first, second in _EXCLUSIVE:
        if {first, second} <= given:
            raise UsageError(
                "OPTIONS_CONFLICT",
                f"{first} and {second} cannot be given together",
                hint="see  crossrun apply --help",
            )


def _applied(app: "App", change: "ApplicableChange", apply_options: _ApplyOptions) -> "ApplyResult":
    from crossrun.services.applying import ApplyResult, apply_as_branch, apply_to_files, target_of
    from crossrun.workspace.merge.decisions import MergePlan

    run, dry_run = change.run, apply_options.dry_run
    there = run.source is not None and run.source.kind == "in_place"
    if there and apply_options.to is None and apply_options.branch is None:
        return ApplyResult(Path(run.source.path if run.source else ""), MergePlan())
    folder = target_of(run, apply_options.to)
    if apply_options.branch is not None:
        name, environ = apply_options.branch, app.settings.environ
        return apply_as_branch(app.store, change, folder, name, environ, dry_run=dry_run)
    return apply_to_files(
        app.store,
        change,
        folder,
        ignored=apply_options.ignored,
        mark_conflicts=apply_options.conflicts,
        dry_run=dry_run,
    )


def _commits_applied(app: "App", run: "Run", apply_options: _ApplyOptions) -> "ApplyResult":
    from crossrun.services.applying import ApplyResult, apply_commits, commits_of, target_of
    from crossrun.workspace.merge.decisions import MergePlan

    if run.source is not None and run.source.kind == "in_place" and apply_options.to is None:
        return ApplyResult(Path(run.source.path), MergePlan())
    folder = target_of(run, apply_options.to)
    commits = commits_of(app.store, run, app.workspaces)
    return apply_commits(
        app.store, commits, folder, apply_options.branch, dry_run=apply_options.dry_run
    )


def _tell(
    result: "ApplyResult",
    run: "Run",
    options: Globals,
    lines: Iterable[str],
    *,
    dry_run: bool,
    json: bool,
) -> NoReturn:
    conflicts = bool(result.plan.conflicts)
    if json:
        output = {"applied": result.application is not None, "dry_run": dry_run}
        options.out.emit(document(output | result_object(result, run)))
    say_result(options, lines, always=conflicts)
    raise typer.Exit(Exit.RUN_FAILED if conflicts else Exit.OK)


def _write_patch(
    change: "ApplicableChange", file: Path, app: "App", options: Globals, *, json: bool
) -> None:
    """Writes the patch unredacted, since it could not be applied otherwise; warns of secrets."""
    patch = change.patch
    _, secrets = app.redactor(patch.decode("utf-8", "replace"))
    if file == _STDOUT:
        if json:
            raise UsageError(
                "OPTIONS_CONFLICT",
                "--patch - and --json cannot be given together",
                hint="both would go to standard output; name a file for the patch",
            )
        options.out.emit(patch)
    else:
        _write(patch, file)
        options.say(f"wrote {file}" if patch else f"wrote {file}: the run changed nothing")
    if json:
        output = {"run_id": change.run.id, "patch": str(file), "size": len(patch)}
        options.out.emit(document({**output, "secrets": secrets}))
    if secrets:
        options.say(f"warning: the patch is not redacted; possible secrets in it: {secrets}")


def _write(patch: bytes, file: Path) -> None:
    try:
        file.write_bytes(patch)
    except OSError as error:
        raise ConfigurationError(
            "OUTPUT_UNWRITABLE",
            f"{file} cannot be written: {error.strerror}",
            hint="choose another place with --patch",
        ) from error


class _ApplyCommand(Command):
    """Lets the value of `--ignored` be left out, which typer cannot."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Adds the value that stands for all files if none is given."""
        words = list(args)
        for at, word in enumerate(words):
            if word == _IGNORED and (at + 1 == len(words) or words[at + 1].startswith("-")):
                words[at] = f"{_IGNORED}={_EVERYTHING}"
        return super().parse_args(ctx, words)


apply_app = application("apply", apply, command=_ApplyCommand)
