"""What the configuration wants of the router's own addresses and networks, and cannot have."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Address

from dualwan.config import Config
from dualwan.config.forwards import INTERFACE_ID_BITS, PINHOLE, PPPOE, Forward
from dualwan.config.sections import RFC1918
from dualwan.errors import ConfigErrors
from dualwan.model.finding import Finding
from dualwan.model.surroundings import OwnAddress, Surroundings
from dualwan.words import say

FORWARD_TO_ROUTER, ROUTED_NETWORK = "forward-to-router", "routed-network"

# Private, shared (RFC 6598) and of a link.
_LOCAL = (*RFC1918, IPv4Network("100.64.0.0/10"), IPv4Network("169.254.0.0/16"))
_HOST_PART = (1 << INTERFACE_ID_BITS) - 1
_ROUTE_LENGTH = 30  # of the smallest network that has hosts beside the router


def forwards_to_router(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each forward to the router itself, which no packet takes."""
    for one in config.forwards:
        for own in around.addresses:
            if _is(one, own):
                key = ', via = "ipv6"' if one.via == PINHOLE else ""
                port = f"{one.protocol}/{one.to_port}"
                yield Finding(
                    FORWARD_TO_ROUTER,
                    say(
                        "{place}: {text}: {to} is the router itself ({ip} on {device}), where "
                        "a forward opens nothing",
                        place=one.place,
                        text=one.text,
                        to=one.to,
                        ip=own.interface.ip,
                        device=own.device,
                    ),
                    say(
                        'write {{ service = "{port}"{key} }} into inbound of [firewall] instead',
                        port=port,
                        key=key,
                    ),
                )
                break


def _is(one: Forward, own: OwnAddress) -> bool:
    """Whether the forward leads to this address, or to its lower half in any network."""
    address = own.interface.ip
    if one.by_host_part and isinstance(address, IPv6Address):
        return int(address) & _HOST_PART == int(one.to)
    return one.to == address


def routed_networks(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each public network of LAN hosts that is not routed to a way."""
    known = (*_LOCAL, *(one for routed in config.routed.values() for one in routed.networks))
    found: dict[IPv4Network, str] = {}
    for device, interface, _ in around.addresses:
        network = interface.network
        if (
            config.lan.has(device)
            and isinstance(network, IPv4Network)
            and network.prefixlen <= _ROUTE_LENGTH
        ):
            found.setdefault(
                network,
                say("lan.interfaces: {device} has {network}", device=device, network=network),
            )
    for network in config.lan.via_pppoe:
        found.setdefault(network, say("lan.via-pppoe: {network} takes PPPoE", network=network))
    for one in config.policies:
        for network in one.sources if PPPOE in (one.way, one.fallback) else ():
            text = say("policy.source: {network} takes PPPoE", network=network)
            found.setdefault(network, text)
    for network, text in found.items():
        if not any(network.subnet_of(one) for one in known):
            yield Finding(
                ROUTED_NETWORK,
                say(
                    "{path}: {text}, a public network, which is in 'addresses' of no way: its "
                    "hosts leave with PPPoE's or MAP-E's address and are not reached",
                    path=config.path,
                    text=text,
                ),
                say(
                    "where the provider routes it to a way, write it into 'addresses' there; else "
                    "give them private addresses, and lead ports to them by [[forward]] "
                    'via = "pppoe"'
                ),
            )


def refuse(config: Config, around: Surroundings) -> None:
    """Raise ConfigError with all of these findings."""
    finders = (forwards_to_router, routed_networks)
    if texts := tuple(one.text for finder in finders for one in finder(config, around)):
        raise ConfigErrors(texts)
