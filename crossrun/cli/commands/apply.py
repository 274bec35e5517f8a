"""`crossrun apply`: applies the change of a run to the user's own files."""

import shlex
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import click
import typer

from crossrun.cli.apply_results import result_object, say_result
from crossrun.cli.arguments import Json, Pick, ProjectId, RunReference
from crossrun.cli.command_names import MisreadError
from crossrun.cli.globals import Command, Globals, application, current
from crossrun.cli.hunk_prompt import choose_hunks, require_terminal
from crossrun.cli.parsing import options_from
from crossrun.cli.picking import chosen_run
from crossrun.errors import ConfigurationError, Exit, UsageError
from crossrun.projections.documents import document

if TYPE_CHECKING:
    from crossrun.model.runs import Run
    from crossrun.services.app import App
    from crossrun.services.apply import ApplyOptions
    from crossrun.services.applying import ApplicableChange, ApplyResult

_STDOUT = Path("-")
_IGNORED, _EVERYTHING = "--ignored", "*"


def apply(
    run: RunReference = None,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- PATH...]", help="Apply only these files and folders; globs work too."
        ),
    ] = None,
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
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Ask for each hunk, as `git add -p` does.")
    ] = False,
    message: Annotated[
        str | None, typer.Option("--message", "-m", help="The message of the branch's commit.")
    ] = None,
    author: Annotated[
        str | None, typer.Option(metavar="'NAME <MAIL>'", help="The author of the branch's commit.")
    ] = None,
    push: Annotated[bool, typer.Option("--push", help="Push the branch.")] = False,
    remote: Annotated[str, typer.Option(metavar="NAME", help="Where to push it.")] = "origin",
    pr: Annotated[
        bool, typer.Option("--pr", help="Push the branch, and open a pull request with gh.")
    ] = False,
    title: Annotated[str | None, typer.Option(help="The title of the pull request.")] = None,
    body: Annotated[str | None, typer.Option(help="The text of the pull request.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen; change nothing.")
    ] = False,
    pick: Pick = False,
    json: Json = False,
) -> None:
    """Apply what a run changed to the files that its workspace began with.

    Files that you have changed since are merged. If that is not possible, nothing is changed, and
    the exit code is 1.

    \b
    Examples:
      crossrun apply
      crossrun apply k7f3 --dry-run
      crossrun apply k7f3 -- src/parser.py "docs/*.md"
      crossrun apply k7f3 --interactive
      crossrun apply k7f3 --branch agent/fix-parser
      crossrun apply k7f3 --branch agent/fix-parser --pr
      crossrun apply k7f3 --commits
      crossrun apply k7f3 --to ../elsewhere
      crossrun apply k7f3 --ignored "out/*.csv"
      crossrun apply k7f3 --patch - | git apply --3way
    """
    arguments = locals()
    from crossrun.services.apply import ApplyOptions, apply_run, change_of_run

    if patch is not None:
        _require_no_other(arguments)
    if interactive:
        require_terminal()
    apply_options = options_from(ApplyOptions, arguments)
    options = current()
    app = options.open_app()
    chosen = chosen_run(app, run, project_id, pick=pick)
    if patch is not None:
        _write_patch(change_of_run(chosen, app, paths or ()), patch, app, options, json=json)
        return
    choose = partial(choose_hunks, options=options) if interactive else None
    result = apply_run(apply_options, chosen, app, choose)
    lines = _lines(result, chosen, apply_options, app, options)
    _tell(result, chosen, options, lines, dry_run=dry_run, json=json)


def _require_no_other(arguments: Mapping[str, object]) -> None:
    """A patch is written as it is, without regard to a target."""
    from crossrun.services.apply import cannot_combine

    for name in ("branch", "ignored", "conflicts", "to", "dry_run", "commits", "interactive"):
        if arguments[name]:
            raise cannot_combine("--patch", f"--{name.replace('_', '-')}")


def _lines(
    result: "ApplyResult", run: "Run", apply_options: "ApplyOptions", app: "App", options: Globals
) -> list[str]:
    from crossrun.services.applying import commits_are_applied
    from crossrun.views.applying import applied, commits_applied, commits_left

    dry_run = apply_options.dry_run
    if apply_options.commits:
        return list(commits_applied(result, run, options.err, dry_run=dry_run))
    lines = list(applied(result, run, options.err, dry_run=dry_run))
    if not commits_are_applied(app.store, run):
        lines += commits_left(run, options.err)
    return lines


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
                "--patch - and --json cannot be used together",
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
    """Lets the value of `--ignored` be left out, and RUN before `-- PATH...`; typer cannot."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Adds the value that stands for all files if none is given; takes PATHs after `--`.

        Raises:
            MisreadError: a PATH comes before `--`.
        """
        at = args.index("--") if "--" in args else len(args)
        words, paths = args[:at], args[at + 1 :]
        for at, word in enumerate(words):
            if word == _IGNORED and (at + 1 == len(words) or words[at + 1].startswith("-")):
                words[at] = f"{_IGNORED}={_EVERYTHING}"
        more = super().parse_args(ctx, words)
        before = ctx.params["paths"]
        if before:
            command = shlex.join([ctx.params["run"], "--", *before, *paths])
            raise MisreadError(
                f"there is more than a RUN: {' '.join(before)}",
                ctx,
                f"files come after --: {ctx.command_path} {command}",
            )
        ctx.params["paths"] = tuple(paths)
        return more


apply_app = application("apply", apply, command=_ApplyCommand)
