"""Policies in nft: the way of a new flow of the LAN. Pure.

A flow needs one lookup for each field that any policy tests, its interface first, whatever the
number of policies (decision). Packets of established flows have their mark restored by then, and
need none.

A policy marks the packet. With the way's first mark, the packet takes the default route while the
way is down, as in slices.pbr. The second mark leads by that way alone, for policies whose fallback
is not the default way: without a fallback, its packets are rejected while the way is down; with
another way as fallback, the mark is chosen by the routes that exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address

from dualwan.config import Config, values
from dualwan.config.policies import Policy, Span, mac_text, port_text
from dualwan.model.way import Way
from dualwan.nft.table import Block, chain, elements, quoted
from dualwan.slices import marks
from dualwan.slices.pbr import alone
from dualwan.slices.pbr.decision import Diagram, Field, Row

CHAIN = "policies"
_DEFAULT = "accept"  # the verdict that leaves a flow to the default route
_BITS = 32


def asks() -> str:
    """Return the rule that leads a LAN packet to these chains, if it begins a flow.

    A flow that another one expects (related) has the mark of that one.
    """
    return f"ct status ! confirmed {marks.is_set('ct mark', 0)} goto {CHAIN}"


def chains(config: Config, ways: Sequence[Way]) -> list[Block]:
    """Return the chains: the first one, those of the diagram, and those that mark."""
    lans, policies = config.lan.interfaces, config.policies
    names = _names(lans, policies)
    groups = [
        sum(1 << at for at, one in enumerate(policies) if _is_for(one, name)) for name in names
    ]
    diagram = Diagram(FIELDS, [Row(_verdict(one, ways), one.spans) for one in policies])
    parts = diagram.decide(groups)
    lanes = {_verdict(one, ways): one for one in policies}
    return [
        *_first(lans, names, parts),
        *reversed(diagram.blocks),
        *(
            _marking(verdict.removeprefix("goto "), one, lans, ways)
            for verdict, one in sorted(lanes.items())
            if verdict != _DEFAULT
        ),
    ]


def _first(
    lans: Sequence[str], names: Sequence[str], parts: Sequence[Sequence[str]]
) -> list[Block]:
    """Return the first chain, and one for each of several parts, in their order.

    Parts that are the same for all interfaces need no chain, and one test of the interface.
    """
    about = "a new flow of the LAN: the first policy that fits"
    rules = [_by_interface(lans, names, part) for part in parts]
    if len(parts) == 1:
        return [chain(CHAIN, *rules[0], comment=about)]
    if all(len({*part}) == 1 for part in parts):
        jumps = [part[0].replace("goto ", "jump ") for part in parts]
        return [chain(CHAIN, f"iifname != {quoted(lans)} return", *jumps, comment=about)]
    called = [f"{CHAIN}_{number}" for number in range(1, len(parts) + 1)]
    return [
        chain(CHAIN, *(f"jump {name}" for name in called), comment=about),
        *(chain(name, *some) for name, some in zip(called, rules, strict=True)),
    ]


# --- conditions ---------------------------------------------------------------------------------


def _names(lans: Sequence[str], policies: Iterable[Policy]) -> list[str]:
    """Return the LAN's interfaces, and those of policies: names, then patterns, longest first."""
    known = dict.fromkeys((*lans, *(name for one in policies for name in one.interfaces)))
    inside = [name for name in known if any(values.covers(lan, name) for lan in lans)]
    return sorted(inside, key=lambda name: (_is_pattern(name), -len(name) * _is_pattern(name)))


def _is_pattern(name: str) -> bool:
    return name.endswith(values.WILDCARD)


def _is_for(policy: Policy, name: str) -> bool:
    """Whether ``policy`` applies to ``name``: an interface, or a pattern for all it covers."""
    return not policy.interfaces or any(values.covers(one, name) for one in policy.interfaces)


def _by_interface(lans: Sequence[str], names: Sequence[str], verdicts: Sequence[str]) -> list[str]:
    """Return the rules that look up the interface; ``verdicts``: of each of ``names``, or ""."""
    if len({*verdicts}) == 1:
        return [f"iifname {quoted(lans)} {verdicts[0]}"] if verdicts[0] else []
    found = {name: verdict or "return" for name, verdict in zip(names, verdicts, strict=True)}
    whole = [f'"{name}" : {found[name]}' for name in names if not _is_pattern(name)]
    return [
        *([f"iifname vmap {elements(whole)}"] if whole else []),
        *(f'iifname "{name}" {found[name]}' for name in names if _is_pattern(name)),
    ]


def _mac(span: Span) -> str:
    return "-".join(mac_text(mac) for mac in dict.fromkeys(span))


def _network(span: Span) -> str:
    """Return a range of addresses as nft text, as a network if it is one."""
    first, last = span
    size = last - first + 1
    if size & (size - 1) or first % size:
        return f"{IPv4Address(first)}-{IPv4Address(last)}"
    length = _BITS + 1 - size.bit_length()
    return f"{IPv4Address(first)}" + (f"/{length}" if length < _BITS else "")


FIELDS = (  # in the order of config.policies.FIELDS
    Field("mac", "ether saddr", _mac),
    Field("source", "ip saddr", _network),
    Field("destination", "ip daddr", _network),
    Field("protocol", "meta l4proto", port_text),
    Field("port", "th dport", port_text),
)


# --- verdicts -----------------------------------------------------------------------------------


def _verdict(policy: Policy, ways: Sequence[Way]) -> str:
    """Return the verdict on a flow that ``policy`` matches."""
    default = alone.default(ways)
    if policy.fallback == default:
        return _DEFAULT if policy.way == default else f"goto by_{policy.way}"
    return f"goto by_{policy.way}_or_{policy.fallback}"


def _marking(name: str, policy: Policy, lans: Sequence[str], ways: Sequence[Way]) -> Block:
    """Return the chain that marks flows to the internet with the way of ``policy``."""
    by_name = {way.name: way for way in ways}
    way, second = by_name[policy.way], by_name.get(policy.fallback)
    if second and second.default:
        marking = [marks.assign("meta mark", marks.of_way(way))]
    else:
        marking = [marks.assign("meta mark", marks.of_way_alone(way))]
        if second:
            other = marks.assign("meta mark", marks.of_way_alone(second))
            marking.append(f"fib daddr . mark oif missing {other}")
    return chain(
        name,
        "fib daddr type local accept",
        f"fib daddr oifname {quoted(lans)} accept",
        *marking,
        _DEFAULT,
        comment=f"by {way.name}, else {policy.fallback}",
    )
