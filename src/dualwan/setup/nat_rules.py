"""Outcomes of rules of the table nat, and of calls that add no rule. Pure."""

from __future__ import annotations

import re

from dualwan.mape.portset import MAX_PORT
from dualwan.setup.filter_rules import filtering
from dualwan.setup.names import MAPE, PPPOE, Names
from dualwan.setup.outcome import CLOSED, Outcome, Redirect, by_itself, not_taken
from dualwan.setup.rule import ADDING, Rule, networks, ports
from dualwan.words import say

_TRANSLATION = by_itself(
    say(
        "what leaves is translated by itself, to each way's own address; a "
        "second translation would be in its way"
    )
)
_PORTS = by_itself(
    say("flows are spread over all ports of the set by itself, and the ports follow from the PSID")
)
_CHAINS = by_itself(say("chains and jumps allow nothing; ours are in tables of their own"))
_AGAIN = by_itself(say("a second run finds nothing to do; nothing has to be removed first"))
_POLICY = by_itself(say("what is not opened is closed, both families, before the WAN comes up"))
_OPENING = ("firewall.inbound", "firewall.outbound", "forward")
_TARGET = re.compile(r"([0-9.]+)(?::([0-9]{1,5}))?")


def ruled(rule: Rule, names: Names) -> Outcome:
    """Return the outcome of ``rule``, of any table and command."""
    if rule.command == "-P":
        return _policy(rule)
    if rule.command not in ADDING:
        return _AGAIN if rule.command in {"-D", "-F", "-L", "-Z", "-C"} else _CHAINS
    found = _translating(rule, names) if rule.table == "nat" else filtering(rule, names)
    if found.key == CLOSED and (rule.table, rule.chain) in names.narrowed:
        return not_taken(found.says)  # of some packets only
    if found.key in _OPENING and found.value is not None:
        if rule.is_inside:
            return not_taken(
                say(
                    "private addresses are of this side, where the LAN may use everything; "
                    "what else has them needs a [zone.NAME]"
                )
            )
        if (rule.table, rule.chain) in names.narrowed:
            return not_taken(
                say(
                    "a jump lets only some packets get to {chain}; write by hand "
                    "what is to be open",
                    chain=rule.chain,
                )
            )
    return found


def _policy(rule: Rule) -> Outcome:
    """Return the outcome of a chain policy; its value is the chain that it closes, for wish."""
    if rule.target != "DROP":
        return not_taken(say("nothing is open by default"))
    shut = rule.table == "filter" and not rule.six
    return _POLICY._replace(value=rule.chain if shut else None)


def _translating(rule: Rule, names: Names) -> Outcome:
    if rule.target in names.chains:
        return _CHAINS
    if rule.target == "MARK":
        return _PORTS
    if rule.target == "MASQUERADE":
        return _TRANSLATION
    if rule.target == "SNAT":
        return _PORTS if names.part(rule.of("-o")) == MAPE else _TRANSLATION
    if rule.target == "DNAT" and not rule.six:
        return _redirect(rule, names)
    return not_taken(
        say("no key translates like that; if it is still needed, it may stay as it is")
    )


def _redirect(rule: Rule, names: Names) -> Outcome:
    """Return the outcome of a rule that redirects a port to a host: a [[forward]], if possible."""
    opened, to = ports(rule, "--dport"), _TARGET.fullmatch(rule.of("--to-address"))
    via = names.part(rule.of("-i"))
    if not rule.has("-i"):
        via = PPPOE
    readable = rule.only("-p", "-i", "-d", "-s", "--dport", "--state")
    sources = networks(rule.of("-s"))
    if (
        not opened
        or to is None
        or int(to[2] or 1) > MAX_PORT
        or via not in {PPPOE, MAPE}
        or not readable
        or sources is None
    ):
        return not_taken(
            say(
                "a [[forward]] has one port, an IPv4 address and perhaps a port of the "
                "server, and no other condition than `from`; write it by hand"
            )
        )
    if to[2] and len(opened) > 1:
        return not_taken(
            say("several ports for one port of the server; write a [[forward]] for one")
        )
    value = tuple(
        Redirect(via, port.split("/")[0], int(port.split("/")[1]), rule.of("--to-address"), sources)
        for port in opened
    )
    return Outcome("forward", value, say("a port that leads to a server in the LAN"))
