"""Chains of other programs that drop or change what the router forwards or translates.

A chain is reported only for what it certainly does with a packet (nft.foreign.judge), so a firewall
that lets the LAN out is not. No real traffic is needed for that judgement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from dualwan.config import Config
from dualwan.config.values import WILDCARD
from dualwan.findings import packets
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.nft.foreign.chain import DROP, NOTRACK, OFFLOAD, SET_MARK, TRANSLATE, Chain
from dualwan.nft.foreign.judge import Packet, actions, outcomes
from dualwan.slices.marks import MASK
from dualwan.slices.snat.names import NAT_PRIORITIES
from dualwan.words import listed, say

_MANGLE, _CONNTRACK = -150, -200
_OURS = say("table inet dualwan_firewall filters what crosses this router already")


def _base_chains(around: Surroundings) -> Iterator[tuple[Chain, Mapping[str, Chain]]]:
    """Yield each base chain with the chains of its table, by name."""
    for chain in around.chains:
        if chain.hook:
            yield (
                chain,
                {
                    one.name: one
                    for one in around.chains
                    if (one.table, one.family) == (chain.table, chain.family)
                },
            )


def _hit(
    probes: Iterable[packets.Probe], chain: Chain, test: Callable[[Packet], bool]
) -> list[packets.Probe]:
    """Return those of ``probes`` that pass ``chain`` and meet the ``test``."""
    return [probe for probe in probes if (packet := probe.at(chain)) and test(packet)]


def dropping(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each chain that drops packets of the router's work."""
    probes = packets.every(config)
    for chain, chains in _base_chains(around):
        if chain.kind == "nat":
            continue
        if hit := _hit(probes, chain, partial(_is_dropped, chain, chains)):
            yield Finding(
                "foreign-drop",
                say("{text} drops {some}", text=chain.text, some=_some(hit)),
                _let_through(config, chain, chains, hit[0]),
            )


def _is_dropped(chain: Chain, chains: Mapping[str, Chain], packet: Packet) -> bool:
    return outcomes(chain, chains, packet) == {DROP}


def _may_be_translated(chain: Chain, chains: Mapping[str, Chain], packet: Packet) -> bool:
    return TRANSLATE in outcomes(chain, chains, packet)


def _let_through(
    config: Config, chain: Chain, chains: Mapping[str, Chain], dropped: packets.Probe
) -> str:
    """Return how to accept ``dropped``, in the syntax of the program that made the chains."""
    packet, crosses = dropped.packet, chain.hook == "forward"
    lan, out = packet.iif, packet.oif
    if lan not in config.lan.devices or not out:
        lan, out = config.lan.interfaces[0], config.mape.tunnel
    lan = lan.replace(WILDCARD, "+")  # as iptables, ufw and firewalld write a pattern
    of_ufw = any(name.startswith("ufw") for name in chains)
    if of_ufw and crosses:
        return say(
            "allow it in ufw, such as: ufw route allow in on {lan} out on {out}", lan=lan, out=out
        )
    if of_ufw and chain.hook == "input" and packet.dport:
        return say(
            "allow it in ufw, such as: ufw allow in on {device} proto {protocol} to any port "
            "{port}",
            device=packet.iif,
            protocol=packet.protocol,
            port=packet.dport,
        )
    if crosses and "DOCKER-USER" in chains:
        command = "ip6tables" if chain.family == "ip6" else "iptables"
        return say(
            "let it pass before Docker's rules: {command} -I DOCKER-USER -i {lan} "
            "-j ACCEPT; {command} -I DOCKER-USER -o {lan} -m conntrack --ctstate "
            "RELATED,ESTABLISHED -j ACCEPT",
            command=command,
            lan=lan,
        )
    if chain.table == "nft table inet firewalld":
        return say(
            "stop firewalld ({ours}), or put {lan} and {out} into zones that it forwards between",
            ours=_OURS,
            lan=lan,
            out=out,
        )
    return say("accept it there, or remove the chain: {ours}", ours=_OURS)


def translating(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each nat chain that runs before ours and may translate our flows."""
    for chain, chains in _base_chains(around):
        ours = NAT_PRIORITIES.get(chain.hook)
        if chain.kind != "nat" or ours is None or chain.priority > ours:
            continue
        probes = (
            packets.outbound(config)
            if chain.hook == "postrouting"
            else packets.forwarded_ports(config)
        )
        if hit := _hit(probes, chain, partial(_may_be_translated, chain, chains)):
            yield Finding(
                "foreign-nat",
                say(
                    "{text} may translate {some}, and is asked before ours, which has "
                    "priority {ours}",
                    text=chain.text,
                    some=_some(hit),
                    ours=ours,
                ),
                say(
                    "give it a priority of more than {ours}, as {usual} is",
                    ours=ours,
                    usual=_usual(chain.hook),
                ),
            )


def _usual(hook: str) -> str:
    return "srcnat (100)" if hook == "postrouting" else "dstnat (-100)"


def untracked(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each chain with notrack for packets that we have to translate."""
    for chain, chains in _base_chains(around):
        if chain.hook != "prerouting" or chain.priority >= _CONNTRACK:
            continue
        if hit := _hit(packets.ipv4(config), chain, _does(chain, chains, NOTRACK, certain=True)):
            yield Finding(
                "foreign-notrack",
                say(
                    "{text} has notrack for {some}, so it cannot be translated",
                    text=chain.text,
                    some=_some(hit),
                ),
                say("limit notrack to what this router neither forwards nor translates"),
            )


def marking(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each chain that may overwrite our bits of the mark before routing."""
    for chain, chains in _base_chains(around):
        if chain.hook != "prerouting" or chain.priority < _MANGLE:
            continue
        if hit := _hit(
            packets.outbound(config), chain, _does(chain, chains, SET_MARK, certain=False)
        ):
            yield Finding(
                "foreign-mark",
                say(
                    "{text} sets the whole mark of packets, as of {some}, with our bits "
                    "{mask:#010x}: they may leave by the wrong WAN",
                    text=chain.text,
                    some=_some(hit),
                    mask=MASK,
                ),
                say(
                    "set it under a mask, such as --set-mark 0x10/0xff of iptables, or "
                    "meta mark set meta mark & 0xffffff00 | 0x10 of nft"
                ),
            )


def offloading(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each chain that may put flows of our WANs into a flowtable."""
    for chain, chains in _base_chains(around):
        if chain.hook != "forward":
            continue
        if hit := _hit(
            packets.outbound(config), chain, _does(chain, chains, OFFLOAD, certain=False)
        ):
            yield Finding(
                "foreign-flowtable",
                say(
                    "{text} may put {some} into a flowtable: its packets then pass no "
                    "chain, so our guard, counters and timeouts do not see them",
                    text=chain.text,
                    some=_some(hit),
                ),
                say(
                    "leave {tunnel} and {interface} out of the flowtable",
                    tunnel=config.mape.tunnel,
                    interface=", ".join(one.interface for one in config.sessions.values()),
                ),
            )


def _does(
    chain: Chain, chains: Mapping[str, Chain], action: str, *, certain: bool
) -> Callable[[Packet], bool]:
    """Return a test of a packet: whether it certainly (or possibly) meets a rule with ``action``.

    SET_MARK counts unless its mask keeps our bits.
    """

    def test(packet: Packet) -> bool:
        return any(
            rule.action == action and (action != SET_MARK or int(rule.argument, 16) & MASK != MASK)
            for rule in actions(chain, chains, packet, certain=certain)
        )

    return test


def _some(hit: Iterable[packets.Probe]) -> str:
    """Return the first few of ``hit`` as a list for a sentence, each once."""
    shown, each = 3, list(dict.fromkeys(probe.what for probe in hit))
    more = len(each) - shown
    return listed(", ", each[:shown]) + (say(" and {more} more", more=more) if more > 0 else "")
