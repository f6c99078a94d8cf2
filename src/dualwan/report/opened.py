"""What is open to the internet, in words and as data. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dualwan.config import Config
from dualwan.config.firewall import IPV6
from dualwan.config.forwards import PINHOLE, with_via
from dualwan.config.mape import DS_LITE, IPIP, MAP_E
from dualwan.config.ways import VPN
from dualwan.model.way import Kind, Way
from dualwan.report.data import OpenData
from dualwan.words import listed, say

NAMES = {MAP_E: "MAP-E", IPIP: "IPIP", DS_LITE: "DS-Lite", VPN: "VPN"}  # by mode
BY_IPV6 = "IPv6"


def name(config: Config, way: Way) -> str:
    """Return the name of ``way`` for a person."""
    if way.name in config.ways:
        return way.name
    return NAMES[config.mape.mode] if way.kind is Kind.SOFTWIRE else "PPPoE"


def as_data(config: Config, ways: Sequence[Way]) -> list[OpenData]:
    """Return what the configuration opens: services of the router, and servers of the LAN."""
    found: list[OpenData] = []
    for way in ways:
        by = name(config, way)
        if way.offers_services:
            found += _services(config, way.name, by)
        shared = way.softwire.port_set if way.softwire else None
        found += [
            {
                "by": by,
                "what": f"{one.protocol}/{one.port}",
                "to": f"{one.to}:{one.to_port}",
                "from": [str(network) for network in one.sources],
                "guard": False,
            }
            for one in with_via(way.name, config.forwards)
            if shared is None or one.port in shared
        ]
        found += _routed(config, way, by)
    found += _services(config, IPV6, BY_IPV6)
    return found + [
        {
            "by": BY_IPV6,
            "what": f"{one.protocol}/{one.port}",
            "to": str(one.to),
            "from": [str(network) for network in one.sources],
            "guard": False,
        }
        for one in with_via(PINHOLE, config.forwards)
    ]


def _routed(config: Config, way: Way, by: str) -> list[OpenData]:
    """Return what is open of the addresses that are routed to ``way``."""
    routed = config.routed.get(way.name)
    return [
        {
            "by": by,
            "what": one.service.name,
            "to": str(to),
            "from": [str(network) for network in one.sources],
            "guard": False,
        }
        for one in (routed.open if routed else ())
        for to in one.to or way.networks
    ]


def _services(config: Config, via: str, by: str) -> list[OpenData]:
    return [
        {
            "by": by,
            "what": one.service.name,
            "to": "router",
            "from": [str(network) for network in one.sources],
            "guard": one.guard,
        }
        for one in config.firewall.inbound
        if via in one.via or (via != IPV6 and one.is_open_on(via))
    ]


def words(data: Sequence[OpenData]) -> list[str]:
    """Return a line for each way by which something is open."""
    ways = dict.fromkeys(one["by"] for one in data)
    return [
        say("by {by}: ", by=by) + listed(", ", (_one(item) for item in data if item["by"] == by))
        for by in ways
    ] or [say("nothing")]


def _one(item: OpenData) -> str:
    text = item["what"]
    if item["to"] != "router":
        text = say("{what} to {to}", what=text, to=item["to"])
    if item["from"]:
        text = say("{what} from {sources}", what=text, sources=listed(" and ", item["from"]))
    return say("{text} (guarded)", text=text) if item["guard"] else text
