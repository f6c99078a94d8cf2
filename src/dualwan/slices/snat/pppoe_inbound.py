"""Servers in the LAN behind a PPP session's address, for the outside and for hosts inside. Pure.

No rule has that address, because each reconnect may change it. For packets from outside, it is an
address of the device by which they came in. For packets from the LAN, it is an address of this
router that is not on the interface by which they came in, and not private, as the addresses of the
router's other LAN interfaces are. For the router's own packets, it is a local address that is
neither private nor of the loopback network: the output hook cannot look up its device.

A client inside (hairpinning) is translated to the router's LAN address, so that the answer comes
back through the router.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dualwan.config import Config, forwards
from dualwan.config.forwards import Forward
from dualwan.config.sections import RFC1918
from dualwan.model.way import Kind, Way, of_kind
from dualwan.nft.table import Block, elements
from dualwan.slices import dnat, marks, zones
from dualwan.slices.snat.names import SESSION_HAIRPIN, SESSION_INBOUND

LOOPBACK = "127.0.0.0/8"


def _with_forwards(config: Config, ways: Iterable[Way]) -> Iterator[tuple[Way, list[Forward]]]:
    """Yield each PPP session that has forwards, with its forwards."""
    for way in of_kind(ways, Kind.PPP):
        if mine := forwards.with_via(way.name, config.forwards):
            yield way, mine


def rules(config: Config, ways: tuple[Way, ...], shared: Sequence[str]) -> list[str]:
    """Return rules for prerouting; ``shared``: the addresses of softwires."""
    others = _not_of_sessions(*shared)
    public = f"ip daddr != {others} fib daddr . iif type != local fib daddr type local"
    return [
        rule
        for way, mine in _with_forwards(config, ways)
        for rule in (
            f'iifname "{way.device}" goto {SESSION_INBOUND.of(way.name)}',
            *(
                # The ports first: most flows need no other test.
                f"{dnat.ports(mine)} {inside} {public} goto {SESSION_HAIRPIN.of(way.name)}"
                for inside in zones.from_inside(config, way.name)
            ),
        )
    ]


def own_rules(config: Config, ways: tuple[Way, ...], shared: Sequence[str]) -> list[str]:
    """Return rules for output, where the router itself opens a flow; ``shared``: see rules."""
    public = f"ip daddr != {_not_of_sessions(LOOPBACK, *shared)} fib daddr type local"
    return [
        f"{dnat.ports(mine)} {public} goto {SESSION_HAIRPIN.of(way.name)}"
        for way, mine in _with_forwards(config, ways)
    ]


def _not_of_sessions(*more: str) -> str:
    """Return the addresses that no PPP session has, as an nft set."""
    return elements((*map(str, RFC1918), *more))


def chains(config: Config, ways: tuple[Way, ...]) -> list[Block]:
    """Return the chains that translate destinations, from outside and from inside."""
    return [
        one
        for way, mine in _with_forwards(config, ways)
        for one in (
            SESSION_INBOUND.block(
                "fib daddr . iif type != local return", *dnat.dnat_rules(mine), of=(way.name,)
            ),
            SESSION_HAIRPIN.block(
                marks.assign("ct mark", marks.of_hairpin(way)),
                *dnat.dnat_rules(mine, any_source=True),
                of=(way.name,),
            ),
        )
    ]


def hairpin(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """Return rules for postrouting that masquerade hairpin connections."""
    return [
        f"{marks.is_set('ct mark', marks.of_hairpin(way))} masquerade"
        for way, _ in _with_forwards(config, ways)
    ]
