"""The ways of a configuration on the present line. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dualwan.config import Config
from dualwan.config import ways as further
from dualwan.config.mape import DsLite, Ipip, MapE
from dualwan.config.routed import Routed
from dualwan.config.sections import Pppoe
from dualwan.config.ways import FurtherWay
from dualwan.frozen import replace
from dualwan.model.way import Kind, Softwire, Way

# Numbers for the marks: those of 0.1.0, whose marked connections survive an upgrade, and then those
# of the further ways by place (see slices.marks for the last one).
PPPOE_NUMBER, MAPE_NUMBER = 1, 3
NUMBERS = (2, 4, 5, 6, 7, 11)
NOTHING = Routed()


def ways_of(
    config: Config, softwire: Softwire | None, others: Mapping[str, Softwire] | None = None
) -> tuple[Way, ...]:
    """Return the ways of ``config``, the default one first.

    ``softwire``: of the default one, None if unknown. ``others``: those of further ways, by name.
    """
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
            or bool(config.policies or routed_to(config, "mape").networks)
            or bool(lan.via_pppoe and lan.fallback == "mape"),
            networks=routed_to(config, "mape").networks,
            one_to_one=routed_to(config, "mape").one_to_one,
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
            chosen=() if config.policies else lan.via_pppoe,  # the last policy has them
            no_fallback=lan.fallback == "none",
            peer=pppoe.peer,
            networks=pppoe.routed.networks,
            one_to_one=pppoe.routed.one_to_one,
        ),
        *(
            _further(config, name, way, place, (others or {}).get(name))
            for place, (name, way) in enumerate(config.ways.items())
        ),
    )


def _further(
    config: Config, name: str, way: FurtherWay, place: int, softwire: Softwire | None
) -> Way:
    return Way(
        name,
        further.device(way),
        Kind.SOFTWIRE if isinstance(way, Ipip | DsLite) else Kind.PPP,
        way.mtu,
        NUMBERS[place],
        table=further.table_of(config.pppoe, place),
        priority=further.priority_of(config.pppoe, place),
        softwire=softwire,
        # A VPN may be carried by MAP-E itself, and then would lead into itself.
        stands_in=config.wan.failover and not isinstance(way, further.Vpn),
        offers_services=name in config.unshared,
        peer=way.peer if isinstance(way, Pppoe) else "",
        vpn=isinstance(way, further.Vpn),
        networks=routed_to(config, name).networks,
        one_to_one=routed_to(config, name).one_to_one,
    )


def routed_to(config: Config, name: str) -> Routed:
    """Return what is routed to the way ``name`` besides its address."""
    return config.routed.get(name, NOTHING)


def numbered(ways: tuple[Way, ...], config: Config, noted: Mapping[str, int]) -> tuple[Way, ...]:
    """Return ``ways``, the further ones with the numbers that they have on the running router.

    Connections keep the mark of a number as long as they live, even if the order of the file has
    changed. ``noted``: by name of a way. A new way gets the first free number; numbers of removed
    ways come last, because connections of these may still live. The last number is for eight ways
    only: with fewer, its mark is MAP-E's for packets that have no other way (slices.marks).
    """
    mine = [way.name for way in ways if way.name in config.ways]
    kept: dict[str, int] = {}
    usable = NUMBERS[: None if len(mine) == len(NUMBERS) else -1]
    for name in mine:
        if noted.get(name) in usable and noted[name] not in kept.values():
            kept[name] = noted[name]
    free = [number for number in usable if number not in kept.values()]
    free.sort(key=lambda number: number in noted.values())
    for name in mine:
        if name not in kept:
            kept[name] = free.pop(0)
    return tuple(_with_number(way, config, kept.get(way.name)) for way in ways)


def _with_number(way: Way, config: Config, number: int | None) -> Way:
    if number is None:
        return way
    place = NUMBERS.index(number)
    return replace(
        way,
        number=number,
        table=further.table_of(config.pppoe, place),
        priority=further.priority_of(config.pppoe, place),
    )
