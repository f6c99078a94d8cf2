"""Outcomes of the commands of a script such as mape.sh or pppoe.sh. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

from dualwan.mape.portset import PORT_BITS
from dualwan.model.setup import SourceFile
from dualwan.setup import shell
from dualwan.setup.names import Names, known
from dualwan.setup.nat_rules import ruled
from dualwan.setup.outcome import Entry, Outcome, by_itself, named, not_taken
from dualwan.setup.routing import configured, dialled, routed
from dualwan.setup.rule import parse
from dualwan.setup.shell import Command
from dualwan.words import say

MAPE_SH, PPPOE_SH = "mape.sh", "pppoe.sh"
# Commands of the shell that do not affect the machine.
_SHELL = (
    *("exit", "echo", "break", "continue", "sleep", "return", "shift", ":", "[", "test", "true"),
    *("false", "set", "local", "readonly", "export", "trap", "wait", "printf", "logger"),
)
_WAITING = by_itself(say("nothing waits in a loop: pppd and the kernel say when it is so far"))
_STOP = by_itself(say("ifdown, and `dualwan-hook down`, remove all that is ours, and nothing else"))
_STOP_OPEN = by_itself(say("the firewall stays until the WAN is down; nothing is open in between"))
_BLOCKS = re.compile(r"\\?\*\s*(\d{1,6})\s*\+\s*\$?\{?PSID\}?\s*\\?\*\s*(\d{1,6})")
_VARIABLES = {
    "WANDEV": "wan.interface",
    "TUNDEV": "mape.tunnel",
    "BR": "mape.br",
    "CE": "mape.ce",
    "IP4": "mape.ipv4",
    "PSID": "mape.psid",
    "WAN": "pppoe.interface",
    "LAN": "lan.interfaces",
}
_SAID = {
    "wan.interface": say("the interface of the line"),
    "mape.tunnel": say("the tunnel"),
    "mape.br": say("the border relay"),
    "mape.ce": say("this router's end of the tunnel"),
    "mape.ipv4": say("the shared address"),
    "mape.psid": say("the PSID"),
    "pppoe.interface": say("the interface of the PPPoE session"),
    "lan.interfaces": say("the hosts of this interface may use everything, translated"),
}


def kind(text: str) -> str:
    """Return MAPE_SH or PPPOE_SH for a script that does the work of that, "" for another."""
    tunnel = pppoe = False
    for command in shell.commands(text):
        words = command.words
        tunnel |= words[0] == "ip" and bool({"tunnel", "ip6tnl"} & {*words}) and "add" in words
        pppoe |= words[0].rsplit("/", 1)[-1] in {"pon", "pppd", "ifup"}
    return MAPE_SH if tunnel else PPPOE_SH if pppoe else ""


def account(script: SourceFile, others: Names | None = None) -> list[Entry]:
    """Return the commands of ``script`` with their outcomes; commands of the shell have none.

    ``others``: the names of interfaces in other scripts of the machine.
    """
    commands = shell.commands(script.text)
    names = names_in(commands).beside(others or Names())
    found = []
    for command in commands:
        outcome = _outcome(command, names)
        if outcome is not None:
            found.append(Entry(f"{script.path}:{command.number}", command.text, outcome))
    return found


def stopping(script: SourceFile) -> str:
    """Return the command that has ``script`` take back what it did, "" if it cannot, or by what."""
    if not any(command.when == shell.STOP for command in shell.commands(script.text)):
        return ""
    word = "stop" if re.search(r"\bstop\b", script.text) else "down"
    if re.search(r"\$\{?MODE\b", script.text):
        return f"MODE={word} {shlex.quote(script.path)}"
    if re.search(r"\$\{?1\b", script.text):
        return f"{shlex.quote(script.path)} {word}"
    return ""


def names_in(commands: Sequence[Command]) -> Names:
    """Return the names of interfaces and chains in a script."""
    assigned: dict[str, set[str]] = {}
    for name, value in (command.assigned for command in commands):
        assigned.setdefault(name, set()).add(value)
    rules = [rule for command in commands if (rule := parse(command.words))]
    return known(
        rules,
        next(iter(assigned.get("WANDEV", ())), ""),
        assigned.get("TUNDEV", ()),
        assigned.get("WAN", ()),
        assigned.get("LAN", ()),
    )


def _outcome(command: Command, names: Names) -> Outcome | None:
    first = command.words[0].rsplit("/", 1)[-1]
    if command.assigned[0]:
        return _assigned(command)
    if first in _SHELL:
        return _WAITING if first == "sleep" else None
    if command.when == shell.STOP:
        return _STOP_OPEN if command.words[1:2] == ("-P",) else _STOP
    rule = parse(command.words)
    if rule is not None:
        return ruled(rule, names)
    for one in _HANDLERS:
        if outcome := one(command.words, names):
            return outcome
    return not_taken(say("no key does that; if it is still needed, keep it in a script of hooks.d"))


def _assigned(command: Command) -> Outcome | None:
    name, value = command.assigned
    if blocks := _BLOCKS.search(value):
        return _blocks(int(blocks[1]), int(blocks[2]))
    key = _VARIABLES.get(name)
    if key is None:
        return None
    if "?" in value or "$" in value or "`" in value or not value:
        return Outcome(key, says=say("{said}; no value stands here", said=_SAID[key]))
    return named(key, value, _SAID[key])


def _blocks(step: int, size: int) -> Outcome | None:
    """Return the PSID's position in a port, from `rule * STEP + PSID * SIZE` (RFC 7597 5.1)."""
    offset = PORT_BITS - (step.bit_length() - 1)
    length = step.bit_length() - size.bit_length()
    powers = step & (step - 1) == 0 and size & (size - 1) == 0
    if not step or not size or not powers or not 0 <= offset <= PORT_BITS - length <= PORT_BITS:
        return not_taken(say("the port set of such a sum is not known"))
    return Outcome("mape.psid-length", (offset, length), say("the blocks of ports"))


def _iptables_pipeline(words: Sequence[str], _names: Names) -> Outcome | None:
    if "iptables" in {word.rsplit("/", 1)[-1] for word in words} and "|" in words:
        return by_itself(say("a second run finds nothing to do; nothing has to be removed first"))
    return None


_HANDLERS: tuple[Callable[[Sequence[str], Names], Outcome | None], ...] = (
    _iptables_pipeline,
    dialled,
    routed,
    configured,
)
