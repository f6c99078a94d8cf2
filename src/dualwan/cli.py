"""The command dualwan-hook: parse its arguments, and call what does the work."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, NoReturn

from dualwan import __version__, catalogue, output
from dualwan.errors import DualwanError, UsageError
from dualwan.options import ABOUT, OPTIONS, SLICES, Parser, add_from
from dualwan.options import common as common_options
from dualwan.words import say

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

PROGRAM = "dualwan-hook"
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def _parser(words: Sequence[str] = ()) -> Parser:
    """Return the parser of the command line ``words``.

    If the first word is a command, the parser knows that command alone, because the others would
    only take time to make; else it knows every command.
    """
    parser = Parser(
        prog=PROGRAM,
        parents=[common_options()],
        description=say(
            "Keeps MAP-E and PPPoE in order side by side. Without a command, "
            "brings the router to its desired state now."
        ),
    )
    parser.set_defaults(config=None, json=False, verbose=False, color="auto", source=None)
    _add_options(parser)
    # The name, because argparse otherwise loads what it lays out a page with to find it.
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", prog=PROGRAM)
    first = words[0] if words else ""
    for name, about in ABOUT.items():
        if name == first or first not in ABOUT:
            # An object of its own, because set_defaults changes the options of its parents.
            made = commands.add_parser(name, parents=[common_options()], help=about)
            if add := OPTIONS.get(name):
                add(made)
    return parser


def _add_options(parser: Parser) -> None:
    """Add the options that stand before a command, or alone."""
    parser.add_argument(
        "--version",
        action="version",
        version=f"{PROGRAM} {__version__}",
        help=say("show program's version number and exit"),
    )
    parser.add_argument(
        "--slice",
        dest="slices",
        action="append",
        choices=SLICES,
        metavar="NAME",
        help=say("only this slice (%(choices)s); repeatable"),
    )
    parser.add_argument(
        "--dry-run", action="store_true", help=say("print the plan, change nothing")
    )
    parser.add_argument(
        "--exit-code",
        action="store_true",
        help=say("with --dry-run: exit with 1 where something would change"),
    )
    add_from(parser, say("with --dry-run: the plan of the machine in the file of `report`"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv``; return the exit code (see errors)."""
    _speak()
    words = sys.argv[1:] if argv is None else argv
    try:
        arguments = _parser(words).parse_args(words)
        _check_combination(arguments)
        return _run(arguments)
    except DualwanError as error:
        for line in error.lines:
            output.remark(f"dualwan-hook: {catalogue.told(line)}")
        return error.exit_code
    except BrokenPipeError:  # of argparse's own: a help page into a closed pipe
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED


def run() -> NoReturn:
    """Run the command line of this process, and end it.

    The process ends by os._exit() once its output is flushed: Python would unload all modules one
    by one, for a fifth of the time that a short command takes.
    """
    code: int | str | None
    try:
        code = main()
    except SystemExit as end:  # argparse's, after a help page
        code = end.code
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):  # Python reports it at its end
        sys.exit(code)
    os._exit(code if isinstance(code, int) else 0)


def _speak() -> None:
    """Switch to the person's language; letters that the terminal cannot show are replaced.

    Output to the journal stays English: systemd gives each unit the LANG of the machine.
    """
    for name in ("stdout", "stderr"):  # Python has None for one that is closed
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 - until the end
    other = False
    if _is_logged():
        catalogue.end()
    else:
        other = catalogue.begin(os.environ, sys.stdout.encoding)
    if isinstance(sys.stdout, TextIOWrapper) and (other or sys.stdout.errors == "strict"):
        # A path, say, may have letters that a Latin-1 locale cannot encode.
        sys.stdout.reconfigure(errors="replace" if other else "backslashreplace")


def _is_logged() -> bool:
    """Whether standard error is the journal; JOURNAL_STREAM may be inherited (systemd.exec(5))."""
    try:
        about = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}"


def _run(arguments: Namespace) -> int:
    """Run the command of ``arguments``; only its own module is loaded."""
    module, function = _COMMANDS[arguments.command]
    command = getattr(import_module(f"dualwan.commands.{module}"), function)
    return int(command(arguments))


def _check_combination(arguments: Namespace) -> None:
    if arguments.source and arguments.command not in {None, "doctor"}:
        raise UsageError(say("--from does not go with '{command}'", command=arguments.command))
    if arguments.source and not (arguments.command or arguments.dry_run):
        raise UsageError(say("--from goes with --dry-run"))
    if arguments.command and (arguments.slices or arguments.dry_run or arguments.exit_code):
        if arguments.command == "down" and not arguments.exit_code:
            return
        if arguments.command == "init" and not (arguments.exit_code or arguments.slices):
            return
        raise UsageError(
            say(
                "--slice, --dry-run and --exit-code do not go with '{command}'",
                command=arguments.command,
            )
        )
    if arguments.exit_code and not arguments.dry_run:
        raise UsageError(say("--exit-code goes with --dry-run"))


_COMMANDS = {  # module in dualwan.commands, and function
    None: ("apply", "apply"),
    "down": ("apply", "down"),
    "try": ("trial", "begin"),
    "confirm": ("trial", "confirm"),
    "event": ("event", "event"),
    "init": ("init", "init"),
    "check": ("look", "check"),
    "status": ("look", "status"),
    "show": ("look", "show"),
    "doctor": ("look", "doctor"),
    "report": ("report", "report"),
    "mape": ("look", "mape"),
    "watch": ("units", "watch"),
    "probe": ("units", "probe"),
    "notify": ("units", "notify"),
    "hooks": ("units", "hooks"),
    "role": ("role", "role"),
}

if __name__ == "__main__":
    run()
