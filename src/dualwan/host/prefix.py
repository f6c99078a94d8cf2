"""IPv6 prefixes of a device. Waits end by news of netlink and udev; nothing polls."""

from __future__ import annotations

import select
import time
from ipaddress import IPv6Address, IPv6Network
from socket import AF_INET6
from typing import Any

from dualwan.host.news import ignoring_overrun
from dualwan.host.rtnl import RTMGRP_IPV6_IFADDR, IPRoute, NetlinkError, dump, refused, understood
from dualwan.host.rtnl_message import IFA_F_DEPRECATED, IFF_UP, hops
from dualwan.mape.rule import UNIQUE_LOCAL
from dualwan.model.resources import MAIN

IFA_F_TEMPORARY = 0x01
SCOPE_UNIVERSE = 0
HOST = 128  # a /128 is the CE address, or another address that tells no prefix
LINE = 64  # the length in a router advertisement


@understood("addresses")
def prefixes(ipr: Any, device: str) -> tuple[str, ...]:
    """Return the global prefixes in use on ``device``, the longest preferred lifetime first.

    Empty if the device does not exist. Raises KernelError.
    """
    indexes = ipr.link_lookup(ifname=device)
    if not indexes:
        return ()
    found: dict[str, int] = {}
    for message in dump(f"addresses of {device}", lambda: ipr.get_addr(family=AF_INET6)):
        if message["index"] == indexes[0] and (prefix := _prefix(message)):
            lifetimes = message.get_attr("IFA_CACHEINFO") or {}
            preferred = int(lifetimes.get("ifa_preferred", 0))
            found[prefix] = max(preferred, found.get(prefix, 0))
    return tuple(sorted(found, key=lambda prefix: (-found[prefix], prefix)))


def _prefix(message: Any) -> str:
    """Return the prefix of an address; "" if it is temporary, deprecated, local or a /128."""
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    unusable = flags & (IFA_F_TEMPORARY | IFA_F_DEPRECATED)
    if message["scope"] != SCOPE_UNIVERSE or message["prefixlen"] >= HOST or unusable:
        return ""
    address = IPv6Address(message.get_attr("IFA_ADDRESS"))
    if address in UNIQUE_LOCAL:
        return ""
    return str(IPv6Network((int(address), max(message["prefixlen"], LINE)), strict=False))


@understood("routes")
def has_default(ipr: Any, index: int) -> bool:
    """Whether an IPv6 default route of the main table uses the device ``index``.

    Raises KernelError.
    """
    return any(
        message["dst_len"] == 0
        and (message.get_attr("RTA_TABLE") or message["table"]) == MAIN
        and any(by == index for by, _ in hops(message))
        for message in dump("IPv6 routes", lambda: ipr.get_routes(family=AF_INET6))
    )


@understood("routes")
def default_routers(ipr: Any, device: str) -> frozenset[str]:
    """Return the next hops of the IPv6 default routes of the main table through ``device``.

    Link-local ones only, as those of advertisements are (RFC 4861 section 6.1.2). Raises
    KernelError.
    """
    indexes = ipr.link_lookup(ifname=device)
    if not indexes:
        return frozenset()
    found = set()
    for message in dump(f"IPv6 routes of {device}", lambda: ipr.get_routes(family=AF_INET6)):
        if message["dst_len"] or (message.get_attr("RTA_TABLE") or message["table"]) != MAIN:
            continue
        found |= {gateway for by, gateway in hops(message) if by == indexes[0] and gateway}
    return frozenset(one for one in found if IPv6Address(one).is_link_local)


@understood("line")
def line_state(ipr: Any, device: str) -> tuple[object, ...] | None:
    """Return the state of the line: index, up or not, prefixes, default route, its routers.

    None if there is no such device. Raises KernelError.
    """
    indexes = ipr.link_lookup(ifname=device)
    if not indexes:
        return None
    try:
        link = ipr.get_links(indexes[0])[0]
    except NetlinkError:
        return None  # gone since
    return (
        indexes[0],
        bool(link["flags"] & IFF_UP),
        frozenset(prefixes(ipr, device)),
        has_default(ipr, indexes[0]),
        default_routers(ipr, device),
    )


def await_prefix(device: str, seconds: float) -> bool:
    """Wait up to ``seconds`` until ``device`` exists and has a prefix; return whether it has.

    Raises KernelError.
    """
    until = time.monotonic() + seconds
    with refused(f"waiting for a prefix on {device}"), IPRoute() as news, IPRoute() as ipr:
        news.bind(groups=RTMGRP_IPV6_IFADDR)  # before the first look: misses no change
        if not ipr.link_lookup(ifname=device) and not await_device(device, until):
            return False
        poll = select.poll()
        poll.register(news.fileno(), select.POLLIN)
        while not prefixes(ipr, device):
            left = until - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                return False
            with ignoring_overrun():
                news.get()
        return True


def await_device(device: str, until: float) -> bool:
    """Wait until udev knows the network ``device``, or until the monotonic time ``until``."""
    import pyudev  # noqa: PLC0415 - tens of milliseconds; usually the device exists

    context = pyudev.Context()
    monitor = pyudev.Monitor.from_netlink(context)
    monitor.filter_by("net")
    monitor.start()
    while not any(found.sys_name == device for found in context.list_devices(subsystem="net")):
        left = until - time.monotonic()
        if left <= 0 or monitor.poll(timeout=left) is None:
            return False
    return True
