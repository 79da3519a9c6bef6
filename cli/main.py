"""The command `escrow`: its verbs, and what becomes of errors."""

import gc
import json
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer

from escrow import __version__
from escrow.errors import EscrowError, StateError, UsageError

from .exits import Exit, exit_of, table
from .output import printable

_HELP = "Your school's data, in storage you control, under keys you hold."
VERBS = {
    "init": (".setup", "init"),
    "snapshot": (".nights", "snapshot"),
    "status": (".standing", "status"),
    "list": (".looking", "list_"),
    "show": (".looking", "show"),
    "diff": (".looking", "diff"),
    "verify": (".checking", "verify"),
    "restore": (".restoring", "restore"),
    "export": (".exporting", "export"),
    "demo": (".demo", "demo"),
}
"""Verbs: the module and the function of each."""
NOUNS = {
    "keys": (".keys", "The keys that open a vault."),
    "agent": (".agent_commands", "The nightly machine: its card, its night, its timer."),
    "source": (".source_commands", "Where the data comes from: check it, learn what is usual, see it."),
    "store": (".store_commands", "Where the vault lies: try it, copy it, mend it."),
    "charter": (".charter_commands", "The signed agreement: write it, sign it, read it."),
    "custodian": (".custodian_commands", "The LA or trust that takes over: its identity, its watch."),
    "handover": (".handover", "A vault goes to its custodian: notice, release, receipt, transfer."),
    "event": (".events", "What was done with keys: the signed chain of events."),
    "vendor": (".vendor", "A vendor stops: what to recover by when, letters, its last dump, the end."),
    "subject": (".subject", "A person's record: find somebody in the vault, export what it holds of them."),
    "hold": (".holds", "What nobody may delete: inquiries and the like."),
    "retention": (".retention", "What is kept until when, what is due, how it ends, what is left out."),
}
"""Nouns: the module of each one's verbs, and its line of help."""
_NEW_OBJECTS = 100_000
"""Objects made before a look for cycles among them: by Python's 700, a tenth of a short command's time goes into it."""
_EPILOG = "Exit codes: escrow help exit-codes. Errors: ESCROW_DEBUG=1 shows where they arose."


def command_line(arguments: Sequence[str]) -> typer.Typer:
    """The commands that `arguments` may mean: of one verb or noun, or all verbs, with the nouns' lines of help."""
    asked = arguments[0] if arguments else ""
    app = typer.Typer(help=_HELP, epilog=_EPILOG, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    app.callback()(_all_commands)
    for verb, (module, function) in VERBS.items():
        if asked == verb or asked not in (*VERBS, *NOUNS):
            app.command(verb)(getattr(import_module(module, __package__), function))
    app.command("help")(help_)
    for noun, (module, words) in NOUNS.items():
        group = typer.Typer(callback=_all_commands)
        if asked == noun:
            group = import_module(module, __package__).app
        app.add_typer(group, name=noun, help=words)
    return app


def help_(topic: Annotated[str, typer.Argument(help="exit-codes")] = "exit-codes") -> None:
    """Show the table of exit codes.

    \b
    Example: escrow help exit-codes
    """
    if topic != "exit-codes":
        raise UsageError("help-topic", f"expected exit-codes, found {topic!r}", hint="every command has --help")
    typer.echo(table())


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"escrow {__version__}")
        raise typer.Exit


def _all_commands(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str]) -> int:
    """Run one command line; gives its exit code. Unexpected exceptions pass."""
    as_json = "--json" in arguments
    try:
        typer.main.get_command(command_line(arguments))(list(arguments), prog_name="escrow")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else Exit.INTERNAL
        finished = code == 0 or isinstance(code, Exit)  # Output.finish ends with an Exit, typer with an int
        if as_json and not finished:
            _last_line(Exit(code))
        return code
    except OSError as error:
        hint = "check the disk's space and this account's rights"
        return _report(StateError("io-error", f"{error.filename or 'a file'}: {error.strerror}", hint=hint), as_json)
    except EscrowError as error:
        if os.environ.get("ESCROW_DEBUG") == "1":
            traceback.print_exc()
        return _report(error, as_json)
    return Exit.OK


def _report(error: EscrowError, as_json: bool) -> int:
    message = error.args[0]
    print(printable(f"escrow: {error.code}: {message}"), file=sys.stderr)
    if error.hint:
        print(printable(f"  {error.hint}"), file=sys.stderr)
    if as_json:
        _last_line(exit_of(error), code=error.code, message=message, hint=error.hint)
    return exit_of(error)


def _last_line(exit: Exit, **fields: str) -> None:
    print(json.dumps({"result": exit.word, "exit": exit.value, **fields}), flush=True)


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """sys.excepthook: one line, without the exception's own words, which may hold anything."""
    if os.environ.get("ESCROW_DEBUG") == "1":
        traceback.print_exception(kind, error, trace)
    last = traceback.extract_tb(trace)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    print(f"escrow: internal: {kind.__name__} at {where}: please report it, with ESCROW_DEBUG=1", file=sys.stderr)
    if "--json" in sys.argv:
        _last_line(Exit.INTERNAL)


def run() -> None:
    """The entry point."""
    gc.set_threshold(_NEW_OBJECTS)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy would start threads for algebra, which spin unused
    sys.excepthook = _unexpected
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = main(sys.argv[1:])
    gc.freeze()  # the interpreter's end would look for cycles again and again among all that goes with it
    sys.exit(code)


if __name__ == "__main__":
    run()
