"""Servers in the LAN that are reached by a PPP session's address, from outside and inside. Pure.

Nothing names that address, which is another one after each reconnect: from outside it is
the one of the device that a packet came in by; seen from the LAN, an address of this router
that is neither of the interface the packet came in by nor a private one, as those of the
router's other LAN interfaces are.

LAN hosts that use it (hairpinning) are seen with the router's LAN address, so that the
answer comes back through the router.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dualwan.config import Config, forwards
from dualwan.config.forwards import Forward
from dualwan.config.sections import RFC1918
from dualwan.model.way import Kind, Way, of_kind
from dualwan.nft.table import Block
from dualwan.slices import dnat, marks, zones
from dualwan.slices.snat.names import SESSION_HAIRPIN, SESSION_INBOUND


def _with_forwards(config: Config, ways: Iterable[Way]) -> Iterator[tuple[Way, list[Forward]]]:
    """Return each PPP session that has forwards, with them."""
    for way in of_kind(ways, Kind.PPP):
        if mine := forwards.with_via(way.name, config.forwards):
            yield way, mine


def rules(config: Config, ways: tuple[Way, ...], shared: str) -> list[str]:
    """Return rules for prerouting; ``shared`` is MAP-E's address, "" where there is none."""
    others = ", ".join((*map(str, RFC1918), *([shared] if shared else [])))
    public = f"ip daddr != {{ {others} }} fib daddr . iif type != local fib daddr type local"
    return [
        rule
        for way, mine in _with_forwards(config, ways)
        for rule in (
            f'iifname "{way.device}" goto {SESSION_INBOUND.of(way.name)}',
            *(
                f"{lan} {dnat.ports(mine)} {public} goto {SESSION_HAIRPIN.of(way.name)}"
                for lan in zones.from_lan(config)
            ),
        )
    ]


def chains(config: Config, ways: tuple[Way, ...]) -> list[Block]:
    """Return the chains that translate what comes in, from outside and from the LAN."""
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
    """Return rules for the postrouting chain."""
    return [
        f"{marks.is_set('ct mark', marks.of_hairpin(way))} masquerade"
        for way, _ in _with_forwards(config, ways)
    ]
