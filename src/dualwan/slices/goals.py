"""Which slices an event concerns, and whether each is to stand or to go. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from dualwan.config import Config
from dualwan.model.observed import Memory, Observed
from dualwan.slices import firewall, pbr, snat, tunnel

# Closed first, translated before there is a way out; down in the opposite order.
ORDER = (firewall, snat, tunnel, pbr)
NAMES = tuple(item.NAME for item in ORDER)


class Event(Enum):
    """Something that happened; the value is how the log calls it."""

    PRE_UP = "ifup (before)"
    UP = "ifup"
    DOWN = "ifdown"
    POST_DOWN = "ifdown (after)"
    PPP_UP = "ppp-up"
    PPP_DOWN = "ppp-down"
    APPLY = "apply"
    REMOVE = "down"
    LINE = "the line changed"


@dataclass(frozen=True)
class Concern:
    """What an event is about. wanted: what it says about the router as a whole, if anything."""

    slices: tuple[str, ...]
    wanted: bool | None = None


PPPOE_SLICES = (pbr.NAME, firewall.NAME)  # what PPPoE needs, with MAP-E or without
CONCERNS = {
    Event.PRE_UP: Concern(NAMES, wanted=True),  # of the tunnel only what needs no link
    Event.UP: Concern(NAMES, wanted=True),
    Event.DOWN: Concern((pbr.NAME, tunnel.NAME, snat.NAME), wanted=False),
    Event.POST_DOWN: Concern((firewall.NAME,), wanted=False),
    Event.PPP_UP: Concern(PPPOE_SLICES),
    Event.PPP_DOWN: Concern(PPPOE_SLICES),
    Event.LINE: Concern(NAMES),
    Event.APPLY: Concern(NAMES, wanted=True),
    Event.REMOVE: Concern(NAMES, wanted=False),
}


def concern(event: Event, memory: Memory, prefix: str, gone: bool = False) -> Concern:
    """What EVENT is about: everything, where the line has another PREFIX than last time.

    And where a table of ours is GONE: whoever flushed the rules took them all.
    """
    usual = CONCERNS[event]
    renumbered = bool(prefix and memory.prefix and prefix != memory.prefix)
    if (renumbered or gone) and memory.wanted and usual.wanted is None:
        return CONCERNS[Event.LINE]
    return usual


def targets(event: Event, config: Config, observed: Observed,
            slices: Sequence[str]) -> dict[str, bool]:
    """For each of SLICES, which EVENT concerns: True to stand, False to go.

    After ifdown the firewall stays for as long as any WAN is up: opened last. A PPPoE that
    was dialled without ifup has its slices too, and they go with it.
    """
    if event in (Event.REMOVE, Event.DOWN):
        return dict.fromkeys(slices, False)
    if CONCERNS[event].wanted:
        return dict.fromkeys(slices, True)
    ppp = observed.is_up(config.pppoe.interface)
    wan = observed.is_up(config.wan.interface)
    wanted = observed.memory.wanted and event is not Event.POST_DOWN
    stands = {name: wanted or (ppp and name in PPPOE_SLICES) for name in slices}
    if wan and firewall.NAME in slices and _firewall_stands(observed):
        stands[firewall.NAME] = True
    return stands


def _firewall_stands(observed: Observed) -> bool:
    return any(table.name == firewall.TABLE for table in observed.tables or ())
