"""The ways of a configuration on the present line. Pure."""

from __future__ import annotations

from dualwan.config import Config
from dualwan.config.mape import Ipip, MapE
from dualwan.model.way import Kind, Softwire, Way

# Numbers of the marks: those of 0.1.0, whose marked connections live on after an upgrade.
PPPOE_NUMBER, MAPE_NUMBER = 1, 3


def ways_of(config: Config, softwire: Softwire | None) -> tuple[Way, ...]:
    """Return the ways of ``config``, the default one first; ``softwire``: None if unknown."""
    pppoe, lan, wan = config.pppoe, config.lan, config.wan
    return (
        Way(
            "mape",
            config.mape.tunnel,
            Kind.SOFTWIRE,
            config.mape.mtu,
            MAPE_NUMBER,
            table=pppoe.table + 1,
            priority=pppoe.priority + 1,
            softwire=softwire,
            default=True,
            offers_services=isinstance(config.mape, Ipip),
            open_hosts=config.mape.open_nat if isinstance(config.mape, MapE) else (),
            pinned=wan.failover
            or bool(config.policies)
            or bool(lan.via_pppoe and lan.fallback == "mape"),
        ),
        Way(
            "pppoe",
            pppoe.interface,
            Kind.PPP,
            pppoe.mtu,
            PPPOE_NUMBER,
            table=pppoe.table,
            priority=pppoe.priority,
            stands_in=wan.failover,
            offers_services=True,
            chosen=() if config.policies else lan.via_pppoe,  # one of the policies, then
            no_fallback=lan.fallback == "none",
            peer=pppoe.peer,
        ),
    )
