"""The command dualwan-hook: parse its arguments, and call what does the work."""

from __future__ import annotations

import sys
from argparse import SUPPRESS
from importlib import import_module
from typing import TYPE_CHECKING

from dualwan import __version__
from dualwan.errors import DualwanError, UsageError
from dualwan.options import Parser, SliceNames, add_init, seconds
from dualwan.options import common as common_options

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def _parser() -> Parser:
    # Two objects, because set_defaults changes the options of its parents.
    common = [common_options()]
    parser = Parser(
        prog="dualwan-hook",
        parents=[common_options()],
        description="Keeps MAP-E and PPPoE in order side by side. Without a "
        "command, brings the router to its desired state now.",
    )
    parser.set_defaults(config=None, json=False, verbose=False, color="auto", source=None)
    parser.add_argument("--version", action="version", version=f"dualwan-hook {__version__}")
    parser.add_argument(
        "--slice",
        dest="slices",
        action="append",
        choices=SliceNames(),
        metavar="NAME",
        help="only this slice (%(choices)s); repeatable",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    parser.add_argument(
        "--exit-code",
        action="store_true",
        help="with --dry-run: exit with 1 where something would change",
    )
    _add_from(parser, "with --dry-run: the plan of the machine in the file of `report`")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    event = commands.add_parser("event", parents=common, help="what the hooks call")
    event.add_argument("event", choices=("ifup", "ifdown", "ppp-up", "ppp-down", "boot", "dial"))
    commands.add_parser("down", parents=common, help="remove all that this program owns")
    trial = commands.add_parser(
        "try", parents=common, help="apply, and go back by itself unless that is confirmed"
    )
    trial.add_argument(
        "--timeout",
        type=seconds,
        default=60,
        metavar="SECONDS",
        help="until it goes back (5 to 3600, default: 60)",
    )
    trial.add_argument("--revert", action="store_true", help="go back now from what is tried")
    commands.add_parser("confirm", parents=common, help="keep what is tried")
    add_init(commands.add_parser("init", parents=common, help="write the first configuration"))
    check = commands.add_parser("check", parents=common, help="check the configuration only")
    check.add_argument("file", nargs="?", metavar="FILE", help="instead of the one in use")
    status = commands.add_parser("status", parents=common, help="what is there now")
    status.add_argument(
        "--prometheus", action="store_true", help="as a textfile of Prometheus' node exporter"
    )
    status.add_argument("--watch", action="store_true", help="again every 2 s, until Ctrl-C")
    shown = commands.add_parser(
        "show", parents=common, help="the rules that are or would be loaded, or the policy in words"
    )
    shown.add_argument("what", choices=("firewall", "snat", "pbr", "policy"))
    doctor = commands.add_parser(
        "doctor", parents=common, help="find what is wrong with the line or the machine"
    )
    _add_from(doctor, "of the machine in the file of `report`")
    report = commands.add_parser(
        "report", parents=common, help="what a bug report needs, without your addresses and secrets"
    )
    report.add_argument("--output", metavar="FILE", help="write it there (mode 0600)")
    commands.add_parser(
        "watch", parents=common, help="mend at once whatever is changed, and follow the line"
    )
    commands.add_parser(
        "probe", parents=common, help="ask the targets of [wan] probe through MAP-E, for failover"
    )
    commands.add_parser(
        "notify", parents=common, help="make the update call of a fixed address (IPIP) once more"
    )
    commands.add_parser(
        "hooks", parents=common, help="run the scripts of hooks.d for what they wait for"
    )
    mape = commands.add_parser(
        "mape", parents=common, help="address, PSID, CE, BR and ports that follow from a prefix"
    )
    mape.add_argument("prefix", metavar="PREFIX", help="the line's IPv6 prefix or an address in it")
    mape.add_argument(
        "--provider",
        default="auto",
        metavar="NAME",
        help="only the rules of this provider (default: auto)",
    )
    return parser


def _add_from(parser: Parser, about: str) -> None:
    parser.add_argument("--from", dest="source", metavar="FILE", default=SUPPRESS, help=about)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv``; return the exit code (see errors)."""
    try:
        arguments = _parser().parse_args(argv)
        _check_combination(arguments)
        return _run(arguments)
    except DualwanError as error:
        for line in error.lines:
            print(f"dualwan-hook: {line}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(arguments: Namespace) -> int:
    """Run the command of ``arguments``; only its own module is loaded."""
    module, function = _COMMANDS[arguments.command]
    command = getattr(import_module(f"dualwan.commands.{module}"), function)
    return int(command(arguments))


def _check_combination(arguments: Namespace) -> None:
    if arguments.source and arguments.command not in {None, "doctor"}:
        raise UsageError(f"--from does not go with '{arguments.command}'")
    if arguments.source and not (arguments.command or arguments.dry_run):
        raise UsageError("--from goes with --dry-run")
    if arguments.command and (arguments.slices or arguments.dry_run or arguments.exit_code):
        if arguments.command == "down" and not arguments.exit_code:
            return
        if arguments.command == "init" and not (arguments.exit_code or arguments.slices):
            return
        raise UsageError(f"--slice, --dry-run and --exit-code do not go with '{arguments.command}'")
    if arguments.exit_code and not arguments.dry_run:
        raise UsageError("--exit-code goes with --dry-run")


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
}

if __name__ == "__main__":
    sys.exit(main())
