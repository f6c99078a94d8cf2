"""The options of the command line, by command. Loads no code of the commands."""

from __future__ import annotations

import os
from argparse import SUPPRESS, Action, ArgumentParser, ArgumentTypeError, HelpFormatter
from typing import TYPE_CHECKING, Any, NoReturn

from dualwan import cells, paths
from dualwan.catalogue import shown
from dualwan.errors import UsageError
from dualwan.output import show
from dualwan.words import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


# The names of the slices; importing the registry for them would load every slice.
SLICES = ("firewall", "snat", "tunnel", "pbr", "offload")


SHORTEST, LONGEST = 5, 3600  # seconds, of a trial


def seconds(text: str) -> int:
    """Return the timeout of a trial; raises ArgumentTypeError."""
    if text.isascii() and text.isdecimal() and SHORTEST <= int(text) <= LONGEST:
        return int(text)
    expected = say(
        "must be a number from {low} to {high}, not {value!r}",
        low=SHORTEST,
        high=LONGEST,
        value=text,
    )
    raise ArgumentTypeError(shown(expected))


class Layout(HelpFormatter):
    """The layout of a help page, in the person's language.

    argparse makes one for each option too, and throws it away.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)  # as argparse has it

    def _get_help_string(self, action: Action) -> str:
        return shown(action.help or "")

    def _format_text(self, text: str) -> str:
        return super()._format_text(shown(text))

    def _split_lines(self, text: str, width: int) -> list[str]:
        return super()._split_lines(text, width) if text.isascii() else cells.wrap(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.isascii():
            return super()._fill_text(text, width, indent)
        return "\n".join(cells.wrap(text, width, indent, indent))


def _columns() -> int:
    """Return the width of the terminal as shutil does; importing shutil loads archive formats."""
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
    """A parser that raises UsageError, and prints help pages as the commands print answers."""

    def __init__(self, **more: Any) -> None:
        super().__init__(formatter_class=Layout, **more)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(say("{message}; see {prog} --help", message=message, prog=self.prog))

    def _print_message(self, message: str, file: object = None) -> None:
        # From Python 3.12 on argparse ignores an error of writing the page.
        del file  # always standard output: argparse writes to stderr in error() alone
        show(message, end="")


def common() -> Parser:
    """Return the options that are valid before and after the command."""
    shared = Parser(add_help=False, argument_default=SUPPRESS)
    shared.add_argument(
        "--config",
        metavar="FILE",
        help=say("configuration (default: $DUALWAN_CONFIG, or {config})", config=paths.CONFIG),
    )
    shared.add_argument("--json", action="store_true", default=SUPPRESS, help=say("answer as JSON"))
    shared.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        default=SUPPRESS,
        help=say("also show what is in order already; in a dry run what is in a new table"),
    )
    shared.add_argument("--color", choices=("auto", "always", "never"), help=say("default: auto"))
    return shared


def _add_init(parser: ArgumentParser) -> None:
    """Add the options of init to its ``parser``."""
    parser.add_argument("--wan", default="", metavar="NAME", help=say("the interface of the line"))
    parser.add_argument(
        "--lan", action="append", metavar="NAME", help=say("an interface of the LAN; repeatable")
    )
    parser.add_argument(
        "--provider",
        default="",
        metavar="NAME",
        help=say("auto, manual (the values of mape.sh), or the provider whose rules count"),
    )
    parser.add_argument(
        "--peer", default="", metavar="NAME", help=say("a file in /etc/ppp/peers, or none")
    )
    parser.add_argument(
        "--from",
        dest="sources",
        action="append",
        metavar="FILE",
        help=say("read this script, and search for none; repeatable"),
    )
    parser.add_argument(
        "--edit-interfaces",
        action="store_true",
        help=say("also change /etc/network/interfaces, and keep a copy"),
    )
    parser.add_argument(
        "--your-lan",
        action="append",
        choices=("bare-64", "pd-dhcpcd", "pd-networkd", "dns-dhcp"),
        help=say(
            "write the files that give the LAN its IPv6 or names, by the configuration that is "
            "there; repeatable"
        ),
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help=say("replace files that are there; a copy is kept"),
    )
    parser.add_argument("--yes", action="store_true", help=say("ask nothing"))
    parser.add_argument(
        "--dry-run", action="store_true", default=SUPPRESS, help=say("show all, write nothing")
    )


def add_from(parser: ArgumentParser, about: str) -> None:
    """Add the option --from, which reads the machine from the file of a report."""
    parser.add_argument("--from", dest="source", metavar="FILE", default=SUPPRESS, help=about)


def _add_event(parser: ArgumentParser) -> None:
    parser.add_argument(
        "event",
        choices=("ifup", "ifdown", "ppp-up", "ppp-down", "boot", "dial"),
        help=say("what has happened"),
    )


def _add_try(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=60,
        metavar="SECONDS",
        help=say("until it goes back (5 to 3600, default: 60)"),
    )
    parser.add_argument("--revert", action="store_true", help=say("go back now from what is tried"))


def _add_check(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", help=say("instead of the one in use"))


def _add_status(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--prometheus", action="store_true", help=say("as a textfile of Prometheus' node exporter")
    )
    parser.add_argument("--watch", action="store_true", help=say("again every 2 s, until Ctrl-C"))


def _add_show(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=("firewall", "snat", "pbr", "policy"),
        help=say("a slice, or the policy"),
    )


def _add_doctor(parser: ArgumentParser) -> None:
    add_from(parser, say("of the machine in the file of `report`"))


def _add_report(parser: ArgumentParser) -> None:
    parser.add_argument("--output", metavar="FILE", help=say("write it there (mode 0600)"))


def _add_role(parser: ArgumentParser) -> None:
    parser.add_argument(
        "role",
        nargs="?",
        choices=("active", "standby"),
        help=say("the new role; without it, the present one is shown"),
    )


def _add_mape(parser: ArgumentParser) -> None:
    parser.add_argument(
        "prefix", metavar="PREFIX", help=say("the line's IPv6 prefix or an address in it")
    )
    parser.add_argument(
        "--provider",
        default="auto",
        metavar="NAME",
        help=say("only the rules of this provider (default: auto)"),
    )


ABOUT: Mapping[str, str] = {  # in the order of the help page
    "event": say("what the hooks call"),
    "down": say("remove all that this program owns"),
    "try": say("apply, and go back by itself unless that is confirmed"),
    "confirm": say("keep what is tried"),
    "init": say("write the first configuration"),
    "check": say("check the configuration only"),
    "status": say("what is there now"),
    "show": say("the rules that are or would be loaded, or the policy in words"),
    "doctor": say("find what is wrong with the line or the machine"),
    "report": say("what a bug report needs, without your addresses and secrets"),
    "watch": say("mend at once whatever is changed, and follow the line"),
    "probe": say("ping the hosts of [wan] probe through MAP-E, for failover"),
    "notify": say("make the update call of a fixed address (IPIP) once more"),
    "hooks": say("run the scripts of hooks.d for what they have not been told of"),
    "role": say("become the active one of two routers, or stand by; or say which it is"),
    "mape": say("address, PSID, CE, BR and ports that follow from a prefix"),
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
    "role": _add_role,
    "mape": _add_mape,
}
