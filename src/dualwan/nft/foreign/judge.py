"""What a chain does with a packet, as far as that can be known. Pure.

A sample packet leaves fields open, such as its addresses. A condition on an open field, or one that
this program does not know, is neither met nor missed: the rule may act or not, and both outcomes
are possible. A chain is reported as an obstacle only for what it does in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from dualwan.nft.foreign.chain import (
    ACCEPT,
    DROP,
    GOTO,
    JUMP,
    RETURN,
    TRANSLATE,
    Chain,
    Condition,
    Rule,
)


class Packet(NamedTuple):
    """A sample packet; "" in a field leaves it open.

    iif, oif: names of devices. family: ip or ip6. protocol: as in /etc/protocols. state: of its
    connection, as in `ct state`. dnat: "yes" if its destination was translated, else "no".
    """

    iif: str = ""
    oif: str = ""
    family: str = "ip"
    protocol: str = ""
    dport: str = ""
    source: str = ""
    destination: str = ""
    state: str = "new"
    dnat: str = "no"


def outcomes(chain: Chain, chains: Mapping[str, Chain], packet: Packet) -> set[str]:
    """Return what may come of ``packet`` in a base chain: ACCEPT, DROP, TRANSLATE.

    ``chains``: those of its table, by name.
    """
    found = _ends_of_chain(chain, chains, packet, {})
    return found - {RETURN} | {chain.policy} if RETURN in found else found


def _ends_of_chain(
    chain: Chain, chains: Mapping[str, Chain], packet: Packet, known: dict[str, set[str]]
) -> set[str]:
    """Return the possible ends of a chain; RETURN if its caller goes on.

    known: the ends of chains judged before, by name. A chain is judged once; one that jumps back to
    itself, which the kernel would refuse, is left open.
    """
    if chain.name in known:
        return known[chain.name]
    known[chain.name] = {ACCEPT, RETURN}
    found: set[str] = set()
    for rule in chain.rules:
        meets = met(rule.conditions, packet)
        if meets is False:
            continue
        ends = _ends_of_rule(rule, chains, packet, known)
        goes_on = rule.action not in (RETURN, GOTO) and RETURN in ends
        found |= ends - {RETURN} if goes_on else ends
        if meets and not goes_on:
            break
    else:
        found |= {RETURN}
    known[chain.name] = found
    return found


def _ends_of_rule(
    rule: Rule, chains: Mapping[str, Chain], packet: Packet, known: dict[str, set[str]]
) -> set[str]:
    """Return the possible ends of a rule that acts; RETURN if a chain goes on after it."""
    if rule.action in (ACCEPT, DROP, TRANSLATE):
        return {rule.action}
    if rule.action in (JUMP, GOTO):
        target = chains.get(rule.argument)
        return _ends_of_chain(target, chains, packet, known) if target else {ACCEPT, RETURN}
    return {RETURN}


def actions(
    chain: Chain, chains: Mapping[str, Chain], packet: Packet, *, certain: bool
) -> Iterator[Rule]:
    """Yield each rule that ``packet`` comes to and meets, or may, from ``chain`` on.

    ``certain``: only rules that it comes to and meets in any case, whatever is open.
    """
    return _reached(chain, chains, packet, certain, {chain.name}, {})


def _reached(  # noqa: PLR0913, PLR0917 - of one walk
    chain: Chain,
    chains: Mapping[str, Chain],
    packet: Packet,
    certain: bool,
    seen: set[str],
    known: dict[str, set[str]],
) -> Iterator[Rule]:
    """Do as ``actions``; ``seen``: chains that were walked through; known: see _ends_of_chain."""
    for rule in chain.rules:
        meets = met(rule.conditions, packet)
        if meets is False:
            continue
        if meets or not certain:
            yield rule
            target = chains.get(rule.argument) if rule.action in (JUMP, GOTO) else None
            if target and target.name not in seen:
                seen.add(target.name)
                yield from _reached(target, chains, packet, certain, seen, known)
        ends = _ends_of_rule(rule, chains, packet, known)
        goes_on = rule.action not in (RETURN, GOTO) and RETURN in ends
        if not goes_on and (meets or certain):
            return
        if certain and ends != {RETURN}:
            return


def met(conditions: Iterable[Condition], packet: Packet) -> bool | None:
    """Whether ``packet`` meets all ``conditions``; None if that is open."""
    answers = [_holds(one, packet) for one in conditions]
    return False if False in answers else None if None in answers else True


def _holds(condition: Condition, packet: Packet) -> bool | None:
    value = getattr(packet, condition.field) if condition.field else ""
    if not value:
        return None
    found = [_equal(condition.field, value, wanted) for wanted in condition.values]
    answer = True if True in found else None if None in found else False
    return answer if answer is None else answer != condition.negated


def _equal(field: str, value: str, wanted: str) -> bool | None:
    """Whether a field's ``value`` is ``wanted``; None if ``wanted`` is not understood."""
    if wanted.startswith("@"):  # the elements of a named set are not read
        return None
    match field:
        case "iif" | "oif":
            return value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted
        case "source" | "destination":
            return _within(value, wanted)
        case "dport":
            low, _, high = wanted.partition("-")
            try:
                return int(low) <= int(value) <= int(high or low)
            except ValueError:
                return None
    return value == wanted


def _within(address: str, network: str) -> bool | None:
    first, _, last = network.partition("-")
    try:
        if last:
            ends = ip_address(first), ip_address(last)
            own = ip_address(address)
            return ends[0].version == own.version and int(ends[0]) <= int(own) <= int(ends[1])
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return None
