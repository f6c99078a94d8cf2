"""IPv6 default routes, of any device and protocol."""

from __future__ import annotations

from socket import AF_INET6, if_indextoname
from typing import Any

from dualwan.errors import KernelError
from dualwan.host.rtnl import IPRoute, dump, understood
from dualwan.host.rtnl_message import hops
from dualwan.model.resources import MAIN
from dualwan.model.surroundings import DefaultRoute

UNICAST = 1  # RTN_UNICAST


def ipv6_defaults() -> tuple[DefaultRoute, ...]:
    """Return the IPv6 default routes of the main table, the best first; none if unreadable."""
    try:
        return tuple(sorted(_look(), key=lambda route: route.metric))
    except KernelError:
        return ()


@understood("routes")
def _look() -> list[DefaultRoute]:
    """Return the routes as the kernel lists them; raises KernelError."""
    with IPRoute() as ipr:
        messages = dump("routes", lambda: ipr.get_routes(family=AF_INET6))
    return [
        DefaultRoute(device, gateway, _metric(message))
        for message in messages
        if message["dst_len"] == 0
        and message["type"] == UNICAST
        and (message.get_attr("RTA_TABLE") or message["table"]) == MAIN
        for index, gateway in hops(message)
        if (device := _name(index))
    ]


def _metric(message: Any) -> int:
    return int(message.get_attr("RTA_PRIORITY") or 0)


def _name(index: int) -> str:
    try:
        return if_indextoname(index)
    except OSError:
        return ""  # gone since
