"""A row of the policy, and words that several rows use. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dualwan.config import Config
from dualwan.config.forwards import SMB
from dualwan.config.services import PORTLESS, Port, Service
from dualwan.model.way import Way
from dualwan.report.opened import name
from dualwan.words import listed, say

LAN, ROUTER, ANYWHERE = "LAN", say("router"), say("anywhere")
INTERNET, BY_IPV4, BY_IPV6 = say("internet"), say("internet by IPv4"), say("internet by IPv6")
EVERYTHING, BOUNDED_PING = say("everything"), say("ping, up to a bound")
ACCEPTED, DROPPED, REFUSED = say("accepted"), say("dropped"), say("refused")
FILE_SHARING = say("Windows file sharing ({ports})", ports=listed(", ", map(str, SMB)))


class Row(NamedTuple):
    """A row: the sender, the receiver, what is sent, and the verdict on it."""

    source: str
    destination: str
    what: str
    result: str


def by(config: Config, way: Way) -> str:
    """Return the name of a way with its device."""
    return f"{name(config, way)} ({way.device})"


def zone_named(name: str) -> str:
    """Return the name for the hosts of a zone."""
    return say("zone {name}", name=name)


def internet_by(way: str) -> str:
    """Return the name for the internet behind ``way``."""
    return say("internet by {way}", way=way)


def only(who: str, networks: Iterable[object]) -> str:
    """Return ``who``, followed by its ``networks`` if it is limited to some."""
    named = listed(", ", map(host_or_network, networks))
    return say("{who}, {networks}", who=who, networks=named) if named else who


def host_or_network(network: object) -> str:
    """Return a network as text; a network of a single address as that address."""
    text = str(network)
    return text.removesuffix("/128" if ":" in text else "/32")


def service(one: Service) -> str:
    """Return the name of a service, with its ports unless the name contains them."""
    ports = listed(", ", (_port(port) for port in one.ports if port.protocol != "icmp"))
    says_it = "/" in one.name or not ports
    return one.name if says_it else say("{name} ({ports})", name=one.name, ports=ports)


def _port(port: Port) -> str:
    if port.protocol == PORTLESS:
        return say("protocol {number}", number=port.number)
    return f"{port.protocol}/{port.number}"
