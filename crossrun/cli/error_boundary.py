"""Turns errors into messages and exit codes, in one place."""

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from crossrun.cli.command_names import MisreadError, quoted
from crossrun.cli.globals import Globals
from crossrun.errors import ConfigurationError, CrossrunError, Exit
from crossrun.system import streams
from crossrun.system.folders import current_folder
from crossrun.system.inherited import Interrupted, exit_code

_REFUSALS = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENOENT),
        *(errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EIO, errno.ESTALE, errno.ETXTBSY),
        *(errno.EINVAL, errno.ENODEV, errno.ENXIO, errno.EHOSTDOWN, errno.ETIMEDOUT),
        *(errno.EFBIG, errno.EILSEQ, errno.EBUSY, errno.ENOTSUP),
    }
)
"""What a system says about a file that it does not let anybody use."""
_STORE_UNREADABLE = ("STORE_DAMAGED", "STORE_INVALID")


def run_command_line(command: click.Command, arguments: Sequence[str]) -> int:
    """Runs a command.

    Returns:
        The exit code. Never raises.
    """
    options = Globals(
        json="--json" in arguments,
        debug="--debug" in arguments,
        color="--no-color" not in arguments,
    )
    try:
        code = command.main(
            args=list(arguments), prog_name="crossrun", standalone_mode=False, obj=options
        )
        sys.stdout.flush()
    except click.UsageError as error:
        _tell("USAGE", _usage_message(error), _usage_hint(error, arguments), options)
        return int(Exit.USAGE)
    except (click.Abort, KeyboardInterrupt, Interrupted) as error:
        return exit_code(error)
    except (BrokenPipeError, SystemExit):  # click turns one into the other
        return int(Exit.OK)
    except Exception as error:  # noqa: BLE001  the edge of the program
        if options.debug:
            _print_traceback()
        if not isinstance(error, CrossrunError):
            error = explained(error) or _internal(error, arguments, options)
        return _failed(error, options)
    trouble = streams.output_trouble()
    if trouble is not None:
        options.say(f"warning: some data could not be written: {trouble.strerror}")
    return int(code or 0)


def _failed(error: CrossrunError, options: Globals) -> int:
    _tell(error.code, error.message, _hint(error, options), options, error)
    return int(error.exit_code)


def explained(error: Exception) -> CrossrunError | None:
    """An error of the surroundings in words for users; None if it is a bug."""
    if isinstance(error, OSError) and error is streams.output_trouble():
        return ConfigurationError(
            "OUTPUT_LOST",
            f"standard output cannot be written: {error.strerror}",
            hint="free some space, or send the output somewhere else",
        )
    if isinstance(error, FileNotFoundError) and current_folder() is None:
        return ConfigurationError(
            "FOLDER_GONE",
            "the current folder no longer exists",
            hint="change to another folder: cd",
        )
    if isinstance(error, MemoryError):
        return ConfigurationError(
            "OUT_OF_MEMORY", "there is not enough memory", hint="end other programs"
        )
    return _of_the_system(error) if isinstance(error, OSError) else None


def _of_the_system(error: OSError) -> CrossrunError | None:
    """What the system refused; None if that should not happen anywhere."""
    what = "" if error.filename is None else f": {os.fsdecode(error.filename)}"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return ConfigurationError(
            "TOO_MANY_FILES",
            f"too many files are open{what}",
            hint="raise the limit: ulimit -n 1024",
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ConfigurationError(
            "DISK_FULL", f"there is no space left{what}", hint="make room: crossrun cleanup"
        )
    if error.errno in (errno.EAGAIN, errno.ENOMEM) and error.filename is None:
        return ConfigurationError(
            "OUT_OF_MEMORY", f"the system refused: {error.strerror}", hint="end other programs"
        )
    if error.filename is None or error.errno not in _REFUSALS:
        return None
    return ConfigurationError(
        "FILE_UNUSABLE",
        f"{os.fsdecode(error.filename)} cannot be used: {error.strerror}",
        hint="check its permissions, and the surroundings with: crossrun doctor",
    )


def _internal(error: Exception, arguments: Sequence[str], options: Globals) -> CrossrunError:
    """A bug: one line, and a file for the report."""
    from crossrun.cli.crash_reports import write_report

    state = options.paths.state if options.paths is not None else None
    file = write_report(error, arguments, environ=options.environ, state=state)
    where = "run it again with --debug" if file is None else f"the details are in {file}"
    return CrossrunError(
        "INTERNAL",
        f"internal error: {type(error).__name__}: {error}",
        hint=f"{where} · how to report it: crossrun help INTERNAL",
    )


def _tell(
    code: str, message: str, hint: str, options: Globals, error: CrossrunError | None = None
) -> None:
    from crossrun.views.unseen import clean

    terminal = options.err
    lines = [f"{terminal.style(f'error[{code}]:', 'bad')} {clean(message)}"]
    if hint:
        lines.append(f"hint: {clean(hint)}")
    terminal.write(lines)
    if options.json:
        description = {
            "code": code,
            "message": message,
            "hint": hint,
            "docs_url": f"crossrun help {code}",
            "retryable": error.retryable if error else False,
        }
        from crossrun.projections.documents import document

        with suppress(OSError):
            options.out.emit(document({"error": description}))


def _hint(error: CrossrunError, options: Globals) -> str:
    """The error's own hint, or for an unreadable store one that depends on the backups."""
    if error.code not in _STORE_UNREADABLE or options.paths is None:
        return error.hint
    from crossrun.cli.restore_hints import restore_hint

    return restore_hint(error.code, options.paths) or error.hint


def _usage_message(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        return f"there is no option {error.option_name}"
    return error.format_message()


def _usage_hint(error: click.UsageError, arguments: Sequence[str]) -> str:
    if isinstance(error, MisreadError):
        return error.hint
    command = error.ctx.command_path if error.ctx else "crossrun"
    hint = f"see: {command} --help"
    if command == "crossrun batch start":
        return _batch_hint(error) or hint
    if command == "crossrun cleanup" and "unexpected extra argument" in error.message:
        return "cleanup selects by age and size; to remove specific runs: crossrun rm RUN..."
    if isinstance(error, click.NoSuchOption):
        return _option_hint(error, arguments, command) or hint
    return hint


def _option_hint(error: click.NoSuchOption, arguments: Sequence[str], command: str) -> str | None:
    """The option that was probably meant, or how to give a task that begins with a dash."""
    if command == "crossrun schedule add":
        return "put -- before the command to run: crossrun schedule add '0 7 * * *' -- run ..."
    task = next((word for word in arguments if word[:1] == "-" and " " in word.strip()), None)
    if task is not None and "=" not in task.partition(" ")[0]:
        return f"a task that begins with a dash needs --: {command} -- {quoted(task)}"
    from difflib import get_close_matches

    # the dashes, which all options share, do not make two of them similar
    names = {name.lstrip("-"): name for name in error.possibilities or ()}
    if close := get_close_matches(error.option_name.lstrip("-"), names, n=1):
        return f"did you mean {names[close[0]]}? · see: {command} --help"
    return None


def _batch_hint(error: click.UsageError) -> str | None:
    if isinstance(error, click.NoSuchOption) and error.option_name == "--dry-run":
        return "to see what it would do: crossrun batch plan, with the same options"
    if "unexpected extra argument" in error.message:
        return "for one row per file, quote the pattern: crossrun batch --glob 'docs/*.txt'"
    return None


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()
