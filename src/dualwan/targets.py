"""Which slices an event concerns, and whether each is to stand or to go. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from dualwan.config import Config
from dualwan.observed import Observed
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


@dataclass(frozen=True)
class Concern:
    """What an event is about. wanted: what it says about the router as a whole, if anything."""

    slices: tuple[str, ...]
    wanted: bool | None = None


CONCERNS = {
    Event.PRE_UP: Concern((firewall.NAME, snat.NAME, pbr.NAME), wanted=True),
    Event.UP: Concern(NAMES, wanted=True),
    Event.DOWN: Concern((pbr.NAME, tunnel.NAME, snat.NAME), wanted=False),
    Event.POST_DOWN: Concern((firewall.NAME,), wanted=False),
    Event.PPP_UP: Concern((pbr.NAME, firewall.NAME)),
    Event.PPP_DOWN: Concern((pbr.NAME, firewall.NAME)),
    Event.APPLY: Concern(NAMES, wanted=True),
    Event.REMOVE: Concern(NAMES, wanted=False),
}


def targets(event: Event, config: Config, observed: Observed) -> dict[str, bool]:
    """For each slice that EVENT concerns: True to stand, False to go.

    After ifdown the firewall stays for as long as any WAN is up: opened last. A PPPoE that
    was dialled without ifup has its slices too, and they go with it.
    """
    concern = CONCERNS[event]
    if event in (Event.REMOVE, Event.DOWN):
        return dict.fromkeys(concern.slices, False)
    if concern.wanted:
        return dict.fromkeys(concern.slices, True)
    ppp = observed.is_up(config.pppoe.interface)
    wan = observed.is_up(config.wan.interface)
    needed = ppp or (observed.memory.wanted and event is not Event.POST_DOWN)
    stands = dict.fromkeys(concern.slices, needed)
    if wan and _firewall_stands(observed):
        stands[firewall.NAME] = True
    return stands


def _firewall_stands(observed: Observed) -> bool:
    return any(table.name == firewall.TABLE for table in observed.tables or ())
