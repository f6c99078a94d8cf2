"""The options of the command line, by command. Nothing of what a command does is loaded."""

from __future__ import annotations

import os
from argparse import SUPPRESS, ArgumentParser, HelpFormatter
from typing import TYPE_CHECKING, Any, NoReturn

from dualwan import paths
from dualwan.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


SLICES = ("firewall", "snat", "tunnel", "pbr")  # their names: nothing of them is loaded for it


def seconds(text: str) -> int:
    """Return the timeout of a trial, from 5 to 3600; raises ValueError."""
    number = int(text)
    if not 5 <= number <= 3600:  # noqa: PLR2004 - the limits themselves
        raise ValueError
    return number


class Layout(HelpFormatter):
    """The layout of a help page. argparse makes one for each option too, and throws it away."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)  # as argparse has it


def _columns() -> int:
    """Return the width of the terminal, as shutil does, which loads what unpacks archives."""
    try:
        if given := int(os.environ["COLUMNS"]):
            return given
    except (KeyError, ValueError):
        pass
    try:
        return os.get_terminal_size().columns or 80
    except OSError:
        return 80


class Parser(ArgumentParser):
    """A parser whose errors are UsageErrors."""

    def __init__(self, **more: Any) -> None:
        super().__init__(formatter_class=Layout, **more)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message}; see {self.prog} --help")


def common() -> Parser:
    """Return the options that are valid before and after the command."""
    shared = Parser(add_help=False, argument_default=SUPPRESS)
    shared.add_argument(
        "--config",
        metavar="FILE",
        help=f"configuration (default: $DUALWAN_CONFIG, or {paths.CONFIG})",
    )
    shared.add_argument("--json", action="store_true", default=SUPPRESS, help="answer as JSON")
    shared.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        default=SUPPRESS,
        help="also show what is in order already; in a dry run what is in a new table",
    )
    shared.add_argument("--color", choices=("auto", "always", "never"), help="default: auto")
    return shared


def _add_init(parser: ArgumentParser) -> None:
    """Add the options of init to its ``parser``."""
    parser.add_argument("--wan", default="", metavar="NAME", help="the interface of the line")
    parser.add_argument(
        "--lan", action="append", metavar="NAME", help="an interface of the LAN; repeatable"
    )
    parser.add_argument(
        "--provider",
        default="",
        metavar="NAME",
        help="auto, manual (the values of mape.sh), or whose rules count",
    )
    parser.add_argument(
        "--peer", default="", metavar="NAME", help="a file in /etc/ppp/peers, or none"
    )
    parser.add_argument(
        "--from",
        dest="sources",
        action="append",
        metavar="FILE",
        help="read this script, and search for none; repeatable",
    )
    parser.add_argument(
        "--edit-interfaces",
        action="store_true",
        help="also change /etc/network/interfaces, and keep a copy",
    )
    parser.add_argument(
        "--force", action="store_true", help="in place of a configuration, whose copy is kept"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument(
        "--dry-run", action="store_true", default=SUPPRESS, help="show all, write nothing"
    )


def add_from(parser: ArgumentParser, about: str) -> None:
    """Add --from, of a machine in a file."""
    parser.add_argument("--from", dest="source", metavar="FILE", default=SUPPRESS, help=about)


def _add_event(parser: ArgumentParser) -> None:
    parser.add_argument("event", choices=("ifup", "ifdown", "ppp-up", "ppp-down", "boot", "dial"))


def _add_try(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=60,
        metavar="SECONDS",
        help="until it goes back (5 to 3600, default: 60)",
    )
    parser.add_argument("--revert", action="store_true", help="go back now from what is tried")


def _add_check(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", help="instead of the one in use")


def _add_status(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--prometheus", action="store_true", help="as a textfile of Prometheus' node exporter"
    )
    parser.add_argument("--watch", action="store_true", help="again every 2 s, until Ctrl-C")


def _add_show(parser: ArgumentParser) -> None:
    parser.add_argument("what", choices=("firewall", "snat", "pbr", "policy"))


def _add_doctor(parser: ArgumentParser) -> None:
    add_from(parser, "of the machine in the file of `report`")


def _add_report(parser: ArgumentParser) -> None:
    parser.add_argument("--output", metavar="FILE", help="write it there (mode 0600)")


def _add_mape(parser: ArgumentParser) -> None:
    parser.add_argument(
        "prefix", metavar="PREFIX", help="the line's IPv6 prefix or an address in it"
    )
    parser.add_argument(
        "--provider",
        default="auto",
        metavar="NAME",
        help="only the rules of this provider (default: auto)",
    )


ABOUT: Mapping[str, str] = {  # in the order of the help page
    "event": "what the hooks call",
    "down": "remove all that this program owns",
    "try": "apply, and go back by itself unless that is confirmed",
    "confirm": "keep what is tried",
    "init": "write the first configuration",
    "check": "check the configuration only",
    "status": "what is there now",
    "show": "the rules that are or would be loaded, or the policy in words",
    "doctor": "find what is wrong with the line or the machine",
    "report": "what a bug report needs, without your addresses and secrets",
    "watch": "mend at once whatever is changed, and follow the line",
    "probe": "ask the targets of [wan] probe through MAP-E, for failover",
    "notify": "make the update call of a fixed address (IPIP) once more",
    "hooks": "run the scripts of hooks.d for what they wait for",
    "mape": "address, PSID, CE, BR and ports that follow from a prefix",
}
OPTIONS: Mapping[str, Callable[[ArgumentParser], None]] = {  # of those that have some
    "event": _add_event,
    "try": _add_try,
    "init": _add_init,
    "check": _add_check,
    "status": _add_status,
    "show": _add_show,
    "doctor": _add_doctor,
    "report": _add_report,
    "mape": _add_mape,
}
