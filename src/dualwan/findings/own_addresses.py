"""Settings that conflict with the router's own addresses and networks."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Address

from dualwan.config import Config
from dualwan.config.firewall import IPV6
from dualwan.config.forwards import INTERFACE_ID_BITS, MAPE, PINHOLE, PPPOE, Forward
from dualwan.config.mape import MapE
from dualwan.config.sections import RFC1918
from dualwan.config.ways import section_of
from dualwan.errors import ConfigErrors
from dualwan.model.finding import Finding
from dualwan.model.surroundings import OwnAddress, Surroundings
from dualwan.words import say

FORWARD_TO_ROUTER, ROUTED_NETWORK = "forward-to-router", "routed-network"
ROUTED_TO_ROUTER, ADDRESS_TWICE = "routed-to-router", "address-twice"

# Private, shared (RFC 6598) and link-local.
_LOCAL = (*RFC1918, IPv4Network("100.64.0.0/10"), IPv4Network("169.254.0.0/16"))
_HOST_PART = (1 << INTERFACE_ID_BITS) - 1
_ROUTE_LENGTH = 30  # of the smallest network that has hosts beside the router


def forwards_to_router(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each forward to the router itself, whose packets are not forwarded."""
    for one in config.forwards:
        for own in around.addresses:
            if _is(one, own):
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
                    _offered(config, one),
                )
                break


def _offered(config: Config, one: Forward) -> str:
    """Return how the router offers what the forward ``one`` was to, where and to whom that was."""
    if one.via == MAPE and isinstance(config.mape, MapE):
        return say(
            "by MAP-E's shared address the router offers nothing: name a host of the LAN, or offer "
            "it by another way in inbound of [firewall]"
        )
    via = {PINHOLE: IPV6, MAPE: "", PPPOE: ""}.get(one.via, one.via)
    key = f', via = "{via}"' if via else ""
    if one.sources:
        networks = ", ".join(f'"{network}"' for network in one.sources)
        key += f", from = [{networks}]"
    return say(
        'write {{ service = "{port}"{key} }} into inbound of [firewall] instead',
        port=f"{one.protocol}/{one.to_port}",
        key=key,
    )


def _is(one: Forward, own: OwnAddress) -> bool:
    """Whether the forward leads to this address, or to its interface identifier in any prefix."""
    address = own.interface.ip
    if one.by_host_part and isinstance(address, IPv6Address):
        return int(address) & _HOST_PART == int(one.to)
    return one.to == address


def routed_networks(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each public network of LAN hosts that is not routed to a way."""
    known = (*_LOCAL, *(one for routed in config.routed.values() for one in routed.networks))
    found: dict[IPv4Network, str] = {}
    for device, interface, *_ in around.addresses:
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
        # 0.0.0.0/0 is every host, whatever its address.
        if network.prefixlen and not any(network.subnet_of(one) for one in known):
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


def routed_to_router(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each host of `one-to-one` or `open` that is the router itself.

    Packets for the router's own address would be translated to that host; `open` does not open
    ports of the router.
    """
    own = {one.interface.ip: one.device for one in around.addresses}
    for name, routed in config.routed.items():
        section = section_of(name, config)
        for key, hosts in (
            ("one-to-one", [host for pair in routed.one_to_one for host in pair]),
            ("open", [host for one in routed.open for host in one.to]),
        ):
            for host in dict.fromkeys(one for one in hosts if one in own):
                yield Finding(
                    ROUTED_TO_ROUTER,
                    say(
                        "{path}: {section}.{key}: {host} is the router itself ({device}), and can "
                        "be no host of 'addresses'",
                        path=config.path,
                        section=section,
                        key=key,
                        host=host,
                        device=own[host],
                    ),
                    say(
                        "name a host; the router's services are on the way's own address, by "
                        "inbound of [firewall]"
                    ),
                )


def twice(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each session whose address is on another interface as well.

    The kernel attributes an address to the first interface that has it (inet_dev_addr_type), and
    the services of a session match addresses of its own interface. An address that is not routed to
    the session is reported by findings.concentrator.
    """
    for session in config.sessions.values():
        mine = [one.interface.ip for one in around.addresses if one.device == session.interface]
        for device, interface, *_ in around.addresses:
            ip = interface.ip
            if (
                device != session.interface
                and ip in mine
                and any(ip in network for network in session.routed.networks)
            ):
                yield Finding(
                    ADDRESS_TWICE,
                    say(
                        "{address} is on {session} and on {device} as well: services and forwards "
                        "by {session} may not be reached",
                        address=ip,
                        session=session.interface,
                        device=device,
                    ),
                    say("give {device} another one of 'addresses'", device=device),
                )


def refuse(config: Config, around: Surroundings) -> None:
    """Raise ConfigError with all findings of this module that a configuration alone can mend."""
    finders = (forwards_to_router, routed_networks, routed_to_router)
    if texts := tuple(one.text for finder in finders for one in finder(config, around)):
        raise ConfigErrors(texts)
