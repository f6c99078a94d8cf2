"""IPv6 routes of the main table, and the devices by which packets for the internet leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv6Interface
from socket import AF_INET, AF_INET6, if_indextoname
from typing import Any

from dualwan.errors import KernelError
from dualwan.host.rtnl import IPRoute, NetlinkError, dump, understood
from dualwan.host.rtnl_message import hops
from dualwan.model.resources import MAIN
from dualwan.model.surroundings import DefaultRoute

UNICAST = 1  # RTN_UNICAST
# Hosts in both halves of the IPv4 internet: 0.0.0.0/1 and 128.0.0.0/1 together hide a default
# route without replacing it, and VPN clients add them. All of IPv6 that is in use is in 2000::/4.
# Nothing is sent there.
FAR, FAR_IPV6 = ("61.0.0.1", "193.0.0.1"), ("2001:200::1",)


def ipv6_defaults() -> tuple[DefaultRoute, ...]:
    """Return the IPv6 default routes of any device, the best first; none if unreadable."""
    try:
        with understood("routes"):
            found = [
                DefaultRoute(device, gateway, _metric(message))
                for message, device, gateway in _look()
                if message["dst_len"] == 0
            ]
    except KernelError:
        return ()
    return tuple(sorted(found, key=lambda route: route.metric))


def ipv6_networks(wan: str) -> tuple[IPv6Interface, ...]:
    """Return the networks that are routed to ``wan``, but for default and link-local ones.

    None if the routes cannot be read.
    """
    try:
        with understood("routes"):
            found = [
                IPv6Interface((message.get_attr("RTA_DST"), message["dst_len"]))
                for message, device, _ in _look()
                if device == wan and message["dst_len"]
            ]
    except KernelError:
        return ()
    return tuple(dict.fromkeys(one for one in found if not one.is_link_local))


def internet_by(hosts: Iterable[str] = FAR) -> tuple[str, ...]:
    """Return the devices by which this machine would send to ``hosts``; "" for no route.

    None if the kernel cannot be asked.
    """
    try:
        with understood("routes"), IPRoute() as ipr:
            return tuple(dict.fromkeys(_towards(ipr, address) for address in hosts))
    except KernelError:
        return ()


def _towards(ipr: IPRoute, address: str) -> str:
    try:
        family = AF_INET6 if ":" in address else AF_INET
        (message, *_) = ipr.route("get", dst=address, family=family)
    except NetlinkError:
        return ""
    return _name(message.get_attr("RTA_OIF") or 0)


def _look() -> Iterator[tuple[Any, str, str]]:
    """Yield message, device and gateway of each hop of the routes that the kernel lists."""
    with IPRoute() as ipr:
        messages = dump("routes", lambda: ipr.get_routes(family=AF_INET6))
    for message in messages:
        if message["type"] == UNICAST and (
            (message.get_attr("RTA_TABLE") or message["table"]) == MAIN
        ):
            for index, gateway in hops(message):
                if device := _name(index):
                    yield message, device, gateway


def _metric(message: Any) -> int:
    return int(message.get_attr("RTA_PRIORITY") or 0)


def _name(index: int) -> str:
    try:
        return if_indextoname(index)
    except OSError:
        return ""  # gone since
