"""Servers in the LAN that are reached by PPPoE's address, from outside and from the LAN. Pure.

Nothing names that address, which is another one after each reconnect: from outside it is
the one of the device that a packet came in by; seen from the LAN, an address of this router
that is neither of the interface the packet came in by nor a private one, as those of the
router's other LAN interfaces are.

LAN hosts that use it (hairpinning) are seen with the router's LAN address, so that the
answer comes back through the router.
"""

from __future__ import annotations

from dualwan.config import PRIVATE, Config, forwards
from dualwan.nft.table import Block
from dualwan.slices import dnat, marks, zones
from dualwan.slices.snat.names import PPPOE_HAIRPIN, PPPOE_INBOUND


def rules(config: Config, shared: str) -> list[str]:
    """Return rules for prerouting; ``shared`` is MAP-E's address, "" where there is none."""
    mine = forwards.by(forwards.PPPOE, config.forwards)
    if not mine:
        return []
    others = ", ".join((*map(str, PRIVATE), *([shared] if shared else [])))
    public = f"ip daddr != {{ {others} }} fib daddr . iif type != local fib daddr type local"
    return [f'iifname "{config.pppoe.interface}" goto {PPPOE_INBOUND.name}',
            *(f"{lan} {dnat.ports(mine)} {public} goto {PPPOE_HAIRPIN.name}"
              for lan in zones.from_lan(config))]


def chains(config: Config) -> list[Block]:
    """Return the chains that translate what comes in, from outside and from the LAN."""
    mine = forwards.by(forwards.PPPOE, config.forwards)
    if not mine:
        return []
    return [
        PPPOE_INBOUND.block("fib daddr . iif type != local return", *dnat.dnat_rules(mine)),
        PPPOE_HAIRPIN.block(marks.assign("ct mark", marks.HAIRPIN),
                            *dnat.dnat_rules(mine, any_source=True)),
    ]


def hairpin(config: Config) -> list[str]:
    """Return rules for the postrouting chain."""
    if not forwards.by(forwards.PPPOE, config.forwards):
        return []
    return [f"{marks.is_ours('ct mark', marks.HAIRPIN)} masquerade"]
