"""Changes of the line, from netlink and udev; nothing polls."""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import Any

import pyudev

from dualwan.host.prefix import has_default, ignoring_overrun, prefixes
from dualwan.host.rtnl import (
    RTMGRP_IPV6_IFADDR,
    RTMGRP_IPV6_ROUTE,
    RTMGRP_LINK,
    IPRoute,
    NetlinkError,
)

IFF_UP = 1
SETTLED_MS = 500  # the messages of one renumbering are one change


def changes(device: str) -> Iterator[None]:
    """Yield at once, and then at each change of ``device``; never ends.

    A change is of its existence, its index, up or down, its prefixes or its default route.
    """
    udev = pyudev.Monitor.from_netlink(pyudev.Context())
    udev.filter_by("net")
    udev.start()
    with IPRoute() as news, IPRoute() as ipr:
        news.bind(groups=RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE | RTMGRP_LINK)
        poll = select.poll()
        poll.register(news.fileno(), select.POLLIN)
        poll.register(udev.fileno(), select.POLLIN)
        known: Any = None
        while True:
            state = _state(ipr, device)
            if state != known:
                known = state
                yield
                continue  # the caller took time: look again before the next wait
            poll.poll()
            while poll.poll(SETTLED_MS):
                _drain(news, udev)


def _state(ipr: Any, device: str) -> Any:
    """Return what counts as a change: index, up, prefixes, default route; None: no device."""
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
    )


def _drain(news: Any, udev: Any) -> None:
    """Read all pending messages without blocking. Their content does not matter."""
    ready = select.poll()
    ready.register(news.fileno(), select.POLLIN)
    while ready.poll(0):
        with ignoring_overrun():
            news.get()
    while udev.poll(timeout=0) is not None:
        pass
