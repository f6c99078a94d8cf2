"""The nft table of policy-based routing: each connection is marked with its way. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dualwan.config import Config
from dualwan.model.observed import TableId
from dualwan.model.way import Kind, Way, default_last, of_kind
from dualwan.nft.table import Block, NftTable, base_chain, chain, counter, elements, quoted
from dualwan.slices import ipsec, marks
from dualwan.slices.pbr import routed, zone_ways

TABLE = TableId("ip", "dualwan_pbr")
_MISPLACED = "misplaced"  # counter of packets whose source is not the PPP session's address
_FEW = 2  # so many comparisons cost a packet no more than one lookup


def policies_of(config: Config) -> Any:
    """Return the module of policies; None without any, as in most configurations."""
    if not config.policies:
        return None
    from dualwan.slices.pbr import policies  # noqa: PLC0415 - see above

    return policies


def _pinned(ways: Iterable[Way]) -> list[Way]:
    """Return the ways whose connections are marked, the default way last."""
    return default_last(way for way in ways if way.pinned)


def wanted_table(config: Config, ways: tuple[Way, ...]) -> NftTable:
    """Return the table that marks each connection with its way, and its packets with that mark.

    A connection keeps the way on which it began, so that a failover moves only new ones. Packets
    that were translated to the default way's address, but are still routed to a PPP session, are
    dropped.
    """
    pinned = _pinned(ways)
    policies = policies_of(config)
    by_device = {way.device: way for way in (*of_kind(ways, Kind.SOFTWIRE), *pinned)}
    return NftTable(
        TABLE.family,
        TABLE.name,
        (
            base_chain(
                "prerouting",
                "type filter hook prerouting priority mangle; policy accept;",
                "iifname vmap "
                + elements(f'"{name}" : goto {_in(way)}' for name, way in by_device.items()),
                *routed.mark(config, ways),
                *_mark_chosen(config, ways),
                *zone_ways.mark(config, ways),
                *_restore(pinned),
                *([policies.asks()] if policies else []),
                comment="a flow that came in by a WAN is marked; answers get its mark back",
            ),
            *(policies.chains(config, ways) if policies else []),
            *zone_ways.chains(config, ways),
            *(_came_in(way, pinned) for way in by_device.values()),
            *(_marking(way) for way in pinned if len(pinned) > _FEW),
            base_chain(
                "output",
                "type route hook output priority mangle; policy accept;",
                *_restore(pinned),
                comment="the same for what the router itself answers",
            ),
            counter(_MISPLACED),
            *_leaving(config, ways, pinned),
        ),
    )


def _leaving(config: Config, ways: Iterable[Way], pinned: Iterable[Way]) -> list[Block]:
    """Return the base chain for packets that leave, and the chains of sessions and softwires."""
    sessions, softwires = of_kind(ways, Kind.PPP), of_kind(pinned, Kind.SOFTWIRE)
    looked_up = len(sessions) + len(softwires) > _FEW
    places = {way.device: f"goto {_out(way)}" for way in sessions}
    places |= {way.device: f"goto {_out(way)}" if looked_up else _stay(way) for way in softwires}
    if looked_up:
        pairs = (f'"{device}" : {what}' for device, what in places.items())
        rules = [f"oifname vmap {elements(pairs)}"]
    else:
        rules = [f'oifname "{device}" {what}' for device, what in places.items()]
    return [
        base_chain(
            "leaving",
            "type filter hook postrouting priority srcnat + 10; policy accept;",
            *rules,
            comment="nothing leaves by a PPP session with an address that is not its own",
        ),
        *(_leaves(config, way) for way in sessions),
        *(
            chain(_out(way), _stay(way), comment="a flow that begins here stays")
            for way in softwires
            if looked_up
        ),
    ]


def _in(way: Way) -> str:
    return f"in_{way.name}"


def _out(way: Way) -> str:
    return f"out_{way.name}"


def _mark(way: Way) -> str:
    return f"mark_{way.name}"


def _restore(pinned: Sequence[Way]) -> list[str]:
    """Return rules that give packets the mark of their connection."""
    if len(pinned) > _FEW:
        pairs = (f"{marks.of_way(way):#010x} : jump {_mark(way)}" for way in pinned)
        return [f"{marks.ours('ct mark')} vmap {elements(pairs)}"]
    return [f"{marks.is_set('ct mark', marks.of_way(way))} {_assign(way)}" for way in pinned]


def _marking(way: Way) -> Block:
    """Return the chain for packets whose connection has the mark of ``way``."""
    return chain(_mark(way), _assign(way), comment=f"of a flow by {way.name}")


def _came_in(way: Way, pinned: Iterable[Way]) -> Block:
    """Return the chain for packets that came in by ``way``, whose own mark is not restored."""
    return chain(
        _in(way),
        # A decapsulated packet may still carry the mark of the outer packet.
        *([marks.clear("meta mark")] if way.kind is Kind.SOFTWIRE or way.vpn else []),
        *([f"ct state new {_assign_ct(way)}"] if way.pinned else []),
        *_restore([one for one in pinned if one is not way]),
        comment=f"came in by {way.name}",
    )


def _stay(way: Way) -> str:
    """Return the statement that marks a flow that begins by ``way``."""
    return f"ct status ! confirmed {_assign_ct(way)}"


def _leaves(config: Config, way: Way) -> Block:
    """Return the chain that drops packets a PPP session cannot carry, and counts them."""
    clear = f"{ipsec.NOT_TO_ENCRYPT} " if config.firewall.ipsec == "accept" else ""
    return chain(
        _out(way),
        f"{routed.leaving(way)}fib saddr . oif type != local {clear}counter name {_MISPLACED} drop",
        *([_stay(way)] if way.pinned else []),
        comment="a packet needs the address of the session; a flow that begins here stays",
    )


def _assign(way: Way) -> str:
    return marks.assign("meta mark", marks.of_way(way))


def _assign_ct(way: Way) -> str:
    return marks.assign("ct mark", marks.of_way(way))


def _mark_chosen(config: Config, ways: Iterable[Way]) -> list[str]:
    """Return rules that mark packets of chosen LAN hosts to the internet with their way.

    Answers are not marked: a flow that came in by the default way is answered by it.
    """
    lans = quoted(config.lan.interfaces)
    return [
        f"iifname {lans} ip saddr {{ {', '.join(map(str, way.chosen))} }} ct direction original "
        f"fib daddr type != local fib daddr oifname != {lans} "
        f"{_assign(way)}"
        for way in ways
        if way.chosen
    ]
