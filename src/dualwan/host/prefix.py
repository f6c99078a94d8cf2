"""The IPv6 prefixes that a device has, and waiting for one: by netlink and udev, not by polling."""

from __future__ import annotations

import errno
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, IPv6Network
from socket import AF_INET6
from typing import Any

from dualwan.host.rtnl import RTMGRP_IPV6_IFADDR, IPRoute
from dualwan.mape.rule import UNIQUE_LOCAL
from dualwan.model.resources import MAIN

IFA_F_TEMPORARY = 0x01
IFA_F_DEPRECATED = 0x20
SCOPE_UNIVERSE = 0
HOST = 128  # a /128 is the CE address itself, or another that says nothing of a prefix
LINE = 64  # what a router advertisement announces


def prefixes(ipr: Any, device: str) -> tuple[str, ...]:
    """Global prefixes in use on DEVICE, the one preferred longest first; () without DEVICE."""
    indexes = ipr.link_lookup(ifname=device)
    if not indexes:
        return ()
    found: dict[str, int] = {}
    for message in ipr.get_addr(family=AF_INET6):
        if message["index"] == indexes[0] and (prefix := _prefix(message)):
            lifetimes = message.get_attr("IFA_CACHEINFO") or {}
            preferred = int(lifetimes.get("ifa_preferred") or lifetimes.get("ifa_prefered") or 0)
            found[prefix] = max(preferred, found.get(prefix, 0))
    return tuple(sorted(found, key=lambda prefix: (-found[prefix], prefix)))


def _prefix(message: Any) -> str:
    """The prefix of an address that the line gave and has not taken back, "" otherwise."""
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    unusable = flags & (IFA_F_TEMPORARY | IFA_F_DEPRECATED)
    if message["scope"] != SCOPE_UNIVERSE or message["prefixlen"] >= HOST or unusable:
        return ""
    address = IPv6Address(message.get_attr("IFA_ADDRESS"))
    if address in UNIQUE_LOCAL:
        return ""
    return str(IPv6Network((int(address), max(message["prefixlen"], LINE)), strict=False))


def has_default(ipr: Any, index: int) -> bool:
    """Whether an IPv6 default route of the main table leads through the device INDEX."""
    return any(
        message["dst_len"] == 0
        and message.get_attr("RTA_OIF") == index
        and (message.get_attr("RTA_TABLE") or message["table"]) == MAIN
        for message in ipr.get_routes(family=AF_INET6)
    )


def await_prefix(device: str, seconds: float) -> bool:
    """Wait until DEVICE is there and has a prefix in use; whether it has, after SECONDS."""
    until = time.monotonic() + seconds
    with IPRoute() as news, IPRoute() as ipr:
        news.bind(groups=RTMGRP_IPV6_IFADDR)  # before the first look, so that none is missed
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


@contextmanager
def ignoring_overrun() -> Iterator[None]:
    """Pass over ENOBUFS: a lost message counts as one read, for each is followed by a look."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise


def await_device(device: str, until: float) -> bool:
    """Wait for udev to announce a network DEVICE, until the monotonic time UNTIL."""
    import pyudev  # noqa: PLC0415 - only where a device is not there yet

    context = pyudev.Context()
    monitor = pyudev.Monitor.from_netlink(context)
    monitor.filter_by("net")
    monitor.start()
    while not any(found.sys_name == device for found in context.list_devices(subsystem="net")):
        left = until - time.monotonic()
        if left <= 0 or monitor.poll(timeout=left) is None:
            return False
    return True
