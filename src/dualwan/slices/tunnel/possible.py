"""The softwires that can be made at present, and what prevents the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dualwan.config import Config
from dualwan.config.ways import section_of
from dualwan.model.resources import Address, Resource, Route, Tunnel
from dualwan.model.way import Kind, Way, of_kind
from dualwan.slices.slice import Situation
from dualwan.slices.tunnel.sysctls import disable_ipv6
from dualwan.words import say


def possible(at: Situation) -> list[Way]:
    """Return the softwires that are known, and whose device name is not taken."""
    taken = _taken(at)
    return [way for way in of_kind(at.ways, Kind.SOFTWIRE) if way.softwire and way not in taken]


def _taken(at: Situation) -> list[Way]:
    """Return the softwires whose device exists but is no tunnel."""
    return [
        way
        for way in of_kind(at.ways, Kind.SOFTWIRE)
        if (link := at.observed.links.get(way.device)) and link.kind != "ip6tnl"
    ]


def left_alone(at: Situation, items: Iterable[Resource]) -> list[Resource]:
    """Return those of ``items`` that belong to a softwire that cannot be made at present.

    Such a softwire is left as it is, while others are brought up or taken down.
    """
    there = possible(at)
    waiting = [way for way in of_kind(at.ways, Kind.SOFTWIRE) if way not in there]
    devices = {way.device for way in waiting}
    ends = {at.state.ces.get(way.name, "") for way in waiting}
    return [
        item
        for item in items
        if (isinstance(item, Address) and (item.device in devices or item.address in ends))
        or (isinstance(item, Route) and item.device in devices)
        or (isinstance(item, Tunnel) and item.name in devices)
    ]


def problems_of_all(at: Situation) -> tuple[str, ...]:
    """Return what prevents every tunnel: the WAN is missing or down."""
    wan, observed = at.config.wan.interface, at.observed
    problems = []
    if wan not in observed.links:
        problems.append(say("the interface {wan} (wan.interface) does not exist", wan=wan))
    elif not observed.links[wan].up:
        problems.append(
            say("the interface {wan} (wan.interface) is down; ifup {wan} brings it up", wan=wan)
        )
    return tuple(problems)


def without_ipv6(config: Config, sysctls: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each interface of the line on which IPv6 is switched off.

    ``sysctls``: the values seen. The kernel refuses every IPv6 address there, and hears no router.
    """
    devices = dict.fromkeys((config.wan.interface, config.prefix_source))
    return tuple(
        say(
            "IPv6 is switched off on {device} (sysctl {name} = 1): set it to 0, and look for what "
            "sets it in /etc/sysctl.d, or for ipv6.method of NetworkManager",
            device=device,
            name=disable_ipv6(device),
        )
        for device in devices
        if sysctls.get(disable_ipv6(device)) == "1"
    )


def names_taken(at: Situation) -> tuple[str, ...]:
    """Return a sentence for each tunnel name that another device has."""
    return tuple(
        say(
            "{device} ({name}.tunnel) is there already, and is no IPv6 tunnel",
            device=way.device,
            name=section_of(way.name, at.config),
        )
        for way in _taken(at)
    )
