"""The one place where errors become words and exit codes."""

import os
import sys
from collections.abc import Sequence

import click

from crossrun.cli.globals import Globals
from crossrun.errors import CrossrunError, Exit

_STORE_UNREADABLE = ("STORE_DAMAGED", "STORE_INVALID")


def run_command_line(command: click.Command, arguments: Sequence[str]) -> int:
    """Carries a command out.

    Returns:
        The exit code. Never raises, whatever happens inside.
    """
    options = Globals(json="--json" in arguments, debug="--debug" in arguments)
    try:
        code = command.main(
            args=list(arguments), prog_name="crossrun", standalone_mode=False, obj=options
        )
        sys.stdout.flush()
        return int(code or 0)
    except CrossrunError as error:
        if options.debug:
            _print_traceback()
        _tell(error.code, error.message, _hint(error, options), options, error)
        return int(error.exit_code)
    except click.UsageError as error:
        _tell("USAGE", error.format_message(), _usage_hint(error, arguments), options)
        return int(Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        return Exit.SIGNAL_BASE + 2
    except (BrokenPipeError, SystemExit):  # click makes the one of the other
        # Whoever read our output has gone; Python must not complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.OK)
    except Exception as error:  # noqa: BLE001  the edge of the program
        if options.debug:
            _print_traceback()
        message = f"crossrun itself failed: {type(error).__name__}: {error}"
        _tell("INTERNAL", message, "run it again with --debug and report what it prints", options)
        return int(Exit.INTERNAL)


def _tell(
    code: str, message: str, hint: str, options: Globals, error: CrossrunError | None = None
) -> None:
    terminal = options.err
    said = [f"{terminal.style(f'error[{code}]:', 'bad')} {message}"]
    if hint:
        said.append(f"hint: {hint}")
    terminal.write(said)
    if options.json:
        told = {
            "code": code,
            "message": message,
            "hint": hint,
            "docs_url": error.docs_url if error else f"docs/reference/errors.md#{code.lower()}",
            "retryable": error.retryable if error else False,
        }
        from crossrun.schema import document

        options.out.emit(document({"error": told}))


def _hint(error: CrossrunError, options: Globals) -> str:
    """Its own, or, where the store cannot be read, the way back: which depends on the backups."""
    if error.code not in _STORE_UNREADABLE or options.paths is None:
        return error.hint
    from crossrun.cli.recovery import way_back

    return way_back(error.code, options.paths) or error.hint


def _usage_hint(error: click.UsageError, arguments: Sequence[str]) -> str:
    command = error.ctx.command_path if error.ctx else "crossrun"
    hint = f"see  {command} --help"
    if arguments[:1] == ["run"] and isinstance(error, click.NoSuchOption):
        hint += ' · a task that begins with a dash needs --: crossrun run -- "-v is broken"'
    return hint


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()
